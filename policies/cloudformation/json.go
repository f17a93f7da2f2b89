// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package cloudformation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// A field is a member of an object.
type field struct {
	name  string
	value any
}

// An object keeps its members in their order: documents stay readable.
type object []field

func (o object) get(name string) any {
	for _, f := range o {
		if f.name == name {
			return f.value
		}
	}
	return nil
}

// width is how long a line may be that has a whole object or list.
const width = 110

// printed is a value as JSON, with characters as they are, and what is short on
// one line: the template of a whole installation then fits what AWS takes.
func printed(v any, indent string) string {
	if line := oneLine(v); len(indent)+len(line) <= width {
		return line
	}
	var parts []string
	open, end := "[", "]"
	switch v := v.(type) {
	case object:
		if len(v) == 1 && v[0].name == "Fn::Sub" {
			return oneLine(v) // an ARN, which is no better in pieces
		}
		open, end = "{", "}"
		for _, f := range v {
			parts = append(parts, oneLine(f.name)+": "+printed(f.value, indent+" "))
		}
	case []any:
		for _, item := range v {
			parts = append(parts, printed(item, indent+" "))
		}
	default:
		return oneLine(v)
	}
	return open + "\n" + indent + " " + strings.Join(parts, ",\n"+indent+" ") + "\n" + indent + end
}

func oneLine(v any) string {
	var parts []string
	switch v := v.(type) {
	case object:
		for _, f := range v {
			parts = append(parts, oneLine(f.name)+": "+oneLine(f.value))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []any:
		for _, item := range v {
			parts = append(parts, oneLine(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(v) // a text, a number or a truth: it always can
	return strings.TrimSpace(out.String())
}

// parse reads what templates.Expand has made; it is JSON, as each document is.
func parse(text []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return next(decoder)
}

func next(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		o := object{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			value, err := next(d)
			if err != nil {
				return nil, err
			}
			o = append(o, field{fmt.Sprint(name), value})
		}
		_, err = d.Token()
		return o, err
	case json.Delim('['):
		list := []any{}
		for d.More() {
			item, err := next(d)
			if err != nil {
				return nil, err
			}
			list = append(list, item)
		}
		_, err = d.Token()
		return list, err
	}
	return token, nil
}
