// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package policies

import "strings"

// A Decision is what AWS's TestAuthorization calls authDecision.
type Decision int

const (
	ImplicitDeny Decision = iota // nothing allows it
	Allowed
	ExplicitDeny // a Deny forbids it, whatever else allows it
)

func (d Decision) String() string {
	return [...]string{"IMPLICIT_DENY", "ALLOWED", "EXPLICIT_DENY"}[d]
}

// A Result is a decision and the statement that made it.
type Result struct {
	Decision  Decision
	Document  *Document // nil for an implicit deny
	Statement int       // its number in the document, from 0
}

// Allowed is true if the request may go on.
func (r Result) Allowed() bool { return r.Decision == Allowed }

// String names the decision and its statement: "ALLOWED by thing.json: Ask".
func (r Result) String() string {
	if r.Document == nil {
		return r.Decision.String()
	}
	return r.Decision.String() + " by " + r.Document.Name + ": " + r.Document.Label(r.Statement)
}

// A Place is where resources are: the first fields of their ARNs.
type Place struct{ Partition, Region, Account string }

// ARN is that of an AWS IoT resource, such as "topic/thingpass/cam1/response".
func (p Place) ARN(resource string) string { return p.prefix() + resource }

func (p Place) prefix() string {
	return "arn:" + p.Partition + ":iot:" + p.Region + ":" + p.Account + ":"
}

// A Session decides for one principal in one context: one connection. It never
// changes, and may be used concurrently. Deciding allocates nothing.
type Session struct {
	set      *Set
	ctx      Context
	prefix   string // of ARNs
	byAction map[string][]entry
}

// entry is a statement that is in force for an action; denials come first.
type entry struct {
	rule      *rule
	resources []glob
	any       bool // there are no resources to compare
	inverted  bool
}

// Session resolves variables and conditions. The place is that of the MQTT
// server, for the methods that take topics; IAM needs none.
func (s *Set) Session(at Place, ctx Context) *Session {
	out := &Session{set: s, ctx: ctx, prefix: at.prefix(), byAction: map[string][]entry{}}
	if s.world == IoT {
		entries := make([]*entry, len(s.rules))
		for i := range s.rules {
			entries[i] = s.rules[i].resolve(ctx)
		}
		for action := range iotActions {
			out.byAction[action] = s.entriesFor(strings.ToLower(action), entries)
		}
	}
	return out
}

// entriesFor picks those that speak of an action, given in lower case.
func (s *Set) entriesFor(action string, entries []*entry) []entry {
	var denials, leaves []entry
	for i, e := range entries {
		switch {
		case e == nil || !s.rules[i].covers(action):
		case s.rules[i].deny:
			denials = append(denials, *e)
		default:
			leaves = append(leaves, *e)
		}
	}
	return append(denials, leaves...)
}

// resolve returns nil if the statement is not in force in this context.
func (r *rule) resolve(ctx Context) *entry {
	if !r.meets(ctx) {
		return nil
	}
	e := &entry{rule: r, any: len(r.resources) == 0, inverted: r.statement().NotResource}
	for _, p := range r.resources {
		g, missing := p.resolve(ctx)
		switch {
		case len(missing) == 0:
			e.resources = append(e.resources, g)
		case e.inverted && !r.deny:
			return nil // "all but what is not known" allows nothing
		}
	}
	return e
}

// meets is true if principal and conditions hold.
func (r *rule) meets(ctx Context) bool {
	if !r.statement().isFor(ctx) {
		return false
	}
	for i := range r.conditions {
		if held, _ := r.conditions[i].holds(ctx); !held {
			return false
		}
	}
	return true
}

// holds also names what was missing: the key, or variables in its values.
func (c *condition) holds(ctx Context) (held bool, missing []string) {
	have, present := ctx.Lookup(c.key)
	if !present {
		missing = append(missing, c.key)
	}
	wants := make([]want, 0, len(c.want))
	for _, p := range c.want {
		g, gone := p.resolve(ctx)
		if len(gone) > 0 {
			missing = append(missing, gone...)
			continue
		}
		wants = append(wants, want{text: g.String(), glob: g})
	}
	return c.op.holds(have, present, wants), missing
}

// Decide answers for an action and the full ARN of a resource. In AWS IoT's
// world an action that is asked with a resource of another kind than its own is
// denied: the service never asks so (iot-action-resources).
func (s *Session) Decide(action, arn string) Result {
	var buffer [512]byte
	return s.decide(action, append(buffer[:0], arn...))
}

func (s *Session) decide(action string, arn []byte) Result {
	entries, known := s.byAction[action]
	if !known {
		entries = s.others(action)
	}
	if s.set.world == IoT && !fits(action, arn) {
		return Result{}
	}
	for i := range entries {
		e := &entries[i]
		if !e.match(arn) {
			continue
		}
		if e.rule.deny {
			return Result{ExplicitDeny, e.rule.doc, e.rule.index}
		}
		return Result{Allowed, e.rule.doc, e.rule.index}
	}
	return Result{}
}

// others prepares an action that is not in the table, or written otherwise.
func (s *Session) others(action string) []entry {
	entries := make([]*entry, len(s.set.rules))
	for i := range s.set.rules {
		entries[i] = s.set.rules[i].resolve(s.ctx)
	}
	return s.set.entriesFor(strings.ToLower(action), entries)
}

func (e *entry) match(arn []byte) bool {
	if e.any {
		return true
	}
	for i := range e.resources {
		if e.resources[i].match(arn) {
			return !e.inverted
		}
	}
	return e.inverted
}

// fits is true if the resource is of the kind that the action is asked with.
func fits(action string, arn []byte) bool {
	kind := ResourceKind(action)
	if kind == "" || kind == "*" {
		return true
	}
	for range 5 {
		i := indexByte(arn, ':')
		if i < 0 {
			return false
		}
		arn = arn[i+1:]
	}
	return len(arn) > len(kind) && string(arn[:len(kind)]) == kind && arn[len(kind)] == '/'
}

func indexByte(b []byte, c byte) int {
	for i, x := range b {
		if x == c {
			return i
		}
	}
	return -1
}
