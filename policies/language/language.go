// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package language reasons about all strings that patterns cover, not about
// samples: it finds the shortest string of which something holds, or proves that
// there is none.
//
// Patterns are policies' globs, so that a set of strings is a regular language.
// All patterns are run side by side as one automaton; a breadth-first walk over
// its states reaches every combination of matches that any string can have. What
// is not found does not exist. The refused alternative, trying instances of the
// wildcards, is faster to write and misses what nobody thought of.
package language

import (
	"errors"
	"slices"
	"strings"

	"thingpass/policies"
)

// AnyLevel is a rune of patterns beside those of package policies: any run of
// characters without a slash, as + in a topic filter.
const AnyLevel rune = -3

// maxStates bounds time and memory. Ours need a few hundred.
const maxStates = 60_000

// ErrTooLarge means that the patterns together have too many states to be walked.
var ErrTooLarge = errors.New("the patterns have too many wildcards to be compared in full")

// A Search describes the string that is looked for.
type Search struct {
	Patterns []policies.Glob
	Prefix   string                 // it begins so,
	Without  string                 // has none of these characters behind that,
	NonEmpty bool                   // but something,
	Want     func(hits []bool) bool // and this is true of which patterns match it
}

// Shortest returns such a string, or false if there is none at all.
func (s Search) Shortest() (string, bool, error) {
	m := newMachine(s)
	start := m.start()
	for _, r := range s.Prefix {
		start = m.step(start, r)
	}
	w := newWalk(m, start, !s.NonEmpty) // else the start may be reached again, by a character
	hits := make([]bool, len(s.Patterns))
	for i := 0; i < len(w.nodes); i++ {
		if (i > 0 || !s.NonEmpty) && s.Want(m.hitsInto(hits, w.nodes[i].state)) {
			return s.Prefix + w.text(i), true, nil
		}
		w.from(i)
		if len(w.nodes) > maxStates {
			return "", false, ErrTooLarge
		}
	}
	return "", false, nil
}

// node is a state that was reached, and how.
type node struct {
	state  bits
	parent int
	by     rune
}

// walk goes through the states, breadth first.
type walk struct {
	machine *machine
	nodes   []node
	seen    map[string]struct{}
	scratch bits
	key     []byte
}

func newWalk(m *machine, start bits, seen bool) *walk {
	w := &walk{machine: m, nodes: []node{{state: start, parent: -1}}, seen: map[string]struct{}{}, scratch: newBits(m.size)}
	if seen {
		w.seen[string(start.key(nil))] = struct{}{}
	}
	return w
}

// from adds what is reached from a node by one character.
func (w *walk) from(i int) {
	for _, r := range w.machine.next(w.nodes[i].state) {
		w.machine.stepInto(w.scratch, w.nodes[i].state, r)
		w.key = w.scratch.key(w.key)
		if _, known := w.seen[string(w.key)]; !known {
			w.seen[string(w.key)] = struct{}{}
			w.nodes = append(w.nodes, node{slices.Clone(w.scratch), i, r})
		}
	}
}

func (w *walk) text(i int) string {
	var runes []rune
	for ; w.nodes[i].parent >= 0; i = w.nodes[i].parent {
		runes = append(runes, w.nodes[i].by)
	}
	slices.Reverse(runes)
	return string(runes)
}

// Match is true if a pattern covers all of a string.
func Match(pattern policies.Glob, s string) bool {
	m := newMachine(Search{Patterns: []policies.Glob{pattern}})
	state := m.start()
	for _, r := range s {
		state = m.step(state, r)
	}
	return m.hits(state)[0]
}

// Begins is how many bytes of s a pattern can go along with: all that is left of
// it might still match.
func Begins(pattern policies.Glob, s string) int {
	m := newMachine(Search{Patterns: []policies.Glob{pattern}})
	state := m.start()
	for i, r := range s {
		if state = m.step(state, r); state.empty() {
			return i
		}
	}
	return len(s)
}

// Filter is the pattern of the topics that a topic filter stands for, at AWS
// IoT: "a/#" does not match "a" there. Of a shared subscription it is what
// stands behind the group.
func Filter(filter string) policies.Glob {
	if rest, shared := strings.CutPrefix(filter, "$share/"); shared {
		_, filter, _ = strings.Cut(rest, "/")
	}
	var g policies.Glob
	for _, r := range filter {
		switch r {
		case '+':
			g = append(g, AnyLevel)
		case '#':
			g = append(g, policies.AnyRun)
		default:
			g = append(g, r)
		}
	}
	return g
}

// Text is the glob of a string with * and ? as wildcards, as people write it.
func Text(s string) policies.Glob {
	var g policies.Glob
	for _, r := range s {
		switch r {
		case '*':
			g = append(g, policies.AnyRun)
		case '?':
			g = append(g, policies.AnyOne)
		default:
			g = append(g, r)
		}
	}
	return g
}

// Literal is the glob of one string.
func Literal(s string) policies.Glob { return policies.Glob([]rune(s)) }

// Fill is a string that a glob matches: each run is what is given, and any other
// character an x.
func Fill(g policies.Glob, run string) string {
	var b strings.Builder
	for _, r := range g {
		switch r {
		case policies.AnyRun, AnyLevel:
			b.WriteString(run)
		case policies.AnyOne:
			b.WriteByte('x')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Show is a glob as people write it.
func Show(g policies.Glob) string {
	var b strings.Builder
	for _, r := range g {
		switch r {
		case policies.AnyRun:
			b.WriteByte('*')
		case policies.AnyOne:
			b.WriteByte('?')
		case AnyLevel:
			b.WriteByte('+')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
