// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"cmp"
	"encoding/hex"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"thingpass/broker"
)

// packed is an entry of a thing as it is kept: a third of the memory that a
// broker.Entry takes. Of two at the same time the one with the greater data is the
// newer, so that all replicas have one order.
type packed struct {
	at   int64 // Unix nanoseconds
	data string
}

func (p packed) compare(q packed) int {
	return cmp.Or(cmp.Compare(p.at, q.at), strings.Compare(p.data, q.data))
}

const (
	maxReason = 300 // bytes of an entry that are kept
	maxField  = 128
)

// fields are the texts of an entry that are kept, in the order of their bits.
func fields(e *broker.Entry) [14]*string {
	return [...]*string{&e.Request, &e.ID, &e.Mode, &e.Form, &e.AccessKeyID, &e.Kind, &e.Key, &e.KeyPrefix, &e.ContentType,
		&e.SHA256, &e.Parts, &e.Actor, (*string)(&e.Code), &e.Reason}
}

const (
	fieldKey    = 6
	fieldPrefix = 7
	fieldSHA256 = 9
	fieldReason = 13
)

// pack returns the entry of a thing, without its name, its time and its upload id.
// buf is lent.
func pack(e *broker.Entry, buf []byte) (string, []byte) {
	enc := encoder{b: buf[:0]}
	var bits uint64
	list := fields(e)
	for i, s := range list {
		if *s != "" {
			bits |= 1 << i
		}
	}
	enc.uint(bits)
	for i, s := range list {
		if *s != "" {
			enc.text(shorten(i, *s, e.Thing))
		}
	}
	enc.int(e.Size)
	enc.int(e.ExpiresAt)
	enc.int(e.Micros)
	return string(enc.b), enc.b
}

// shorten makes a field as short as it can be, or has to be. What a key begins with
// is known; a checksum is half as long in binary.
func shorten(field int, s, thing string) string {
	switch field {
	case fieldKey, fieldPrefix:
		if rest, own := strings.CutPrefix(s, thing); own && strings.HasPrefix(rest, "/") {
			s = rest
		}
		return cut(s, maxText)
	case fieldReason:
		return cut(s, maxReason)
	case fieldSHA256:
		if sum, ok := checksum(s); ok {
			return string(sum[:])
		}
	}
	return cut(s, maxField)
}

// checksum reads 32 bytes that unpack writes again as they are here: in lower case.
func checksum(s string) (sum [32]byte, ok bool) {
	if len(s) != 2*len(sum) {
		return sum, false
	}
	for i := range len(s) {
		if c := s[i]; c < '0' || c > '9' && c < 'a' || c > 'f' {
			return sum, false
		}
	}
	_, err := hex.Decode(sum[:], []byte(s))
	return sum, err == nil
}

// unpack gives the entry back.
func (p packed) unpack(thing string) broker.Entry {
	e := broker.Entry{Time: moment(p.at), Thing: thing}
	d := decodeText(p.data)
	bits := d.uint()
	for i, s := range fields(&e) {
		if bits&(1<<i) != 0 {
			*s = d.text()
		}
	}
	if strings.HasPrefix(e.Key, "/") {
		e.Key = thing + e.Key
	}
	if strings.HasPrefix(e.KeyPrefix, "/") {
		e.KeyPrefix = thing + e.KeyPrefix
	}
	if len(e.SHA256) == 32 {
		e.SHA256 = hex.EncodeToString([]byte(e.SHA256))
	}
	e.Size, e.ExpiresAt, e.Micros = d.int(), d.int(), d.int()
	return e
}

// keep inserts p in its place, and drops the oldest of more than limit.
func keep(list []packed, p packed, limit int) []packed {
	at := len(list)
	if at > 0 && list[at-1].compare(p) >= 0 { // most come in order
		at, _ = slices.BinarySearchFunc(list, p, packed.compare)
	}
	if len(list) < limit {
		return slices.Insert(list, at, p)
	}
	if at == 0 {
		return list
	}
	copy(list, list[1:at])
	list[at-1] = p
	return list
}

// cut shortens text to n bytes, at the end of a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// moment is the time of Unix nanoseconds; zero is the zero time.
func moment(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}

// nanos is the other way round. Times that nanoseconds cannot tell are zero.
func nanos(t time.Time) int64 {
	if year := t.Year(); year < 1971 || year > 2200 {
		return 0
	}
	return t.UnixNano()
}
