// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package language

import "thingpass/policies"

// Rights decide as policies.Session does, by which patterns of a search match.
type Rights struct {
	Rules []policies.Rule
	first []int // of each rule's resources, in the patterns
}

// NewRights adds the rules' resources to the patterns of a search.
func NewRights(rules []policies.Rule, patterns *[]policies.Glob) Rights {
	r := Rights{Rules: rules}
	for _, rule := range rules {
		r.first = append(r.first, len(*patterns))
		for _, resource := range rule.Resources {
			*patterns = append(*patterns, resource.Glob)
		}
	}
	return r
}

// Pattern is the place of a rule's resource among the patterns.
func (r Rights) Pattern(rule, resource int) int { return r.first[rule] + resource }

// Covers is true if the rule speaks of the string.
func (r Rights) Covers(rule int, hits []bool) bool {
	for i := range r.Rules[rule].Resources {
		if hits[r.first[rule]+i] {
			return !r.Rules[rule].Inverted
		}
	}
	return r.Rules[rule].Inverted
}

// Decide names the rule, or -1 where none speaks of the string. Denials come
// first in the rules.
func (r Rights) Decide(hits []bool) (policies.Decision, int) {
	for i := range r.Rules {
		switch {
		case !r.Covers(i, hits):
		case r.Rules[i].Deny:
			return policies.ExplicitDeny, i
		default:
			return policies.Allowed, i
		}
	}
	return policies.ImplicitDeny, -1
}

// Allowed is true if the decision is.
func (r Rights) Allowed(hits []bool) bool {
	d, _ := r.Decide(hits)
	return d == policies.Allowed
}
