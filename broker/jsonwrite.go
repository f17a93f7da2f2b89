// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"encoding/binary"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// What is written for every grant is written here, byte for byte as encoding/json
// does without escaping HTML, in a tenth of its time. The tests fill every field
// and hold the two together, so that none is forgotten.

// appendJSON writes r.
func (r *reply) appendJSON(b []byte) []byte {
	b = append(b, '{')
	b = appendText(b, "id", r.ID)
	b = appendName(b, "status")
	b = appendString(b, r.Status)
	b = appendNumber(b, "time", r.Time)
	b = appendText(b, "mode", r.Mode)
	b = appendText(b, "objectKey", r.ObjectKey)
	b = appendText(b, "uploadUrl", r.UploadURL)
	b = appendPairs(b, "headers", r.Headers)
	if r.Size != nil {
		b = strconv.AppendInt(appendName(b, "size"), *r.Size, 10)
	}
	b = appendNumber(b, "expiresAt", r.ExpiresAt)
	b = appendText(b, "code", string(r.Code))
	b = appendText(b, "error", r.Error)
	b = appendNumber(b, "retryAfter", r.RetryAfter)
	if len(r.Objects) > 0 {
		b = append(appendName(b, "objects"), '[')
		for i := range r.Objects {
			if i > 0 {
				b = append(b, ',')
			}
			b = r.Objects[i].appendJSON(b)
		}
		b = append(b, ']')
	}
	return append(b, '}')
}

// size is about how many bytes r takes, rather more.
func (r *reply) size() int {
	n := 160 + len(r.ID) + len(r.ObjectKey) + len(r.UploadURL) + len(r.Error)
	n += 64 * len(r.Headers)
	for i := range r.Objects {
		n += r.Objects[i].size()
	}
	return n
}

// at is e's time, as it is written. It is the same for all objects of a request,
// and costs a third of an entry.
func (e *Entry) at(b []byte) []byte { return e.Time.UTC().AppendFormat(b, time.RFC3339Nano) }

// appendAt writes e, whose time is known.
func (e *Entry) appendAt(b, at []byte) []byte {
	b = append(b, `{"time":"`...)
	b = append(b, at...)
	b = append(b, '"')
	b = appendText(b, "thing", e.Thing)
	b = appendText(b, "request", e.Request)
	b = appendText(b, "topic", e.Topic)
	b = appendText(b, "id", e.ID)
	b = appendText(b, "mode", e.Mode)
	b = appendText(b, "form", e.Form)
	b = appendText(b, "accessKeyId", e.AccessKeyID)
	b = appendText(b, "kind", e.Kind)
	b = appendText(b, "objectKey", e.Key)
	b = appendText(b, "keyPrefix", e.KeyPrefix)
	b = appendText(b, "contentType", e.ContentType)
	b = appendNumber(b, "size", e.Size)
	b = appendText(b, "sha256", e.SHA256)
	b = appendText(b, "uploadId", e.UploadID)
	b = appendText(b, "parts", e.Parts)
	b = appendNumber(b, "expiresAt", e.ExpiresAt)
	b = appendText(b, "actor", e.Actor)
	b = appendString(appendName(b, "code"), string(e.Code))
	b = appendText(b, "reason", e.Reason)
	b = strconv.AppendInt(appendName(b, "us"), e.Micros, 10)
	return append(b, '}')
}

// appendName begins the next field; names are plain.
func appendName(b []byte, name string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(b, '"')
	b = append(b, name...)
	return append(b, `":`...)
}

// appendText adds a field, unless it is empty.
func appendText(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return appendString(appendName(b, name), value)
}

// appendNumber adds a field, unless it is zero.
func appendNumber(b []byte, name string, value int64) []byte {
	if value == 0 {
		return b
	}
	return strconv.AppendInt(appendName(b, name), value, 10)
}

// appendPairs adds a field, unless it is empty; names in order.
func appendPairs(b []byte, name string, pairs map[string]string) []byte {
	if len(pairs) == 0 {
		return b
	}
	var room [maxMetadata + 8]string
	names := room[:0]
	for n := range pairs {
		names = append(names, n)
	}
	slices.Sort(names)
	b = append(appendName(b, name), '{')
	for i, n := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, n), ':')
		b = appendString(b, pairs[n])
	}
	return append(b, '}')
}

// appendString adds a string in quotes.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	if plain(s) {
		b = append(b, s...) // as nearly all are
	} else {
		b = appendEscaped(b, s)
	}
	return append(b, '"')
}

// plain tells whether s can stand in JSON as it is: visible ASCII without quotes
// and backslashes. It looks at eight bytes at a time.
func plain(s string) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	var strange uint64
	for ; len(s) >= 8; s = s[8:] {
		w := binary.LittleEndian.Uint64([]byte(s[:8]))
		quote, slash := w^('"'*ones), w^('\\'*ones)
		strange |= w | (w - ' '*ones) | (quote - ones) | (slash - ones) // the top bit: beyond ASCII, below ' ', or equal
	}
	if strange&tops != 0 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// appendEscaped adds s with escapes for what needs them. U+2028 and U+2029 are
// escaped for JavaScript's sake, and what is no UTF-8 is replaced.
func appendEscaped(b []byte, s string) []byte {
	const short, letters = "\"\\\b\f\n\r\t", `"\bfnrt`
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			b = append(b, `\ufffd`...)
		case r == '\u2028' || r == '\u2029':
			b = append(b, `\u202`...)
			b = append(b, "89"[r&1])
		case indexByte(short, r) >= 0:
			b = append(b, '\\', letters[indexByte(short, r)])
		case r < ' ':
			b = append(b, `\u00`...)
			b = append(b, "01"[r>>4], "0123456789abcdef"[r&15])
		default:
			b = append(b, s[i:i+n]...)
		}
		i += n
	}
	return b
}

func indexByte(s string, r rune) int {
	for i := range len(s) {
		if rune(s[i]) == r {
			return i
		}
	}
	return -1
}
