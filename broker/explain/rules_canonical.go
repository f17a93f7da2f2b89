// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"slices"
	"strings"

	"thingpass/broker/presign"
)

// parsed is a canonical request by its lines.
type parsed struct {
	method, path, query string
	headers             []string // "name:value"
	blank               bool     // between the headers and their list
	signed, payload     string
}

// parseCanonical reads one, even if a line is missing.
func parseCanonical(text string) parsed {
	lines := strings.Split(strings.ReplaceAll(text, "\r", ""), "\n")
	p := parsed{method: lines[0]}
	at := func(i int) string {
		if i >= 0 && i < len(lines) {
			return strings.TrimSpace(lines[i])
		}
		return ""
	}
	p.path, p.payload, p.signed = at(1), at(len(lines)-1), at(len(lines)-2)
	i := 2
	if !headerLine.MatchString(at(i)) {
		p.query = at(i)
		i++
	}
	for ; i < len(lines)-2; i++ {
		if at(i) == "" {
			p.blank = true
			continue
		}
		p.headers = append(p.headers, at(i))
	}
	return p
}

// judgeCanonicals looks at the canonical requests and strings to sign that
// somebody pasted.
func judgeCanonicals(e *evidence) {
	for _, c := range e.canonicals {
		if strings.Contains(c.text, "\r") {
			e.add("canonical-crlf", Certain, firstLine(c.text), c.at, "the canonical request has CR LF at the ends of its lines: SigV4 wants LF alone")
		}
		p := parseCanonical(c.text)
		e.show(p.payload)
		judgeCanonicalHeaders(e, c, p)
		judgeCanonicalQuery(e, c, p)
		if strings.Contains(p.path, "://") {
			e.add("canonical-path", Certain, p.path, c.at, "the second line is a URL: it must be the path alone, such as `/firmware.bin`")
		}
		if !p.blank {
			e.add("canonical-blank-line", Certain, p.signed, c.at, "there is no empty line between the last header and the list of signed headers")
		}
		judgeToSign(e, c)
	}
	for _, s := range e.toSigns {
		if s.algorithm != algorithm {
			e.add("algorithm-misspelt", Certain, s.algorithm, s.at, "in the string to sign, %s", slip(s.algorithm, algorithm))
		}
		if day, _, _ := strings.Cut(s.scope, "/"); len(s.date) >= 8 && day != s.date[:8] {
			e.add("scope-date", Certain, day+"/", s.at, "the scope says %s, but the line above is of %s", day, s.date[:8])
		}
		if !strings.HasSuffix(s.scope, "/"+terminator) {
			e.add("scope-end", Certain, s.scope, s.at, "the scope in the string to sign does not end with `/%s`", terminator)
		}
	}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line + "\n"
}

func judgeCanonicalHeaders(e *evidence, c canonical, p parsed) {
	var names []string
	for _, h := range p.headers {
		name, value, _ := strings.Cut(h, ":")
		names = append(names, name)
		switch {
		case strings.ToLower(name) != name:
			e.add("canonical-case", Certain, name+":", c.at, "the header `%s` must be written `%s` in the canonical request", name, strings.ToLower(name))
		case name == "host" && (strings.Contains(value, "://") || strings.Contains(value, "/")):
			e.add("host-is-url", Certain, h, c.at, "the host in the canonical request is a URL: it must be `host:%s`", hostOf(strings.TrimSpace(value)))
		case strings.HasPrefix(value, " ") || strings.Contains(value, "  "):
			e.add("canonical-spaces", Certain, h, c.at, "the value of `%s` has a space before it or two in a row: SigV4 wants it trimmed", name)
		}
	}
	list := strings.Split(p.signed, ";")
	if len(names) == 0 || strings.Contains(p.signed, ":") {
		return
	}
	switch {
	case !slices.Equal(list, names) && slices.Equal(sorted(list), sorted(names)):
		e.add("signed-headers-list", Certain, p.signed, c.at, "the headers and their list are in different orders: both must be alphabetical")
	case !slices.Equal(list, names):
		e.add("canonical-list", Certain, p.signed, c.at, "the list of signed headers is `%s`, but the headers above are `%s`", p.signed, strings.Join(names, ";"))
	case !slices.IsSorted(names):
		e.add("signed-headers-list", Certain, p.signed, c.at, "the headers must be in alphabetical order: `%s`", strings.Join(sorted(names), ";"))
	}
}

func sorted(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}

var lowerEscape = lazy(`%(?:[a-f][0-9A-Fa-f]|[0-9A-Fa-f][a-f])`)

func judgeCanonicalQuery(e *evidence, c canonical, p parsed) {
	if m := lowerEscape.FindString(p.path + "?" + p.query); m != "" {
		e.add("canonical-escape", Certain, m, c.at, "`%s` must be written `%s` in the canonical request", m, strings.ToUpper(m))
	}
	if p.query == "" {
		return
	}
	for _, x := range params(p.query) {
		want := presign.Escape(decoded(x.value))
		if strings.Contains(x.value, "/") {
			e.add("canonical-escape", Certain, x.name+"=", c.at, "a `/` in the value of %s must be written `%%2F` in the canonical request", x.name)
		} else if !strings.EqualFold(want, x.value) && !strings.Contains(x.value, masked) {
			e.add("canonical-escape", Certain, x.name+"=", c.at, "the value of %s is not encoded as SigV4 wants it: only A-Z a-z 0-9 - . _ ~ stay", x.name)
		}
		if x.name == "X-Amz-Signature" {
			e.add("canonical-signature", Certain, x.name, c.at, "X-Amz-Signature is in the canonical request: the signature is not part of what it signs")
		}
	}
	if want := canonicalQuery(p.query, false); strings.ReplaceAll(want, "=&", "&") != p.query && len(want) == len(p.query) && strings.Join(sorted(strings.Split(want, "&")), "&") == strings.Join(sorted(strings.Split(p.query, "&")), "&") {
		e.add("canonical-query-order", Certain, p.query, c.at, "the query's parameters are not in alphabetical order")
	}
}

// judgeToSign compares a string to sign with the canonical request beside it.
func judgeToSign(e *evidence, c canonical) {
	if len(e.toSigns) != 1 || len(e.canonicals) != 1 {
		return
	}
	s := e.toSigns[0]
	want := e.show(hexSHA256(strings.ReplaceAll(c.text, "\r", "")))
	e.show(s.hash)
	if strings.EqualFold(s.hash, want) {
		if s.hash != want {
			e.add("signature-capitals", Certain, s.hash, s.at, "the hash in the string to sign is written in capitals")
		}
		return
	}
	e.add("to-sign-hash", Likely, s.hash, s.at, "the last line of the string to sign is not the SHA-256 of the canonical request beside it, which is %s", want)
}
