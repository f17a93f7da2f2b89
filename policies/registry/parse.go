// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"thingpass/policies"
	"thingpass/policies/templates"
)

// Load reads a registry file. Documents that it names lie beside it. The error
// has all that is wrong, as policies.Problems.
func Load(path string) (*Registry, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the registry: %w", err)
	}
	return Parse(path, text)
}

// Parse is Load of a text; the path is for messages, and for the folder of the
// documents.
func Parse(path string, text []byte) (*Registry, error) {
	tree, err := parseTree(path, text)
	if err != nil {
		return nil, err
	}
	return build(path, tree, text)
}

func build(path string, tree *yaml.Node, text []byte) (*Registry, error) {
	b := &builder{reader: reader{file: path}, dir: filepath.Dir(path), known: map[string]bool{}, sum: sha256.New(), where: map[string]policies.Position{},
		attached: map[string]bool{}, attributesSeen: map[string]bool{}, certified: map[string]bool{}, armed: map[string]bool{}}
	b.sum.Write(text)
	b.out = &Registry{
		documents: map[string]*policies.Document{}, types: map[string]bool{}, groups: map[string]*Group{},
		things: map[string]*Thing{}, byID: map[string]*Certificate{}, byName: map[string]*Certificate{},
	}
	root := b.section(tree.Content[0], "a registry",
		"account", "region", "partition", "values", "policies", "types", "groups", "things", "certificates", "jitp")
	b.place(root)
	b.policies(root["policies"])
	b.typesOf(root["types"])
	b.groupsOf(root["groups"])
	b.thingsOf(root["things"])
	b.certificatesOf(root["certificates"])
	b.admissionOf(root["jitp"])
	if len(b.problems) > 0 {
		return nil, b.problems
	}
	b.sum.Sum(b.out.sum[:0])
	b.out.compile()
	b.disagreements()
	return b.out, nil
}

type builder struct {
	reader
	dir   string
	out   *Registry
	known map[string]bool // certificates
	sum   hash.Hash       // of all that is read

	// For disagreements.
	where          map[string]policies.Position // "section/name" → its key
	attached       map[string]bool              // policies
	attributesSeen map[string]bool
	certified      map[string]bool // things with a certificate that is good, or will be
	armed          map[string]bool // things whose certificates have policies of their own
}

func (b *builder) place(root fields) {
	values := map[string]string{}
	for _, name := range []string{"account", "region", "partition"} {
		if n := root[name]; n != nil {
			values[name] = b.text(n, name)
		}
	}
	if n := root["values"]; n != nil {
		b.mapping(n, "values", func(key, value *yaml.Node) {
			if _, twice := values[key.Value]; twice {
				b.fail(key, "it stands above", "%s is not one of values", key.Value)
			}
			values[key.Value] = b.text(value, key.Value)
			if _, err := templates.FromMap(map[string]string{key.Value: value.Value}); err != nil {
				b.fail(value, "", "%v", err)
				delete(values, key.Value)
			}
		})
	}
	v, err := templates.FromMap(values)
	if err != nil {
		b.fail(firstOf(root["account"], root["region"], root["partition"]), "", "%v", err)
	}
	b.out.Values = v
	b.out.Place = policies.Place{Partition: v.Get("partition"), Region: v.Get("region"), Account: v.Get("account")}
	if b.out.Place.Account == "" || b.out.Place.Region == "" {
		b.fail(nil, `write account: "123456789012" and region: eu-central-1, or whatever the policies name`, "account and region are missing: policies name resources by them")
	}
}

func firstOf(nodes ...*yaml.Node) *yaml.Node {
	for _, n := range nodes {
		if n != nil {
			return n
		}
	}
	return nil
}
