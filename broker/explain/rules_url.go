// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"math/bits"
	"strings"
)

var (
	twiceEncoded = lazy(`%25[0-9A-Fa-f]{2}`)
	restOfURL    = lazy(`(?:X-Amz-[A-Za-z-]+=|&X-Amz-|^[0-9a-f]{8,64}\s*$|^[A-Za-z0-9%+/=_.-]{16,}(?:&|$))`)
	badEscape    = lazy(`%(?:[^0-9A-Fa-f]|[0-9A-Fa-f][^0-9A-Fa-f]|.?$)`)
)

// judgeURL is about how a signed URL has been handed on.
func judgeURL(e *evidence, r *request) {
	if !signedQuery(r.query) {
		return
	}
	judgeEscapes(e, r)
	judgeCut(e, r)
	judgePlus(e, r)
	if m := badEscape.FindString(r.path); m != "" {
		e.add("escape-broken", Certain, m, r.at, "`%s` in the path is no %%XX: a percent sign is written %%25", m)
	}
	if strings.ContainsAny(r.target, " \t") {
		e.add("url-broken", Certain, "", r.at, "there is a space in the URL, behind `%s`", beforeSpace(r.target))
	}
}

// beforeSpace is the name of the parameter in which the space is.
func beforeSpace(target string) string {
	before := target[:strings.IndexAny(target, " \t")]
	return lastParameter(before[strings.IndexByte(before, '?')+1:])
}

// judgeEscapes finds encodings that JSON, HTML or a second encoder put on.
func judgeEscapes(e *evidence, r *request) {
	for _, escape := range []struct{ text, by string }{{`\u0026`, "JSON"}, {"&amp;", "HTML or XML"}, {`\&`, "a shell"}} {
		if strings.Contains(r.query, escape.text) {
			e.add("ampersand-escaped", Certain, escape.text, r.at, "`&` stands in the URL as `%s`, as %s writes it", escape.text, escape.by)
		}
	}
	for _, p := range params(unescaped.Replace(r.query)) {
		if m := twiceEncoded.FindString(p.value); m != "" && strings.HasPrefix(strings.ToLower(p.name), "x-amz-") {
			e.add("encoded-twice", Certain, m, r.at, "`%s` in %s is encoded twice: it must be `%s`", m, p.name, "%"+m[3:])
			return
		}
	}
	if m := twiceEncoded.FindString(r.path); m != "" {
		e.add("encoded-twice", Possible, m, r.at, "`%s` in the path is an encoded percent sign: the key has one in it, or was encoded twice", m)
	}
}

// judgeCut finds a URL that ends too soon, or goes on in the next line.
func judgeCut(e *evidence, r *request) {
	a := r.auth
	if a == nil || r.second != nil && r.second.query {
		a = r.second
	}
	if a == nil || !a.query || len(a.fields) < 2 && !strings.HasSuffix(r.query, "X-Amz-Algorithm="+algorithm) {
		return
	}
	if a.signature != "" && (len(a.signature) >= 64 || !hexDigest.MatchString(a.signature)) {
		return
	}
	if next := e.after(r); restOfURL.MatchString(next) {
		e.add("url-broken", Certain, lastParameter(r.query), r.at, "the URL goes on in the next line: a line break stands in it")
		return
	}
	if len(params(r.query)) == 1 && r.how == "curl" {
		e.add("parameter-missing", Certain, r.query, r.at, "the URL ends at its first `&`: it stands in a shell without quotes")
		return
	}
	last := "it ends before the signature"
	if a.signature != "" {
		last = fmt.Sprintf("its signature has %d of 64 digits", len(a.signature))
	}
	if len(strings.TrimSpace(r.target)) > 100 && a.signature != "" || !strings.Contains(r.query, "X-Amz-Signature") {
		e.add("url-cut", Certain, lastParameter(r.query), r.at, "the URL is cut off: %s%s", last, bufferSize(len(r.target)))
	}
}

// lastParameter is the name of the last one: of its value nothing may be shown.
func lastParameter(query string) string {
	last := query[strings.LastIndexByte(query, '&')+1:]
	name, _, _ := strings.Cut(last, "=")
	return name
}

// bufferSize tells of a length that is just what fits a buffer.
func bufferSize(n int) string {
	for _, size := range []int{n + 1, n} {
		if size >= 128 && bits.OnesCount(uint(size)) <= 2 {
			return fmt.Sprintf("; it has %d characters, which is what a buffer of %d holds", n, size)
		}
	}
	return fmt.Sprintf("; it has %d characters", n)
}

// after is the line behind a URL, if the URL stands at the end of its own.
func (e *evidence) after(r *request) string {
	rest := e.text[min(len(e.text), r.at+len(r.target)):]
	line, rest, ok := strings.Cut(rest, "\n")
	if !ok || strings.TrimSpace(strings.Trim(line, "\\\r")) != "" {
		return ""
	}
	next, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(next)
}

// judgePlus finds a `+` that stands for itself where it means a space.
func judgePlus(e *evidence, r *request) {
	for _, p := range params(unescaped.Replace(r.query)) {
		if strings.Contains(p.value, "+") && strings.HasPrefix(strings.ToLower(p.name), "x-amz-") {
			e.add("plus-not-encoded", Certain, p.name, r.at, "%s has a bare `+`, which S3 reads as a space: it must be `%%2B`", p.name)
			return
		}
		if strings.Contains(p.value, "+") {
			e.add("plus-not-encoded", Likely, p.name, r.at, "the parameter %s has a `+`: SigV4 wants `%%20` for a space and `%%2B` for a plus", p.name)
		}
	}
	if strings.Contains(r.path, "+") {
		e.add("plus-not-encoded", Possible, r.path, r.at, "the path has a bare `+`, for which some clients mean a space: SigV4 wants `%%2B` or `%%20`")
	}
}
