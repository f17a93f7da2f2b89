// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package whynot

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// maxLog is how much is read. CloudWatch gives out less at a time.
const maxLog = 64 << 20

// A Log is what was found in a text.
type Log struct {
	Events  []Event
	Entries int // that were recognised, successes among them
	Ignored int // lines that were not
}

// Read takes JSON wherever it begins in a line, over several lines if need be,
// and lines of the dev stack. It is lenient: a log is never all of one kind.
func Read(in io.Reader) (Log, error) {
	text, err := io.ReadAll(io.LimitReader(in, maxLog+1))
	if err != nil {
		return Log{}, err
	}
	if len(text) > maxLog {
		return Log{}, fmt.Errorf("the log has more than %d MB: give a part of it", maxLog>>20)
	}
	l := &log{}
	line := 1
	for len(text) > 0 {
		n := l.next(text, line)
		line += bytes.Count(text[:n], []byte("\n"))
		text = text[n:]
	}
	return l.Log, nil
}

type log struct{ Log }

// next reads what begins a line, and returns how many bytes that was.
func (l *log) next(text []byte, line int) int {
	end := bytes.IndexByte(text, '\n') + 1
	if end == 0 {
		end = len(text)
	}
	first := text[:end]
	if len(bytes.TrimSpace(first)) == 0 {
		return end
	}
	if at := bytes.IndexByte(first, '{'); at >= 0 {
		decoder := json.NewDecoder(bytes.NewReader(text[at:]))
		var object map[string]json.RawMessage
		if err := decoder.Decode(&object); err == nil && l.object(object, line, 0) {
			return at + int(decoder.InputOffset())
		}
	}
	if !l.plain(string(first), line) {
		l.Ignored++
	}
	return end
}

// object takes one log entry, or what contains some. It is false of others.
func (l *log) object(o map[string]json.RawMessage, line, depth int) bool {
	found := false
	for _, list := range []string{"events", "logEvents", "results"} { // filter-log-events, subscription filters, Insights
		var items []map[string]json.RawMessage
		if depth < 3 && o[list] != nil && json.Unmarshal(o[list], &items) == nil {
			found = true
			for _, item := range items {
				l.object(item, line, depth+1)
			}
		}
	}
	for _, field := range []string{"message", "@message"} {
		if inner, ok := embedded(o[field]); ok && depth < 3 {
			return l.object(inner, line, depth+1) || found
		}
	}
	if found {
		return true
	}
	f := fields{o}
	event, ok := entry(f)
	if !ok {
		return false
	}
	l.Entries++
	if event != nil {
		event.Line = line
		l.Events = append(l.Events, *event)
	}
	return true
}

// embedded is an entry that is the text of a field of another.
func embedded(raw json.RawMessage) (map[string]json.RawMessage, bool) {
	var text string
	var inner map[string]json.RawMessage
	if raw == nil || json.Unmarshal(raw, &text) != nil {
		return nil, false
	}
	at := strings.IndexByte(text, '{')
	if at < 0 || json.Unmarshal([]byte(text[at:]), &inner) != nil {
		return nil, false
	}
	return inner, inner != nil
}

// fields are those of an entry.
type fields struct{ raw map[string]json.RawMessage }

// text is a field, or "" if it is absent or something else. Numbers are taken as
// they are written.
func (f fields) text(name string) string {
	var s string
	raw := f.raw[name]
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var n json.Number
	if json.Unmarshal(raw, &n) == nil {
		return n.String()
	}
	return ""
}
