// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// eachOfOurs calls do with each command of ours; cobra's own are help and completion.
func eachOfOurs(do func(*cobra.Command)) {
	everyCommand(rootCommand(), func(c *cobra.Command) {
		if c.Name() != "help" {
			do(c)
		}
	})
}

// What --help promises is there for every command.
func TestEveryCommandIsExplained(t *testing.T) {
	eachOfOurs(func(c *cobra.Command) {
		path := c.CommandPath()
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: Short is %q: want a line without a full stop", path, c.Short)
		}
		if c.Runnable() && len(exampleLines(c)) == 0 {
			t.Errorf("%s has no line of Example or Long that begins with thingpass", path)
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s --%s has no usage", path, f.Name)
			}
		})
		siblings := map[string]bool{}
		for _, sub := range c.Commands() {
			for _, name := range append(sub.Aliases, sub.Name()) {
				if siblings[name] {
					t.Errorf("%s has two commands %s", path, name)
				}
				siblings[name] = true
			}
		}
	})
}

// exampleLines are the command lines of a command's help, also those that read
// from a pipe or follow an assignment.
func exampleLines(c *cobra.Command) (lines []string) {
	for _, line := range strings.Split(c.Long+"\n"+c.Example, "\n") {
		if line = exampleStart.ReplaceAllString(line, ""); exampleLine.MatchString(line) {
			lines = append(lines, line)
		}
	}
	return lines
}

var (
	exampleStart = regexp.MustCompile(`^\s+([A-Z_]+=\S+ |[^|;]*[|;] )*`)
	exampleLine  = regexp.MustCompile(`^thingpass( |$)`)
	exampleWord  = regexp.MustCompile(`('[^']*'|"[^"]*"|[^\s'"])+`)
)

// Examples are of the command that shows them or of one below it, and their flags
// and arguments are such as it takes.
func TestExamplesAreTaken(t *testing.T) {
	eachOfOurs(func(c *cobra.Command) {
		for _, line := range exampleLines(c) {
			root := rootCommand() // flags remember what they were set to
			root.InitDefaultHelpFlag()
			root.InitDefaultCompletionCmd()
			target, args, err := root.Find(exampleArgs(line))
			if err != nil || target == root && c.HasParent() {
				t.Errorf("%s: %q is of no command: %v", c.CommandPath(), line, err)
				continue
			}
			if err := target.ParseFlags(args); err != nil {
				t.Errorf("%s: %q: %v", c.CommandPath(), line, err)
			} else if err := target.ValidateArgs(target.Flags().Args()); err != nil {
				t.Errorf("%s: %q: %v", c.CommandPath(), line, err)
			}
		}
	})
}

// exampleArgs are a line's words behind thingpass, up to what is the shell's.
func exampleArgs(line string) (args []string) {
	for _, word := range exampleWord.FindAllString(line, -1)[1:] {
		switch word {
		case "|", ">", "<", "&", "&&", ";", "#":
			return args
		}
		args = append(args, strings.NewReplacer("'", "", `"`, "").Replace(word))
	}
	return args
}

func TestExampleArgs(t *testing.T) {
	for line, want := range map[string]string{
		"thingpass check -c 'a b' | jq .":        "check,-c,a b",
		`thingpass x --accept A="b c" # why`:     "x,--accept,A=b c",
		"thingpass run --config broker.yaml &":   "run,--config,broker.yaml",
		"thingpass cost --print-prices > p.yaml": "cost,--print-prices",
	} {
		if got := strings.Join(exampleArgs(line), ","); got != want {
			t.Errorf("%s\ngives %s\nwant  %s", line, got, want)
		}
	}
}

func TestEveryCommandHasAManPage(t *testing.T) {
	dirs := [2]string{filepath.Join(t.TempDir(), "new", "man1"), t.TempDir()}
	for _, dir := range dirs {
		if code, out, complaints := runCommandLine(t, "man", "--dir", dir); code != exitOK || out+complaints != "" {
			t.Fatalf("exit code %d: %s%s", code, out, complaints)
		}
	}
	pages := 0
	everyCommand(manTree(), func(c *cobra.Command) {
		pages++
		page, err := os.ReadFile(filepath.Join(dirs[0], manFile(c)))
		if err != nil {
			t.Fatal(err)
		}
		again, err := os.ReadFile(filepath.Join(dirs[1], manFile(c)))
		if err != nil || !bytes.Equal(page, again) {
			t.Errorf("%s differs from run to run (%v)", manFile(c), err)
		}
		for _, want := range []string{`"1" "" "thingpass" "thingpass"`, ".SH NAME\n", ".SH SYNOPSIS\n", ".SH OPTIONS\n"} {
			if !bytes.Contains(page, []byte(want)) {
				t.Errorf("%s lacks %q", manFile(c), want)
			}
		}
	})
	if files, err := os.ReadDir(dirs[0]); err != nil || len(files) != pages {
		t.Errorf("%d files (%v), want one for each of %d commands", len(files), err, pages)
	}
}

func TestManPrintsTheProgramsPage(t *testing.T) {
	code, out, complaints := runCommandLine(t, "man")
	if code != exitOK || complaints != "" || !strings.Contains(out, `.TH "THINGPASS" "1"`) || !strings.Contains(out, `thingpass-policy(1)`) {
		t.Errorf("exit code %d: %s%s", code, out, complaints)
	}
	if code, out, _ = runCommandLine(t, "man", "policy", "lint"); code != exitOK || !strings.Contains(out, `.TH "THINGPASS-POLICY-LINT" "1"`) {
		t.Errorf("exit code %d: %s", code, out)
	}
	for _, bad := range [][]string{{"man", "polcy"}, {"man", "policy", "lint", "x"}, {"man", "--dir", t.TempDir(), "policy"}} {
		if code, _, complaints := runCommandLine(t, bad...); code != exitUsage || complaints == "" {
			t.Errorf("%q: exit code %d, %s", bad, code, complaints)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, complaints := runCommandLine(t, "man", "--dir", file); code != exitFailure || !strings.Contains(complaints, "--dir: ") {
		t.Errorf("exit code %d: %s", code, complaints)
	}
}

// Tables stay tables, and nothing is taken for Markdown that is none.
func TestMarkdownOfHelp(t *testing.T) {
	const text = "Give *.yaml:\n\n  put    a_b\n  batch  <c>\nand `thing_a` in x_y"
	const want = "Give \\*.yaml:\n\n\n```\n  put    a_b\n  batch  <c>\n```\n\nand `thing_a` in x\\_y\n"
	if got := markdownOf(text); got != want {
		t.Errorf("%q\nwant %q", got, want)
	}
	if got := markdownOf("a\n  b"); got != "a\n\n```\n  b\n```\n" {
		t.Errorf("a table at the end: %q", got)
	}
}

func runCommandLine(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, complaints strings.Builder
	code = run(t.Context(), args, &out, &complaints)
	return code, out.String(), complaints.String()
}
