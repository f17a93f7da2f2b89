// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"thingpass/broker/explain"
)

// testCase is a file of testdata/cases: what is expected, a line of dashes, and
// the text to explain.
type testCase struct {
	want     string // the first finding, or "nothing"
	also     []string
	contains []string
	now      time.Time
	text     string
}

func readCase(t testing.TB, path string) testCase {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, text, ok := strings.Cut(string(data), "\n---\n")
	if !ok {
		t.Fatalf("%s has no line of dashes", path)
	}
	c := testCase{text: text}
	for l := range strings.SplitSeq(head, "\n") {
		name, value, _ := strings.Cut(l, ": ")
		switch name {
		case "want":
			c.want = value
		case "also":
			c.also = append(c.also, value)
		case "contains":
			c.contains = append(c.contains, value)
		case "now":
			if c.now, err = time.Parse(time.RFC3339, value); err != nil {
				t.Fatal(err)
			}
		default:
			if !strings.HasPrefix(l, "#") {
				t.Fatalf("%s: unknown line %q", path, l)
			}
		}
	}
	return c
}

func casePaths(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/cases/*.txt")
	if err != nil || len(paths) < 100 {
		t.Fatalf("%d cases: %v", len(paths), err)
	}
	return paths
}

// Every case names its mistake first, with certainty or with likelihood; right
// requests name none.
func TestCases(t *testing.T) {
	for _, path := range casePaths(t) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			t.Parallel()
			c := readCase(t, path)
			r := explained(t, c.text, explain.Options{Now: c.now})
			out := r.Text()
			ids := foundIDs(r)
			if c.want == "nothing" {
				if len(ids) > 0 {
					t.Errorf("found %q in what is right:\n%s", ids, out)
				}
				return
			}
			if len(ids) == 0 || ids[0] != c.want {
				t.Errorf("found %q, want %s first:\n%s", ids, c.want, out)
			}
			for _, id := range c.also {
				if !slices.Contains(ids, id) {
					t.Errorf("found %q, not %s", ids, id)
				}
			}
			for _, s := range c.contains {
				if !strings.Contains(out, s) {
					t.Errorf("does not say %q:\n%s", s, out)
				}
			}
		})
	}
}

func explained(t testing.TB, text string, o explain.Options) explain.Report {
	t.Helper()
	r, err := explain.Explain(text, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func foundIDs(r explain.Report) []string {
	var ids []string
	for _, f := range r.Findings {
		ids = append(ids, f.ID)
	}
	return ids
}
