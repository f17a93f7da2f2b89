// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package policies

import (
	"fmt"
	"strings"
)

// A Position is a place in a document: both numbers begin with 1, the column
// counts bytes. The zero Position is no place.
type Position struct{ Line, Column int }

func (p Position) String() string { return fmt.Sprintf("%d:%d", p.Line, p.Column) }

// A Problem is something wrong with a document: where, what, and what to do.
type Problem struct {
	File string
	Pos  Position
	Text string // what is wrong, and why that matters
	Fix  string // what to write instead; may be empty
}

func (p Problem) Error() string {
	s := p.File
	if p.Pos.Line > 0 {
		s += ":" + p.Pos.String()
	}
	s += ": " + p.Text
	if p.Fix != "" {
		s += "; " + p.Fix
	}
	return s
}

// Problems are all that is wrong with a document, in its order.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Error()
	}
	return strings.Join(lines, "\n")
}
