// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"slices"
	"strings"
)

// judgeHost is about the Host header and the names in a URL.
func judgeHost(e *evidence, r *request) {
	h, given := r.header("host")
	switch {
	case strings.Contains(h.value, "://"):
		e.add("host-is-url", Certain, h.value, h.at, "the Host header is a URL: it must be `%s`", hostOf(h.value))
	case strings.Contains(h.value, "/"):
		e.add("host-is-url", Certain, h.value, h.at, "the Host header has a path: it must be `%s`", hostOf(h.value))
	case given && strings.ContainsAny(h.value, " \t"):
		e.add("host-is-url", Certain, h.value, h.at, "the Host header has a space in it")
	case !given && r.how == "request" && r.scheme == "":
		e.add("host-missing", Certain, "", r.at, "the request has no Host header")
	}
	name := hostOf(r.host)
	bucket, _, found := strings.Cut(name, ".s3.")
	if !found {
		bucket, _, found = strings.Cut(name, ".s3-")
	}
	switch {
	case found && strings.Contains(bucket, ".") && r.scheme != "http":
		e.add("bucket-dots", Possible, bucket, r.at, "the bucket's name `%s` has a dot, and stands before the host: S3's certificate does not cover that", bucket)
	case found && strings.ContainsAny(bucket, "_ABCDEFGHIJKLMNOPQRSTUVWXYZ"):
		e.add("bucket-name", Likely, bucket, r.at, "`%s` is no name for a bucket: there is no underscore in one", bucket)
	case strings.HasSuffix(name, ".iot.amazonaws.com") || strings.Contains(name, ".iot.") && strings.Contains(name, "amazonaws"):
		e.add("iot-endpoint", Likely, name, r.at, "the request goes to AWS IoT Core (`%s`), not to S3", name)
	}
}

// judgeSignedHeaders compares what is signed with what is sent.
func judgeSignedHeaders(e *evidence, r *request) {
	a := r.auth
	if len(a.signed) == 0 || e.has("url-cut", "url-broken") {
		return
	}
	judgeSignedList(e, r)
	if !r.whole() {
		return
	}
	_, chunked := r.header("transfer-encoding")
	for _, name := range signedNames(a) {
		if _, ok := sent(r, name); ok || name == "host" || name == "content-length" && (r.how == "curl" || chunked) {
			continue
		}
		e.add("signed-header-not-sent", Certain, name, a.at, "the header `%s` is signed, but not sent", name)
	}
	for _, h := range r.headers {
		name := strings.ToLower(h.name)
		if !strings.HasPrefix(name, "x-amz-") || a.signs(name) {
			continue
		}
		e.add("header-not-signed", Certain, h.name, h.at-len(h.name)-3, "the header `%s` is sent, but not signed", h.name)
	}
	if length, ok := r.header("transfer-encoding"); ok && a.signs("content-length") {
		e.add("length-required", Certain, length.value, length.at, "content-length is signed, but the body is sent in chunks, without a length")
	}
	judgeTwoTypes(e, r)
}

// judgeSignedList is about the list itself.
func judgeSignedList(e *evidence, r *request) {
	a := r.auth
	list := strings.Join(a.signed, ";")
	quote := list
	if !strings.Contains(e.text, quote) {
		quote = strings.ReplaceAll(list, ";", "%3B")
	}
	switch {
	case !slices.ContainsFunc(a.signed, func(s string) bool { return strings.EqualFold(s, "host") }):
		e.add("host-not-signed", Certain, quote, a.at, "`host` is not among the signed headers")
	case strings.ToLower(list) != list:
		e.add("signed-headers-list", Certain, quote, a.at, "the names in SignedHeaders must be in small letters: `%s`", strings.ToLower(list))
	case !slices.IsSorted(a.signed):
		e.add("signed-headers-list", Certain, quote, a.at, "the names in SignedHeaders must be in alphabetical order: `%s`", strings.Join(signedNames(a), ";"))
	case strings.Contains(list, ","):
		e.add("signed-headers-list", Certain, quote, a.at, "the names in SignedHeaders are parted by `;`, not by commas")
	}
}

// judgeTwoTypes finds a Content-Type that a client adds by itself.
func judgeTwoTypes(e *evidence, r *request) {
	h, ok := r.header("content-type")
	if ok && r.auth.signs("content-type") && h.value == "application/x-www-form-urlencoded" && r.method == "PUT" {
		e.add("content-type-differs", Likely, "content-type", r.auth.at,
			"content-type is signed, and what is sent is `%s`: the client's own, hardly what was signed", h.value)
	}
	if _, other := r.header("authorization"); other && (r.second != nil || r.auth.query) {
		e.add("two-signatures", Certain, "X-Amz-Signature", r.at, "the URL is signed, and an Authorization header is sent too")
	}
}

// judgeClient is about how a request is sent.
func judgeClient(e *evidence, r *request) {
	if h, ok := r.header("-client-certificate"); ok && isS3(r.host) {
		e.add("client-certificate", Likely, "--cert", h.at-8, "a client certificate is given to S3, which asks for none and knows none")
	}
	if r.scheme == "http" && isS3(r.host) && e.denied() {
		e.add("tls-required", Likely, "http://", r.at, "the request goes over plain HTTP")
	}
	op := ""
	for _, p := range params(r.query) {
		if p.name == "x-id" {
			op = p.value
		}
	}
	want := map[string]string{"PutObject": "PUT", "GetObject": "GET", "UploadPart": "PUT", "HeadObject": "HEAD", "DeleteObject": "DELETE"}[op]
	if want != "" && r.method != "" && r.method != want {
		e.add("method-differs", Certain, "x-id="+op, r.at, "the URL is for %s (`x-id=%s`), but is used with %s", want, op, r.method)
	}
}

// judgePayload is about the body, its hash and its length.
func judgePayload(e *evidence, r *request) {
	judgeHash(e, r)
	judgeLength(e, r)
	if h, ok := r.header("transfer-encoding"); ok && strings.Contains(strings.ToLower(h.value), "chunked") && r.method == "PUT" {
		if _, streaming := r.header("x-amz-decoded-content-length"); !streaming {
			e.add("length-required", Likely, h.value, h.at, "the body is sent in chunks, without a Content-Length")
		}
	}
}

func judgeHash(e *evidence, r *request) {
	if r.auth.query || r.how == "header" {
		return
	}
	h, ok := r.header("x-amz-content-sha256")
	switch {
	case !ok && isS3(r.host):
		e.add("content-hash-missing", Certain, "", r.at, "the request has no x-amz-content-sha256")
	case !ok || h.value == unsignedPayload || strings.HasPrefix(h.value, "STREAMING-"):
	case strings.EqualFold(h.value, unsignedPayload) || distance(h.value, unsignedPayload) < 4:
		e.add("content-hash-malformed", Certain, h.value, h.at, "%s", slip(h.value, unsignedPayload))
	case !hex64.MatchString(h.value):
		e.add("content-hash-malformed", Certain, h.value, h.at, "x-amz-content-sha256 must be 64 small hexadecimal digits, or %s", unsignedPayload)
	case h.value == emptyHash && r.hasBody:
		e.add("hash-of-nothing", Certain, h.value, h.at, "x-amz-content-sha256 is the hash of an empty body, but there is a body")
	case r.body != nil && text(*r.body) && !slices.ContainsFunc(endings(*r.body), func(b string) bool { return hexSHA256(b) == h.value }):
		e.add("content-hash-differs", Likely, h.value, h.at, "x-amz-content-sha256 is not the SHA-256 of the body that is sent (%s)", e.show(hexSHA256(endings(*r.body)[0])))
	}
}

// judgeLength compares Content-Length with the body.
func judgeLength(e *evidence, r *request) {
	h, ok := r.header("content-length")
	if !ok || r.body == nil || !text(*r.body) {
		return
	}
	bodies := endings(*r.body)
	if !slices.ContainsFunc(bodies, func(b string) bool { return len(b) == atoi(h.value) }) {
		e.add("length-differs", Likely, h.value, h.at, "Content-Length is %s, but the body has %d bytes", h.value, len(bodies[0]))
	}
}

// text says whether a pasted body is likely to be the whole body: neither bytes
// that did not survive, nor a note in their place.
func text(body string) bool {
	body = strings.TrimSpace(body)
	return body != "" && !strings.ContainsAny(body, "\x00�…") && !strings.Contains(body, "...") && !strings.HasPrefix(body, "<") &&
		!strings.HasPrefix(body, "[") && !strings.HasPrefix(body, "(") && !strings.Contains(strings.ToLower(body), "binary") && !strings.HasPrefix(body, "--")
}

// endings are what the body was, if an editor has put line ends behind it.
func endings(body string) []string {
	all := []string{strings.TrimRight(body, "\r\n"), body}
	for cut := body; strings.HasSuffix(cut, "\n") && len(all) < 6; {
		cut = strings.TrimSuffix(strings.TrimSuffix(cut, "\n"), "\r")
		all = append(all, cut, cut+"\n")
	}
	return append(all, strings.ReplaceAll(all[0], "\r\n", "\n"))
}
