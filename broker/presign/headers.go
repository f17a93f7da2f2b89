// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package presign

import (
	"bytes"
	"fmt"
	"slices"
)

// A shape is all that follows from the names of a request's headers alone.
// Requests of one kind share it, and working it out anew would cost a third of
// a signature, so a scribe remembers a few.
type shape struct {
	given  [][]byte // the names in the order and case of the request
	fields []field  // what is signed, in canonical order
	list   []byte   // "\n\nname;name\n", as after the last value
	query  []byte   // "name%3Bname", as in X-Amz-SignedHeaders
	memory []byte   // what given and fields point into
}

// field is a header to be signed.
type field struct {
	label []byte // "\nname:", in lower case
	index int    // in Request.Headers, or isHost
}

const isHost = -1

func (f *field) name() []byte { return f.label[1 : len(f.label)-1] }

// matches reports whether s is the shape of headers.
func (s *shape) matches(headers []Header) bool {
	if len(s.fields) != len(headers)+1 {
		return false
	}
	for i := range headers {
		if string(s.given[i]) != headers[i].Name {
			return false
		}
	}
	return true
}

// set makes s the shape of headers. After an error it matches nothing.
func (s *shape) set(headers []Header) error {
	s.memory, s.given, s.fields = s.memory[:0], s.given[:0], s.fields[:0]
	for i := range headers {
		s.given = append(s.given, s.keep(headers[i].Name))
	}
	err := s.sort(headers)
	if err == nil {
		err = s.join()
	}
	if err != nil {
		s.fields = s.fields[:0]
	}
	return err
}

// keep copies text, so that nothing of the caller's is held.
func (s *shape) keep(text string) []byte {
	start := len(s.memory)
	s.memory = append(s.memory, text...)
	return s.memory[start:]
}

// sort sets s.fields.
func (s *shape) sort(headers []Header) error {
	s.fields = append(s.fields, field{s.keep("\nhost:"), isHost})
	for i := range headers {
		start := len(s.memory)
		s.memory = append(s.memory, '\n')
		var ok bool
		s.memory, ok = appendLower(s.memory, headers[i].Name)
		if !ok {
			return fmt.Errorf("header name %q: HTTP allows letters, digits and some signs", headers[i].Name)
		}
		s.memory = append(s.memory, ':')
		f := field{s.memory[start:], i}
		if unsignable(f.name()) {
			return fmt.Errorf("header %s cannot be signed into a URL: leave it out", f.name())
		}
		s.fields = append(s.fields, f)
	}
	slices.SortFunc(s.fields, func(a, b field) int { return bytes.Compare(a.name(), b.name()) })
	return nil
}

// join sets s.list and s.query. It refuses a header that is given twice: HTTP
// libraries differ in how they would send it.
func (s *shape) join() error {
	s.list = append(s.list[:0], "\n\n"...)
	for i := range s.fields {
		name := s.fields[i].name()
		if i > 0 && bytes.Equal(name, s.fields[i-1].name()) {
			return fmt.Errorf("header %s is given twice: join the values", name)
		}
		s.list = append(s.list, name...)
		s.list = append(s.list, ';')
	}
	s.list[len(s.list)-1] = '\n'
	s.query = appendEscaped(s.query[:0], s.list[2:len(s.list)-1])
	return nil
}

// unsignable reports whether a header would bind nobody, or break the request:
// it is ours to set, belongs to header signing, or is rewritten on the way. The
// SDK leaves some of these unsigned without a word.
func unsignable(name []byte) bool {
	switch string(name) {
	case "host", "authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256",
		"connection", "expect", "te", "transfer-encoding", "upgrade", "user-agent", "x-amzn-trace-id":
		return true
	}
	return false
}

// shape finds or works out the shape of headers.
func (w *scribe) shape(headers []Header) (*shape, error) {
	for i := range w.shapes {
		if w.shapes[i].matches(headers) {
			return &w.shapes[i], nil
		}
	}
	w.oldest = (w.oldest + 1) % len(w.shapes)
	s := &w.shapes[w.oldest]
	return s, s.set(headers)
}

// appendHeaders appends the canonical headers, each on a line after the last.
func (s *shape) appendHeaders(b []byte, host string, headers []Header) ([]byte, error) {
	ok := false
	for i := range s.fields {
		f := &s.fields[i]
		b = append(b, f.label...)
		if f.index == isHost {
			b = append(b, host...)
			continue
		}
		start, value := len(b), headers[f.index].Value
		if visible(value) {
			b = append(b, value...) // as nearly all are
		} else if b, ok = appendTrimmed(b, value); !ok {
			return b, fmt.Errorf("header %s has a control or non-ASCII character: encode its value", f.name())
		}
		if string(f.name()) == "content-length" && !decimal(b[start:]) {
			return b, fmt.Errorf("header content-length is %q: give a plain number of bytes", b[start:])
		}
	}
	return b, nil
}

// decimal reports whether HTTP libraries would write the number just so. No
// object is so large that it needs more digits.
func decimal(s []byte) bool {
	for _, c := range s {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(s) == 1 || len(s) > 1 && len(s) <= 15 && s[0] != '0'
}
