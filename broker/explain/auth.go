// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	terminator = "aws4_request"
	dateFormat = "20060102T150405Z"
)

// auth is what a request says of its signature, in a header or in the query.
type auth struct {
	query      bool
	at         int // of raw in the input
	raw        string
	algorithm  string
	fields     []field // of the header, or the X-Amz- parameters
	rest       string  // what of the header is no field
	credential string
	access     string
	scope      []string // date, region, service, aws4_request
	signed     []string
	signature  string
	date       string
	expires    string
	token      string
}

var authField = lazy(`(?:^|[,;\s])\s*([A-Za-z_-]{4,20})\s*=\s*([^,\s]*)`)

// readHeader reads the value of an Authorization header.
func readHeader(value string, at int) *auth {
	a := &auth{at: at, raw: value}
	a.algorithm, a.rest, _ = strings.Cut(value, " ")
	if i := strings.IndexByte(a.algorithm, ','); i >= 0 && strings.HasPrefix(a.algorithm, "AWS4") {
		a.algorithm, a.rest = value[:i], value[i:]
	}
	offset := at + len(value) - len(a.rest)
	var left strings.Builder
	last := 0
	for _, m := range authField.FindAllStringSubmatchIndex(a.rest, 20) {
		a.fields = append(a.fields, field{a.rest[m[2]:m[3]], a.rest[m[4]:m[5]], offset + m[4]})
		left.WriteString(a.rest[last:m[0]])
		last = m[1]
	}
	left.WriteString(a.rest[last:])
	for _, f := range a.fields {
		switch nearest(f.name, "Credential", "SignedHeaders", "Signature") {
		case "Credential":
			a.setCredential(f.value)
		case "SignedHeaders":
			a.signed = strings.Split(f.value, ";")
		case "Signature":
			a.signature = f.value
		}
	}
	a.rest = left.String()
	return a
}

func (a *auth) setCredential(value string) {
	a.credential = value
	parts := strings.Split(value, "/")
	a.access, a.scope = parts[0], parts[1:]
}

// complete takes from the headers what a header's signature has there.
func (a *auth) complete(r *request) {
	if h, ok := r.header("x-amz-date"); ok {
		a.date = h.value
	}
	if h, ok := r.header("x-amz-security-token"); ok {
		a.token = h.value
	}
}

// param is a query parameter, as sent.
type param struct{ name, value string }

func params(query string) []param {
	var all []param
	for part := range strings.SplitSeq(query, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		all = append(all, param{name, value})
		if len(all) >= 200 {
			break
		}
	}
	return all
}

func signedQuery(query string) bool {
	return strings.Contains(strings.ToLower(query), "x-amz-") && strings.ContainsAny(query, "=")
}

func sigV2Query(query string) bool {
	return strings.Contains(query, "AWSAccessKeyId=") && strings.Contains(query, "Signature=")
}

// plain undoes the encoding of a query's value, twice where it was done twice.
func plain(s string) string {
	for range 2 {
		decoded, err := url.PathUnescape(s)
		if err != nil || decoded == s {
			break
		}
		s = decoded
	}
	return s
}

// unescaped undoes what JSON and HTML do to the ampersands of a URL.
var unescaped = strings.NewReplacer(`\u0026`, "&", `\u003d`, "=", "&amp;", "&", `\/`, "/", `\&`, "&")

// readQuery reads the signature of a URL.
func readQuery(query string, at int) *auth {
	a := &auth{query: true, at: at, raw: query}
	for _, p := range params(unescaped.Replace(query)) {
		lower := strings.ToLower(p.name)
		if !strings.HasPrefix(lower, "x-amz-") {
			continue
		}
		value := plain(p.value)
		a.fields = append(a.fields, field{p.name, value, at})
		switch nearest(lower, queryNames...) {
		case "x-amz-algorithm":
			a.algorithm = value
		case "x-amz-credential":
			a.setCredential(value)
		case "x-amz-date":
			a.date = value
		case "x-amz-expires":
			a.expires = value
		case "x-amz-security-token":
			a.token = value
		case "x-amz-signedheaders":
			a.signed = strings.Split(value, ";")
		case "x-amz-signature":
			a.signature = value
		}
	}
	return a
}

var queryNames = []string{"x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires",
	"x-amz-signedheaders", "x-amz-signature", "x-amz-security-token"}

// part is the n-th of date, region, service and aws4_request, or empty.
func (a *auth) part(n int) string {
	if n >= 0 && n < len(a.scope) {
		return a.scope[n]
	}
	return ""
}

// time is when it was signed, by its own word.
func (a *auth) time() (time.Time, bool) {
	t, err := time.Parse(dateFormat, a.date)
	return t, err == nil
}

// signs says whether a header is among the signed ones.
func (a *auth) signs(name string) bool {
	return slices.ContainsFunc(a.signed, func(s string) bool { return strings.EqualFold(strings.TrimSpace(s), name) })
}
