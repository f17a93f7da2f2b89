// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// The forms that several commands print.
const (
	formatJSON     = "json"
	formatMarkdown = "markdown"
)

// addJSONFlag adds --json, which every command has that lists something.
func addJSONFlag(c *cobra.Command, usage string) *bool {
	return c.Flags().Bool("json", false, usage)
}

// writeJSON prints v as all commands print JSON: for programs, and yet readable.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// writeJSONList prints a list, an empty one as [] so that programs need not ask for
// null.
func writeJSONList[T any](w io.Writer, list []T) error {
	if list == nil {
		list = []T{}
	}
	return writeJSON(w, list)
}

// addFormatFlag adds --format, which takes one of those formats and is the first
// unless it is given, and --json for --format json.
func addFormatFlag(c *cobra.Command, format *string, formats ...string) {
	v := &formatValue{format, formats}
	*format = formats[0]
	c.Flags().Var(v, "format", v.all())
	asJSON := c.Flags().VarPF(&jsonValue{format}, "json", "", "the same as --format json")
	asJSON.NoOptDefVal = "true"
	c.MarkFlagsMutuallyExclusive("format", "json")
	_ = c.RegisterFlagCompletionFunc("format", choose(formats...)) // the flag is there, just above
}

// formatValue is a flag that refuses what is none of its formats.
type formatValue struct {
	format *string
	known  []string
}

func (v *formatValue) Set(s string) error {
	if !slices.Contains(v.known, s) {
		return fmt.Errorf("want %s", v.all())
	}
	*v.format = s
	return nil
}

func (v *formatValue) all() string {
	last := len(v.known) - 1
	return strings.Join(v.known[:last], ", ") + " or " + v.known[last]
}

func (v *formatValue) String() string { return *v.format }
func (v *formatValue) Type() string   { return "string" }

// jsonValue is --json where --format is the flag that counts.
type jsonValue struct{ format *string }

func (v *jsonValue) Set(s string) error {
	yes, err := strconv.ParseBool(s)
	if yes {
		*v.format = formatJSON
	}
	return err
}

func (v *jsonValue) String() string   { return "false" }
func (v *jsonValue) Type() string     { return "bool" }
func (v *jsonValue) IsBoolFlag() bool { return true }
