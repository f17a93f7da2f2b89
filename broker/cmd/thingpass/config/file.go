// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"

	"thingpass/broker"
)

const maxFile = 1 << 20 // bytes

// readFile walks the YAML tree next to the schema's, for the lines that viper
// does not know, and hands the values on as they are written: what 010 or yes
// means is for the setting to say, not for YAML.
func (l *loader) readFile() error {
	data, err := readLimited(l.path)
	if err != nil {
		return err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document yaml.Node
	if err := decoder.Decode(&document); err != nil {
		if errors.Is(err, io.EOF) {
			return nil // an empty file
		}
		return Errors{l.syntaxError(err)} // everything seems to be missing then
	}
	if values := l.readSection(l.schema, "", document.Content[0]); values != nil {
		if err := l.values.MergeConfigMap(values); err != nil {
			return fmt.Errorf("read %s: %w", l.path, err)
		}
	}
	var second yaml.Node
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		l.report(origin{file: l.path, line: second.Line}, "a second document begins here: there can be one only")
	}
	return nil
}

func readLimited(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("read the configuration: %s has more than %d bytes: is it the right file?", path, maxFile)
	}
	return data, nil
}

// syntaxError takes the line out of the parser's message.
func (l *loader) syntaxError(err error) problem {
	m := regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)`).FindStringSubmatch(err.Error())
	if m == nil {
		return problem{origin{file: l.path}, err.Error()}
	}
	line, _ := strconv.Atoi(m[1]) // digits or nothing, by the expression
	return problem{origin{file: l.path, line: line}, "not YAML: " + m[2]}
}

// readSection returns the values below a mapping.
func (l *loader) readSection(schema *node, prefix string, n *yaml.Node) map[string]any {
	n = resolve(n)
	if isNull(n) {
		return nil // every line below it may be commented out
	}
	if n.Kind != yaml.MappingNode {
		l.doubt(prefix, n, "%s wants settings below it", orFile(prefix))
		return nil
	}
	values, first := map[string]any{}, map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		name := join(prefix, key.Value)
		if line, seen := first[key.Value]; seen {
			l.report(l.at(key), "%s is there twice, first in line %d", name, line)
			continue
		}
		first[key.Value] = key.Line
		if child := l.childOf(schema, name, key); child != nil {
			l.origins[name] = l.at(key)
			if v := l.readValue(child, name, value); v != nil {
				values[key.Value] = v
			}
		}
	}
	return values
}

// childOf returns the place that key names, or reports that there is none.
func (l *loader) childOf(schema *node, name string, key *yaml.Node) *node {
	if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
		l.doubt(parent(name), key, "%s wants the names of settings below it, in full", orFile(parent(name)))
		return nil
	}
	child := schema.child(key.Value)
	switch {
	case child == nil:
		l.unknown(name, key)
	case schema.each != nil:
		if err := l.addFree(parent(name), key.Value); err != nil {
			l.doubt(parent(name), key, "%s: %v", name, err)
			return nil
		}
	}
	return child
}

func (l *loader) unknown(name string, key *yaml.Node) {
	candidates := append(l.names(), slices.Sorted(maps.Keys(l.schema.children))...)
	if right := nearest(name, candidates); right != "" {
		l.doubt(right, key, "unknown setting %s, did you mean %s?", name, right)
		return
	}
	l.report(l.at(key), "unknown setting %s", name)
}

// readValue returns a section's map, a list's strings or a value's string.
func (l *loader) readValue(schema *node, name string, n *yaml.Node) any {
	n = resolve(n)
	switch {
	case schema.section():
		if values := l.readSection(schema, name, n); values != nil {
			return values
		}
	case isNull(n):
		l.doubt(name, n, "%s has no value: give it one, or remove the line", name)
	case n.Kind == yaml.ScalarNode:
		return n.Value
	case n.Kind == yaml.SequenceNode && schema.list:
		return l.readList(name, n)
	case schema.list:
		l.doubt(name, n, "%s wants a list", name)
	default:
		l.doubt(name, n, "%s wants one value", name)
	}
	return nil
}

func (l *loader) readList(name string, n *yaml.Node) any {
	values := make([]any, 0, len(n.Content))
	for _, item := range n.Content {
		item = resolve(item)
		if item.Kind != yaml.ScalarNode || isNull(item) {
			l.doubt(name, item, "%s wants plain values in its list", name)
			return nil
		}
		values = append(values, item.Value)
	}
	return values
}

// doubt reports a problem of the setting at a line of the file.
func (l *loader) doubt(name string, n *yaml.Node, format string, args ...any) {
	l.doubted[name] = true
	l.report(l.at(n), format, args...)
}

func (l *loader) at(n *yaml.Node) origin { return origin{file: l.path, line: n.Line} }

func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

func orFile(prefix string) string {
	if prefix == "" {
		return "the file"
	}
	return prefix
}

// kindName returns an error if no kind can have this name.
func kindName(name string) error { return valid(broker.Kind{Name: name}).Check() }
