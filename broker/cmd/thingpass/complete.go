// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"thingpass/policies/templates"
)

// choices are what flags of a name can have, in all commands that have it.
var choices = map[string][]string{
	"format":  {"text", "json", "markdown", "sarif"},
	"fail-on": {"error", "warning", "info"},
	"mode":    {"put", "batch", "pass", "multipart", "credentials", "provider", "lambda", "basic", "mqtt", "http"},
	"role":    {"viewer", "operator"},
	"verify":  {"report", "events", "none"},
}

// completeFlags lets shells complete what is one of a few, and offer only files
// of the right sort, in c and all commands below.
func completeFlags(c *cobra.Command) {
	c.Flags().VisitAll(func(f *pflag.Flag) {
		switch values, ok := choices[f.Name]; {
		case ok:
			_ = c.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
		case f.Name == "config" || f.Name == "registry" || f.Name == "values" || f.Name == "prices":
			_ = c.MarkFlagFilename(f.Name, "yaml", "yml")
		case f.Name == "dir":
			_ = c.MarkFlagDirname(f.Name)
		}
	})
	for _, sub := range c.Commands() {
		completeFlags(sub)
	}
}

// completeDocuments offers the documents that thingpass has, and files.
func completeDocuments(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return templates.Names(), cobra.ShellCompDirectiveDefault
}
