// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Bounds on what is judged, so that no text takes long.
const (
	maxRequests = 16
	maxAnswers  = 32
)

// evidence is what the text holds, and what was found in it.
type evidence struct {
	text    string
	lower   string // text in small letters
	options Options

	lines      []line
	requests   []*request
	responses  []response
	answers    []answer
	canonicals []canonical // that somebody pasted
	toSigns    []toSign
	forms      []*form

	recognised []string
	findings   []*Finding
	secrets    []string
	keyIDs     []string
	digests    []string // that may be seen
	canonical  string   // what is expected
	toSign     string
	verdict    string
}

// line is one line without what a terminal, a serial monitor or curl put before.
type line struct {
	text string
	at   int  // of text in the input
	dir  byte // '>' sent, '<' received, by curl -v; 0 unknown
}

// prefix is what loggers write before a line: a terminal's time, ESP-IDF's
// level, time and tag, Arduino's likewise, curl's direction.
var prefix = lazy(`^(?:\[?\d{2}:\d{2}:\d{2}[.\d]*\]?\s*(?:->)?\s*)?` +
	`(?:[IWEDV] \([\d:.]+\) [\w./-]{1,40}: |\[ *\d+\]\[[IWEDV]\]\[[^\]]{1,80}\] ?(?:\w+\(\): )?)?(?:([<>*]) ?)?`)

func splitLines(text string) []line {
	var all []line
	at := 0
	for raw := range strings.Lines(text) {
		l := line{at: at}
		at += len(raw)
		raw = strings.TrimSuffix(raw, "\n")
		head := raw[:min(len(raw), 240)]
		m := prefix.FindStringSubmatchIndex(head)
		if m[1] > 0 && (m[2] < 0 || (raw[m[2]] != '<' || strings.HasPrefix(raw[m[2]:], "< "))) {
			if m[2] >= 0 {
				l.dir = raw[m[2]]
			}
			raw, l.at = raw[m[1]:], l.at+m[1]
		}
		l.text = strings.TrimSuffix(raw, "\r")
		all = append(all, l)
	}
	return all
}

// gather reads everything that is known in text.
func gather(text string, o Options) *evidence {
	e := &evidence{text: text, lower: lowerASCII(text), options: o, lines: splitLines(text)}
	for _, secret := range []string{o.Secret, o.Token} {
		if secret != "" {
			e.hide(secret)
		}
	}
	e.gatherRequests()
	e.gatherCurl()
	e.gatherURLs()
	e.gatherHeaders()
	e.gatherResponses()
	e.gatherAnswers()
	e.gatherCanonicals()
	e.gatherForms()
	for _, r := range e.requests {
		e.hideAuth(r)
	}
	slices.SortFunc(e.secrets, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	return e
}

// hideAuth remembers the secrets of a request.
func (e *evidence) hideAuth(r *request) {
	for _, a := range []*auth{r.auth, r.second} {
		if a == nil {
			continue
		}
		e.hide(a.signature)
		e.hide(a.token)
		e.hideKey(a.access)
	}
	for _, h := range r.headers {
		switch {
		case strings.EqualFold(h.name, "x-amz-security-token"):
			e.hide(h.value)
		case strings.EqualFold(h.name, "x-amz-content-sha256") && !slices.Contains(e.secrets, h.value):
			e.show(h.value)
		}
	}
}

// saw notes what was recognised, once each.
func (e *evidence) saw(format string, args ...any) {
	if what := fmt.Sprintf(format, args...); !slices.Contains(e.recognised, what) && len(e.recognised) < 12 {
		e.recognised = append(e.recognised, e.mask(printable(what)))
	}
}

// failed says whether the text shows a failure of this code, or any if it is
// empty.
func (e *evidence) failed(codes ...string) (answer, bool) {
	for _, a := range e.answers {
		if a.code != "" && (len(codes) == 0 || slices.Contains(codes, a.code)) {
			return a, true
		}
	}
	return answer{}, false
}

// serverTime is the time of the server, if the text tells it.
func (e *evidence) serverTime() (time.Time, string, bool) {
	for _, a := range e.answers {
		if t, err := time.Parse(time.RFC3339, a.fields["ServerTime"]); err == nil {
			return t.UTC(), a.fields["ServerTime"], true
		}
	}
	for _, r := range e.responses {
		if date, ok := r.header("date"); ok {
			if t, err := time.Parse(time.RFC1123, date); err == nil {
				return t.UTC(), date, true
			}
		}
	}
	return time.Time{}, "", false
}

// response is a status line and headers.
type response struct {
	status  int
	headers []field
	at      int
}

func (r response) header(name string) (string, bool) { return headerOf(r.headers, name) }

// field is a name and a value, and where the value stands in the input.
type field struct {
	name, value string
	at          int
}

func headerOf(headers []field, name string) (string, bool) {
	for _, h := range headers {
		if strings.EqualFold(h.name, name) {
			return h.value, true
		}
	}
	return "", false
}

var (
	statusLine = lazy(`HTTP/[123](?:\.[01])? (\d{3})\b`)
	espStatus  = lazy(`(?i)(?:\bstatus(?:[ _]?code)?\s*(?:=|:|is)?\s*|HTTP (?:response|code|error)[: ]+(?:code[: ]+)?)([1-5]\d\d)\b`)
	headerLine = lazy("^([!#$%&'*+.^_|~0-9A-Za-z-]{1,80}):(.*)$")
)

func (e *evidence) gatherResponses() {
	for i, l := range e.lines {
		m := statusLine.FindStringSubmatchIndex(l.text)
		esp := false
		if m == nil {
			m, esp = espStatus.FindStringSubmatchIndex(l.text), true
		}
		if m == nil || len(e.responses) >= maxAnswers || requestLine.MatchString(l.text) {
			continue
		}
		r := response{status: atoi(l.text[m[2]:m[3]]), at: l.at + m[2]}
		if !esp {
			r.headers, _ = e.headersFrom(i + 1)
		}
		e.responses = append(e.responses, r)
		e.saw("HTTP status %d", r.status)
	}
}

// headersFrom reads header lines from line i on, and returns the line behind.
func (e *evidence) headersFrom(i int) ([]field, int) {
	var headers []field
	for ; i < len(e.lines) && len(headers) < 100; i++ {
		l := e.lines[i]
		m := headerLine.FindStringSubmatchIndex(l.text)
		if m == nil || l.dir == '*' {
			if l.dir == '*' {
				continue
			}
			break
		}
		headers = append(headers, newField(l, m))
	}
	return headers, i
}

// newField is the header of a match of headerLine.
func newField(l line, m []int) field {
	value := l.text[m[4]:m[5]]
	space := len(value) - len(strings.TrimLeft(value, " \t"))
	return field{l.text[m[2]:m[3]], strings.TrimSpace(value), l.at + m[4] + space}
}

func atoi(s string) int {
	n := 0
	for _, c := range []byte(s[:min(len(s), 15)]) {
		if c < '0' || c > '9' {
			return n
		}
		n = n*10 + int(c-'0')
	}
	return n
}
