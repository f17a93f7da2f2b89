// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"

	"thingpass/broker/presign"
)

// judgeSignature computes the signature, if the secret is known. If it is
// another than the one sent, all the usual slips are tried in turn: the one that
// leads to the signature sent is the mistake that was made.
func judgeSignature(e *evidence) {
	if e.options.Secret == "" {
		return
	}
	for _, r := range e.requests {
		a := r.auth
		if a == nil || len(a.scope) != 4 || len(a.signature) < 64 || a.date == "" {
			continue
		}
		if e.options.Token != "" && a.token != "" && plain(a.token) != e.options.Token {
			e.add("token-of-others", Certain, "", r.at, "the session token that is sent is not the one of the credentials given")
		}
		if text, known := expected(r); text == "" || !known && r.method != "" && r.whole() {
			continue
		}
		e.verify(r)
		return
	}
}

// verify sets the verdict on r, and names the slip.
func (e *evidence) verify(r *request) {
	want := strings.ToLower(r.auth.signature)
	s := slipSearch{e.options.Secret, r, want}
	if r.method == "" { // a bare URL may be for any method
		for _, method := range []string{"PUT", "GET", "HEAD", "POST", "DELETE"} {
			probe := *r
			probe.method = method
			text, known := expected(&probe)
			if known && s.leads(text) {
				e.verdict, e.canonical, e.toSign = "right, for "+method, text, toSignFor(r.auth, text)
				e.show(hexSHA256(text))
				return
			}
		}
		s.request = r.withMethod("PUT")
	}
	text, known := expected(s.request)
	if !known {
		return
	}
	if s.leads(text) {
		e.verdict = "right"
		return
	}
	e.verdict = "wrong"
	for _, h := range s.hypotheses(text) {
		if h.made() == want {
			e.add(h.id, Certain, "", r.at, "the signature is the one that comes out if %s", h.what)
			return
		}
	}
	e.add("signature-differs", Likely, r.auth.signature, r.auth.at,
		"the signature is not that of this secret key for the request below, nor does any of the usual slips lead to it")
}

func (r *request) withMethod(method string) *request {
	probe := *r
	probe.method = method
	return &probe
}

// slipSearch looks for what leads to a signature.
type slipSearch struct {
	secret  string
	request *request
	want    string
}

func (s *slipSearch) leads(text string) bool {
	return signatureOf(s.secret, s.request.auth.scope, toSignFor(s.request.auth, text)) == s.want
}

// hypothesis is a slip, and the signature that it makes.
type hypothesis struct {
	id, what string
	made     func() string
}

// hypotheses are all slips that are known.
func (s *slipSearch) hypotheses(text string) []hypothesis {
	all := s.textSlips(text)
	all = append(all, s.lineSlips()...)
	all = append(all, s.headerSlips()...)
	all = append(all, s.scopeSlips(text)...)
	return append(all, s.secretSlips(text)...)
}

// of is a slip by which another canonical request is signed.
func (s *slipSearch) of(id, text, what string) hypothesis {
	return hypothesis{id, what, func() string { return signatureOf(s.secret, s.request.auth.scope, toSignFor(s.request.auth, text)) }}
}

// textSlips are those in the canonical request as a text.
func (s *slipSearch) textSlips(text string) []hypothesis {
	lines := strings.Split(text, "\n")
	noBlank := strings.Replace(text, "\n\n"+lines[len(lines)-2]+"\n", "\n"+lines[len(lines)-2]+"\n", 1)
	return []hypothesis{
		s.of("canonical-crlf", strings.ReplaceAll(text, "\n", "\r\n"), "the canonical request is written with CR LF"),
		s.of("canonical-crlf", text+"\n", "the canonical request has a line end at its end"),
		s.of("canonical-blank-line", noBlank, "the empty line behind the headers is left out"),
		s.of("canonical-case", s.titled(text), "the names of the headers are not in small letters"),
	}
}

// titled writes the headers' names as HTTP libraries do.
func (s *slipSearch) titled(text string) string {
	for _, name := range signedNames(s.request.auth) {
		parts := strings.Split(name, "-")
		for i, p := range parts {
			if p != "" {
				parts[i] = strings.ToUpper(p[:1]) + p[1:]
			}
		}
		text = strings.Replace(text, "\n"+name+":", "\n"+strings.Join(parts, "-")+":", 1)
	}
	return text
}

// lineSlips are those in one line: the method, the path, the query, the payload.
func (s *slipSearch) lineSlips() []hypothesis {
	text, _ := expected(s.request)
	lines := strings.Split(text, "\n")
	swap := func(i int, with string) string {
		changed := append([]string{}, lines...)
		changed[i] = with
		return strings.Join(changed, "\n")
	}
	last := len(lines) - 1
	var all []hypothesis
	for _, method := range []string{"GET", "PUT", "POST", "HEAD", "DELETE"} {
		all = append(all, s.of("method-differs", swap(0, method), "it is made for "+method+", not for "+s.request.method))
	}
	path, host := lines[1], s.request.host
	bucket, _, _ := strings.Cut(host, ".")
	_, below, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	for _, p := range [][3]string{
		{"encoded-twice", presign.EscapePath(path), "the path is encoded twice"},
		{"canonical-escape", decoded(path), "the path is not encoded"},
		{"canonical-escape", lowerEscapes(path), "the path's %XX are in small letters"},
		{"canonical-path", strings.TrimPrefix(path, "/"), "the path has no slash before it"},
		{"canonical-path", "https://" + host + path, "a URL stands where the path belongs"},
		{"path-style", "/" + bucket + path, "the path begins with the bucket, which stands in the host already"},
		{"path-style", "/" + below, "the path lacks the bucket, which is its first part here"},
	} {
		all = append(all, s.of(p[0], swap(1, p[1]), p[2]))
	}
	query := lines[2]
	for _, q := range [][3]string{
		{"canonical-escape", strings.ReplaceAll(query, "%2F", "/"), "the `/` in the query are not encoded"},
		{"canonical-escape", lowerEscapes(query), "the query's %XX are in small letters"},
		{"encoded-twice", strings.ReplaceAll(query, "%", "%25"), "the query is encoded twice"},
		{"canonical-escape", decoded(query), "the query is not encoded"},
		{"canonical-query-order", s.sentQuery(), "the query's parameters are not sorted"},
		{"token-not-signed", without(query, "X-Amz-Security-Token"), "X-Amz-Security-Token is left out of what is signed, as AWS IoT wants it, but not S3"},
	} {
		all = append(all, s.of(q[0], swap(2, q[1]), q[2]))
	}
	for _, p := range []string{unsignedPayload, emptyHash, "", s.bodyHash()} {
		all = append(all, s.of("unsigned-payload", swap(last, p), "the last line of the canonical request is `"+p+"`, not `"+lines[last]+"`"))
	}
	return all
}

func (s *slipSearch) bodyHash() string {
	if s.request.body == nil {
		return emptyHash
	}
	return hexSHA256(endings(*s.request.body)[0])
}

// sentQuery is the query in the order of the URL.
func (s *slipSearch) sentQuery() string {
	return without(unescaped.Replace(s.request.query), "X-Amz-Signature")
}

func without(query, name string) string {
	var kept []string
	for part := range strings.SplitSeq(query, "&") {
		if !strings.HasPrefix(part, name+"=") {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, "&")
}

func lowerEscapes(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:i+3], strings.ToLower(string(b[i+1:i+3])))
		}
	}
	return string(b)
}

// headerSlips are those in the value of a header.
func (s *slipSearch) headerSlips() []hypothesis {
	var all []hypothesis
	change := func(id, name, value, what string) {
		probe := *s.request
		probe.headers = nil
		for _, h := range s.request.headers {
			if !strings.EqualFold(h.name, name) {
				probe.headers = append(probe.headers, h)
			}
		}
		text, _ := expected(&probe)
		text = strings.Replace(text, "\n"+name+":"+firstValue(text, name)+"\n", "\n"+name+":"+value+"\n", 1)
		all = append(all, s.of(id, text, what))
	}
	host := hostOf(s.request.host)
	bare, port, _ := strings.Cut(host, ":")
	for _, h := range []string{"https://" + host, "http://" + host, "https://" + host + "/", bare, host + ":443", host + ":80"} {
		id := "host-differs"
		if strings.Contains(h, "/") {
			id = "host-is-url"
		}
		change(id, "host", h, "the host is signed as `"+h+"`")
	}
	_ = port
	if bucket, rest, ok := strings.Cut(host, ".s3."); ok {
		change("host-differs", "host", bucket+".s3.amazonaws.com", "the host is signed without the region")
		change("host-differs", "host", "s3."+rest, "the host is signed without the bucket")
	}
	for _, t := range []string{"", "application/octet-stream", "image/jpeg", "text/plain", "application/json", "application/x-www-form-urlencoded", "binary/octet-stream"} {
		change("content-type-differs", "content-type", t, "content-type is signed as `"+t+"`")
	}
	return all
}

func firstValue(text, name string) string {
	_, after, _ := strings.Cut(text, "\n"+name+":")
	value, _, _ := strings.Cut(after, "\n")
	return value
}

// scopeSlips are those in what the key is derived from, and in the string to
// sign.
func (s *slipSearch) scopeSlips(text string) []hypothesis {
	a := s.request.auth
	toSign := toSignFor(a, text)
	by := func(id, what string, scope ...string) hypothesis {
		return hypothesis{id, what, func() string { return signatureOf(s.secret, scope, toSign) }}
	}
	date, region := a.scope[0], a.scope[1]
	var all []hypothesis
	for _, service := range []string{"iot", "iotdevicegateway", "iotdata", "execute-api", "S3", "s3"} {
		all = append(all, by("scope-service", "the key is derived for the service `"+service+"`", date, region, service))
	}
	for _, other := range []string{"us-east-1", "us-west-2", "us-east-2", "eu-central-1", "eu-west-1", "ap-southeast-1"} {
		all = append(all, by("scope-region", "the key is derived for the region `"+other+"`", date, other, a.scope[2]))
	}
	for _, day := range []string{a.date[:min(8, len(a.date))], a.date} {
		all = append(all, by("scope-date", "the key is derived for the date `"+day+"`", day, region, a.scope[2]))
	}
	lines := strings.Split(toSign, "\n")
	signed := func(id, what, text string) {
		all = append(all, hypothesis{id, what, func() string { return signatureOf(s.secret, a.scope, text) }})
	}
	signed("algorithm-misspelt", "the string to sign begins with `AWS4-HMAC-SHA25`", strings.Replace(toSign, "SHA256", "SHA25", 1))
	signed("canonical-crlf", "the string to sign is written with CR LF", strings.ReplaceAll(toSign, "\n", "\r\n"))
	signed("canonical-crlf", "the string to sign has a line end at its end", toSign+"\n")
	signed("signature-capitals", "the hash in the string to sign is written in capitals", strings.Join(lines[:3], "\n")+"\n"+strings.ToUpper(lines[3]))
	signed("to-sign-hash", "the canonical request itself stands in the string to sign, not its hash", strings.Join(lines[:3], "\n")+"\n"+text)
	signed("to-sign-hash", "the canonical request is signed, not the string to sign", text)
	return all
}

// secretSlips are those in the secret key.
func (s *slipSearch) secretSlips(text string) []hypothesis {
	a := s.request.auth
	toSign := toSignFor(a, text)
	var all []hypothesis
	for what, secret := range map[string]string{
		"the secret key has a line end behind it": s.secret + "\n", "the secret key has CR LF behind it": s.secret + "\r\n",
		"the secret key has a space behind it": s.secret + " ", "the secret key is URL-encoded": url.QueryEscape(s.secret),
		"the secret key is cut by one character": s.secret[:max(0, len(s.secret)-1)],
	} {
		all = append(all, hypothesis{"secret-wrong", what, func() string { return signatureOf(secret, a.scope, toSign) }})
	}
	return append(all, hypothesis{"secret-wrong", "the key is derived without `AWS4` before the secret key", func() string {
		key := []byte(s.secret)
		for _, step := range []string{a.scope[0], a.scope[1], a.scope[2], terminator, toSign} {
			mac := hmac.New(sha256.New, key)
			mac.Write([]byte(step))
			key = mac.Sum(nil)
		}
		return hex.EncodeToString(key)
	}})
}
