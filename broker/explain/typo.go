// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"strings"
)

// nearest is the word that s was meant to be, or s if it is none of them.
func nearest(s string, words ...string) string {
	best, least := s, 3 // at least this many edits make it another word
	for _, w := range words {
		if d := distance(strings.ToLower(s), strings.ToLower(w)); d < least {
			best, least = w, d
		}
	}
	return best
}

// distance is how many letters must be put, taken or changed to make b of a. It
// gives up on long words.
func distance(a, b string) int {
	if len(a) > 40 || len(b) > 40 {
		return 40
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0]++
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost++
			}
			before = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// slip says in words how got differs from want.
func slip(got, want string) string {
	switch {
	case strings.EqualFold(got, want):
		return fmt.Sprintf("`%s` must be written `%s`: the case counts", got, want)
	case len(got)+1 == len(want) && strings.HasPrefix(want, got):
		return fmt.Sprintf("`%s` is missing its last %s: it must be `%s`", got, kindOf(want[len(want)-1]), want)
	case len(got) == len(want)+1 && strings.HasPrefix(got, want):
		return fmt.Sprintf("`%s` has a %s too many at its end: it must be `%s`", got, kindOf(got[len(got)-1]), want)
	}
	return fmt.Sprintf("`%s` must be `%s`", got, want)
}

func kindOf(c byte) string {
	if '0' <= c && c <= '9' {
		return "digit"
	}
	return "letter"
}
