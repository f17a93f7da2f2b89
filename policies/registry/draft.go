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

// AddGroup adds a thing group with policies.
func (d *Draft) AddGroup(g Group) error {
	groups := child(d.root, "groups", yaml.MappingNode)
	if at(groups, g.Name) != nil {
		return fmt.Errorf("group %s is in the registry already", g.Name)
	}
	n := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	put(n, "policies", scalars(g.Policies))
	put(groups, g.Name, n)
	return nil
}

// AddToGroup puts a thing, which must be named, into one more group.
func (d *Draft) AddToGroup(thing, group string) error {
	n := at(child(d.root, "things", yaml.MappingNode), thing)
	if n == nil {
		return fmt.Errorf("thing %s is not in the registry", thing)
	}
	if isNull(n) {
		*n = yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle, LineComment: n.LineComment}
	}
	groups := child(n, "groups", yaml.SequenceNode)
	for _, item := range groups.Content {
		if item.Value == group {
			return nil
		}
	}
	groups.Content = append(groups.Content, scalar(group))
	return nil
}

// AddBuiltin adds one of our policies under a name, with values of its own
// besides those of the registry.
func (d *Draft) AddBuiltin(name, builtin string, values map[string]string) error {
	list := child(d.root, "policies", yaml.MappingNode)
	if at(list, name) != nil {
		return fmt.Errorf("policy %s is in the registry already", name)
	}
	n := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	put(n, "builtin", scalar(builtin))
	if len(values) > 0 {
		own := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
		for _, key := range slices.Sorted(maps.Keys(values)) {
			put(own, key, scalar(values[key]))
		}
		put(n, "values", own)
	}
	put(list, name, n)
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
