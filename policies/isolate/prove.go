// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package isolate

import (
	"fmt"
	"slices"
	"strings"

	"thingpass/policies"
	"thingpass/policies/diff"
	"thingpass/policies/explain"
	"thingpass/policies/language"
)

// A Leak is something that a thing may do with what is not its own.
type Leak struct {
	Who       string `json:"who"`
	Action    string `json:"action"`
	Example   string `json:"example"` // the topic, filter, client id or key
	Other     string `json:"belongsTo,omitempty"`
	Statement string `json:"statement"` // "Ask (thing.json:14:5)"
	Resource  string `json:"resource"`  // as it is written
	Why       string `json:"why"`
	Fix       string `json:"fix"`
}

// A Proof is what was shown, and on what it rests.
type Proof struct {
	Documents  int      `json:"documents"`
	Statements int      `json:"statements"`
	Situations int      `json:"situations"` // ways of coming that the conditions tell apart
	Classes    int      `json:"classes"`    // of things of a registry that are alike; 0 without
	Things     int      `json:"things"`     // of a registry
	Names      int      `json:"names"`      // that were tried against each other
	Pairs      int      `json:"pairs"`
	Decisions  int      `json:"decisions"`
	Actions    []Fact   `json:"actions"`
	Leaks      []Leak   `json:"leaks"`
	Assumed    []string `json:"assumed"`
	Limits     []string `json:"limits"` // what the proof does not cover
}

// A Fact is what was proven of one action.
type Fact struct {
	Action string `json:"action"`
	Own    string `json:"own"` // "nothing", or what it is confined to
}

func (p *Proof) limit(format string, args ...any) {
	if line := fmt.Sprintf(format, args...); !slices.Contains(p.Limits, line) {
		p.Limits = append(p.Limits, line)
	}
}

// leak notes a leak once for each resource of a statement and action.
func (p *Proof) leak(l Leak) {
	if !slices.ContainsFunc(p.Leaks, func(o Leak) bool {
		return o.Action == l.Action && o.Statement == l.Statement && o.Resource == l.Resource
	}) {
		p.Leaks = append(p.Leaks, l)
	}
}

// fact notes what an action is confined to; more than nothing counts.
func (p *Proof) fact(action, own string) {
	for i := range p.Actions {
		if p.Actions[i].Action == action {
			if p.Actions[i].Own == "nothing" {
				p.Actions[i].Own = own
			}
			return
		}
	}
	p.Actions = append(p.Actions, Fact{action, own})
}

// situation proves the claim for one way of coming, for all strings.
func (p *Proof) situation(c Claim, s diff.Subject, actions []string) {
	id := s.New
	own := ""
	if t := id.Who.Thing; t != nil {
		own = t.Name
	}
	bench := explain.New(id)
	p.Situations++
	for _, action := range actions {
		e := examination{proof: p, subject: s, action: action, own: own, at: id.At}
		e.patterns = c.owns(action, own, id.At, id.Bucket)
		e.owned = len(e.patterns)
		e.rights = language.NewRights(bench.Session(action).Rules(action), &e.patterns)
		e.prefix = prefixOf(action, id.At)
		e.search()
		if len(e.rights.Rules) == 0 {
			p.fact(action, "nothing")
		} else if own := c.owns(action, "A", id.At, id.Bucket); len(own) > 0 {
			p.fact(action, e.name(language.Show(own[0])))
		}
	}
}

func prefixOf(action string, at policies.Place) string {
	switch kind := policies.ResourceKind(action); kind {
	case "", "*":
		return kind
	default:
		return at.ARN(kind + "/")
	}
}

// examination is of one action in one situation.
type examination struct {
	proof    *Proof
	subject  diff.Subject
	action   string
	own      string
	at       policies.Place
	prefix   string
	patterns []policies.Glob
	owned    int // of the patterns, the first so many are the thing's own
	rights   language.Rights
}

func (e *examination) search() {
	all := e.query(func([]bool) bool { return true })
	if e.prefix != "*" && len(e.rights.Rules) > 0 { // one walk for all resources, as mostly there is nothing
		if _, found, err := all.Shortest(); err == nil && !found {
			return
		}
	}
	for i := range e.rights.Rules {
		rule := &e.rights.Rules[i]
		if rule.Deny {
			continue
		}
		if rule.Inverted {
			e.find(rule, "NotResource", -1, i)
			continue
		}
		for j := range rule.Resources {
			e.find(rule, rule.Resources[j].Written.Value, e.rights.Pattern(i, j), i)
		}
	}
}

// find looks for a string of one resource that is allowed and not the thing's.
func (e *examination) find(rule *policies.Rule, written string, pattern, number int) {
	search := e.query(func(hits []bool) bool {
		return pattern < 0 && e.rights.Covers(number, hits) || pattern >= 0 && hits[pattern]
	})
	example, found, err := search.Shortest()
	if e.prefix == "*" {
		example, found, err = search.Empty()
	}
	switch {
	case err != nil:
		e.proof.limit("%s: %v: nothing is proven of it", e.action, err)
		return
	case !found:
		return
	}
	if pattern >= 0 {
		example = e.telling(pattern, example, search.Want)
	}
	e.proof.leak(Leak{
		Who: e.subject.Who, Action: e.action, Example: e.name(example), Other: e.owner(example),
		Statement: fmt.Sprintf("%s (%s:%s)", rule.Document.Label(rule.Statement), rule.Document.Name, rule.Document.Statements[rule.Statement].Pos),
		Resource:  written, Why: e.why(written), Fix: e.fix(written),
	})
}

// query is for what is allowed and not the thing's own, and of which more is true.
func (e *examination) query(more func(hits []bool) bool) language.Search {
	search := language.Search{Patterns: e.patterns, Prefix: e.prefix, NonEmpty: e.prefix != "*"}
	search.Want = func(hits []bool) bool {
		return !slices.Contains(hits[:e.owned], true) && e.rights.Allowed(hits) && more(hits)
	}
	if strings.HasSuffix(e.prefix, ":topic/") {
		search.Without = "+#" // no topic has them
	}
	return search
}

// telling prefers an example with another thing's name in it.
func (e *examination) telling(pattern int, example string, want func([]bool) bool) string {
	runs := []string{diff.NameB, diff.NameB + "/response"}
	switch { // of a name that there is, those beside it: cam10, not the cam1 that it may be part of
	case e.own == "" || e.own == diff.NameA:
	case strings.Contains(language.Show(e.patterns[pattern]), e.own):
		runs = append([]string{"0", "0/a.jpg", "0/response"}, runs...)
	default:
		runs = append([]string{e.own + "0", e.own + "0/response"}, runs...)
	}
	for _, run := range runs {
		s := language.Fill(e.patterns[pattern], run)
		if strings.HasPrefix(s, e.prefix) && want(language.Hits(e.patterns, s)) {
			return s
		}
	}
	return example
}

// name is the readable part of an ARN, names that stand for any in letters.
func (e *examination) name(arn string) string {
	if e.prefix == "*" {
		return arn
	}
	arn = strings.TrimPrefix(arn, e.prefix)
	if e.prefix == "" {
		if _, rest, found := strings.Cut(arn, ":::"); found {
			arn = rest
		}
	}
	return e.subject.Show(arn)
}

func (e *examination) owner(example string) string {
	for _, level := range strings.Split(strings.TrimPrefix(example, e.prefix), "/") {
		if level == diff.NameB || level == e.own+"0" && e.own != "" {
			return e.subject.Show(level)
		}
	}
	return ""
}
