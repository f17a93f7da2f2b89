// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package policies

import "strings"

// A Set is what is attached to one principal: all documents count together. It
// never changes, and may be used concurrently.
type Set struct {
	world World
	rules []rule
}

type rule struct {
	doc        *Document
	index      int
	deny       bool
	actions    []glob
	resources  []pattern // nil: of a trust policy, which has none
	conditions []condition
}

type condition struct {
	op   operator
	key  string
	want []pattern
}

// Compile prepares documents for decisions. It takes everything that Parse does;
// what can never match, matches never (lint says so).
func Compile(world World, docs ...*Document) *Set {
	set := &Set{world: world}
	for _, doc := range docs {
		for i := range doc.Statements {
			set.rules = append(set.rules, compileRule(doc, i))
		}
	}
	return set
}

func compileRule(doc *Document, i int) rule {
	s := &doc.Statements[i]
	variables := doc.Version.Value == VersionVariables
	r := rule{doc: doc, index: i, deny: s.Effect.Value == "Deny"}
	for _, a := range s.Actions {
		g, _ := parsePattern(strings.ToLower(a.Value), false).resolve(Context{})
		r.actions = append(r.actions, g)
	}
	for _, res := range s.Resources {
		r.resources = append(r.resources, parsePattern(res.Value, variables))
	}
	for _, c := range s.Conditions {
		op, ok := parseOperator(c.Operator.Value)
		if !ok {
			continue // Parse has refused it
		}
		out := condition{op: op, key: c.Key.Value}
		for _, v := range c.Values {
			out.want = append(out.want, parsePattern(v.Value, variables))
		}
		r.conditions = append(r.conditions, out)
	}
	return r
}

func (r *rule) statement() *Statement { return &r.doc.Statements[r.index] }

// covers is true if the statement speaks of the action, which is lower case.
func (r *rule) covers(action string) bool {
	found := false
	for i := range r.actions {
		found = found || r.actions[i].match([]byte(action))
	}
	return found != r.statement().NotAction
}
