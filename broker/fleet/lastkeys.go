// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import "slices"

// last returns some of the objects below a prefix that have the greatest keys,
// the greatest first; with upper, of those below it. There are none only if there
// are none in the bucket.
//
// It looks for a key after which there is at most one page: by halving what lies
// between, as if keys were numbers.
func (w *walk) last(prefix, upper string) ([]Object, error) {
	low, high := prefix, upper // high "": no limit
	for {
		middle := between(low, high, len(prefix))
		page, err := w.list(List{Prefix: prefix, After: middle})
		if err != nil {
			return nil, err
		}
		objects := page.Objects
		if upper != "" {
			if at := slices.IndexFunc(objects, func(o Object) bool { return o.Key >= upper }); at >= 0 {
				objects, page.More = objects[:at], false
			}
		}
		switch {
		case page.More: // they are further on
			low = page.Last
		case len(objects) > 0:
			slices.Reverse(objects)
			return objects, nil
		case middle == low && low == prefix:
			return nil, nil
		case middle == low: // low itself is the greatest
			high, upper = low+" ", low+" "
			low = prefix
		default: // it may be a key itself
			high = middle + " "
		}
	}
}

const (
	digits  = 9 // that two keys are told apart by
	leastOf = ' '
	numbers = '~' - leastOf + 1
)

// between returns a text in the middle of two that begin with the same prefix, or
// low if there is none. It has printable ASCII only after what they have in common:
// S3 takes nothing that is not UTF-8.
func between(low, high string, prefix int) string {
	same := prefix
	for high != "" && same < len(low) && same < len(high) && low[same] == high[same] {
		same++
	}
	a, b := number(low[same:], 0), int64(0)
	if high == "" {
		b = number("", numbers-1)
	} else {
		b = number(high[same:], 0)
	}
	if b-a < 2 {
		return low
	}
	m := a + (b-a)/2
	text := make([]byte, digits)
	for i := range digits {
		text[digits-1-i] = byte(m%numbers) + leastOf
		m /= numbers
	}
	return low[:same] + string(text)
}

// number reads the first digits of a text, with rest in the place of those that
// are missing.
func number(s string, rest int64) (n int64) {
	for i := range digits {
		digit := rest
		if i < len(s) {
			digit = min(max(int64(s[i])-leastOf, 0), numbers-1)
		}
		n = n*numbers + digit
	}
	return n
}
