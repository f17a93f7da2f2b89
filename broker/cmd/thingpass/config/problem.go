// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// origin is where a setting got its value.
type origin struct {
	file string
	line int
	env  string
}

func (o origin) String() string {
	switch {
	case o.env != "":
		return o.env
	case o.line > 0:
		return fmt.Sprintf("%s:%d", o.file, o.line)
	}
	return o.file
}

type problem struct {
	at   origin
	text string
}

func (p problem) String() string {
	if where := p.at.String(); where != "" {
		return where + ": " + p.text
	}
	return p.text
}

// Errors is everything that is wrong with a configuration, a line for each.
type Errors []problem

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, p := range e {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// sorted puts the file's problems first, in the order of its lines.
func (e Errors) sorted() Errors {
	slices.SortFunc(e, func(a, b problem) int {
		return cmp.Or(cmp.Compare(a.at.env, b.at.env), cmp.Compare(a.at.line, b.at.line), cmp.Compare(a.text, b.text))
	})
	return slices.Compact(e)
}

// nearest returns the candidate that name is most likely a misspelling of, or "".
// The same last part in another section counts as near: it was put in the wrong
// place.
func nearest(name string, candidates []string) string {
	best, least := "", min(max(len(leaf(name))/2, 1), 3)+1
	for _, c := range candidates {
		d := distance(name, c)
		if parent(name) != parent(c) {
			d = min(d, distance(leaf(name), leaf(c))+1)
		}
		if d < least {
			best, least = c, d
		}
	}
	return best
}

// distance is the least number of letters to insert, delete or replace that
// turns a into b; capitals and the two dashes do not matter.
func distance(a, b string) int {
	a, b = fold(a), fold(b)
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

func fold(s string) string { return strings.ReplaceAll(strings.ToLower(s), "-", "_") }
