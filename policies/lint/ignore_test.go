// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package lint_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"thingpass/policies/lint"
	"thingpass/policies/templates"
)

// lintFiles judges what a command line names, with the ignores beside it.
func lintFiles(now string, names ...string) *lint.Report {
	found := lint.Collect(names, templates.Values{})
	at, _ := time.Parse(time.DateOnly, now)
	return lint.Run(found.Inputs, lint.Options{Ignores: found.Ignores, Problems: found.Problems, Now: at})
}

const silent = `{"Version": "2012-10-17", "Statement": [{"Sid": "Join", "Effect": "Allow", "Action": "iot:Subscribe",
  "Resource": "arn:aws:iot:eu-central-1:123456789012:topicfilter/d/+/up"}]}`

// lines are the findings that count, without file and fix.
func lines(r *lint.Report) []string {
	var out []string
	for _, f := range r.Findings {
		if f.Suppressed == nil {
			out = append(out, f.Rule+" "+f.Text)
		}
	}
	return out
}

func TestIgnoresBesideDocuments(t *testing.T) {
	t.Parallel()
	const rest = "IOT011 no iot:Receive of this document fits: the subscription succeeds, and no message ever arrives"
	for _, c := range []struct {
		what, file, text string
		want             []string
	}{
		{"of the folder", ".policylint.yaml", "ignore:\n  - {rule: IOT008, file: a.json, statement: Join, reason: these very filters}\n", []string{rest}},
		{"of the document", "a.lint.yaml", "ignore: [{rule: iot008, reason: these very filters}]", []string{rest}},
		{"until some day", "a.lint.yaml", "ignore: [{rule: IOT008, reason: r, until: 2026-12-31}]", []string{rest}},
		{"another document's", ".policylint.yaml", "ignore: [{rule: IOT008, file: b.json, reason: r}]", []string{"IOT008 this allows the filter as it is written, with its + and #, and not the single topics below it", rest}},
		{"nothing in it", ".policylint.yaml", "# nothing\n", []string{"IOT008 this allows the filter as it is written, with its + and #, and not the single topics below it", rest}},
	} {
		dir := t.TempDir()
		path := write(t, dir, "a.json", silent)
		write(t, dir, c.file, c.text)
		for _, name := range []string{path, dir} {
			r := lintFiles("2026-11-26", name)
			if got := lines(r); !slices.Equal(got, c.want) {
				t.Errorf("%s: %q, want %q", c.what, got, c.want)
			}
		}
	}
}

func TestIgnoresThatAreWrong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ what, text, want string }{
		{"no reason", "ignore:\n  - {rule: IOT008}", "2:5: error IGNORE: the ignore has no reason; add reason: why this may be so"},
		{"a blank reason", "ignore:\n  - {rule: IOT008, reason: ' '}", "2:5: error IGNORE: the ignore has no reason"},
		{"no rule", "ignore:\n  - {reason: x}", "2:5: error IGNORE: the ignore has no rule"},
		{"no such rule", "ignore:\n  - {rule: IOT999, reason: x}", `2:12: error IGNORE: there is no rule "IOT999"`},
		{"of ignores", "ignore:\n  - {rule: IGNORE, reason: x}", "2:12: error IGNORE: IGNORE itself cannot be ignored"},
		{"no effect", "ignore:\n  - {rule: IOT007, reason: x}", "2:5: warning IGNORE: nothing is found by IOT007 of "},
		{"over", "ignore:\n  - {rule: IOT008, reason: x, until: 2026-01-01}", "2:5: warning IGNORE: the ignore of IOT008 ended on 2026-01-01; mend what it hid"},
		{"no day", "ignore:\n  - {rule: IOT008, reason: x, until: soon}", "2:38: error IGNORE: until is a day"},
		{"an unknown key", "ignore:\n  - {rule: IOT008, reason: x, sid: y}", `2:31: error IGNORE: an ignore has no "sid"`},
		{"a list for a value", "ignore:\n  - {rule: [IOT008], reason: x}", "2:12: error IGNORE: rule is one value"},
		{"no list", "ignore: IOT008", "1:1: error IGNORE: the file has one key, ignore, and that is a list"},
		{"no entry", "ignore: [IOT008]", "1:10: error IGNORE: an ignore has rule, file, statement, reason and until"},
		{"no YAML", "ignore: [", "1:1: error IGNORE: yaml:"},
		{"no file, in a folder's", "", "1:1"},
	} {
		dir := t.TempDir()
		path, file := write(t, dir, "a.json", silent), "a.lint.yaml"
		if c.text == "" {
			file, c.text, c.want = ".policylint.yaml", "ignore: [{rule: IOT008, reason: x}]", "1:10: error IGNORE: the ignore does not say in which document"
		}
		write(t, dir, file, c.text)
		r := lintFiles("2026-11-26", path)
		found := slices.ContainsFunc(r.Findings, func(f lint.Finding) bool {
			return strings.HasPrefix(f.String(), filepath.Join(dir, file)+":"+c.want)
		})
		if !found {
			t.Errorf("%s: want %s, got %v", c.what, c.want, r.Findings)
		}
		if c.what != "no effect" && !has(r, "IOT008") {
			t.Errorf("%s: IOT008 does not count all the same", c.what)
		}
	}
}

func TestIgnoresOfTheCommandLine(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"IOT008", "IOT008=", "IOT008@Join= ", "IOT999=x", "=x", "IGNORE=x", ""} {
		if _, err := lint.ParseIgnore(s); err == nil {
			t.Errorf("%q is taken", s)
		}
	}
	for s, want := range map[string]bool{"IOT008=x": false, "iot008@Join=x=y": false, "IOT008@Other=x": true} {
		g, err := lint.ParseIgnore(s)
		if err != nil {
			t.Fatal(err)
		}
		r := lint.Run([]lint.Input{{Name: "a.json", Text: []byte(silent)}}, lint.Options{Ignores: []lint.Ignore{g}})
		if has(r, "IOT008") != want || has(r, "IGNORE") != want {
			t.Errorf("%s: %v", s, r.Findings)
		}
	}
}

// An ignore of a rule that could not run says nothing about the rule.
func TestIgnoresOfRulesThatDidNotRunAreNotStale(t *testing.T) {
	t.Parallel()
	for _, rule := range []string{"S3004", "IOT024", "IOT030", "IOT016", "IOT022"} {
		g, err := lint.ParseIgnore(rule + "=x")
		if err != nil {
			t.Fatal(err)
		}
		if r := lint.Run([]lint.Input{{Name: "a.json", Text: []byte(silent)}}, lint.Options{Ignores: []lint.Ignore{g}}); has(r, "IGNORE") {
			t.Errorf("%s: %v", rule, r.Findings)
		}
	}
}

func TestCollecting(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "b.json", silent)
	write(t, dir, "a.json", "{{root}}")
	write(t, dir, "notes.txt", "no document")
	for _, c := range []struct {
		names []string
		want  string // of each input, its file and what is wrong
	}{
		{[]string{dir}, "a.json: this is a template, {{root}} has no value|b.json"},
		{[]string{filepath.Join(dir, "missing.json"), filepath.Join(dir, "b.json")}, "missing.json: no such file|b.json"},
		{[]string{filepath.Join(dir, "empty")}, "empty: there is no *.json in this folder"},
		{[]string{"thing"}, "thing.json: thing needs region|"},
		{[]string{"things"}, `things: there is neither a file nor a document of ours called "things": use thing, broker`},
	} {
		var got []string
		for _, in := range lint.Collect(c.names, templates.Values{}).Inputs {
			s := filepath.Base(in.Name)
			if in.Problem != nil {
				s += ": " + in.Problem.Error()
			}
			got = append(got, s)
		}
		want := strings.Split(c.want, "|")
		for i, w := range want {
			name, problem, _ := strings.Cut(w, ": ")
			if w != "" && (i >= len(got) || !strings.HasPrefix(got[i], name) || !strings.Contains(got[i], problem)) {
				t.Errorf("%q: %q, want %q", c.names, got, want)
			}
		}
		if r := lintFiles("2026-11-26", c.names...); strings.Contains(c.want, ": ") && !has(r, "PARSE") {
			t.Errorf("%q: what cannot be read is no finding: %v", c.names, r.Findings)
		}
	}
}

// A role's file is judged with the bucket policy that lies beside it.
func TestTheBucketPolicyBesideARole(t *testing.T) {
	t.Parallel()
	dir, values := t.TempDir(), ourValues(t)
	for _, name := range []string{"presign-role", "bucket-policy"} {
		text, err := templates.Render(name, values)
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, name+".json", string(text))
	}
	r := lintFiles("2026-11-26", filepath.Join(dir, "presign-role.json"))
	if has(r, "IAM004") || len(r.Files) != 1 {
		t.Errorf("%+v", r)
	}
}
