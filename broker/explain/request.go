// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import "strings"

// request is one HTTP request, as far as the text tells it.
type request struct {
	how     string // "request", "curl", "url", "header"
	method  string // empty: unknown
	target  string // as given: a path or a URL
	at      int    // of target in the input, or of all if there is none
	scheme  string
	host    string // of the URL, or of the Host header
	path    string // as sent, escaped
	query   string // as sent
	headers []field
	body    *string // nil: unknown
	hasBody bool    // there is one, although it may be unknown
	auth    *auth
	second  *auth // of a URL that is signed, where there is a header too
}

func (r *request) header(name string) (field, bool) {
	for _, h := range r.headers {
		if strings.EqualFold(h.name, name) {
			return h, true
		}
	}
	return field{}, false
}

// whole says whether all headers are known that were sent.
func (r *request) whole() bool { return r.how == "request" || r.how == "curl" }

var requestLine = lazy(`^.{0,40}?\b(GET|PUT|POST|HEAD|DELETE) +((?:/|https?://).*?) +HTTP/[123](?:\.[01])?\s*$`)

// gatherRequests reads requests as they go over the wire.
func (e *evidence) gatherRequests() {
	for i := 0; i < len(e.lines) && len(e.requests) < maxRequests; i++ {
		l := e.lines[i]
		m := requestLine.FindStringSubmatchIndex(l.text)
		if m == nil || l.dir == '<' {
			continue
		}
		r := &request{how: "request", method: l.text[m[2]:m[3]], target: l.text[m[4]:m[5]], at: l.at + m[4]}
		var end int
		r.headers, end = e.headersFrom(i + 1)
		if l.dir == 0 {
			r.body = e.bodyFrom(end)
		}
		e.finish(r)
		e.saw("HTTP request")
		i = max(i, end-1)
	}
}

// maxBody is the longest body that is compared with what was said of it.
const maxBody = 64 << 10

// bodyFrom is what stands behind the empty line at line i, up to what comes back.
func (e *evidence) bodyFrom(i int) *string {
	if i >= len(e.lines) || strings.TrimSpace(e.lines[i].text) != "" || i+1 >= len(e.lines) {
		return nil
	}
	start := e.lines[i+1].at
	end := len(e.text)
	for _, l := range e.lines[i+1:] {
		if l.at-start > maxBody {
			return nil
		}
		if statusLine.MatchString(l.text) || strings.HasPrefix(l.text, "<?xml") || strings.HasPrefix(l.text, "<Error>") || l.dir != 0 {
			end = l.at
			break
		}
	}
	if end < start {
		return nil
	}
	body := e.text[start:end]
	return &body
}

// finish works out what follows from the rest, and keeps r.
func (e *evidence) finish(r *request) {
	splitTarget(r)
	if h, ok := r.header("host"); ok {
		r.host = h.value
	}
	if length, ok := r.header("content-length"); ok && atoi(length.value) > 0 {
		r.hasBody = true
	}
	if r.body != nil && strings.Trim(*r.body, "\r\n") != "" {
		r.hasBody = true
	}
	if h, ok := r.header("authorization"); ok && ofAWS(h.value) {
		r.auth = readHeader(h.value, h.at)
		r.auth.complete(r)
	}
	if signedQuery(r.query) {
		q := readQuery(r.query, r.at+max(0, strings.Index(r.target, r.query)))
		if r.auth == nil {
			r.auth = q
		} else {
			r.second = q
		}
	}
	e.requests = append(e.requests, r)
}

// ofAWS says whether the value of an Authorization header is meant for AWS.
func ofAWS(value string) bool {
	head := strings.ToUpper(value[:min(len(value), 3)])
	return head == "AWS" || strings.Contains(value, "aws4_request") || strings.Contains(value, "Credential")
}

// splitTarget reads scheme, host, path and query, however broken they are:
// net/url would refuse just what is to be explained.
func splitTarget(r *request) {
	rest := r.target
	if scheme, after, ok := strings.Cut(rest, "://"); ok && !strings.ContainsAny(scheme, "/?&") {
		r.scheme = strings.ToLower(scheme)
		end := strings.IndexAny(after, "/?")
		if end < 0 {
			end = len(after)
		}
		r.host, rest = after[:end], after[end:]
		if at := strings.LastIndexByte(r.host, '@'); at >= 0 {
			r.host = r.host[at+1:]
		}
	}
	r.path, r.query, _ = strings.Cut(rest, "?")
	r.query, _, _ = strings.Cut(r.query, "#")
	if r.path == "" {
		r.path = "/"
	}
}

var signedURL = lazy(`https?://[^\s"'<>\\^{}|` + "`" + `]+\?[^\s"'<>` + "`" + `]*`)

// gatherURLs reads signed URLs that stand alone.
func (e *evidence) gatherURLs() {
	for _, m := range signedURL.FindAllStringIndex(e.text, -1) {
		raw := strings.TrimRight(e.text[m[0]:m[1]], `.,;)]}\`)
		query := raw[strings.IndexByte(raw, '?')+1:]
		if !signedQuery(query) && !sigV2Query(query) || len(e.requests) >= maxRequests || e.inside(raw, m[0]) {
			continue
		}
		r := &request{how: "url", target: raw, at: m[0], method: e.methodOf(m[0])}
		e.finish(r)
		e.saw("presigned URL")
	}
}

var methodBefore = lazy(`\b(GET|PUT|POST|HEAD|DELETE)\b[^\n]{0,40}$`)

// methodOf is the method that stands before a URL on the same line.
func (e *evidence) methodOf(at int) string {
	before := e.text[max(0, at-80):at]
	if m := methodBefore.FindStringSubmatch(before[strings.LastIndexByte(before, '\n')+1:]); m != nil {
		return m[1]
	}
	return ""
}

// inside says whether a URL at a place is part of a request that is known.
func (e *evidence) inside(raw string, at int) bool {
	for _, r := range e.requests {
		if r.target == raw || at >= r.at && at < r.at+len(r.target) {
			return true
		}
	}
	return false
}

var loneHeader = lazy(`(?i)(?:^|["'\s])(?:authorization["']?\s*[:=]\s*["']?)?((?:AWS4[A-Z0-9-]{0,24}|AWS-?4[A-Z0-9-]{0,24})[ ,:]+\w{4,20}=[^"'\r\n]{8,})`)

// gatherHeaders reads an Authorization header that stands alone, with whatever
// other headers are there.
func (e *evidence) gatherHeaders() {
	for _, r := range e.requests {
		if r.auth != nil && !r.auth.query {
			return
		}
	}
	for _, m := range loneHeader.FindAllStringSubmatchIndex(e.text, maxRequests) {
		e.loneHeader(m)
	}
}

// loneHeader reads the header of a match.
func (e *evidence) loneHeader(m []int) {
	r := &request{how: "header", at: m[2]}
	for _, l := range e.lines {
		h := headerLine.FindStringSubmatchIndex(l.text)
		if h == nil || len(r.headers) > 100 || l.dir == '<' {
			continue
		}
		f := newField(l, h)
		if strings.HasPrefix(strings.ToLower(f.name), "x-amz-") || strings.EqualFold(f.name, "host") {
			r.headers = append(r.headers, f)
		}
	}
	r.headers = append(r.headers, field{"Authorization", e.text[m[2]:m[3]], m[2]})
	e.finish(r)
	r.path = ""
	e.saw("Authorization header")
}
