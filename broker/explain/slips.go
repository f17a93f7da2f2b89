// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"strings"

	"thingpass/broker/presign"
)

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
	swap := func(i int, with string) string { // the last one is -1
		changed := append([]string{}, lines...)
		changed[(i+len(changed))%len(changed)] = with
		return strings.Join(changed, "\n")
	}
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
	return append(all, s.querySlips(lines[2], swap)...)
}

// querySlips are those in the query and in the payload.
func (s *slipSearch) querySlips(query string, swap func(int, string) string) []hypothesis {
	var all []hypothesis
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
	payload := payloadOf(s.request)
	for _, p := range []string{unsignedPayload, emptyHash, "", s.bodyHash()} {
		all = append(all, s.of("unsigned-payload", swap(-1, p), "the last line of the canonical request is `"+p+"`, not `"+payload+"`"))
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
