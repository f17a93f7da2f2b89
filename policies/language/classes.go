// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package language

import (
	"strings"

	"thingpass/policies"
)

// Hits tells which patterns match a string.
func Hits(patterns []policies.Glob, s string) []bool {
	m := newMachine(Search{Patterns: patterns})
	state := m.start()
	for _, r := range s {
		state = m.step(state, r)
	}
	return m.hits(state)
}

// Empty looks at the prefix alone.
func (s Search) Empty() (string, bool, error) {
	return s.Prefix, s.Want(Hits(s.Patterns, s.Prefix)), nil
}

// Classes returns a string for each combination of patterns that any string can
// match: one of those that are preferred if it is of that kind, or else the
// shortest. Patterns are lower case, and what is preferred is compared so. Where
// the patterns are too many, it returns what was found by then.
func Classes(patterns []policies.Glob, preferred []string) []string {
	var out []string
	seen := map[string]bool{}
	take := func(hits []bool, s string) {
		var key strings.Builder
		for _, h := range hits {
			key.WriteByte("01"[b2i(h)])
		}
		if !seen[key.String()] {
			seen[key.String()] = true
			out = append(out, s)
		}
	}
	for _, s := range preferred {
		take(Hits(patterns, strings.ToLower(s)), s)
	}
	m := newMachine(Search{Patterns: patterns})
	w := newWalk(m, m.start(), true)
	for i := 0; i < len(w.nodes) && len(w.nodes) < maxStates; i++ {
		take(m.hits(w.nodes[i].state), w.text(i))
		w.from(i)
	}
	return out
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
