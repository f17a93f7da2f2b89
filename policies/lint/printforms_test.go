// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package lint_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"thingpass/policies/lint"
)

// Paint goes around the severity and nothing else.
func TestPaintedText(t *testing.T) {
	t.Parallel()
	r := lint.Report{Files: []string{"a.json"}, Findings: []lint.Finding{
		{File: "a.json", Line: 1, Column: 2, Rule: "IOT001", Severity: lint.Error, Text: "an error", Fix: "mend it"},
		{File: "a.json", Line: 3, Column: 4, Rule: "IOT002", Severity: lint.Info, Text: "info", Suppressed: &lint.Suppression{}},
	}}
	var plain, painted bytes.Buffer
	paint := func(_ lint.Severity, word string) string { return "<" + word + ">" }
	if err := r.Text(&plain); err != nil {
		t.Fatal(err)
	}
	if err := r.PaintedText(&painted, paint); err != nil {
		t.Fatal(err)
	}
	if want := strings.Replace(plain.String(), " error IOT001", " <error> IOT001", 1); painted.String() != want || want == plain.String() {
		t.Errorf("painted\n%swant\n%s", &painted, want)
	}
}

func TestRulesForPrograms(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := lint.PrintRulesJSON(&out); err != nil {
		t.Fatal(err)
	}
	var rules []map[string]string
	if err := json.Unmarshal(out.Bytes(), &rules); err != nil || len(rules) != len(lint.Rules()) {
		t.Fatalf("%d rules (%v), want %d", len(rules), err, len(lint.Rules()))
	}
	for i, r := range lint.Rules() {
		if rules[i]["id"] != r.ID || rules[i]["severity"] != r.Severity.String() || rules[i]["fix"] != r.Fix {
			t.Errorf("rule %d is %v, want %s", i, rules[i], r.ID)
		}
	}
}
