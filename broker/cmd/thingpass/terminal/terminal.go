// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package terminal does what only a person at a terminal wants to see: colours,
// and how far long work is. A file, a pipe or a CI system gets neither.
package terminal

import (
	"io"
	"os"

	"github.com/mattn/go-isatty"
)

// Is tells whether w is a terminal.
func Is(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && isatty.IsTerminal(file.Fd())
}

// Colours tells whether w shows them: it is a terminal, no dumb one, and NO_COLOR
// (no-color.org) is not set, or empty.
func Colours(w io.Writer) bool {
	return Is(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// A Colour is a number of ECMA-48's SGR. Terminals choose the shade, for light and
// dark backgrounds.
type Colour string

// The colours, by what they are used for.
const (
	Bad  Colour = "31" // red
	Good Colour = "32" // green
	Warn Colour = "33" // yellow
)

// Paint returns s in that colour, if it is one and w shows colours, else as it is. It adds
// nothing that counts as width in a table of text/tabwriter only where the
// painted column is the last.
func Paint(w io.Writer, c Colour, s string) string {
	if s == "" || c == "" || !Colours(w) {
		return s
	}
	return "\x1b[" + string(c) + "m" + s + "\x1b[0m"
}
