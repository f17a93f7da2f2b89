// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package unittest

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"thingpass/policies"
	"thingpass/policies/explain"
)

func (l *loader) readCases(n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		l.fail(n, "begin each case with -", "cases is a list, not %s", kindOf(n))
		return
	}
	for _, item := range n.Content {
		l.suite.Cases = append(l.suite.Cases, l.oneCase(item))
	}
}

func (l *loader) oneCase(n *yaml.Node) Case {
	c := Case{Pos: policies.Position{Line: n.Line, Column: n.Column}}
	l.mapping(n, "a case", map[string]func(*yaml.Node){
		"as":      func(v *yaml.Node) { c.As = l.who(v) },
		"do":      func(v *yaml.Node) { c.Do = l.operations(v) },
		"expect":  func(v *yaml.Node) { c.Expect = l.expectation(v) },
		"by":      func(v *yaml.Node) { c.By = l.statement(v) },
		"missing": func(v *yaml.Node) { c.Missing = l.strings(v, "missing") },
		"silent":  func(v *yaml.Node) { c.Silent = ptr(l.yes(v, "silent")) },
		"why":     func(v *yaml.Node) { c.Why = l.text(v, "why") },
	})
	for _, k := range []struct {
		name   string
		absent bool
	}{{"as", c.As == nil}, {"do", c.Do == nil}, {"expect", c.Expect == ""}} {
		if k.absent && n.Kind == yaml.MappingNode && !has(n, k.name) {
			l.fail(n, "add "+k.name+":", "the case has no %q", k.name)
		}
	}
	if c.By != "" && (c.Expect == "deny" || c.Expect == "implicit-deny") {
		l.fail(n, "write expect: explicit-deny, or leave by out", "no statement makes an implicit deny")
	}
	return c
}

func has(n *yaml.Node, key string) bool {
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return true
		}
	}
	return false
}

func (l *loader) who(n *yaml.Node) []string {
	var out []string
	for _, item := range l.texts(n, "as") {
		if l.suite.identities[item.Value] == nil {
			l.fail(item, "known are "+strings.Join(slices.Sorted(maps.Keys(l.suite.identities)), ", "), "there is no identity %q", item.Value)
			continue
		}
		out = append(out, item.Value)
	}
	return out
}

func (l *loader) operations(n *yaml.Node) []explain.Operation {
	var out []explain.Operation
	for _, item := range l.texts(n, "do") {
		verb, name, _ := strings.Cut(item.Value, " ")
		words := []string{verb}
		if name = strings.TrimSpace(name); name != "" {
			words = append(words, name)
		}
		if n := len(name); n > 1 && (name[0] == '"' || name[0] == '\'') && name[0] == name[n-1] {
			l.fail(item, "write \""+verb+" "+name[1:n-1]+"\"", "the quotes are part of the name here: YAML takes them off a whole text only")
			continue
		}
		ops, err := explain.Parse(words)
		if err != nil {
			l.fail(item, "", "%v", err)
		}
		out = append(out, ops...)
	}
	return out
}

func (l *loader) expectation(n *yaml.Node) string {
	if expectations[n.Value] == nil {
		l.fail(n, "write allow, deny, explicit-deny or implicit-deny", "expect is %q", n.Value)
	}
	return n.Value
}

// statement is the name of one that exists: a test of one that is gone would
// never fail for the right reason.
func (l *loader) statement(n *yaml.Node) string {
	by := l.text(n, "by")
	_, label, found := strings.Cut(by, ": ")
	if !found {
		label = by
	}
	for _, d := range l.suite.documents {
		for i := range d.Statements {
			if d.Label(i) == label {
				return by
			}
		}
	}
	if by != "" {
		l.fail(n, "", "no policy of this file has a statement %q", label)
	}
	return by
}
