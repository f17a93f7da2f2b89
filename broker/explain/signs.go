// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import "strings"

// sign is something in a log that has one meaning.
type sign struct {
	id   string
	sure Certainty
	// hints are words, in small letters and parted by '|', of which one is
	// wherever look matches: looking for a word is a hundred times as fast.
	hints string
	look  *pattern
	what  string // $1 is the first group
}

const (
	maxHints = 40  // places of one hint that are looked at
	around   = 300 // bytes before and behind a hint
)

// find returns where a sign is, as FindStringSubmatchIndex does, or nil.
func (e *evidence) find(hints string, look *pattern) []int {
	for hint := range strings.SplitSeq(hints, "|") {
		at := 0
		for range maxHints {
			n := strings.Index(e.lower[at:], hint)
			if n < 0 {
				break
			}
			at += n
			start, end := e.window(at, at+len(hint))
			if m := look.FindStringSubmatchIndex(e.text[start:end]); m != nil {
				for i := range m {
					if m[i] >= 0 {
						m[i] += start
					}
				}
				return m
			}
			at += len(hint)
		}
	}
	return nil
}

// window is the line in which something stands, or what of it is around.
func (e *evidence) window(from, to int) (start, end int) {
	start, end = max(0, from-around), min(len(e.text), to+around)
	if n := strings.LastIndexByte(e.text[start:from], '\n'); n >= 0 {
		start += n + 1
	}
	if n := strings.IndexByte(e.text[to:end], '\n'); n >= 0 {
		end = to + n
	}
	return start, end
}

// lowerASCII is s in small letters, each byte in its place.
func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// group is what a match is shown as: its first group, or all of it.
func (e *evidence) group(m []int) (string, int) {
	if len(m) > 3 && m[2] >= 0 {
		return strings.TrimSpace(e.text[m[2]:m[3]]), m[2]
	}
	return strings.TrimSpace(e.text[m[0]:m[1]]), m[0]
}
