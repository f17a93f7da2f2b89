// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mosquitto

import (
	"slices"
	"strings"

	"thingpass/policies"
)

// Mosquitto lets everybody subscribe to everything, and asks the list for each
// message. So a message that no allowed subscription could bring is withheld
// there: read lines are those topics that iot:Receive allows and an allowed
// filter covers.

// subscriptions notes the filters that a statement allows, and no Deny may cover.
// What cannot be said brings nothing.
func (s *section) subscriptions(docs []*policies.Document, doc *policies.Document, i int) {
	st := &doc.Statements[i]
	if st.Effect.Value != "Allow" || !doc.Covers(i, "iot:Subscribe") || obstacle(st) != "" {
		return
	}
	for _, resource := range st.Resources {
		for _, t := range s.targets(doc, resource.Value, "topicfilter/") {
			if t.err != nil {
				continue
			}
			for _, filter := range expand(t.levels, s.most+len("$share/group")) {
				if !s.mayBeDenied(docs, filter) {
					s.filters = append(s.filters, brings(strings.Split(filter, "/"))...)
				}
			}
		}
	}
}

// brings are the topics, in levels, that a filter brings. The group of a shared
// subscription is taken off, and # is what it is at AWS: one level or more, never
// the parent (page mqtt, "differences").
func brings(filter []string) [][]string {
	if len(filter) > 2 && filter[0] == "$share" {
		filter = filter[2:]
	}
	last := len(filter) - 1
	for i, l := range filter {
		if l != "+" && strings.ContainsAny(l, "+#") && (l != "#" || i < last) {
			return nil // no server takes it
		}
	}
	if filter[last] != "#" {
		return [][]string{filter}
	}
	var out [][]string
	for n := 1; last+n <= maxLevels; n++ {
		out = append(out, append(slices.Clone(filter[:last]), slices.Repeat([]string{"+"}, n)...))
	}
	return out
}

// mayBeDenied is true if a Deny may cover the filter, whoever subscribes.
func (s *section) mayBeDenied(docs []*policies.Document, filter string) bool {
	asked := filterGlob(filter)
	for _, doc := range docs {
		for i := range doc.Statements {
			st := &doc.Statements[i]
			if st.Effect.Value == "Deny" && doc.Covers(i, "iot:Subscribe") && s.overlaps(doc, st, asked) {
				return true
			}
		}
	}
	return false
}

func (s *section) overlaps(doc *policies.Document, st *policies.Statement, asked []rune) bool {
	if st.NotResource {
		return true
	}
	for _, resource := range st.Resources {
		rests, err := behind(doc.Pieces(resource.Value), s.at.ARN("topicfilter/"))
		if err != nil {
			return true
		}
		for _, rest := range rests {
			if overlap(asked, glob(rest)) {
				return true
			}
		}
	}
	return false
}

// filterGlob is a filter with %u and %c, which may be anything.
func filterGlob(filter string) []rune {
	var out []rune
	for i, l := range strings.Split(filter, "/") {
		if i > 0 {
			out = append(out, '/')
		}
		if l == "%u" || l == "%c" {
			out = append(out, policies.AnyRun)
		} else {
			out = append(out, []rune(l)...)
		}
	}
	return out
}

// glob is a pattern with variables, which may be anything.
func glob(pieces []policies.Piece) []rune {
	var out []rune
	for _, p := range pieces {
		switch p.Kind {
		case policies.Literal:
			out = append(out, []rune(p.Text)...)
		case policies.AnyOneOf:
			out = append(out, policies.AnyOne)
		default:
			out = append(out, policies.AnyRun)
		}
	}
	return out
}

// overlap is true if a string is covered by both. Its time is bounded by the
// product of the lengths.
func overlap(a, b []rune) bool {
	seen := make([]bool, (len(a)+1)*(len(b)+1))
	var from func(i, j int) bool
	from = func(i, j int) bool {
		at := i*(len(b)+1) + j
		if i == len(a) && j == len(b) {
			return true
		}
		if seen[at] {
			return false
		}
		seen[at] = true
		inA, inB := i < len(a), j < len(b)
		runA, runB := inA && a[i] == policies.AnyRun, inB && b[j] == policies.AnyRun
		switch {
		case runA:
			return from(i+1, j) || inB && from(i, j+1)
		case runB:
			return from(i, j+1) || inA && from(i+1, j)
		}
		return inA && inB && (a[i] == b[j] || a[i] == policies.AnyOne || b[j] == policies.AnyOne) && from(i+1, j+1)
	}
	return from(0, 0)
}

// reachable are the topics that may come through: of messages to the client,
// those that a filter brings.
func (s *section) reachable(access string, topics []string) []string {
	if access == "write" {
		return topics
	}
	var out []string
	for _, topic := range topics {
		levels := strings.Split(topic, "/")
		for _, filter := range s.filters {
			if both, ok := intersect(levels, filter); ok && !slices.Contains(out, both) {
				out = append(out, both)
			}
		}
	}
	return withoutCovered(out)
}

// intersect is what both cover; + covers one level, whatever it is.
func intersect(a, b []string) (string, bool) {
	if len(a) != len(b) || (a[0] == "+" && strings.HasPrefix(b[0], "$")) || (b[0] == "+" && strings.HasPrefix(a[0], "$")) {
		return "", false
	}
	out := make([]string, len(a))
	for i := range a {
		switch {
		case a[i] == b[i], b[i] == "+":
			out[i] = a[i]
		case a[i] == "+":
			out[i] = b[i]
		default:
			return "", false
		}
	}
	return strings.Join(out, "/"), true
}

// withoutCovered drops topics that another one covers.
func withoutCovered(topics []string) []string {
	var out []string
	for _, t := range topics {
		covered := slices.ContainsFunc(topics, func(o string) bool {
			both, ok := intersect(strings.Split(t, "/"), strings.Split(o, "/"))
			return o != t && ok && both == t
		})
		if !covered {
			out = append(out, t)
		}
	}
	return out
}
