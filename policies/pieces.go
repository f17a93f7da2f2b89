// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package policies

import "strings"

// A PieceKind says what a part of a resource is.
type PieceKind int

// Kinds of pieces.
const (
	Literal  PieceKind = PieceKind(literal)
	AnyRunOf PieceKind = PieceKind(star)     // *
	AnyOneOf PieceKind = PieceKind(one)      // ?
	Variable PieceKind = PieceKind(variable) // ${…}
)

// A Piece is a part of a resource as the document has it, for those who
// translate policies into another language.
type Piece struct {
	Kind PieceKind
	Text string // the literal, or the variable as it is written
	Key  string // the variable's, in lower case but for what stands in brackets; "": a broken one
}

// Pieces takes a resource, or a value of a condition, of the document apart.
// Under the old version of the language variables are plain text.
func (d *Document) Pieces(text string) []Piece {
	var out []Piece
	for _, p := range parsePattern(text, d.Version.Value == VersionVariables) {
		out = append(out, Piece{PieceKind(p.kind), p.text, p.key})
	}
	return out
}

// Covers is true if the statement speaks of the action.
func (d *Document) Covers(statement int, action string) bool {
	r := compileRule(d, statement)
	return r.covers(strings.ToLower(action))
}
