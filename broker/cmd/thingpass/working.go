// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"io"

	"github.com/spf13/cobra"

	"thingpass/broker/cmd/thingpass/terminal"
)

// working tells who waits at a terminal what takes so long, until done is called.
func working(c *cobra.Command, what string) (done func()) {
	return terminal.Start(c.ErrOrStderr(), what, 0).End
}

// printAsJSON prints v for programs, and for people who look at it.
func printAsJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
