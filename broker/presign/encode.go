// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package presign

import (
	"encoding/binary"
	"strings"
)

// Each table has a place for every character of US-ASCII. A space in it means:
// not allowed.
const (
	// unreserved is RFC 3986's set, and the slash.
	unreserved = "" +
		"                                " +
		"             -./0123456789      " +
		" ABCDEFGHIJKLMNOPQRSTUVWXYZ    _" +
		" abcdefghijklmnopqrstuvwxyz   ~ "

	// lowered is what header names are made of (RFC 9110, 5.6.2), in lower case.
	lowered = "" +
		"                                " +
		" ! #$%&'  *+ -. 0123456789      " +
		" abcdefghijklmnopqrstuvwxyz   ^_" +
		"`abcdefghijklmnopqrstuvwxyz | ~ "
)

// appendEscaped appends s URI-encoded as SigV4 wants it: RFC 3986's unreserved
// characters stay, the rest becomes %XX in capitals.
func appendEscaped[T string | []byte](dst []byte, s T) []byte {
	return appendEscapedBut(dst, s, 0)
}

// appendPath appends an object key: its slashes stay, and it is encoded once.
func appendPath(dst []byte, key string) []byte {
	return appendEscapedBut(dst, key, '/')
}

func appendEscapedBut[T string | []byte](dst []byte, s T, kept byte) []byte {
	const digits = "0123456789ABCDEF"
	start := 0
	for i := range len(s) {
		c := s[i]
		if int(c) < len(unreserved) && unreserved[c] != ' ' && (c != '/' || kept == '/') {
			continue
		}
		dst = append(dst, s[start:i]...)
		dst = append(dst, '%', digits[c>>4], digits[c&15])
		start = i + 1
	}
	return append(dst, s[start:]...)
}

// appendLower appends a header name in lower case, or reports that it is none.
func appendLower(dst []byte, name string) ([]byte, bool) {
	start := len(dst)
	dst = append(dst, name...)
	lower := dst[start:]
	for i, c := range lower {
		if int(c) >= len(lowered) || lowered[c] == ' ' {
			return dst, false
		}
		lower[i] = lowered[c]
	}
	return dst, name != ""
}

// appendTrimmed appends a header value without its outer spaces and with each
// inner run of spaces made one. It reports false for anything but visible
// US-ASCII and spaces: a tab or a newline could be read as another header, and
// what bytes above 0x7f become on the way is up to each HTTP library.
func appendTrimmed(dst []byte, value string) ([]byte, bool) {
	value = strings.Trim(value, " ")
	start := 0
	for i := range len(value) {
		switch c := value[i]; {
		case '!' <= c && c <= '~':
		case c != ' ':
			return dst, false
		case value[i+1] == ' ': // there is one: value ends otherwise
			dst = append(dst, value[start:i]...)
			start = i + 1
		}
	}
	return append(dst, value[start:]...), true
}

// appendHex appends sum in hexadecimal, eight digits at a time: with
// encoding/hex, this alone would be a tenth of a signature.
func appendHex(dst []byte, sum *[32]byte) []byte {
	for i := 0; i < len(sum); i += 4 {
		dst = binary.BigEndian.AppendUint64(dst, hexDigits(binary.BigEndian.Uint32(sum[i:])))
	}
	return dst
}

// hexDigits is n as eight characters in the order of its digits.
func hexDigits(n uint32) uint64 {
	const each = 0x0101010101010101
	x := uint64(n) // spread the digits, one to a byte
	x = (x | x<<16) & 0x0000ffff0000ffff
	x = (x | x<<8) & 0x00ff00ff00ff00ff
	x = (x | x<<4) & (each * 0x0f)
	letters := (x + each*6) >> 4 & each // 1 where the digit is over 9
	return x + each*'0' + letters*('a'-'0'-10)
}

// visible reports whether s is US-ASCII without spaces and control characters.
func visible(s string) bool {
	for len(s) >= 8 {
		if !visible8(s[:8]) {
			return false
		}
		s = s[8:]
	}
	for i := range len(s) {
		if s[i]-'!' > '~'-'!' { // unsigned: a space is far beyond
			return false
		}
	}
	return true
}

// visible8 is visible for eight characters at once. The top bit of a byte shows
// what is wrong with it: it is set in s, not carried into by adding up from
// '!', or carried into by adding up from beyond '~'.
func visible8(s string) bool {
	const each, top = 0x0101010101010101, 0x8080808080808080
	x := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
	return (x|^(x+each*(0x80-'!'))|(x+each*(0x7f-'~')))&top == 0
}
