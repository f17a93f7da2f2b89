// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// scalar returns the string, number, true, false or null that begins with c. It
// goes on behind it; after an error it stays where it is.
func (s *scanner) scalar(c byte) (token, error) {
	switch {
	case c == '"':
		return s.string()
	case c == '-' || c >= '0' && c <= '9':
		return s.number()
	case c == 't':
		return s.literal("true")
	case c == 'f':
		return s.literal("false")
	case c == 'n':
		return s.literal("null")
	}
	return token{}, unexpected(c, " looking for beginning of value")
}

func (s *scanner) literal(word string) (token, error) {
	for i := 1; i < len(word); i++ {
		if s.at+i == len(s.text) {
			return token{}, io.ErrUnexpectedEOF
		}
		if c := s.text[s.at+i]; c != word[i] {
			return token{}, unexpected(c, " in literal "+word+" (expecting "+quoteByte(word[i])+")")
		}
	}
	s.at += len(word)
	return token{kind: word[0]}, nil
}

// number follows the grammar of RFC 8259 section 6.
func (s *scanner) number() (token, error) {
	i := s.at
	if s.text[i] == '-' {
		i++
	}
	var err error
	if i < len(s.text) && s.text[i] == '0' {
		i++
	} else if i, err = s.digits(i, " in numeric literal"); err != nil {
		return token{}, err
	}
	if i < len(s.text) && s.text[i] == '.' {
		if i, err = s.digits(i+1, " after decimal point in numeric literal"); err != nil {
			return token{}, err
		}
	}
	if i < len(s.text) && (s.text[i] == 'e' || s.text[i] == 'E') {
		if i++; i < len(s.text) && (s.text[i] == '+' || s.text[i] == '-') {
			i++
		}
		if i, err = s.digits(i, " in exponent of numeric literal"); err != nil {
			return token{}, err
		}
	}
	text := s.text[s.at:i]
	s.at = i
	return token{'0', text}, nil
}

// digits returns where the digits end that begin at i; there must be one.
func (s *scanner) digits(i int, place string) (int, error) {
	if i == len(s.text) {
		return i, io.ErrUnexpectedEOF
	}
	if c := s.text[i]; c < '0' || c > '9' {
		return i, unexpected(c, place)
	}
	for i < len(s.text) && s.text[i] >= '0' && s.text[i] <= '9' {
		i++
	}
	return i, nil
}

// string returns a part of the text, or, if there are escapes, a copy without.
func (s *scanner) string() (token, error) {
	start := s.at + 1
	for i := start; i < len(s.text); i++ {
		switch c := s.text[i]; {
		case c == '"':
			s.at = i + 1
			return token{'"', s.text[start:i]}, nil
		case c == '\\':
			return s.escaped(start, i)
		case c < ' ':
			return token{}, unexpected(c, " in string literal")
		}
	}
	return token{}, io.ErrUnexpectedEOF
}

// escaped returns the string that begins at start and has its first escape at i.
func (s *scanner) escaped(start, i int) (token, error) {
	var b strings.Builder
	b.WriteString(s.text[start:i])
	for i < len(s.text) {
		switch c := s.text[i]; {
		case c == '"':
			s.at = i + 1
			return token{'"', b.String()}, nil
		case c == '\\':
			r, n, err := escape(s.text[i:])
			if err != nil {
				return token{}, err
			}
			b.WriteRune(r)
			i += n
		case c < ' ':
			return token{}, unexpected(c, " in string literal")
		default:
			b.WriteByte(c)
			i++
		}
	}
	return token{}, io.ErrUnexpectedEOF
}

// escape reads the escape that s begins with, and returns its length as well.
// Half of a surrogate pair becomes U+FFFD.
func escape(s string) (r rune, n int, err error) {
	if len(s) < 2 {
		return 0, 0, io.ErrUnexpectedEOF
	}
	const plain, meant = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if i := strings.IndexByte(plain, s[1]); i >= 0 {
		return rune(meant[i]), 2, nil
	}
	if s[1] != 'u' {
		return 0, 0, unexpected(s[1], " in string escape code")
	}
	if r, err = hexRune(s); err != nil || !utf16.IsSurrogate(r) {
		return r, 6, err
	}
	if low := s[6:]; strings.HasPrefix(low, `\u`) {
		if second, err := hexRune(low); err == nil {
			if pair := utf16.DecodeRune(r, second); pair != unicode.ReplacementChar {
				return pair, 12, nil
			}
		}
	}
	return utf8.RuneError, 6, nil
}

// hexRune reads the four digits after \u.
func hexRune(s string) (r rune, err error) {
	for i := 2; i < 6; i++ {
		if i == len(s) {
			return 0, io.ErrUnexpectedEOF
		}
		digit := strings.IndexByte("0123456789abcdef", s[i]|0x20)
		if digit < 0 || s[i] < '0' {
			return 0, unexpected(s[i], " in \\u hexadecimal character escape")
		}
		r = r<<4 | rune(digit)
	}
	return r, nil
}
