// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package policies

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Parse reads a policy document. The name stands in errors, and in results for
// people. It is strict where AWS is, and where AWS's leniency hides a mistake:
// unknown and doubled keys, wrong types, comments, a byte order mark, other
// versions are errors. The error is Problems, each with its place.
func Parse(name string, text []byte) (*Document, error) {
	root, problem := readJSON(text)
	if problem != nil {
		problem.File = name
		return nil, Problems{*problem}
	}
	p := &parser{file: name}
	doc := p.document(root)
	doc.Name, doc.Size = name, sizeOf(text)
	if len(p.problems) > 0 {
		return nil, p.problems
	}
	return doc, nil
}

type parser struct {
	file     string
	problems Problems
}

func (p *parser) fail(pos Position, fix, format string, args ...any) {
	p.problems = append(p.problems, Problem{File: p.file, Pos: pos, Text: fmt.Sprintf(format, args...), Fix: fix})
}

func (p *parser) document(n *node) *Document {
	d := &Document{}
	members, ok := n.value.([]member)
	if !ok {
		p.fail(n.pos, "begin with {", "a policy is a JSON object, not %s", typeOf(n))
		return d
	}
	for _, m := range members {
		switch m.key.Value {
		case "Version":
			d.Version = p.text(m.value, "Version")
			if v := d.Version.Value; v != VersionVariables && v != versionOld && isText(m.value) {
				p.fail(m.value.pos, `write "`+VersionVariables+`"`, "AWS knows no policy version %q", v)
			}
		case "Id":
			d.ID = p.text(m.value, "Id")
		case "Statement":
			d.Statements = p.statements(m.value)
		default:
			p.unknown(m.key, "Version", "Id", "Statement")
		}
	}
	if !slices.ContainsFunc(members, func(m member) bool { return m.key.Value == "Statement" }) {
		p.fail(n.pos, "add one", "there is no Statement")
	}
	return d
}

func (p *parser) statements(n *node) []Statement {
	items := []*node{n}
	if list, ok := n.value.([]*node); ok {
		items = list
	}
	if len(items) == 0 {
		p.fail(n.pos, "add a statement, or do not attach the policy", "Statement is empty")
	}
	var out []Statement
	for _, item := range items {
		members, ok := item.value.([]member)
		if !ok {
			p.fail(item.pos, "", "a statement is a JSON object, not %s", typeOf(item))
			continue
		}
		s := p.statement(item.pos, members)
		same := func(o Statement) bool { return s.Sid.Value != "" && o.Sid.Value == s.Sid.Value }
		if i := slices.IndexFunc(out, same); i >= 0 {
			p.fail(s.Sid.Pos, "give each a name of its own", "Sid %q stands twice, first at %v", s.Sid.Value, out[i].Sid.Pos)
		}
		out = append(out, s)
	}
	return out
}

func (p *parser) statement(pos Position, members []member) Statement {
	s := Statement{Pos: pos}
	seen := map[string]bool{}
	for _, m := range members {
		seen[m.key.Value] = true
		switch m.key.Value {
		case "Sid":
			s.Sid = p.text(m.value, "Sid")
		case "Effect":
			s.Effect = p.text(m.value, "Effect")
			if e := s.Effect.Value; e != "Allow" && e != "Deny" {
				p.fail(m.value.pos, "write Allow or Deny, in this case", "Effect is %q", e)
			}
		case "Action", "NotAction":
			s.Actions, s.NotAction = p.texts(m.value, m.key.Value), m.key.Value == "NotAction"
		case "Resource", "NotResource":
			s.Resources, s.NotResource = p.texts(m.value, m.key.Value), m.key.Value == "NotResource"
		case "Principal", "NotPrincipal":
			s.Principals, s.NotPrincipal = p.principals(m.value), m.key.Value == "NotPrincipal"
		case "Condition":
			s.Conditions = p.conditions(m.value)
		default:
			p.unknown(m.key, "Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition")
		}
	}
	for _, name := range []string{"Action", "Resource", "Principal"} {
		if seen[name] && seen["Not"+name] {
			p.fail(pos, "keep one of them", "the statement has both %s and Not%s", name, name)
		}
	}
	if !seen["Effect"] {
		p.fail(pos, "add Effect", "the statement has no Effect")
	}
	if !seen["Action"] && !seen["NotAction"] {
		p.fail(pos, "add Action", "the statement has no Action")
	}
	if !seen["Resource"] && !seen["NotResource"] && len(s.Principals) == 0 { // a trust policy has none
		p.fail(pos, "add Resource", "the statement has no Resource")
	}
	return s
}

func (p *parser) principals(n *node) []Text {
	if s, ok := n.value.(string); ok {
		if s != "*" {
			p.fail(n.pos, `write {"AWS": "…"} or {"Service": "…"}`, "a Principal is an object, or the word \"*\"")
		}
		return []Text{{s, n.pos}}
	}
	members, ok := n.value.([]member)
	if !ok || len(members) == 0 {
		p.fail(n.pos, "", "Principal is %s, not an object with a member", typeOf(n))
		return nil
	}
	var out []Text
	for _, m := range members {
		switch m.key.Value {
		case "AWS", "Service", "Federated", "CanonicalUser":
		default:
			p.unknown(m.key, "AWS", "Service", "Federated", "CanonicalUser")
		}
		for _, t := range p.texts(m.value, m.key.Value) {
			out = append(out, Text{m.key.Value + ":" + t.Value, t.Pos})
		}
	}
	return out
}

func (p *parser) conditions(n *node) []Condition {
	operators, ok := n.value.([]member)
	if !ok {
		p.fail(n.pos, `write {"StringEquals": {"key": "value"}}`, "Condition is %s, not an object", typeOf(n))
		return nil
	}
	var out []Condition
	for _, o := range operators {
		keys, ok := o.value.value.([]member)
		if !ok {
			p.fail(o.value.pos, `write {"key": "value"}`, "%s has %s, not an object", o.key.Value, typeOf(o.value))
			continue
		}
		if _, ok := parseOperator(o.key.Value); !ok {
			p.fail(o.key.Pos, "see IAM's reference of condition operators", "there is no condition operator %q", o.key.Value)
		}
		if len(keys) == 0 {
			p.fail(o.value.pos, `write {"key": "value"}, or leave the operator out`, "%s has no key: it says nothing", o.key.Value)
		}
		for i, k := range keys {
			same := func(other member) bool { return canonicalKey(other.key.Value) == canonicalKey(k.key.Value) }
			if first := slices.IndexFunc(keys, same); first < i {
				p.fail(k.key.Pos, "join the two: the case of a key does not matter", "%q stands here for the second time, first at %v", k.key.Value, keys[first].key.Pos)
			}
			if k.key.Value == "" {
				p.fail(k.key.Pos, "", "the key of a condition is empty")
			}
			out = append(out, Condition{Operator: o.key, Key: k.key, Values: p.values(k.value)})
		}
	}
	return out
}

// values are those of a condition: strings, numbers and booleans, or a list.
func (p *parser) values(n *node) []Text {
	items := []*node{n}
	if list, ok := n.value.([]*node); ok {
		items = list
	}
	out := make([]Text, 0, len(items))
	for _, item := range items {
		switch v := item.value.(type) {
		case string:
			out = append(out, Text{v, item.pos})
		case json.Number:
			out = append(out, Text{v.String(), item.pos})
		case bool:
			out = append(out, Text{strconv.FormatBool(v), item.pos})
		default:
			p.fail(item.pos, "", "the value of a condition is a string, not %s", typeOf(item))
		}
	}
	return out
}

func isText(n *node) bool { _, ok := n.value.(string); return ok }

// named is a text that cannot be empty.
func (p *parser) named(n *node, what string) Text {
	t := p.text(n, what)
	if isText(n) && t.Value == "" {
		p.fail(n.pos, "name it, or leave it out", "%s is empty", what)
	}
	return t
}

func (p *parser) text(n *node, what string) Text {
	s, ok := n.value.(string)
	if !ok {
		p.fail(n.pos, "", "%s is a string, not %s", what, typeOf(n))
	}
	return Text{s, n.pos}
}

func (p *parser) texts(n *node, what string) []Text {
	list, ok := n.value.([]*node)
	if !ok {
		return []Text{p.named(n, what)}
	}
	if len(list) == 0 {
		p.fail(n.pos, "", "%s is an empty list", what)
	}
	out := make([]Text, 0, len(list))
	for _, item := range list {
		out = append(out, p.named(item, "each "+what))
	}
	return out
}

func (p *parser) unknown(key Text, known ...string) {
	fix := "known are " + strings.Join(known, ", ")
	for _, k := range known {
		if strings.EqualFold(k, key.Value) {
			fix = "write " + k
		}
	}
	p.fail(key.Pos, fix, "there is no %q here", key.Value)
}

func typeOf(n *node) string {
	switch n.value.(type) {
	case string:
		return "a string"
	case json.Number:
		return "a number"
	case bool:
		return "true or false"
	case nil:
		return "null"
	case []*node:
		return "a list"
	}
	return "an object"
}

func decimal(i int) string { return strconv.Itoa(i) }
