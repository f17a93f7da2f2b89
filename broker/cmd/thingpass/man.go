// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"
)

// manCommand is `thingpass man`: what --help says, for man(1).
func manCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "man [COMMAND...]",
		Short: "Print the manual page of a command, or write one for each",
		Long: `Print the manual page of thingpass or of one of its commands, or with --dir write
one for each command: they say what --help says. The same program writes the same
pages at any time.`,
		Example: `  thingpass man | man -l -
  thingpass man policy lint | man -l -
  thingpass man --dir ~/.local/share/man/man1
  man thingpass-policy-lint`,
		ValidArgsFunction: completeCommands,
	}
	dir := c.Flags().String("dir", "", "write a page for each command into this `DIR`, which is made if there is none")
	c.RunE = func(c *cobra.Command, args []string) error {
		root := manTree()
		of, rest, err := root.Find(args)
		switch {
		case err != nil || len(rest) > 0:
			return unstartable(fmt.Errorf("there is no command %q: thingpass --help lists them", strings.Join(args, " ")))
		case *dir != "" && len(args) > 0:
			return unstartable(errors.New("--dir writes the pages of all commands: give no COMMAND"))
		case *dir != "":
			return writeManPages(root, *dir)
		}
		page, err := manPage(of)
		if err == nil {
			_, err = c.OutOrStdout().Write(page)
		}
		return err
	}
	_ = c.MarkFlagDirname("dir") // the flag is there, just above
	return c
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

// manTree is a tree of all commands that pages are made of. It is one of its own,
// as its texts become Markdown, which the pages are made from.
func manTree() *cobra.Command {
	root := rootCommand()
	root.InitDefaultCompletionCmd()
	root.DisableAutoGenTag = true // it has a date in it
	everyCommand(root, func(c *cobra.Command) {
		// Else a page of a command that has been run lacks what others have.
		c.InitDefaultHelpFlag()
		c.InitDefaultVersionFlag()
		c.Short, c.Long = escapeMarkdown(c.Short), markdownOf(c.Long)
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if c.InheritedFlags().Lookup(f.Name) == nil {
				f.Usage = strings.ReplaceAll(markdownLine(f.Usage), "\n", " ")
			}
		})
	})
	return root
}

// everyCommand calls do with each command that --help shows, parents first.
func everyCommand(c *cobra.Command, do func(*cobra.Command)) {
	do(c)
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			everyCommand(sub, do)
		}
	}
}

// manPage is a command's page, without a date: a page is as old as its program.
func manPage(c *cobra.Command) ([]byte, error) {
	var page bytes.Buffer
	header := &doc.GenManHeader{Section: "1", Source: "thingpass", Manual: "thingpass", Date: new(time.Time)}
	if err := doc.GenMan(c, header, &page); err != nil {
		return nil, fmt.Errorf("make the page of %s: %w", c.CommandPath(), err)
	}
	undated := bytes.Replace(page.Bytes(), []byte(`"Jan 0001"`), []byte(`""`), 1)
	return manFlag.ReplaceAll(undated, []byte(".TP\n$1\n\\&$2")), nil
}

// manFlag is a flag as cobra has it, with its usage behind a tab: a line that is
// too long would go on below the flag itself.
var manFlag = regexp.MustCompile(`(?m)(?:^\.PP\n)?^(\\fB-.*)\n\t(.*)`)

// manFile is what man(1) looks for.
func manFile(c *cobra.Command) string {
	return strings.ReplaceAll(c.CommandPath(), " ", "-") + ".1"
}

func writeManPages(root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("--dir: %w", err)
	}
	var problem error
	everyCommand(root, func(c *cobra.Command) {
		if problem != nil {
			return
		}
		page, err := manPage(c)
		if err == nil {
			err = replaceFile(filepath.Join(dir, manFile(c)), page)
		}
		problem = err
	})
	return problem
}

// markdownOf keeps indented lines, such as tables, as they are, and has the
// others flow.
func markdownOf(text string) string {
	const fence = "```\n"
	var b strings.Builder
	fenced := false
	for _, line := range strings.Split(text, "\n") {
		indented := strings.HasPrefix(line, "  ") || strings.HasPrefix(line, "\t")
		switch {
		case indented && !fenced:
			b.WriteString("\n" + fence)
		case !indented && fenced:
			b.WriteString(fence + "\n")
		}
		fenced = indented
		if !fenced {
			line = markdownLine(strings.TrimPrefix(line, "#### ")) // which cobra's own have
		}
		b.WriteString(line + "\n")
	}
	if fenced {
		b.WriteString(fence)
	}
	return b.String()
}

// markdownLine escapes all but what stands between backticks, which is code in
// Markdown, too, and the name of a flag's value.
func markdownLine(line string) string {
	parts := strings.Split(line, "`")
	for i := 0; i < len(parts); i += 2 {
		parts[i] = escapeMarkdown(parts[i])
	}
	return strings.Join(parts, "`")
}

var escapeMarkdown = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `_`, `\_`, `<`, `\<`, `>`, `\>`, `[`, `\[`, `]`, `\]`,
	`|`, `\|`, `~`, `\~`, `#`, `\#`).Replace
