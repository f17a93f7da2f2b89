// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"slices"
	"strings"
)

// judgeRequests looks at each request by itself.
func judgeRequests(e *evidence) {
	for _, r := range e.requests {
		judgeHost(e, r)
		judgeURL(e, r)
		judgeClient(e, r)
		if r.auth == nil {
			judgeUnsigned(e, r)
			continue
		}
		judgeAlgorithm(e, r)
		if e.has("sigv2") {
			continue
		}
		judgeFields(e, r)
		judgeScope(e, r)
		judgeKey(e, r)
		judgeSignatureText(e, r)
		judgeSignedHeaders(e, r)
		judgeDate(e, r)
		judgePayload(e, r)
	}
	e.expect()
}

// expect writes the canonical request of the first request that has one.
func (e *evidence) expect() {
	for _, r := range e.requests {
		if text, _ := expected(r); text != "" && r.how != "header" {
			e.canonical, e.toSign = text, ""
			if !strings.Contains(text, "<") {
				e.toSign = toSignFor(r.auth, text)
				e.show(hexSHA256(text))
			}
			return
		}
	}
}

// judgeUnsigned is about requests to S3 without a signature of version 4.
func judgeUnsigned(e *evidence, r *request) {
	h, signed := r.header("authorization")
	switch {
	case sigV2Query(r.query):
		e.add("sigv2", Certain, "AWSAccessKeyId=", r.at, "the URL is signed by Signature Version 2 (`AWSAccessKeyId`, `Expires`, `Signature`)")
	case !signed && isS3(r.host) && e.denied():
		e.add("not-signed", Likely, r.target, r.at, "the request carries no signature: neither an Authorization header nor X-Amz-Signature in the URL")
	case signed && isS3(r.host):
		scheme, _, _ := strings.Cut(h.value, " ")
		e.add("algorithm-misspelt", Certain, scheme, h.at, "S3 does not know the scheme `%s`: the header must begin with `%s`", scheme, algorithm)
	}
}

func (e *evidence) denied() bool {
	if _, ok := e.failed("AccessDenied"); ok {
		return true
	}
	return slices.ContainsFunc(e.responses, func(r response) bool { return r.status == 403 || r.status == 401 })
}

func judgeAlgorithm(e *evidence, r *request) {
	a := r.auth
	switch {
	case a.algorithm == algorithm || strings.HasPrefix(a.algorithm, "AWS4-ECDSA-P256-SHA256"):
	case a.algorithm == "AWS":
		e.add("sigv2", Certain, "AWS ", a.at, "the header is of Signature Version 2 (`AWS key:signature`)")
	case a.query && a.algorithm == "":
		if !e.has("url-cut", "url-broken") {
			e.add("parameter-missing", Certain, "", r.at, "the URL has no X-Amz-Algorithm")
		}
	default:
		e.add("algorithm-misspelt", Certain, a.algorithm, a.at, "%s", slip(a.algorithm, algorithm))
	}
}

// judgeFields is about Credential, SignedHeaders and Signature as such.
func judgeFields(e *evidence, r *request) {
	a := r.auth
	if a.query {
		judgeParameters(e, r)
		return
	}
	seen := map[string]bool{}
	for _, f := range a.fields {
		want := nearest(f.name, "Credential", "SignedHeaders", "Signature")
		seen[want] = true
		if want != f.name {
			e.add("field-misspelt", Certain, f.name+"=", f.at-len(f.name)-2, "%s", slip(f.name+"=", want+"="))
		}
	}
	for _, name := range []string{"Credential", "SignedHeaders", "Signature"} {
		if !seen[name] {
			e.add("field-missing", Certain, "", a.at, "the Authorization header has no `%s=`", name)
		}
	}
	if commas := strings.Count(a.raw, ","); len(a.fields) == 3 && commas < 2 {
		e.add("comma-missing", Certain, a.fields[1].name+"=", a.fields[0].at, "there is no comma between the fields of the Authorization header")
	}
	if rest := strings.Trim(a.rest, " ,;\t"); rest != "" && len(a.fields) == 3 {
		e.add("space-in-field", Certain, rest, a.at, "`%s` belongs to no field: a space has cut a value in two", rest)
	}
}

// judgeParameters is judgeFields for a URL.
func judgeParameters(e *evidence, r *request) {
	if e.has("url-cut", "url-broken") {
		return // of which all this would follow
	}
	seen := map[string]bool{}
	for _, f := range r.auth.fields {
		lower := strings.ToLower(f.name)
		want := nearest(lower, queryNames...)
		seen[want] = true
		if slices.Contains(queryNames, want) && lower != want {
			e.add("field-misspelt", Certain, f.name+"=", r.at, "the parameter `%s` must be `%s`", f.name, parameterName(want))
		}
	}
	for _, name := range queryNames[1:6] {
		if !seen[name] {
			e.add("parameter-missing", Certain, "", r.at, "the URL has no %s", parameterName(name))
		}
	}
}

func parameterName(lower string) string {
	return map[string]string{"x-amz-algorithm": "X-Amz-Algorithm", "x-amz-credential": "X-Amz-Credential", "x-amz-date": "X-Amz-Date",
		"x-amz-expires": "X-Amz-Expires", "x-amz-signedheaders": "X-Amz-SignedHeaders", "x-amz-signature": "X-Amz-Signature",
		"x-amz-security-token": "X-Amz-Security-Token"}[lower]
}

var eightDigits = lazy(`^\d{8}$`)

// judgeScope is about key/date/region/service/aws4_request.
func judgeScope(e *evidence, r *request) {
	a := r.auth
	if a.credential == "" {
		return
	}
	last := a.part(len(a.scope) - 1)
	switch {
	case last == terminator && len(a.scope) == 4:
	case last != terminator && strings.HasPrefix(strings.ToLower(last), "aws4"):
		e.add("scope-end", Certain, last, a.at, "the scope must end with `/%s`: %s", terminator, slip(last, terminator))
		return
	case last != terminator && len(a.scope) == 3 && eightDigits.MatchString(a.part(0)):
		e.add("scope-end", Certain, shorten(a.credential, a.access), a.at, "the scope does not end with `/%s`", terminator)
	default:
		e.add("scope-malformed", Certain, shorten(a.credential, a.access), a.at, "the credential has %d parts, not key/yyyymmdd/region/service/%s", len(a.scope)+1, terminator)
		return
	}
	judgeScopeDate(e, r)
	judgeRegion(e, r)
	if service := a.part(2); isS3(r.host) && !slices.Contains([]string{"s3", "s3express", "s3-outposts", "s3-object-lambda"}, service) && service != "" {
		e.add("scope-service", Certain, service+"/"+terminator, a.at, "the scope names the service `%s`, but the request goes to S3: it must be `s3`", service)
	}
}

// shorten is a credential from behind the key on, which can be shown whole.
func shorten(credential, access string) string { return strings.TrimPrefix(credential, access) }

func judgeScopeDate(e *evidence, r *request) {
	a := r.auth
	day := a.part(0)
	switch signed, ok := a.time(); {
	case !eightDigits.MatchString(day):
		e.add("scope-date", Certain, day+"/", a.at, "the scope's date `%s` must be a day, yyyymmdd", day)
	case ok && signed.Format("20060102") != day:
		e.add("scope-date", Certain, day+"/", a.at, "the scope says %s, but X-Amz-Date is of %s: both must be the same day in UTC", day, signed.Format("20060102"))
	}
}

var hostRegion = lazy(`(?:^|\.)s3[.-](?:dualstack\.|fips\.|website[.-])?([a-z]{2}(?:-[a-z]+){1,2}-\d)\.amazonaws\.`)

func judgeRegion(e *evidence, r *request) {
	region := r.auth.part(1)
	m := hostRegion.FindStringSubmatch(strings.ToLower(r.host))
	switch {
	case region == "s3" || region == "s3express":
		e.add("scope-region", Certain, "/"+region+"/", r.auth.at, "the scope's region is `%s`, which is a service: the order is date/region/service", region)
	case m != nil && m[1] != region:
		e.add("scope-region", Certain, "/"+region+"/", r.auth.at, "the scope names the region `%s`, but the host is one of `%s`", region, m[1])
	}
}

// judgeKey is about the access key and its session token.
func judgeKey(e *evidence, r *request) {
	a := r.auth
	temporary, aws := strings.HasPrefix(a.access, "ASIA"), strings.HasPrefix(a.access, "AKIA")
	switch {
	case temporary && a.token == "" && (r.whole() || a.query) && !e.has("url-cut", "url-broken"):
		e.add("token-missing", Certain, a.access, a.at, "the access key %s is a temporary one, but no X-Amz-Security-Token goes with it", keyEnds(a.access))
	case aws && a.token != "":
		e.add("token-of-others", Certain, a.access, a.at, "the access key %s is a long-lived one, to which no session token belongs", keyEnds(a.access))
	case (temporary || aws) && len(a.access) != 20:
		e.add("access-key-cut", Likely, a.access, a.at, "the access key id has %d characters, not 20", len(a.access))
	case strings.ContainsAny(a.access, "<>{}$") || strings.HasPrefix(a.access, "YOUR"):
		e.add("access-key-cut", Certain, a.access, a.at, "the place of the access key id still holds a placeholder")
	}
}

func keyEnds(id string) string {
	if len(id) < 10 {
		return masked
	}
	return ends(id)
}

var hex64 = lazy(`^[0-9a-f]{64}$`)

func judgeSignatureText(e *evidence, r *request) {
	s := r.auth.signature
	switch {
	case s == "" || hex64.MatchString(s) || e.has("url-cut", "url-broken"):
	case hex64.MatchString(strings.ToLower(s)):
		e.add("signature-capitals", Certain, s, r.auth.at, "the signature is written in capitals")
	case len(s) < 64 && hexDigest.MatchString(s):
		e.add("signature-cut", Certain, s, r.auth.at, "the signature has %d of 64 hexadecimal digits", len(s))
	case strings.HasSuffix(s, "=") || len(s) == 44 || len(s) == 43:
		e.add("signature-not-hex", Certain, s, r.auth.at, "the signature has the look of base64")
	default:
		e.add("signature-not-hex", Certain, s, r.auth.at, "the signature is not 64 hexadecimal digits: it has %d characters", len(s))
	}
}

var s3Host = lazy(`(?i)(?:^|[./])s3[.-].*amazonaws\.|(?:^|[./])s3\.|\.s3-[a-z0-9-]+\.amazonaws\.|s3express-`)

func isS3(host string) bool { return s3Host.MatchString(host) }
