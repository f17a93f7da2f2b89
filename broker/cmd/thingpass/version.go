// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

func versionCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Example: `  thingpass version
  thingpass version --json | jq -r .version`,
		Args: cobra.NoArgs,
	}
	asJSON := addJSONFlag(c, "print one JSON object")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if *asJSON {
			return writeJSON(c.OutOrStdout(), builtAs())
		}
		_, err := fmt.Fprintln(c.OutOrStdout(), version())
		return err
	}
	return c
}

// build is what the Go tool wrote into the program.
type build struct {
	Version string `json:"version"`          // empty without module information
	Commit  string `json:"commit,omitempty"` // empty if it was not built in a repository
	Changed bool   `json:"changed"`          // there were changes besides that commit
	Time    string `json:"time,omitempty"`   // of the commit, RFC 3339
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

func builtAs() build {
	b := build{Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Version = info.Main.Version
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.modified":
			b.Changed = s.Value == "true"
		case "vcs.time":
			b.Time = s.Value
		}
	}
	return b
}

// version is the same in one line.
func version() string {
	b := builtAs()
	if b.Version == "" {
		return "thingpass (built without module information), " + b.Go
	}
	parts := []string{"thingpass " + b.Version}
	if b.Commit != "" {
		parts = append(parts, "commit "+b.Commit[:min(len(b.Commit), 12)])
	}
	if b.Changed {
		parts = append(parts, "with changes")
	}
	if b.Time != "" {
		parts = append(parts, b.Time)
	}
	return strings.Join(append(parts, b.Go, b.OS+"/"+b.Arch), ", ")
}
