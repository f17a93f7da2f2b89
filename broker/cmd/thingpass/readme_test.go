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
)

// The transcripts of the first page are what the commands print.
func TestTheREADMEShowsWhatCommandsPrint(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join(repository, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```console\n\\$ thingpass ([^\n]*)\n(.*?)```").FindAllSubmatch(readme, -1)
	if len(blocks) != 2 {
		t.Fatalf("%d transcripts", len(blocks))
	}
	for _, b := range blocks {
		var out, complaints bytes.Buffer
		code := run(t.Context(), words(string(b[1])), &out, &complaints)
		if code != exitOK || out.String() != string(b[2]) || complaints.Len() > 0 {
			t.Errorf("thingpass %s: exit code %d, prints\n%s%s\nthe README has\n%s", b[1], code, out.String(), complaints.String(), b[2])
		}
	}
}

// Links between documents lead to files that exist, and to headings that are there.
func TestLinksOfDocumentsLeadSomewhere(t *testing.T) {
	t.Parallel()
	documents := 0
	for _, pattern := range []string{"*.md", "*/*.md", "*/*/*.md", "*/*/*/*.md"} {
		paths, err := filepath.Glob(filepath.Join(repository, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			documents++
			checkLinks(t, path)
		}
	}
	if documents < 10 {
		t.Errorf("only %d documents", documents)
	}
}

func checkLinks(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(string(text), -1) {
		target, heading, _ := strings.Cut(m[1], "#")
		if strings.Contains(target, ":") { // another site
			continue
		}
		file := path
		if target != "" {
			file = filepath.Join(filepath.Dir(path), target)
		}
		if _, err := os.Stat(file); err != nil {
			t.Errorf("%s: %s: %v", path, m[1], err)
		} else if heading != "" && !headings(t, file)[heading] {
			t.Errorf("%s: %s has no heading #%s", path, file, heading)
		}
	}
}

// headings are the names by which links reach the headings of a document.
func headings(t *testing.T, path string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(string(text), -1) {
		name := regexp.MustCompile(`[^\pL\pN _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		names[strings.ReplaceAll(name, " ", "-")] = true
	}
	return names
}
