// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const maxKey = 1024 // bytes, S3

// A layout says how the keys of a kind look: path segments of which the first is
// the thing's name, the second the kind's, and the last begins with the id. So no
// two things or kinds share a key, and a key can be taken apart in one way only.
//
// Free placement would allow more layouts, and with them keys that belong to two
// kinds at once.
type layout struct {
	middle []string // segments between kind and id: plain text and date fields
	suffix string   // after {id}: "", ".{ext}" or plain text that begins with "."
}

const layoutStart = "{thing}/{kind}/"

func parseLayout(s string) (layout, error) {
	rest, found := strings.CutPrefix(s, layoutStart)
	if !found {
		return layout{}, fmt.Errorf("must begin with %q: a thing has nothing outside its own prefix, and no two kinds share a key", layoutStart)
	}
	segments := strings.Split(rest, "/")
	last := segments[len(segments)-1]
	suffix, found := strings.CutPrefix(last, "{id}")
	if !found {
		return layout{}, errors.New(`must have a last segment that begins with "{id}", such as "{id}.{ext}"`)
	}
	if suffix != "" && suffix != ".{ext}" && (suffix[0] != '.' || !plainSegment(suffix[1:])) {
		return layout{}, fmt.Errorf(`may have only "", ".{ext}" or "." and plain text after "{id}", not %q`, suffix)
	}
	l := layout{middle: segments[:len(segments)-1], suffix: suffix}
	for _, segment := range l.middle {
		if !plainSegment(dates.Replace(segment)) {
			return layout{}, fmt.Errorf(`has the segment %q: only letters, digits, ".", "_", "-", {yyyy}, {mm} and {dd} may stand there`, segment)
		}
	}
	return l, nil
}

// dates turns date fields into digits of the same width.
var dates = strings.NewReplacer("{yyyy}", "0000", "{mm}", "00", "{dd}", "00")

func plainSegment(s string) bool {
	if s == "." || s == ".." {
		return false
	}
	return validName(s, maxKey, func(c byte) bool { return alphanumeric(c) || strings.IndexByte("._-", c) >= 0 })
}

// key returns the key of an object [P-3.1]. Its parts are valid names.
func (l layout) key(thing, kind, id, ext string, day time.Time) string {
	buf := l.appendPrefix(make([]byte, 0, 128), thing, kind, day)
	buf = append(buf, id...)
	return string(append(buf, l.after(ext)...))
}

// appendPrefix appends what stands before the id: it ends with a slash.
func (l layout) appendPrefix(buf []byte, thing, kind string, day time.Time) []byte {
	buf = append(append(buf, thing...), '/')
	buf = append(append(buf, kind...), '/')
	for _, segment := range l.middle {
		buf = append(appendSegment(buf, segment, day), '/')
	}
	return buf
}

// after returns what stands behind the id.
func (l layout) after(ext string) string {
	if l.suffix == ".{ext}" {
		return "." + ext
	}
	return l.suffix
}

func appendSegment(buf []byte, segment string, day time.Time) []byte {
	year, month, date := day.Date()
	for segment != "" {
		switch {
		case strings.HasPrefix(segment, "{yyyy}"):
			buf, segment = appendDigits(buf, year, 4), segment[len("{yyyy}"):]
		case strings.HasPrefix(segment, "{mm}"):
			buf, segment = appendDigits(buf, int(month), 2), segment[len("{mm}"):]
		case strings.HasPrefix(segment, "{dd}"):
			buf, segment = appendDigits(buf, date, 2), segment[len("{dd}"):]
		default:
			buf, segment = append(buf, segment[0]), segment[1:]
		}
	}
	return buf
}

func appendDigits(buf []byte, n, width int) []byte {
	for div := pow10(width - 1); div > 0; div /= 10 {
		buf = append(buf, byte('0'+n/div%10))
	}
	return buf
}

func pow10(n int) int {
	p := 1
	for range n {
		p *= 10
	}
	return p
}

// parse takes a key of this layout apart: parse(key(…)) gives back the id.
// Everything that key would not have made is an error [P-3.3].
func (l layout) parse(key, thing, kind, ext string) (id string, err error) {
	if len(key) > maxKey {
		return "", fmt.Errorf("a key has at most %d bytes, this has %d", maxKey, len(key))
	}
	segments := strings.Split(key, "/")
	if len(segments) != len(l.middle)+3 || segments[0] != thing || segments[1] != kind {
		return "", errors.New("not a key of this thing and kind")
	}
	day, err := l.parseDay(segments[2 : len(segments)-1])
	if err != nil {
		return "", err
	}
	id, _, _ = strings.Cut(segments[len(segments)-1], ".")
	if !validID(id) || l.key(thing, kind, id, ext, day) != key {
		return "", errors.New("not a key of this thing, kind and type")
	}
	return id, nil
}

// parseDay reads the date fields of the middle segments; fields that the layout
// does not name are those of some valid day.
func (l layout) parseDay(segments []string) (time.Time, error) {
	year, month, date := 2000, 1, 1
	for i, segment := range l.middle {
		if len(dates.Replace(segment)) != len(segments[i]) {
			return time.Time{}, errors.New("not a key of this layout")
		}
		year = field(segment, segments[i], "{yyyy}", year)
		month = field(segment, segments[i], "{mm}", month)
		date = field(segment, segments[i], "{dd}", date)
	}
	day := time.Date(year, time.Month(month), date, 0, 0, 0, 0, time.UTC)
	if y, m, d := day.Date(); y != year || int(m) != month || d != date {
		return time.Time{}, errors.New("a key with a date that does not exist")
	}
	return day, nil
}

// field reads one date field of a segment; what is not a number becomes 0, which
// is no valid month, day or equal year.
func field(segment, value, name string, otherwise int) int {
	before, _, found := strings.Cut(segment, name)
	if !found {
		return otherwise
	}
	at := len(dates.Replace(before))
	n, err := strconv.ParseUint(value[at:at+len(name)-2], 10, 32)
	if err != nil {
		return 0
	}
	return int(n)
}
