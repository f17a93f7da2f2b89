// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package unittest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"thingpass/policies"
)

// reader takes YAML apart and remembers what is wrong, with its place. yaml's own
// strict decoding knows lines only, and stops at the first kind of mistake.
type reader struct {
	file     string
	problems policies.Problems
}

func (r *reader) fail(n *yaml.Node, fix, format string, args ...any) {
	r.problems = append(r.problems, policies.Problem{
		File: r.file, Pos: policies.Position{Line: n.Line, Column: n.Column}, Text: fmt.Sprintf(format, args...), Fix: fix,
	})
}

// mapping calls the function of each key. Keys that have none, or stand twice,
// are mistakes.
func (r *reader) mapping(n *yaml.Node, what string, keys map[string]func(*yaml.Node)) {
	known := slices.Sorted(maps.Keys(keys))
	r.pairs(n, what, func(key, value *yaml.Node) {
		read := keys[key.Value]
		if read == nil {
			r.fail(key, "known are "+strings.Join(known, ", "), "%s has no %q", what, key.Value)
			return
		}
		read(value)
	})
}

// pairs goes through a mapping of any keys.
func (r *reader) pairs(n *yaml.Node, what string, each func(key, value *yaml.Node)) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.MappingNode {
		r.fail(n, "write name: value", "%s is a mapping, not %s", what, kindOf(n))
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if first, twice := seen[key.Value]; twice {
			r.fail(key, "join the two", "%s has %q twice, first in line %d", what, key.Value, first)
			continue
		}
		seen[key.Value] = key.Line
		each(key, n.Content[i+1])
	}
}

func (r *reader) text(n *yaml.Node, what string) string {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" || n.Value == "" {
		r.fail(n, "", "%s is a text, not %s", what, kindOf(n))
		return ""
	}
	return n.Value
}

// texts takes one text or a list of them.
func (r *reader) texts(n *yaml.Node, what string) []*yaml.Node {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.SequenceNode {
		if r.text(n, what) == "" {
			return nil
		}
		return []*yaml.Node{n}
	}
	if len(n.Content) == 0 {
		r.fail(n, "", "%s is an empty list", what)
	}
	var out []*yaml.Node
	for _, item := range n.Content {
		if r.text(item, what) != "" {
			out = append(out, item)
		}
	}
	return out
}

func (r *reader) strings(n *yaml.Node, what string) []string {
	var out []string
	for _, item := range r.texts(n, what) {
		out = append(out, item.Value)
	}
	return out
}

func (r *reader) yes(n *yaml.Node, what string) bool {
	v, err := strconv.ParseBool(n.Value)
	if err != nil || n.Tag != "!!bool" {
		r.fail(n, "", "%s is true or false, not %q", what, n.Value)
	}
	return v
}

func kindOf(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Tag == "!!null" || n.Value == "":
		return "nothing"
	}
	return fmt.Sprintf("%q", n.Value)
}
