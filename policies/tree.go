// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package policies

import "encoding/json"

// A Value is JSON of whatever shape, with places: for documents beside policies,
// such as a bucket's CORS and lifecycle rules. One of Text, Number, Items and
// Members is set, or none for true, false and null.
type Value struct {
	Pos     Position
	Kind    string // as an error would name it: "an object", "a list", "a string" …
	Text    string // of a string, a number, true and false
	Items   []Value
	Members []Member
}

// A Member of an object.
type Member struct {
	Key   Text
	Value Value
}

// ParseValue reads JSON as strictly as Parse does, but asks for no shape. The
// error is Problems with a single one.
func ParseValue(name string, text []byte) (Value, error) {
	root, problem := readJSON(text)
	if problem != nil {
		problem.File = name
		return Value{}, Problems{*problem}
	}
	return root.export(), nil
}

// Get is a member by its name; false if there is none.
func (v Value) Get(name string) (Value, bool) {
	for _, m := range v.Members {
		if m.Key.Value == name {
			return m.Value, true
		}
	}
	return Value{}, false
}

func (n *node) export() Value {
	v := Value{Pos: n.pos, Kind: typeOf(n)}
	switch x := n.value.(type) {
	case string:
		v.Text = x
	case json.Number:
		v.Text = x.String()
	case bool:
		v.Text = "false"
		if x {
			v.Text = "true"
		}
	case []*node:
		for _, item := range x {
			v.Items = append(v.Items, item.export())
		}
	case []member:
		for _, m := range x {
			v.Members = append(v.Members, Member{m.key, m.value.export()})
		}
	}
	return v
}
