// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A burst of refusals must not fill the disk.
const (
	window = 10 * time.Second
	burst  = 200

	longest = 600 // bytes of a value: a topic of 256 and what is said about it
)

// limiter writes lines, and counts those that it leaves out.
type limiter struct {
	tell    func(string)
	began   time.Time
	said    int
	dropped int
}

// open is true if there is room for a line. It is asked before a line is made.
func (l *limiter) open() bool {
	if now := time.Now(); now.Sub(l.began) >= window {
		if l.dropped > 0 {
			l.tell(fmt.Sprintf("thingpass: %d more refusals in %v", l.dropped, window))
		}
		l.began, l.said, l.dropped = now, 0, 0
	}
	if l.said < burst {
		return true
	}
	l.dropped++
	return false
}

// line writes a message with pairs of names and values, as log/slog's text does.
func (l *limiter) line(message string, pairs ...string) {
	if !l.open() {
		return
	}
	l.said++
	var b strings.Builder
	b.WriteString(message)
	for i := 0; i+1 < len(pairs); i += 2 {
		b.WriteString(" " + pairs[i] + "=" + quote(pairs[i+1]))
	}
	l.tell(b.String())
}

// quote is for values that a client chose: no line breaks, no control characters.
func quote(s string) string {
	if len(s) > longest {
		s = s[:longest] + "…"
	}
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == '"' || r == '=' || r > '~' }) {
		return s
	}
	return strconv.Quote(s)
}
