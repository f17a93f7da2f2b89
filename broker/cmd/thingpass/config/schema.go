// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"reflect"
	"slices"
	"strings"

	"thingpass/broker"
)

// A node is a place in the tree of settings. The tree is read off Config, so
// that a setting is named in one place only.
type node struct {
	children map[string]*node // of a section with fixed names
	each     *node            // of a section with free names: kinds, groups
	list     bool             // otherwise it is one value
}

func schema() *node { return nodeOf(reflect.TypeFor[Config]()) }

func nodeOf(t reflect.Type) *node {
	switch {
	case t.Kind() == reflect.Map:
		return &node{each: nodeOf(t.Elem())}
	case t.Kind() == reflect.Slice:
		return &node{list: true}
	case t.Kind() != reflect.Struct || t == reflect.TypeFor[broker.ContentType]():
		return &node{}
	}
	n := &node{children: map[string]*node{}}
	for _, field := range reflect.VisibleFields(t) {
		if name := field.Tag.Get("mapstructure"); name != "" {
			n.children[name] = nodeOf(field.Type)
		}
	}
	return n
}

func (n *node) section() bool { return n.children != nil || n.each != nil }

func (n *node) child(name string) *node {
	if n.each != nil {
		return n.each
	}
	return n.children[name]
}

// names returns the full names of all settings, sorted, if those are the free
// names of each section.
func (n *node) names(free map[string][]string) []string {
	names := n.below("", free)
	slices.Sort(names)
	return names
}

func (n *node) below(prefix string, free map[string][]string) []string {
	if !n.section() {
		return []string{prefix}
	}
	var names []string
	if n.each != nil {
		for _, name := range free[prefix] {
			names = append(names, n.each.below(join(prefix, name), nil)...)
		}
	}
	for name, child := range n.children {
		names = append(names, child.below(join(prefix, name), free)...)
	}
	return names
}

func join(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}

// parent is what name is below.
func parent(name string) string {
	i := strings.LastIndexByte(name, '.')
	return name[:max(i, 0)]
}

func leaf(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }
