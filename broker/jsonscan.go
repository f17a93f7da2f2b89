// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"errors"
	"io"
	"strconv"
)

// A scanner cuts a JSON text (RFC 8259) into tokens. It takes and refuses what
// the tokens of encoding/json's Decoder do, in the same words, but costs a tenth
// and allocates nothing: tokens are parts of the text. FuzzScanner holds the two
// together. The text must be valid UTF-8.
type scanner struct {
	text  string
	at    int   // of what is not read yet
	state state // what may come next
	outer []state
}

// A token is a name or a value, or the beginning or the end of one.
type token struct {
	kind byte   // the first, '0' for all numbers
	text string // of a string without its quotes and escapes, or of a number
}

type state byte

const (
	topValue state = iota
	arrayStart
	arrayValue
	arrayComma
	objectStart
	objectKey
	objectColon
	objectValue
	objectComma
)

// peek returns the next byte that is no space.
func (s *scanner) peek() (c byte, found bool) {
	for i := s.at; i < len(s.text); i++ {
		switch c := s.text[i]; c {
		case ' ', '\t', '\r', '\n':
		default:
			s.at = i
			return c, true
		}
	}
	return 0, false
}

// more tells whether another item of the object or array follows.
func (s *scanner) more() bool {
	c, found := s.peek()
	return found && c != ']' && c != '}'
}

// next returns the next token, or io.EOF where nothing is left.
func (s *scanner) next() (token, error) {
	for {
		c, found := s.peek()
		switch {
		case !found:
			return token{}, io.EOF
		case c == ',' && s.state == arrayComma:
			s.state = arrayValue
		case c == ',' && s.state == objectComma:
			s.state = objectKey
		case c == ':' && s.state == objectColon:
			s.state = objectValue
		default:
			return s.one(c)
		}
		s.at++
	}
}

// one returns the token that begins with c.
func (s *scanner) one(c byte) (token, error) {
	switch {
	case c == ']' && (s.state == arrayStart || s.state == arrayComma), c == '}' && (s.state == objectStart || s.state == objectComma):
		s.at++
		s.state, s.outer = s.outer[len(s.outer)-1], s.outer[:len(s.outer)-1]
		s.valueEnd()
		return token{kind: c}, nil
	case c == '"' && (s.state == objectStart || s.state == objectKey):
		t, err := s.scalar(c)
		if err == nil {
			s.state = objectColon
		}
		return t, err
	case !s.valueAllowed():
		return token{}, unexpected(c, s.place())
	case c == '[':
		s.begin(arrayStart)
		return token{kind: '['}, nil
	case c == '{':
		s.begin(objectStart)
		return token{kind: '{'}, nil
	}
	t, err := s.scalar(c)
	if err == nil {
		s.valueEnd()
	}
	return t, err
}

func (s *scanner) begin(inside state) {
	s.at++
	s.outer = append(s.outer, s.state)
	s.state = inside
}

func (s *scanner) valueAllowed() bool {
	switch s.state {
	case topValue, arrayStart, arrayValue, objectValue:
		return true
	}
	return false
}

func (s *scanner) valueEnd() {
	switch s.state {
	case arrayStart, arrayValue:
		s.state = arrayComma
	case objectValue:
		s.state = objectComma
	}
}

// place says where something is that does not belong there.
func (s *scanner) place() string {
	switch s.state {
	case arrayComma:
		return " after array element"
	case objectStart:
		return ""
	case objectKey:
		return " looking for beginning of object key string"
	case objectColon:
		return " after object key"
	case objectComma:
		return " after object key:value pair"
	}
	return " looking for beginning of value"
}

func unexpected(c byte, place string) error {
	return errors.New("invalid character " + quoteByte(c) + place)
}

func quoteByte(c byte) string {
	switch c {
	case '\'':
		return `'\''`
	case '"':
		return `'"'`
	}
	quoted := strconv.Quote(string(rune(c)))
	return "'" + quoted[1:len(quoted)-1] + "'"
}
