// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"
)

// The transcripts of policies/README.md are what the commands print.
func TestPoliciesReadmeTranscripts(t *testing.T) {
	readme, err := os.ReadFile("../../../policies/README.md")
	if err != nil {
		t.Fatal(err)
	}
	registry, err := os.ReadFile("../../../policies/registry.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	tests := regexp.MustCompile("(?s)```yaml\n(policies:.*?)```").FindSubmatch(readme)
	if tests == nil {
		t.Fatal("the README shows no tests")
	}
	workbench(t)
	thing, err := os.ReadFile("new-thing.json")
	if err != nil {
		t.Fatal(err)
	}
	widened := bytes.Replace(thing, []byte("${iot:Connection.Thing.ThingName}/upload-request"), []byte("*/upload-request"), 1)
	refused, err := os.ReadFile("refused.json")
	if err != nil {
		t.Fatal(err)
	}
	id := regexp.MustCompile(`[0-9a-f]{64}`).Find(registry)
	for name, text := range map[string][]byte{
		"registry.yaml": registry, "thing.test.yaml": tests[1], "new-thing.json": widened,
		"refused.json": bytes.Replace(refused, bytes.Repeat([]byte("a"), 64), id, 1),
	} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	blocks := regexp.MustCompile("(?s)```console\n\\$ (thingpass [^\n]*)\n(.*?)```").FindAllSubmatch(readme, -1)
	if len(blocks) < 6 {
		t.Fatalf("%d transcripts", len(blocks))
	}
	for _, b := range blocks {
		out, complaints, _ := thingpassPolicy(t, words(strings.TrimPrefix(string(b[1]), "thingpass policy "))...)
		if out != string(b[2]) || complaints != "" {
			t.Errorf("%s\nprints\n%s%s\nthe README has\n%s", b[1], out, complaints, b[2])
		}
	}
}
