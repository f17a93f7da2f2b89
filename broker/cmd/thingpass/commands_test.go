// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// commands are all that people can run, but for those of cobra itself.
func commands(c *cobra.Command) (all []*cobra.Command) {
	if c.Runnable() && c.HasParent() {
		all = append(all, c)
	}
	for _, sub := range c.Commands() {
		all = append(all, commands(sub)...)
	}
	return all
}

func TestEveryCommandExplainsItself(t *testing.T) {
	t.Parallel()
	for _, c := range commands(rootCommand()) {
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: what it does, in a line without a full stop: %q", c.CommandPath(), c.Short)
		}
		if !strings.Contains(c.Example, "  thingpass "+strings.TrimPrefix(c.CommandPath(), "thingpass ")) {
			t.Errorf("%s has no example", c.CommandPath())
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s: --%s is not explained", c.CommandPath(), f.Name)
			}
		})
	}
}

// The examples of help name commands and flags that exist.
func TestExamplesOfHelpAreUnderstood(t *testing.T) {
	t.Parallel()
	for _, c := range append(commands(rootCommand()), rootCommand()) {
		for line := range strings.SplitSeq(c.Example, "\n") {
			line, found := strings.CutPrefix(strings.TrimSpace(line), "thingpass ")
			if !found {
				continue
			}
			line, _, _ = strings.Cut(line, " #")
			args := words(strings.ReplaceAll(line, `"`, "'"))
			if end := slices.IndexFunc(args, func(s string) bool { return strings.ContainsAny(s, "|>;") && len(s) == 1 }); end >= 0 {
				args = args[:end]
			}
			of, rest, err := rootCommand().Find(args)
			if err == nil {
				of.InitDefaultHelpFlag()
				err = of.ParseFlags(rest)
			}
			if err != nil {
				t.Errorf("%s: thingpass %s: %v", c.CommandPath(), line, err)
			}
		}
	}
}

func TestManHasAPageForEachCommand(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "man1")
	var out, complaints bytes.Buffer
	if code := run(t.Context(), []string{"man", "--dir", dir}, &out, &complaints); code != exitOK {
		t.Fatal(complaints.String())
	}
	for _, c := range commands(rootCommand()) {
		page, err := os.ReadFile(filepath.Join(dir, strings.ReplaceAll(c.CommandPath(), " ", "-")+".1"))
		if err != nil || !bytes.Contains(page, []byte(".SH EXAMPLE")) {
			t.Errorf("%s: %v", c.CommandPath(), err)
		}
	}
	table, err := os.ReadFile(filepath.Join(dir, "thingpass-cost.1"))
	if err != nil || !bytes.Contains(table, []byte("\n  pass         a form")) {
		t.Errorf("tables are not kept: %v", err)
	}
	for _, args := range [][]string{{"man"}, {"man", "policy", "lint"}} {
		out.Reset()
		name := strings.ToUpper(strings.Join(append([]string{"thingpass"}, args[1:]...), "-"))
		if code := run(t.Context(), args, &out, &complaints); code != exitOK || !strings.Contains(out.String(), `.TH "`+name+`" "1"`) {
			t.Errorf("%q: %d %s", args, code, out.String())
		}
	}
	for _, args := range [][]string{{"man", "polcy"}, {"man", "policy", "lint", "x"}, {"man", "--dir", dir, "policy"}, {"man", "--dir", "/dev/null/x"}} {
		if code := run(t.Context(), args, &out, &complaints); code == exitOK {
			t.Errorf("%q is no error", args)
		}
	}
}

// Shells ask the hidden command __complete what could follow.
func TestShellsComplete(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"c": "console", "policy ": "whynot", "policy render p": "presign-console", "policy lint --format ": "sarif",
		"console user add ada --role ": "operator", "man policy l": "lint", "cost --mode ": "pass",
	} {
		var out, complaints bytes.Buffer
		run(t.Context(), append([]string{"__complete"}, strings.Split(line, " ")...), &out, &complaints)
		if !strings.Contains(out.String(), want) {
			t.Errorf("thingpass %s: %s", line, out.String())
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		var out, complaints bytes.Buffer
		if code := run(t.Context(), []string{"completion", shell}, &out, &complaints); code != exitOK || out.Len() < 1000 {
			t.Errorf("%s: %d, %d bytes", shell, code, out.Len())
		}
	}
}

func TestListingsAreJSONForPrograms(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"version --json":                    `"platform"`,
		"policy lint --rules --format json": `"IOT001"`,
		"policy render --list --json":       `"presign-role"`,
		"cost --json":                       `"pass"`,
	} {
		var out, complaints bytes.Buffer
		code := run(t.Context(), strings.Fields(line), &out, &complaints)
		if code != exitOK || !json.Valid(out.Bytes()) || !strings.Contains(out.String(), want) {
			t.Errorf("thingpass %s: %d %.200s%s", line, code, out.String(), complaints.String())
		}
	}
	for _, line := range []string{"policy lint --rules --format sarif", "policy render thing --json"} {
		var out, complaints bytes.Buffer
		if code := run(t.Context(), strings.Fields(line), &out, &complaints); code == exitOK || complaints.Len() == 0 {
			t.Errorf("thingpass %s: %d %s", line, code, complaints.String())
		}
	}
}
