// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package isolate

import (
	"fmt"
	"slices"
	"strings"

	"thingpass/policies"
	"thingpass/policies/contract"
	"thingpass/policies/explain"
)

// trials are what is tried of another thing's: contract topics are told by their
// verbs, and {thing} is the other's name.
type trials struct {
	claim Claim
	ops   []explain.Operation
	named map[string][]explain.Operation // by the other's name
}

// of are the trials of what belongs to a name.
func (t *trials) of(name string) []explain.Operation {
	if ops := t.named[name]; ops != nil {
		return ops
	}
	ops := slices.Clone(t.ops)
	for i := range ops {
		ops[i].Name = contract.For(name, ops[i].Name)
	}
	if len(t.named) >= 1000 { // names of a large registry come once or twice each
		clear(t.named)
	}
	t.named[name] = ops
	return ops
}

// newTrials takes the claim's topics, with the levels that the contract has below
// names, and everything that is like them.
func newTrials(c Claim, iam bool) *trials {
	t := &trials{claim: c, named: map[string][]explain.Operation{}}
	add := func(name string, verbs ...string) {
		for _, verb := range verbs {
			t.ops = append(t.ops, explain.Operation{Verb: verb, Name: name})
		}
	}
	for i, own := range c.Topics {
		below := strings.TrimSuffix(own, "#")
		levels := []string{"x"}
		if i == 0 {
			levels = append(levels, c.Levels...)
		}
		for _, level := range levels {
			add(below+level, explain.Publish, explain.Receive, explain.Subscribe)
		}
		add(below+levels[len(levels)-1], explain.Retain)
		add(strings.TrimSuffix(below, "/"), explain.Publish, explain.Subscribe)
		add(own, explain.Subscribe)
		add(below+"+", explain.Subscribe)
		add("$share/g/"+own, explain.Subscribe)
	}
	for _, key := range c.Keys {
		if iam {
			add(strings.TrimSuffix(key, "#")+"a.jpg", "s3:PutObject", "s3:GetObject")
			add(strings.TrimSuffix(key, "/#"), "s3:PutObject")
		}
	}
	return t
}

// client is who tries, under its own name or another's.
type client struct {
	*explain.Bench
	connect func(clientID string) policies.Result
}

// pair tries all of b's that the claim knows as a, who comes under its own name,
// and to connect under b's.
func (p *Proof) pair(t *trials, a client, b string) {
	own := a.Identity().Who.Thing.Name
	p.Pairs++
	p.Decisions += 1 + len(t.ops)
	if r := a.connect(b); r.Allowed() {
		p.tried(a, explain.Operation{Verb: explain.Connect}, r, own, b)
	}
	for _, op := range t.of(b) {
		if r := a.Decide(op); r.Allowed() && !t.claim.shared(op) {
			p.tried(a, op, r, own, b)
		}
	}
}

// tried is a leak that was found by trying.
func (p *Proof) tried(a client, op explain.Operation, r policies.Result, own, other string) {
	d := r.Document
	s := &d.Statements[r.Statement]
	where := fmt.Sprintf("%s (%s:%s)", d.Label(r.Statement), d.Name, s.Pos)
	if slices.ContainsFunc(p.Leaks, func(l Leak) bool { return l.Action == op.Action() && l.Statement == where }) {
		return // which the proof has found before
	}
	l := Leak{
		Who: "thing " + own, Action: op.Action(), Example: op.Name, Other: other, Statement: where, Resource: covering(s, a, op),
		Why: "it was tried, and is allowed", Fix: "bind the statement to the thing's name, as a whole level",
	}
	if op.Verb == explain.Connect {
		l.Example, l.Resource = other, s.Resources[0].Value
	}
	p.leak(l)
}

// covering is the resource that matched.
func covering(s *policies.Statement, a client, op explain.Operation) string {
	for _, t := range a.Ask(op).Statements {
		if &t.Document.Statements[t.Statement] != s {
			continue
		}
		for _, r := range t.Resources {
			if r.Matches {
				return r.Written.Value
			}
		}
	}
	return ""
}

// shared is true of what the claim lets everyone use.
func (c Claim) shared(op explain.Operation) bool {
	for _, s := range c.Shared {
		if op.Name == s {
			return true
		}
	}
	return false
}
