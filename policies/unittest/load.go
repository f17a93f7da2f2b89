// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package unittest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"thingpass/policies"
	"thingpass/policies/explain"
	"thingpass/policies/templates"
)

// What documents of ours are rendered with where a file says nothing else.
const (
	defaultAccount = "123456789012"
	defaultRegion  = "eu-central-1"
	defaultBucket  = "thingpass-photos"
)

// Load reads a file of tests, and the policies that it names. The error is
// policies.Problems: all that is wrong with it, each with its place.
func Load(file string) (*Suite, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return Read(file, text)
}

// Read is Load for a text. Files that it names are beside the file.
func Read(file string, text []byte) (*Suite, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, policies.Problems{{File: file, Text: err.Error()}}
	}
	l := &loader{
		reader: reader{file: file}, suite: &Suite{File: file, identities: map[string]*explain.Bench{}},
		documents: map[string]*policies.Document{}, things: map[string]*policies.Thing{},
	}
	if len(root.Content) == 0 {
		return nil, policies.Problems{{File: file, Text: "the file is empty", Fix: "give it policies, identities and cases"}}
	}
	l.whole(root.Content[0])
	if len(l.problems) > 0 {
		slices.SortStableFunc(l.problems, func(a, b policies.Problem) int {
			return cmp.Or(a.Pos.Line-b.Pos.Line, a.Pos.Column-b.Pos.Column)
		})
		return nil, l.problems
	}
	return l.suite, nil
}

type loader struct {
	reader
	suite     *Suite
	values    templates.Values
	documents map[string]*policies.Document
	things    map[string]*policies.Thing
}

// whole reads the parts in the order in which they need each other, wherever
// they stand.
func (l *loader) whole(n *yaml.Node) {
	parts := map[string]*yaml.Node{}
	keys := map[string]func(*yaml.Node){}
	for _, name := range []string{"values", "policies", "things", "identities", "cases"} {
		keys[name] = func(v *yaml.Node) { parts[name] = v }
	}
	l.mapping(n, "the file", keys)
	for _, part := range []struct {
		name string
		must bool
		read func(*yaml.Node)
	}{{"values", false, l.readValues}, {"policies", true, l.readPolicies}, {"things", false, l.readThings}, {"identities", true, l.readIdentities}, {"cases", true, l.readCases}} {
		switch v := parts[part.name]; {
		case v != nil:
			part.read(v)
		case part.must:
			l.fail(n, "add "+part.name+":", "the file has no %s", part.name)
		}
	}
}

func (l *loader) readValues(n *yaml.Node) {
	l.pairs(n, "values", func(key, value *yaml.Node) {
		if err := l.values.Set(key.Value, value.Value); err != nil {
			l.fail(key, "", "%v", err)
		}
	})
}

func (l *loader) readPolicies(n *yaml.Node) {
	l.pairs(n, "policies", func(key, value *yaml.Node) {
		l.mapping(value, "policy "+key.Value, map[string]func(*yaml.Node){
			"builtin": func(v *yaml.Node) { l.document(key.Value, v, l.builtin) },
			"file":    func(v *yaml.Node) { l.document(key.Value, v, l.read) },
		})
	})
	for _, name := range slices.Sorted(maps.Keys(l.documents)) {
		l.suite.documents = append(l.suite.documents, l.documents[name])
	}
}

func (l *loader) document(name string, n *yaml.Node, read func(string) (*policies.Document, error)) {
	d, err := read(l.text(n, "the document"))
	var problems policies.Problems
	switch {
	case errors.As(err, &problems):
		l.problems = append(l.problems, problems...)
	case err != nil:
		l.fail(n, "", "%v", err)
	case l.documents[name] != nil:
		l.fail(n, "keep one of them", "policy %s has both a file and a builtin", name)
	default:
		l.documents[name] = d
	}
}

func (l *loader) builtin(name string) (*policies.Document, error) {
	v := l.values
	v.Account, v.Region, v.Bucket = cmp.Or(v.Account, defaultAccount), cmp.Or(v.Region, defaultRegion), cmp.Or(v.Bucket, defaultBucket)
	text, err := templates.Render(name, v)
	if err != nil {
		return nil, err
	}
	return policies.Parse(name+".json", text)
}

func (l *loader) read(name string) (*policies.Document, error) {
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(l.file), name)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return policies.Parse(path, text)
}

func (l *loader) readThings(n *yaml.Node) {
	l.pairs(n, "things", func(key, value *yaml.Node) {
		thing := &policies.Thing{Name: key.Value, Attributes: map[string]string{}}
		if !policies.IsThingName(key.Value) {
			l.fail(key, "1 to 128 letters, digits and : _ -", "%q is no name of a thing", key.Value)
		}
		l.things[key.Value] = thing
		l.mapping(value, "thing "+key.Value, map[string]func(*yaml.Node){
			"type": func(v *yaml.Node) { thing.Type = l.text(v, "the type") },
			"attributes": func(v *yaml.Node) {
				l.pairs(v, "attributes", func(k, v *yaml.Node) { thing.Attributes[k.Value] = l.text(v, "an attribute") })
			},
		})
	})
}

// Files are the files of tests that a path stands for: itself, or all *.yaml and
// *.yml of a folder.
func Files(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return []string{path}, err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if name := e.Name(); strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml") {
			out = append(out, filepath.Join(path, name))
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: there are no tests in it, *.yaml", path)
	}
	return out, nil
}
