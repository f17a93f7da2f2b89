// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package policies

import (
	"slices"
	"strings"
)

// An Explanation is a decision with the part that each statement had in it.
type Explanation struct {
	Result
	Action, Resource string
	// Missing are AWS's missingContextValues: what statements of this action ask
	// for and this connection does not have, as it is written in the policies.
	Missing    []string
	Statements []Trace // of all documents, in their order
}

// A Trace is what one statement made of a request.
type Trace struct {
	Document   *Document
	Statement  int
	Principal  bool // it speaks of this principal
	Action     bool // it speaks of this action
	Resources  []ResourceTrace
	Conditions []ConditionTrace
	Applies    bool // all of it holds: an Allow allows, a Deny denies
}

// A ResourceTrace is what became of a resource as the document has it.
type ResourceTrace struct {
	Written  Text
	Resolved string   // with variables replaced
	Missing  []string // variables that did not resolve: it matches nothing
	Matches  bool
}

// A ConditionTrace is what became of one key of a condition.
type ConditionTrace struct {
	Condition Condition
	Actual    []string // what the request has
	Present   bool     // it has the key at all
	Missing   []string
	Holds     bool
}

// Explain decides as Decide does, and tells why. It is for people: it takes its
// time.
func (s *Session) Explain(action, arn string) Explanation {
	x := Explanation{Result: s.Decide(action, arn), Action: action, Resource: arn}
	asked := s.set.world != IoT || fits(action, []byte(arn))
	for i := range s.set.rules {
		t := s.set.rules[i].trace(s.ctx, action, arn)
		t.Applies = t.Applies && asked
		if t.Action {
			x.note(t)
		}
		x.Statements = append(x.Statements, t)
	}
	return x
}

// note collects what was missing.
func (x *Explanation) note(t Trace) {
	add := func(names []string) {
		for _, n := range names {
			if !slices.Contains(x.Missing, n) {
				x.Missing = append(x.Missing, n)
			}
		}
	}
	for _, r := range t.Resources {
		add(r.Missing)
	}
	for _, c := range t.Conditions {
		add(c.Missing)
	}
}

func (r *rule) trace(ctx Context, action, arn string) Trace {
	s := r.statement()
	t := Trace{Document: r.doc, Statement: r.index, Principal: s.isFor(ctx), Action: r.covers(strings.ToLower(action))}
	t.Applies = t.Principal && t.Action
	for i := range r.conditions {
		c := &r.conditions[i]
		ct := ConditionTrace{Condition: s.Conditions[i]}
		ct.Actual, ct.Present = ctx.Lookup(c.key)
		ct.Holds, ct.Missing = c.holds(ctx)
		t.Applies = t.Applies && ct.Holds
		t.Conditions = append(t.Conditions, ct)
	}
	for i, p := range r.resources {
		g, missing := p.resolve(ctx)
		rt := ResourceTrace{Written: s.Resources[i], Resolved: g.String(), Missing: missing}
		rt.Matches = len(missing) == 0 && g.match([]byte(arn))
		t.Resources = append(t.Resources, rt)
	}
	if t.Applies {
		e := r.resolve(ctx)
		t.Applies = e != nil && e.match([]byte(arn))
	}
	return t
}

// Summary is one line for a log: the decision, what was asked, the statement
// that decided or the variables that were missing.
func (x *Explanation) Summary() string {
	_, resource, _ := strings.Cut(x.Resource, ":iot:")
	if parts := strings.SplitN(resource, ":", 3); len(parts) == 3 {
		resource = parts[2]
	} else {
		resource = x.Resource
	}
	s := x.Decision.String() + " " + x.Action + " " + resource
	switch {
	case x.Document != nil:
		s += ": by " + x.Document.Name + ": " + x.Document.Label(x.Statement)
	case len(x.Missing) > 0:
		s += ": no statement allows it; did not resolve: " + strings.Join(x.Missing, ", ")
	default:
		s += ": no statement allows it"
	}
	return s
}
