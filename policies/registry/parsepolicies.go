// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"errors"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"thingpass/policies"
	"thingpass/policies/templates"
)

// policies reads name → {file: …} or {builtin: …, values: {…}}.
func (b *builder) policies(n *yaml.Node) {
	if n == nil {
		return
	}
	b.mapping(n, "policies", func(key, value *yaml.Node) {
		b.name(key, "a policy", policyName)
		b.note("policies", key)
		f := b.section(value, "policy "+key.Value, "file", "builtin", "values")
		b.out.documents[key.Value] = &policies.Document{Name: key.Value} // so that who refers to it is not at fault
		if (f["file"] != nil) == (f["builtin"] != nil) {
			b.fail(key, "write {file: thing.json} or {builtin: thing}", "policy %s is either a file or one of ours", key.Value)
			return
		}
		name, text, err := b.document(key.Value, f)
		if err == nil {
			b.out.documents[key.Value], err = policies.Parse(name, text)
		}
		var inside policies.Problems
		switch {
		case errors.As(err, &inside): // each has its own place, in that file
			b.problems = append(b.problems, inside...)
		case err != nil:
			b.fail(value, "", "policy %s: %v", key.Value, err)
		}
	})
}

// document is the text of a policy, and what to call it.
func (b *builder) document(key string, f fields) (name string, text []byte, err error) {
	if f["builtin"] != nil {
		name = b.text(f["builtin"], "builtin")
		values := b.out.Values
		if f["values"] != nil {
			values = b.ownValues(key, f["values"])
		}
		text, err = templates.Render(name, values)
		return name, text, err
	}
	if f["values"] != nil {
		b.fail(f["values"], "put them into the file: `thingpass policy render` does", "values of policy %s are for builtin", key)
	}
	name = b.text(f["file"], "file")
	if !filepath.IsAbs(name) {
		name = filepath.Join(b.dir, name)
	}
	b.out.files, b.out.seen = append(b.out.files, name), append(b.out.seen, look(name))
	text, err = os.ReadFile(name)
	b.sum.Write(text)
	return name, text, err
}

// ownValues are those of the file, with a policy's own in their place.
func (b *builder) ownValues(key string, n *yaml.Node) templates.Values {
	v := b.out.Values
	b.mapping(n, "values", func(name, value *yaml.Node) {
		if err := v.Set(name.Value, b.text(value, name.Value)); err != nil {
			b.fail(value, "", "policy %s: %v", key, err)
		}
	})
	return v
}
