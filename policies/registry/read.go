// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"thingpass/policies"
)

const maxFile = 64 << 20 // bytes; 100,000 things are 30 MB

// reader walks the tree, and collects all that is wrong.
type reader struct {
	file     string
	problems policies.Problems
}

func (r *reader) fail(n *yaml.Node, fix, format string, args ...any) {
	pos := policies.Position{}
	if n != nil {
		pos = policies.Position{Line: n.Line, Column: n.Column}
	}
	r.problems = append(r.problems, policies.Problem{File: r.file, Pos: pos, Text: fmt.Sprintf(format, args...), Fix: fix})
}

// parseTree reads one YAML document, whose root is a mapping.
func parseTree(file string, text []byte) (*yaml.Node, error) {
	r := &reader{file: file}
	if len(text) > maxFile {
		r.fail(nil, "is it the right file?", "more than %d bytes", maxFile)
		return nil, r.problems
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document, second yaml.Node
	if err := decoder.Decode(&document); err != nil && !errors.Is(err, io.EOF) {
		r.syntax(err)
		return nil, r.problems
	}
	if len(document.Content) == 0 { // empty, or nothing but comments
		document = yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode, Tag: "!!map", Line: 1, Column: 1}}}
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		r.fail(&second, "one file holds one registry", "a second document begins here")
	}
	if document.Content[0].Kind != yaml.MappingNode {
		r.fail(document.Content[0], "begin with things:", "a registry is a mapping")
	}
	if len(r.problems) > 0 {
		return nil, r.problems
	}
	return &document, nil
}

var yamlError = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)`)

func (r *reader) syntax(err error) {
	p := policies.Problem{File: r.file, Text: "this is not YAML: " + err.Error()}
	if m := yamlError.FindStringSubmatch(err.Error()); m != nil {
		p.Text = "this is not YAML: " + m[2]
		p.Pos.Line, _ = strconv.Atoi(m[1]) // digits or nothing, by the expression
	}
	r.problems = append(r.problems, p)
}

// fields is a mapping whose keys are all known.
type fields map[string]*yaml.Node

// mapping calls each for every pair, and reports doubled keys.
func (r *reader) mapping(n *yaml.Node, what string, each func(key, value *yaml.Node)) {
	if isNull(n) {
		return // every line below it may be commented out
	}
	if n.Kind != yaml.MappingNode {
		r.fail(n, "", "%s is a mapping", what)
		return
	}
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode || key.Tag == "!!merge" || key.Anchor != "" || value.Anchor != "" || value.Kind == yaml.AliasNode:
			r.fail(key, "write it in full", "anchors, aliases and merges are not understood here")
		case first[key.Value] > 0:
			r.fail(key, "join the two", "%q is there twice, first in line %d", key.Value, first[key.Value])
		default:
			first[key.Value] = key.Line
			each(key, value)
		}
	}
}

// section reads a mapping of known keys.
func (r *reader) section(n *yaml.Node, what string, known ...string) fields {
	out := fields{}
	r.mapping(n, what, func(key, value *yaml.Node) {
		for _, k := range known {
			if k == key.Value {
				out[k] = value
				return
			}
		}
		r.fail(key, "known are "+strings.Join(known, ", "), "%s has no %q", what, key.Value)
	})
	return out
}

func (r *reader) text(n *yaml.Node, what string) string {
	if n == nil || isNull(n) {
		return ""
	}
	if n.Kind != yaml.ScalarNode {
		r.fail(n, "", "%s is one value", what)
		return ""
	}
	return n.Value // as it is written: what 0x10 or yes means is not YAML's to say
}

func (r *reader) truth(n *yaml.Node, what string) bool {
	switch r.text(n, what) {
	case "true":
		return true
	case "", "false":
		return false
	}
	r.fail(n, "", "%s is true or false", what)
	return false
}

func (r *reader) list(n *yaml.Node, what string) []*yaml.Node {
	if n == nil || isNull(n) {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		r.fail(n, "write ["+n.Value+"]", "%s is a list", what)
		return nil
	}
	seen := map[string]bool{}
	for _, item := range n.Content {
		if item.Kind == yaml.ScalarNode && seen[item.Value] {
			r.fail(item, "remove one", "%s has %q twice", what, item.Value)
		}
		seen[item.Value] = item.Kind == yaml.ScalarNode
	}
	return n.Content
}

// references are names that must be known.
func references[T any](r *reader, n *yaml.Node, what, kind string, known map[string]T) []string {
	var out []string
	for _, item := range r.list(n, what) {
		name := r.text(item, what)
		if _, ok := known[name]; !ok {
			r.fail(item, "define it, or correct the name", "there is no %s %q", kind, name)
			continue
		}
		out = append(out, name)
	}
	return out
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }
