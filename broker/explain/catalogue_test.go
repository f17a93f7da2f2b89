// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"thingpass/broker"
	"thingpass/broker/explain"
)

// Every id that the code uses is in the catalogue, and the other way round.
func TestTheCatalogueIsWhatTheCodeUses(t *testing.T) {
	used := map[string]bool{}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	quoted := regexp.MustCompile(`"([a-z0-9]+(?:-[a-z0-9]+)*)"`)
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") || strings.HasPrefix(f.Name(), "catalogue") {
			continue
		}
		text, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range quoted.FindAllStringSubmatch(string(text), -1) {
			used[m[1]] = true
		}
		for _, m := range regexp.MustCompile(`e\.add\("([^"]+)"`).FindAllStringSubmatch(string(text), -1) {
			if !slices.Contains(explain.IDs(), m[1]) {
				t.Errorf("%s finds %s, which is not in the catalogue", f.Name(), m[1])
			}
		}
	}
	for _, id := range explain.IDs() {
		if !used[id] && !strings.HasPrefix(id, "refused-") {
			t.Errorf("nothing finds %s", id)
		}
	}
}

// Every refusal of the protocol can be explained.
func TestEveryRefusalIsExplained(t *testing.T) {
	source, err := os.ReadFile("../refusal.go")
	if err != nil {
		t.Fatal(err)
	}
	list, _, _ := strings.Cut(string(source), "are no refusals")
	codes := regexp.MustCompile(`Code\w+ +Code = "([a-z-]+)"`).FindAllStringSubmatch(list, -1)
	if len(codes) < 18 {
		t.Fatalf("%d codes", len(codes))
	}
	for _, c := range codes {
		r := explained(t, `{"id":"a","status":"error","time":1795424400,"code":"`+c[1]+`","error":"so it is"}`, explain.Options{})
		if ids := foundIDs(r); len(ids) != 1 || ids[0] != "refused-"+c[1] {
			t.Errorf("%s: found %q", c[1], ids)
		}
	}
	r := explained(t, `{"id":"a","status":"success","code":"`+string(broker.CodeBusy)+`"}`, explain.Options{})
	if len(r.Findings) > 0 {
		t.Errorf("a success is refused: %q", foundIDs(r))
	}
}

// The README lists just the ids that there are.
func TestTheReadmeListsAllIDs(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z0-9-]+)` \\|").FindAllStringSubmatch(string(readme), -1) {
		listed = append(listed, m[1])
	}
	slices.Sort(listed)
	if !slices.Equal(listed, explain.IDs()) {
		for _, id := range explain.IDs() {
			if !slices.Contains(listed, id) {
				t.Errorf("the README lacks %s", id)
			}
		}
		for _, id := range listed {
			if !slices.Contains(explain.IDs(), id) {
				t.Errorf("the README lists %s, which there is not", id)
			}
		}
	}
}

func TestEveryPatternCompiles(t *testing.T) {
	if n := explain.CompileAll(); n < 80 {
		t.Errorf("%d patterns", n)
	}
}
