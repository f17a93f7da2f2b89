// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"slices"
	"strings"
	"unicode/utf8"

	"thingpass/policies"
	"thingpass/policies/language"
)

// A pattern is a resource, with its variables as what they are: some text that
// nobody knows beforehand.
type pattern []part

// part is a character, a wildcard, or a variable.
type part struct {
	r        rune   // a character, policies.AnyRun, policies.AnyOne, language.AnyLevel
	variable string // such as "iot:Connection.Thing.ThingName"; "": it is r
}

// newPattern takes text apart as AWS does.
func newPattern(text string) pattern {
	var p pattern
	for text != "" {
		if strings.HasPrefix(text, "${") {
			v, n := readVariable(text)
			if v.literal != 0 {
				p = append(p, part{r: v.literal})
			} else {
				p = append(p, part{variable: v.key})
			}
			text = text[n:]
			continue
		}
		r, n := utf8.DecodeRuneInString(text)
		switch r {
		case '*':
			r = policies.AnyRun
		case '?':
			r = policies.AnyOne
		}
		p = append(p, part{r: r})
		text = text[n:]
	}
	return p
}

// Symbols for variables are taken from Unicode's private use, which no document
// has in it; one that has is judged a bit too harshly.
const firstSymbol = '\uE000'

// symbols gives each variable a rune of its own, so many times as said: the value
// of a variable may have any length from 1.
type symbols struct {
	rune map[string]rune
	long map[string]int
}

func (s symbols) glob(p pattern) policies.Glob {
	g := make(policies.Glob, 0, len(p))
	for _, part := range p {
		if part.variable == "" {
			g = append(g, part.r)
			continue
		}
		for range s.long[part.variable] {
			g = append(g, s.rune[part.variable])
		}
	}
	return g
}

// variables are those of all patterns, each once, in order.
func variables(patterns ...pattern) []string {
	var names []string
	for _, p := range patterns {
		for _, part := range p {
			if part.variable != "" && !slices.Contains(names, part.variable) {
				names = append(names, part.variable)
			}
		}
	}
	return names
}

// maxVariables bounds the combinations of lengths that are tried.
const maxVariables = 4

// assignments are the lengths that matter. A pattern with k question marks tells
// a value of one character from a longer one, and all of more than k alike.
func assignments(patterns []pattern) []symbols {
	names, marks := variables(patterns...), 0
	for _, p := range patterns {
		for _, part := range p {
			if part.r == policies.AnyOne {
				marks++
			}
		}
	}
	s := symbols{map[string]rune{}, map[string]int{}}
	for i, name := range names {
		s.rune[name], s.long[name] = firstSymbol+rune(i), 1
	}
	out := []symbols{s}
	if marks == 0 {
		return out
	}
	for _, name := range names[:min(len(names), maxVariables)] {
		for _, base := range slices.Clone(out) {
			long := map[string]int{}
			for k, v := range base.long {
				long[k] = v
			}
			long[name] = marks + 1
			out = append(out, symbols{s.rune, long})
		}
	}
	return out
}

// covers is true if everything that q covers is covered by one of the others,
// whatever the values of the variables are. Where that is too hard to tell, it is
// false.
func covers(q pattern, others ...pattern) bool {
	candidates := slices.DeleteFunc(slices.Clone(others), func(p pattern) bool { return apart(p, q) })
	if !slices.ContainsFunc(candidates, pattern.counts) {
		return slices.ContainsFunc(candidates, func(p pattern) bool { return p.absorbs(q) })
	}
	if len(candidates) > maxTogether { // together they might cover what none does: that is not found out
		return slices.ContainsFunc(candidates, func(p pattern) bool { return covers(q, p) })
	}
	if hard([]pattern{q}) || hard(candidates) {
		return false
	}
	for _, s := range assignments(append([]pattern{q}, candidates...)) {
		search := language.Search{Patterns: []policies.Glob{s.glob(q)}, Want: func(hits []bool) bool {
			return hits[0] && !slices.Contains(hits[1:], true)
		}}
		for _, p := range candidates {
			search.Patterns = append(search.Patterns, s.glob(p))
		}
		if _, found, err := search.Shortest(); found || err != nil {
			return false
		}
	}
	return true
}

// What can be compared in a moment: beyond it, a document could keep the linter
// busy for minutes. Ours have no ? at all.
const (
	maxMarks    = 8 // question marks, on either side
	maxTogether = 8 // patterns
)

// hard is true of patterns with more question marks than can be compared.
func hard(patterns []pattern) bool {
	marks := 0
	for _, p := range patterns {
		for _, x := range p {
			if x.r == policies.AnyOne && x.variable == "" {
				marks++
			}
		}
	}
	return marks > maxMarks
}

// counts is true of a pattern with wildcards that take some texts and not others.
func (p pattern) counts() bool {
	return slices.ContainsFunc(p, func(x part) bool { return x.wild() && x.r != policies.AnyRun })
}

// absorbs is covers where p has no wildcards but *. Put letters that occur nowhere
// in the place of q's wildcards and variables: only a * of p can match them, and
// that then matches whatever they stand for. So one pattern has to cover all of q,
// even where there are several, and no search is needed.
func (p pattern) absorbs(q pattern) bool {
	i, j, star, from := 0, 0, -1, 0
	for j < len(q) {
		switch {
		case i < len(p) && p[i].wild():
			star, from = i, j
			i++
		case i < len(p) && p[i] == q[j] && !q[j].wild():
			i, j = i+1, j+1
		case star >= 0:
			from++
			i, j = star+1, from
		default:
			return false
		}
	}
	for i < len(p) && p[i].wild() {
		i++
	}
	return i == len(p)
}

// common is a string that both cover for some values of the variables that are
// all different; false if there is none. Where that is too hard to tell, it is true.
func common(a, b pattern) (string, bool) {
	if apart(a, b) {
		return "", false
	}
	if hard([]pattern{a, b}) {
		return "", true
	}
	for _, s := range assignments([]pattern{a, b}) {
		search := language.Search{Patterns: []policies.Glob{s.glob(a), s.glob(b)}, Want: func(hits []bool) bool { return hits[0] && hits[1] }}
		if text, found, err := search.Shortest(); found && err == nil {
			return text, true
		}
	}
	return "", false
}

// apart is true if the patterns differ before their first wildcard: the quick
// answer for most pairs.
func apart(a, b pattern) bool {
	for i := range min(len(a), len(b)) {
		if a[i].wild() || b[i].wild() {
			return false
		}
		if a[i] != b[i] {
			return true
		}
	}
	return len(a) != len(b) && !slices.ContainsFunc(longer(a, b)[min(len(a), len(b)):], part.wild)
}

func longer(a, b pattern) pattern {
	if len(a) > len(b) {
		return a
	}
	return b
}

func (p part) wild() bool { return p.variable == "" && p.r < 0 }

// anything is true of a pattern without a character or variable of its own.
func (p pattern) anything() bool {
	return len(p) > 0 && !slices.ContainsFunc(p, func(x part) bool { return !x.wild() })
}

// topics are those that a topic filter of a policy stands for: + and # are what
// MQTT takes them for, and a shared subscription is what stands behind its group.
func (p pattern) topics() pattern {
	if rest, shared := p.cut("$share/"); shared {
		i := slices.IndexFunc(rest, func(x part) bool { return x.variable == "" && x.r == '/' })
		p = rest[i+1:]
	}
	out := slices.Clone(p)
	for i, x := range out {
		switch {
		case x.variable != "":
		case x.r == '+':
			out[i].r = language.AnyLevel
		case x.r == '#':
			out[i].r = policies.AnyRun
		}
	}
	return out
}

// cut returns what stands behind a prefix.
func (p pattern) cut(prefix string) (pattern, bool) {
	want := newPattern(prefix)
	if len(p) < len(want) || !slices.Equal(p[:len(want)], want) {
		return p, false
	}
	return p[len(want):], true
}

// levels turns each * that is a whole level into one level: what people mean, who
// have no other wildcard for it.
func (p pattern) levels() pattern {
	out := slices.Clone(p)
	slash := func(i int) bool { return i < 0 || i >= len(p) || p[i].variable == "" && p[i].r == '/' }
	for i := range out {
		if out[i].wild() && slash(i-1) && slash(i+1) {
			out[i].r = language.AnyLevel
		}
	}
	return out
}
