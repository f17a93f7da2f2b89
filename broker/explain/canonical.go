// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"thingpass/broker/presign"
)

const (
	unsignedPayload = "UNSIGNED-PAYLOAD"
	emptyHash       = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// canonical is a canonical request that somebody pasted.
type canonical struct {
	text string // with its line ends as they are
	at   int
}

// toSign is a string to sign that somebody pasted.
type toSign struct {
	algorithm, date, scope, hash string
	at                           int
}

var (
	canonicalStart = lazy(`(?m)(?:^[ \t]*|: )(GET|PUT|POST|HEAD|DELETE)\r?\n[ \t]*(?:/|https?://)[^\n]*\n`)
	canonicalEnd   = lazy(`(?m)^[ \t]*([0-9a-fA-F]{64}|UNSIGNED-PAYLOAD|STREAMING-[A-Z0-9-]+)[ \t]*\r?$`)
	canonicalOne   = lazy(`\b(?:GET|PUT|POST|HEAD|DELETE)\\n/[^\n]*\\n(?:[0-9a-f]{64}|UNSIGNED-PAYLOAD)`)
	toSignStart    = lazy(`(?m)^[ \t]*(AWS4[A-Z0-9-]{0,20})[ \t]*\r?\n[ \t]*(\d{8}T?\w*)[ \t]*\r?\n[ \t]*(\d[^\s/]*/\S*)[ \t]*\r?\n[ \t]*([0-9a-fA-F]{4,128})`)
)

// gatherCanonicals reads canonical requests and strings to sign that are not
// part of S3's answer.
func (e *evidence) gatherCanonicals() {
	for _, m := range canonicalStart.FindAllStringSubmatchIndex(e.text, maxRequests) {
		if e.inXML(m[0]) {
			continue
		}
		end := canonicalEnd.FindStringIndex(e.text[m[1]:min(len(e.text), m[1]+32<<10)])
		if end == nil {
			continue
		}
		e.canonicals = append(e.canonicals, canonical{e.text[m[2] : m[1]+end[1]], m[2]})
		e.saw("canonical request")
	}
	if m := canonicalOne.FindStringIndex(e.text); m != nil {
		text := strings.NewReplacer(`\r\n`, "\r\n", `\n`, "\n").Replace(e.text[m[0]:m[1]])
		e.canonicals = append(e.canonicals, canonical{text, m[0]})
		e.saw("canonical request")
	}
	for _, m := range toSignStart.FindAllStringSubmatchIndex(e.text, maxRequests) {
		if e.inXML(m[0]) {
			continue
		}
		g := func(n int) string { return e.text[m[2*n]:m[2*n+1]] }
		e.toSigns = append(e.toSigns, toSign{g(1), g(2), g(3), g(4), m[2]})
		e.saw("string to sign")
	}
}

// inXML says whether byte at is inside S3's elements of that name.
func (e *evidence) inXML(at int) bool {
	before := e.text[max(0, at-8<<10):at]
	for _, name := range []string{"CanonicalRequest", "StringToSign"} {
		if open := strings.LastIndex(before, "<"+name+">"); open >= 0 && !strings.Contains(before[open:], "</"+name+">") {
			return true
		}
	}
	return false
}

// expected is the canonical request for r, and whether all of it is known. What
// is not known is written as <…>.
func expected(r *request) (string, bool) {
	a := r.auth
	if a == nil || len(a.signed) == 0 {
		return "", false
	}
	known := true
	or := func(value, missing string) string {
		if value == "" {
			known = false
			return "<" + missing + ">"
		}
		return value
	}
	var b strings.Builder
	b.WriteString(or(r.method, "method") + "\n" + or(canonicalPath(r.path), "path") + "\n" + canonicalQuery(r.query, a.query) + "\n")
	names := signedNames(a)
	for _, name := range names {
		value, ok := sent(r, name)
		if !ok {
			value, known = "<not sent>", false
		}
		b.WriteString(name + ":" + value + "\n")
	}
	b.WriteString("\n" + strings.Join(names, ";") + "\n" + or(payloadOf(r), "SHA-256 of the body"))
	return b.String(), known
}

// signedNames are the signed headers as they must be written.
func signedNames(a *auth) []string {
	var names []string
	for _, name := range a.signed {
		if name = strings.ToLower(strings.TrimSpace(name)); name != "" && len(names) < 100 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// sent is the value of a header in canonical form.
func sent(r *request, name string) (string, bool) {
	if name == "host" && r.host != "" {
		return hostOf(r.host), true
	}
	var values []string
	for _, h := range r.headers {
		if strings.EqualFold(h.name, name) {
			values = append(values, strings.Join(strings.Fields(h.value), " "))
		}
	}
	return strings.Join(values, ","), len(values) > 0
}

// hostOf is the Host header that was meant.
func hostOf(host string) string {
	if _, after, ok := strings.Cut(host, "://"); ok {
		host = after
	}
	host, _, _ = strings.Cut(host, "/")
	host = host[strings.LastIndexByte(host, '@')+1:]
	return strings.ToLower(host)
}

func canonicalPath(path string) string {
	if path == "" {
		return ""
	}
	return presign.EscapePath(decoded(path))
}

// decoded undoes the encoding once, and leaves what is no encoding.
func decoded(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if raw, err := hex.DecodeString(s[i+1 : i+3]); err == nil {
				b.Write(raw)
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// canonicalQuery is sorted and encoded, without the signature.
func canonicalQuery(query string, presigned bool) string {
	var pairs []string
	for _, p := range params(unescaped.Replace(query)) {
		if presigned && strings.EqualFold(p.name, "X-Amz-Signature") {
			continue
		}
		pairs = append(pairs, presign.Escape(decoded(p.name))+"="+presign.Escape(decoded(p.value)))
	}
	slices.SortFunc(pairs, func(a, b string) int {
		return strings.Compare(strings.Replace(a, "=", "\x00", 1), strings.Replace(b, "=", "\x00", 1))
	})
	return strings.Join(pairs, "&")
}

// payloadOf is the last line, or empty if it is not known.
func payloadOf(r *request) string {
	if r.auth.query {
		for _, p := range params(r.query) {
			if strings.EqualFold(p.name, "X-Amz-Content-Sha256") {
				return p.value
			}
		}
		return unsignedPayload
	}
	if h, ok := r.header("x-amz-content-sha256"); ok {
		return h.value
	}
	return ""
}

// toSignFor is the string to sign of a canonical request.
func toSignFor(a *auth, canonical string) string {
	date := a.date
	if date == "" {
		date = "<X-Amz-Date>"
	}
	return algorithm + "\n" + date + "\n" + strings.Join(a.scope, "/") + "\n" + hexSHA256(canonical)
}

func hexSHA256(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// signatureOf signs text for the scope of a.
func signatureOf(secret string, scope []string, text string) string {
	if len(scope) < 3 {
		return ""
	}
	mac := hmac.New(sha256.New, presign.SigningKey(secret, scope[0], scope[1], scope[2]))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}
