// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package policies

import "unicode"

// Text is a string of a document with its place.
type Text struct {
	Value string
	Pos   Position
}

// A Document is a policy as it was written. Nothing in it has been judged but
// its shape.
type Document struct {
	Name       string // as given to Parse
	Version    Text   // empty: not given, which AWS takes for 2008-10-17
	ID         Text
	Statements []Statement
	Size       int // characters without white space, as AWS counts them
}

// A Statement is one rule. Where the document has a string in the place of a
// list, the list has one element.
type Statement struct {
	Pos        Position
	Sid        Text
	Effect     Text // Allow or Deny
	Actions    []Text
	Resources  []Text
	Conditions []Condition // all of them must hold
	Principals []Text      // "*", or "AWS:arn…", "Service:iot.amazonaws.com"; for bucket and trust policies

	NotAction, NotResource, NotPrincipal bool // the list of that name is meant inverted
}

// A Condition is one key of one operator: any of the values will do.
type Condition struct {
	Operator Text
	Key      Text
	Values   []Text
}

// Versions of the policy language. Variables are replaced in the newer one only.
const (
	VersionVariables = "2012-10-17"
	versionOld       = "2008-10-17"
)

// Label names a statement for people: its Sid, or its number, from 1.
func (d *Document) Label(i int) string {
	if sid := d.Statements[i].Sid.Value; sid != "" {
		return sid
	}
	return "statement " + decimal(i+1)
}

// sizeOf counts characters as AWS does for its limits: white space is free.
func sizeOf(text []byte) int {
	n := 0
	for _, r := range string(text) {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}
