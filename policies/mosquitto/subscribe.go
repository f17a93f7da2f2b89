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

// subscriptions notes the filters that a statement allows. What cannot be said
// brings nothing.
func (s *section) subscriptions(doc *policies.Document, i int) {
	st := &doc.Statements[i]
	if st.Effect.Value != "Allow" || !doc.Covers(i, "iot:Subscribe") || obstacle(st) != "" {
		return
	}
	for _, resource := range st.Resources {
		pieces, err := resourceOf(doc, resource.Value, s.at, "topicfilter/")
		if err != nil {
			continue
		}
		levels, err := levelsOf(pieces, s)
		if err != nil {
			continue
		}
		for _, filter := range expand(shared(levels), s.most) {
			s.filters = append(s.filters, strings.Split(filter, "/"))
		}
	}
}

// shared takes the group off a shared subscription, and makes # what it is at
// AWS: one level or more, never the parent (page mqtt, "differences").
func shared(levels []level) []level {
	out := slices.Clone(levels)
	if len(out) > 2 && out[0].text == "$share" {
		out = out[2:]
	}
	if last := len(out) - 1; out[last].text == "#" {
		out[last] = level{star: true}
	}
	return out
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
