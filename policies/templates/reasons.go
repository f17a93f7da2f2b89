// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package templates

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"thingpass/policies/documents"
)

// Reasons say what needs each statement of a policy.
type Reasons struct {
	Beside     string            `yaml:"beside"` // the document that a bucket policy narrows
	Statements map[string]Reason `yaml:"statements"`
	Never      []Operation       `yaml:"never"` // what it must not allow
}

// A Reason is that of one statement, or of one condition of it.
type Reason struct {
	Why        string            `yaml:"why"`
	Needs      []Operation       `yaml:"needs"`      // denied, once it is gone
	Prevents   []Operation       `yaml:"prevents"`   // allowed, once it is gone
	Spare      bool              `yaml:"spare"`      // nothing of ours would miss it
	Conditions map[string]Reason `yaml:"conditions"` // by key
}

// An Operation is something that a request would do.
type Operation struct {
	Action   string
	Resource string              // an ARN; "" where there is none to name, as for taking a role
	With     map[string][]string // of the request's context; nil takes a key out of it
}

// UnmarshalYAML reads "action resource", or that as `do` beside `with`.
func (o *Operation) UnmarshalYAML(n *yaml.Node) error {
	full := struct {
		Do   string               `yaml:"do"`
		With map[string]yaml.Node `yaml:"with"`
	}{Do: n.Value}
	if n.Kind != yaml.ScalarNode {
		if err := n.Decode(&full); err != nil {
			return err
		}
	}
	var found bool
	if o.Action, o.Resource, found = strings.Cut(full.Do, " "); !found {
		return fmt.Errorf("line %d: want an action and a resource, not %q", n.Line, full.Do)
	}
	for key, value := range full.With {
		values, err := listOf(value)
		if err != nil {
			return err
		}
		if o.With == nil {
			o.With = map[string][]string{}
		}
		o.With[key] = values
	}
	return nil
}

func listOf(n yaml.Node) (values []string, err error) {
	switch {
	case n.Tag == "!!null":
		return nil, nil
	case n.Kind == yaml.ScalarNode:
		return []string{n.Value}, nil
	}
	err = n.Decode(&values)
	return values, err
}

// Why returns the reasons of a policy, for an installation.
func Why(name string, v Values) (Reasons, error) {
	d, err := Find(name)
	if err != nil {
		return Reasons{}, err
	}
	text, err := documents.Files.ReadFile("reasons.yaml")
	if err != nil {
		return Reasons{}, err
	}
	all := map[string]Reasons{}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&all); err != nil {
		return Reasons{}, fmt.Errorf("reasons.yaml: %w", err)
	}
	reasons, found := all[d.Name]
	if !found {
		return Reasons{}, fmt.Errorf("%s is a %s: only policies have statements that need reasons", d.Name, d.Kind)
	}
	return reasons, reasons.fill(v)
}

// fill makes ARNs of resources.
func (r *Reasons) fill(v Values) error {
	problems := []error{fill(r.Never, v)}
	for _, s := range r.Statements {
		problems = append(problems, fill(s.Needs, v), fill(s.Prevents, v))
		for _, c := range s.Conditions {
			problems = append(problems, fill(c.Prevents, v))
		}
	}
	return errors.Join(problems...)
}

func fill(list []Operation, v Values) error {
	for i := range list {
		o := &list[i]
		for _, values := range o.With {
			for j := range values {
				values[j] = put(values[j], v)
			}
		}
		o.Resource = arnOf(put(o.Resource, v), v)
		if strings.Contains(o.Resource, "{{") {
			return fmt.Errorf("%s %s: a value is missing", o.Action, o.Resource)
		}
	}
	return nil
}

// put is what Render does with a document.
func put(text string, v Values) string {
	return placeholder.ReplaceAllStringFunc(text, func(found string) string {
		if value := Printed(found[2:len(found)-2], v); value != "" {
			return value
		}
		return found
	})
}

// arnOf knows what resources are called for short.
func arnOf(resource string, v Values) string {
	kind, _, _ := strings.Cut(resource, "/")
	switch kind {
	case "client", "topic", "topicfilter", "rolealias":
		return "arn:" + v.Get("partition") + ":iot:" + v.Region + ":" + v.Account + ":" + resource
	case "-":
		return ""
	}
	if rest, found := strings.CutPrefix(resource, "s3:"); found {
		return "arn:" + v.Get("partition") + ":s3:::" + rest
	}
	return resource
}
