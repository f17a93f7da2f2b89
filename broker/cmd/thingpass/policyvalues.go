// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"thingpass/policies/templates"
)

// addValueFlags adds --values FILE and a flag for each value of the documents.
// The function that it returns reads the file and what was given on the command
// line, which wins.
func addValueFlags(c *cobra.Command) (read func() (templates.Values, error)) {
	flags := c.Flags()
	file := flags.String("values", "", "a YAML `FILE` of values: account, region, bucket, root and the others")
	for _, f := range templates.Fields() {
		flags.String(f.Name, f.Default, f.Help)
	}
	return func() (templates.Values, error) {
		v, err := readValues(*file)
		if err == nil {
			err = setFlagged(&v, c)
		}
		return v, err
	}
}

func readValues(file string) (templates.Values, error) {
	if file == "" {
		return templates.Values{}, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return templates.Values{}, fmt.Errorf("--values: %w", err)
	}
	return templates.ReadValues(file, text)
}

func setFlagged(v *templates.Values, c *cobra.Command) error {
	for _, f := range templates.Fields() {
		flag := c.Flags().Lookup(f.Name)
		if !flag.Changed {
			continue
		}
		if err := v.Set(f.Name, flag.Value.String()); err != nil {
			return fmt.Errorf("--%w", err)
		}
	}
	return v.Check()
}
