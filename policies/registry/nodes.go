// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

// at is the value of a key; nil if there is none.
func at(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// child is the value of a key, which is made if need be.
func child(n *yaml.Node, key string, kind yaml.Kind) *yaml.Node {
	c := at(n, key)
	if c == nil {
		c = &yaml.Node{Kind: kind}
		put(n, key, c)
	}
	if isNull(c) || len(c.Content) == 0 && c.Kind != kind { // "things:" with nothing below it
		*c = yaml.Node{Kind: kind, HeadComment: c.HeadComment, LineComment: c.LineComment, FootComment: c.FootComment}
	}
	return c
}

func put(n *yaml.Node, key string, value *yaml.Node) {
	n.Content = append(n.Content, scalar(key), value)
}

func drop(n *yaml.Node, key string) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			n.Content = slices.Delete(n.Content, i, i+2)
			return
		}
	}
}

// scalar is a string, quoted where YAML would take it for something else.
func scalar(s string) *yaml.Node {
	var n yaml.Node
	n.SetString(s)
	return &n
}

func scalars(list []string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, s := range list {
		n.Content = append(n.Content, scalar(s))
	}
	return n
}

func truth() *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "true"} }
