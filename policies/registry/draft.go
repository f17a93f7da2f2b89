// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"fmt"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"
)

// A Draft is a registry while it is edited. What is written is judged when the
// edit ends.
type Draft struct{ root *yaml.Node }

// AddThing adds a thing. The error tells that its name is taken.
func (d *Draft) AddThing(t Thing) error {
	things := child(d.root, "things", yaml.MappingNode)
	if at(things, t.Name) != nil {
		return fmt.Errorf("thing %s is in the registry already", t.Name)
	}
	n := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	if t.Type != "" {
		put(n, "type", scalar(t.Type))
	}
	if len(t.Attributes) > 0 {
		attributes := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
		for _, name := range slices.Sorted(maps.Keys(t.Attributes)) {
			put(attributes, name, scalar(t.Attributes[name]))
		}
		put(n, "attributes", attributes)
	}
	if len(t.Groups) > 0 {
		put(n, "groups", scalars(t.Groups))
	}
	if t.Blocked {
		put(n, "blocked", truth())
	}
	put(things, t.Name, n)
	return nil
}

// SetBlocked lets a thing in, or not. A thing that is not named yet, which jitp
// may admit, is added.
func (d *Draft) SetBlocked(thing string, blocked bool) error {
	things := child(d.root, "things", yaml.MappingNode)
	n := at(things, thing)
	if n == nil || isNull(n) {
		n = &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
		put(things, thing, n)
	}
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("thing %s is no mapping", thing)
	}
	drop(n, "blocked")
	if blocked {
		put(n, "blocked", truth())
	}
	return nil
}

// AddCertificate adds a certificate.
func (d *Draft) AddCertificate(c Certificate) error {
	if d.certificate(c.ID, c.CommonName) != nil {
		return fmt.Errorf("certificate %s%s is in the registry already", c.ID, c.CommonName)
	}
	n := &yaml.Node{Kind: yaml.MappingNode}
	if c.ID != "" {
		put(n, "id", scalar(c.ID))
	} else {
		put(n, "commonName", scalar(c.CommonName))
	}
	if c.Status != "" {
		put(n, "status", scalar(string(c.Status)))
	}
	if len(c.Things) > 0 {
		put(n, "things", scalars(c.Things))
	}
	if c.Exclusive {
		put(n, "exclusive", truth())
	}
	if len(c.Policies) > 0 {
		put(n, "policies", scalars(c.Policies))
	}
	list := child(d.root, "certificates", yaml.SequenceNode)
	list.Content = append(list.Content, n)
	return nil
}

// SetStatus changes a certificate's. A revoked one stays revoked, as at AWS.
func (d *Draft) SetStatus(id string, status Status) error {
	n := d.certificate(id, "")
	if n == nil {
		return fmt.Errorf("certificate %s is not in the registry", id)
	}
	if now := at(n, "status"); now != nil && Status(now.Value) == Revoked && status != Revoked {
		return fmt.Errorf("certificate %s is REVOKED, and stays so: issue another", id)
	}
	drop(n, "status")
	put(n, "status", scalar(string(status)))
	return nil
}

// Attach attaches a certificate to one more thing.
func (d *Draft) Attach(id, thing string) error {
	n := d.certificate(id, "")
	if n == nil {
		return fmt.Errorf("certificate %s is not in the registry", id)
	}
	things := child(n, "things", yaml.SequenceNode)
	for _, item := range things.Content {
		if item.Value == thing {
			return nil
		}
	}
	things.Content = append(things.Content, scalar(thing))
	return nil
}

func (d *Draft) certificate(id, commonName string) *yaml.Node {
	list := at(d.root, "certificates")
	if list == nil || list.Kind != yaml.SequenceNode {
		return nil
	}
	for _, n := range list.Content {
		if n.Kind != yaml.MappingNode {
			continue
		}
		if v := at(n, "id"); id != "" && v != nil && v.Value == id {
			return n
		}
		if v := at(n, "commonName"); commonName != "" && v != nil && v.Value == commonName {
			return n
		}
	}
	return nil
}

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
