// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package policies

import (
	"maps"
	"slices"
)

// What follows is for those who reason about all strings at once, instead of
// asking for one: diff and isolate.

// Runes of a Glob beyond those of UTF-8.
const (
	AnyRun = anyRun // any run of characters, the empty one and / included
	AnyOne = anyOne // any one character
)

// A Glob is what a resource covers, once its variables are replaced. Characters
// of their values are never wildcards.
type Glob []rune

// A Rule is a statement that is in force for an action: its conditions hold.
type Rule struct {
	Document  *Document
	Statement int
	Deny      bool
	Inverted  bool // it covers what none of Resources does
	Resources []RuleResource
}

// A RuleResource is one resource of a rule.
type RuleResource struct {
	Written Text
	Glob    Glob
}

// Rules are the statements that Decide looks at for an action, in their order.
// Resources whose variables did not resolve cover nothing, and are left out.
func (s *Session) Rules(action string) []Rule {
	var out []Rule
	for _, e := range s.others(action) {
		r := Rule{Document: e.rule.doc, Statement: e.rule.index, Deny: e.rule.deny, Inverted: e.inverted || e.any}
		for i, p := range e.rule.resources {
			if g, missing := p.resolve(s.ctx); len(missing) == 0 {
				r.Resources = append(r.Resources, RuleResource{e.rule.statement().Resources[i], g.runes()})
			}
		}
		out = append(out, r)
	}
	return out
}

// Context is what policies know while iot:Connect is decided: of the connection,
// and what the CONNECT says besides (connect-policy).
func (r ConnectRequest) Context(at Place, who Principal) Context {
	return r.context(at, who.Context(r.ClientID, r.SourceIP))
}

// IsThingName is true of what AWS IoT takes for the name of a thing.
func IsThingName(s string) bool {
	if len(s) == 0 || len(s) > 128 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != ':' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// Documents are those that the set was compiled from, in their order.
func (s *Set) Documents() []*Document {
	var out []*Document
	for i := range s.rules {
		if d := s.rules[i].doc; len(out) == 0 || out[len(out)-1] != d {
			out = append(out, d)
		}
	}
	return out
}

// IoTActions are the actions that AWS IoT asks of policies, in order.
func IoTActions() []string { return slices.Sorted(maps.Keys(iotActions)) }
