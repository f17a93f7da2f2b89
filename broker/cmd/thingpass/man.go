// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func manCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:   "man [COMMAND...]",
		Short: "Print the manual page of a command, or write all",
		Long: `Print the manual page of a command, in roff for man -l. With --dir, write a page for
each command to that folder, such as a man1 of MANPATH, which is made.`,
		Example: `  thingpass man | man -l -
  thingpass man policy lint | man -l -
  thingpass man --dir /usr/local/share/man/man1`,
		ValidArgsFunction: completeCommands,
	}
	c.Flags().StringVar(&dir, "dir", "", "write all pages to this `FOLDER`")
	c.RunE = func(c *cobra.Command, args []string) error {
		of, rest, err := c.Root().Find(args)
		if err != nil || len(rest) > 0 {
			return unstartable(fmt.Errorf("there is no command %q: thingpass --help lists them", args))
		}
		if dir != "" && len(args) > 0 {
			return unstartable(fmt.Errorf("--dir writes the pages of all commands: leave %q out", args))
		}
		of.Root().DisableAutoGenTag = true // which would say on what day it was printed
		if dir == "" {
			return failedUnlessNil(doc.GenMan(of, manHeader(), c.OutOrStdout()))
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return failed(err)
		}
		return failedUnlessNil(doc.GenManTree(of.Root(), manHeader(), dir))
	}
	return c
}

func failedUnlessNil(err error) error {
	if err == nil {
		return nil
	}
	return failed(err)
}

// manHeader has the day of the commit, so that the same program writes the same
// pages.
func manHeader() *doc.GenManHeader {
	day := time.Unix(0, 0).UTC()
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if t, err := time.Parse(time.RFC3339, s.Value); s.Key == "vcs.time" && err == nil {
				day = t
			}
		}
	}
	return &doc.GenManHeader{Section: "1", Source: "thingpass", Manual: "thingpass", Date: &day}
}

// completeCommands offers what could follow the names of commands.
func completeCommands(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	if of, rest, err := c.Root().Find(args); err == nil && len(rest) == 0 {
		for _, sub := range of.Commands() {
			names = append(names, sub.Name()+"\t"+sub.Short)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
