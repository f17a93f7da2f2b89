// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"strings"
)

// judgeDifference compares what S3 took for the canonical request with the one
// that was signed, as far as it is known.
func judgeDifference(e *evidence) {
	a, ok := e.failed("SignatureDoesNotMatch")
	if !ok {
		return
	}
	if theirs := strings.Trim(a.fields["CanonicalRequest"], "\n"); theirs != "" {
		e.show(theirs[strings.LastIndexByte(theirs, '\n')+1:])
		e.compare(a, strings.ReplaceAll(theirs, "\r\n", "\n"))
	}
	if e.canonical == "" {
		e.canonical = strings.Trim(a.fields["CanonicalRequest"], "\n")
		e.toSign = strings.Trim(a.fields["StringToSign"], "\n")
		if lines := strings.Split(e.toSign, "\n"); len(lines) == 4 {
			e.show(lines[3])
		}
	}
	e.restOfMismatch(a)
}

// compare finds the first line in which S3's canonical request differs from the
// pasted one, or from the one that the request should have had.
func (e *evidence) compare(a answer, theirs string) {
	if len(e.canonicals) > 0 {
		ours := strings.ReplaceAll(e.canonicals[0].text, "\r", "")
		if !e.difference("canonical-differs", Certain, "the canonical request that you signed", ours, theirs) && strings.Contains(e.canonicals[0].text, "\r") {
			return // which is said already
		}
		return
	}
	for _, r := range e.requests {
		if r.auth == nil || !r.whole() && !r.auth.query {
			continue
		}
		probe := *r
		if probe.method == "" {
			probe.method, _, _ = strings.Cut(theirs, "\n")
		}
		if r.how == "url" { // of which the headers are not known
			probe.headers = append(parsedHeaders(theirs), r.headers...)
		}
		ours, known := expected(&probe)
		if known && e.difference("request-changed", Certain, "the request as it is here", ours, theirs) {
			return
		}
	}
	e.insideTheirs(a, theirs)
}

// parsedHeaders are the headers of a canonical request, but for the host.
func parsedHeaders(text string) []field {
	var all []field
	for _, h := range parseCanonical(text).headers {
		if name, value, ok := strings.Cut(h, ":"); ok && name != "host" {
			all = append(all, field{name, value, 0})
		}
	}
	return all
}

// difference says where two canonical requests part, and names what that means
// where it has a name.
func (e *evidence) difference(id string, sure Certainty, whose, ours, theirs string) bool {
	a, b := strings.Split(ours, "\n"), strings.Split(theirs, "\n")
	for i := range max(len(a), len(b)) {
		x, y := at(a, i), at(b, i)
		if x == y {
			continue
		}
		id, named := differenceID(id, i, x, y)
		where := fmt.Sprintf("line %d of the canonical request", i+1)
		if i == 2 && strings.Contains(x+y, "=") {
			x, y = firstParameter(x, y)
			where += " (the query)"
		}
		e.add(id, sure, y, 0, "%s%s differs: %s has `%s`, S3 has `%s`", named, where, whose, quotable(e.mask(x)), quotable(e.mask(y)))
		return true
	}
	return false
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(nothing)"
}

// differenceID gives a difference the name that it has elsewhere.
func differenceID(id string, i int, ours, theirs string) (string, string) {
	name, ourValue, _ := strings.Cut(ours, ":")
	theirName, _, _ := strings.Cut(theirs, ":")
	switch {
	case i == 0:
		return "method-differs", "it was signed for another method: "
	case i > 2 && name == theirName && name == "content-type":
		return "content-type-differs", "the content-type that is sent is not the one that was signed: "
	case i > 2 && name == theirName && name == "content-length":
		return "length-differs", "the body's length is not the one that was signed: "
	case i > 2 && name == theirName && name == "host" && strings.Contains(ourValue, "/"):
		return "host-is-url", "the host was signed as a URL: "
	case i > 2 && name == theirName && name == "host":
		return "host-differs", "the host that the server sees is not the one that was signed: "
	case (i == 1 || i == 2) && (twiceEncoded.MatchString(theirs) || twiceEncoded.MatchString(ours)):
		return "encoded-twice", "one of the two is encoded twice: "
	case hex64.MatchString(ours) && theirs == unsignedPayload || hex64.MatchString(theirs) && ours == unsignedPayload:
		return "unsigned-payload", "the last line, the payload, differs in kind: "
	case hex64.MatchString(ours) && hex64.MatchString(theirs):
		return "content-hash-differs", "the hash of the body differs: "
	}
	return id, ""
}

// firstParameter is where two queries part.
func firstParameter(x, y string) (string, string) {
	a, b := strings.Split(x, "&"), strings.Split(y, "&")
	for i := range max(len(a), len(b)) {
		if at(a, i) != at(b, i) {
			return at(a, i), at(b, i)
		}
	}
	return x, y
}

// insideTheirs finds mistakes that show in S3's canonical request alone.
func (e *evidence) insideTheirs(a answer, theirs string) {
	p := parseCanonical(theirs)
	if m := twiceEncoded.FindString(p.path + "?" + p.query); m != "" {
		e.add("encoded-twice", Likely, m, a.at, "`%s` in S3's canonical request is an encoded percent sign: path or query were encoded twice", m)
	}
	for _, h := range p.headers {
		if name, value, _ := strings.Cut(h, ":"); name == "content-type" && value == "application/x-www-form-urlencoded" {
			e.add("content-type-differs", Likely, h, a.at, "S3 got `%s`, which HTTP clients add by themselves: hardly what was signed", h)
		}
	}
	if p.payload == emptyHash && (p.method == "PUT" || p.method == "POST") && strings.Contains(p.signed, "x-amz-content-sha256") {
		e.add("hash-of-nothing", Possible, p.payload, a.at, "a %s is signed with the hash of an empty body", p.method)
	}
	if text := a.fields["StringToSign"]; text != "" {
		lines := strings.Split(strings.Trim(text, "\n"), "\n")
		if len(lines) == 4 && lines[3] != hexSHA256(theirs) && !strings.Contains(theirs, masked) && !strings.Contains(e.text, "\r\n") {
			e.add("paste-changed", Possible, lines[3], a.at, "the canonical request in the XML does not hash to what S3 signed: the paste has lost or gained characters (an empty line, spaces)")
		}
	}
}

// restOfMismatch is what remains if nothing explains a wrong signature.
func (e *evidence) restOfMismatch(a answer) {
	for _, f := range e.findings {
		if f.Certainty == Certain || f.Certainty == Likely {
			return
		}
	}
	if e.options.Secret != "" {
		return // which judgeSignature finds out
	}
	e.add("signature-differs", Possible, a.code, a.at,
		"nothing in the text shows why: the secret key is not that of the access key, or what was signed is not what is expected (see below)")
}
