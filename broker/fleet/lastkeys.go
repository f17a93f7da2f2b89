// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"slices"
	"strings"
)

const (
	pageFull   = 500 // objects that are worth no further question
	beyond     = 0x80
	afterASCII = "\x7f" // follows whatever is printable
)

// search looks for the greatest keys of a folder, below upper if there is one, by
// asking what follows: S3 tells the next page of any key, but not the page before.
// It settles one character after the other, since low on is a key: after
// low[:at] and a character from most on there is none.
type search struct {
	walk          *walk
	prefix, upper string
	low           string // a key that is there, or the prefix
	at            int
	most          int // a character

	page []Object // up to low, all that there is from its first on
	best []Object // up to upper, all that there is from some key on
	step int      // questions about this character
}

// last returns some of the objects below a prefix that have the greatest keys,
// the greatest first; with upper, of those below it. There are none only if there
// are none in the bucket.
func (w *walk) last(prefix, upper string) ([]Object, error) {
	s := &search{walk: w, prefix: prefix, upper: upper, low: prefix, at: len(prefix)}
	more, err := s.ask(prefix)
	for more && err == nil && len(s.best) < pageFull {
		more, err = s.next()
	}
	if err != nil && len(s.best) == 0 {
		return nil, err
	}
	slices.Reverse(s.best)
	return s.best, nil
}

// ask asks what follows a key, and returns whether that is more than fits a page.
func (s *search) ask(after string) (more bool, err error) {
	page, err := s.walk.list(List{Prefix: s.prefix, After: after})
	if err != nil {
		return false, err
	}
	objects, more := page.Objects, page.More
	if s.upper != "" {
		if end := slices.IndexFunc(objects, func(o Object) bool { return o.Key >= s.upper }); end >= 0 {
			objects, more = objects[:end], false
		}
	}
	if more {
		s.page, s.low = objects, page.Last
	} else if len(objects) > 0 {
		s.best = objects
	}
	return more, nil
}

// join puts what is known up to low and what is known after it together, if there
// is nothing between.
func (s *search) join() bool {
	if len(s.best) == 0 || len(s.page) == 0 || s.low < s.best[0].Key {
		return false
	}
	after := slices.IndexFunc(s.best, func(o Object) bool { return o.Key > s.low })
	if after < 0 {
		after = len(s.best)
	}
	s.best = append(s.page, s.best[after:]...)
	return true
}

// rest takes what follows low, and reports whether that is more than a page.
func (s *search) rest() (bool, error) {
	more, err := s.ask(s.low)
	if err != nil || more {
		return more, err
	}
	if len(s.best) > 0 && s.best[0].Key <= s.low {
		s.join()
	} else {
		s.best = append(s.page, s.best...)
	}
	return false, nil
}

// next asks one more question, and returns whether there are others.
func (s *search) next() (bool, error) {
	if s.at < len(s.low) && s.low[s.at] >= beyond { // no text may end within a character
		return s.rest()
	}
	if s.most == 0 {
		s.most, s.step = s.limit(), 0
	}
	least := ' ' - 1
	if s.at < len(s.low) {
		least = rune(s.low[s.at])
	}
	if s.most-int(least) <= 1 {
		if s.at++; s.at > len(s.low) { // there is nothing to settle any more: what follows is the rest
			return s.rest()
		}
		s.most = 0
		return true, nil
	}
	middle := s.guess(int(least))
	more, err := s.ask(s.low[:s.at] + before(middle))
	if err != nil || more {
		return !s.join(), err
	}
	s.most = middle
	return true, nil
}

// limit is the first character that cannot stand at this place, for upper's sake.
func (s *search) limit() int {
	if s.at < len(s.upper) && strings.HasPrefix(s.upper, s.low[:s.at]) {
		return min(int(s.upper[s.at])+1, beyond)
	}
	return beyond
}

// guess is the character to ask about: first the next one, since much of a key is
// the same in all; then what follows the digits or the letters; then the middle.
func (s *search) guess(least int) int {
	s.step++
	if s.step == 1 {
		return least + 1
	}
	if s.step == 2 {
		for _, end := range []int{'9' + 1, 'Z' + 1, 'z' + 1} {
			if least < end && end < s.most {
				return end
			}
		}
	}
	return least + (s.most-least)/2
}

// before is a text that stands before those that begin with a character, and after
// all that begin with lesser ones.
func before(c int) string {
	if c <= ' ' {
		return ""
	}
	return string(rune(c-1)) + afterASCII
}
