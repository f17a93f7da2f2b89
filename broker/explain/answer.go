// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"encoding/hex"
	"html"
	"strings"
)

// answer is what a server said of a request: S3's XML, the words that a tool
// made of it, or the JSON of a service.
type answer struct {
	how     string // "xml", "tool"
	code    string
	message string
	fields  map[string]string
	at      int
}

var (
	xmlError   = lazy(`<Error>|<Code>`)
	xmlElement = lazy(`<([A-Za-z0-9]{2,40})>([^<]*)(</)?`)
	toolError  = lazy(`An error occurred \((\w+)\) when calling the (\w+) operation[^:\n]{0,60}: ([^\n]*)`)
)

// s3Codes are those codes that are words of S3's alone, so that they can be
// known anywhere in a text.
var s3Codes = lazy(`\b(SignatureDoesNotMatch|AuthorizationHeaderMalformed|AuthorizationQueryParametersError|RequestTimeTooSkewed|` +
	`InvalidAccessKeyId|ExpiredToken|TokenRefreshRequired|PermanentRedirect|TemporaryRedirect|MissingContentLength|PreconditionFailed|` +
	`ConditionalRequestConflict|XAmzContentSHA256Mismatch|XAmzContentChecksumMismatch|BadDigest|EntityTooLarge|EntityTooSmall|IncompleteBody|NoSuchBucket|NoSuchKey|` +
	`NoSuchUpload|InvalidPolicyDocument|MalformedPOSTRequest|IllegalLocationConstraintException|InvalidToken|AccessDenied|SlowDown|RequestTimeout|InvalidDigest|KeyTooLongError|InvalidPart|InvalidRequest|InvalidArgument|InvalidBucketName)\b`)

// gatherAnswers reads all errors of servers.
func (e *evidence) gatherAnswers() {
	e.readAllXML(e.text)
	if len(e.answers) == 0 && escapedXML.MatchString(e.text) {
		e.readAllXML(unescapedXML.Replace(e.text))
	}
	for _, m := range toolError.FindAllStringSubmatchIndex(e.text, maxAnswers) {
		e.answers = append(e.answers, answer{"tool", e.text[m[2]:m[3]], e.text[m[6]:m[7]],
			map[string]string{"Operation": e.text[m[4]:m[5]]}, m[2]})
		e.saw("error of the AWS CLI or an SDK: %s", e.text[m[2]:m[3]])
	}
	if len(e.answers) > 0 {
		return
	}
	for _, m := range s3Codes.FindAllStringIndex(e.text, maxAnswers) {
		code := e.text[m[0]:m[1]]
		rest, _, _ := strings.Cut(e.text[m[1]:min(len(e.text), m[1]+400)], "\n")
		rest = strings.TrimLeft(rest, ":) -\"'")
		e.answers = append(e.answers, answer{"tool", code, rest, nil, m[0]})
		e.saw("error of S3: %s", code)
	}
}

// readAllXML reads the errors in text: the input, or what is left of it when
// its escapes are undone.
func (e *evidence) readAllXML(text string) {
	at := 0
	for range 4 * maxAnswers {
		m := xmlError.FindStringIndex(text[at:])
		if m == nil {
			break
		}
		at = e.readXML(text, at+m[0])
	}
}

// escapedXML is XML inside of JSON, HTML or a string of a program.
var (
	escapedXML   = lazy(`(?i)(?:\\u003c|&lt;)Code(?:\\u003e|&gt;)`)
	unescapedXML = strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u003C`, "<", `\u003E`, ">", `\u0026`, "&", "&lt;", "<", "&gt;", ">", "&amp;", "&", `\n`, "\n", `\"`, `"`)
)

// readXML reads an error from byte at on, even if it is cut off, and returns
// where it ends. The first element of a name counts.
func (e *evidence) readXML(text string, at int) int {
	end := min(len(text), at+64<<10)
	if n := strings.Index(text[at:end], "</Error>"); n >= 0 {
		end = at + n
	}
	a := answer{how: "xml", fields: map[string]string{}, at: at}
	for _, m := range xmlElement.FindAllStringSubmatch(text[at:end], 60) {
		name, value := m[1], html.UnescapeString(m[2])
		if _, known := a.fields[name]; !known && name != "Error" {
			a.fields[name] = value
		}
	}
	a.code, a.message = strings.TrimSpace(a.fields["Code"]), strings.TrimSpace(a.fields["Message"])
	e.hide(strings.TrimSpace(a.fields["SignatureProvided"]))
	e.hideKey(strings.TrimSpace(a.fields["AWSAccessKeyId"]))
	e.hide(strings.TrimSpace(a.fields["Token-0"]))
	if digits, ok := a.fields["CanonicalRequestBytes"]; ok && a.fields["CanonicalRequest"] == "" {
		if b, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(digits), " ", "")); err == nil {
			a.fields["CanonicalRequest"] = string(b)
		}
	}
	if a.code != "" {
		e.answers = append(e.answers, a)
		e.saw("XML error of S3: %s", a.code)
	}
	return max(end, at+1)
}
