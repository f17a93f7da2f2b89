// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package lint_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"thingpass/policies/lint"
)

func has(r *lint.Report, rule string) bool {
	return slices.ContainsFunc(r.Findings, func(f lint.Finding) bool { return f.Rule == rule && f.Suppressed == nil })
}

// Each rule finds something in its bad example, at a place and with a fix, and
// nothing in its good one.
func TestEveryRuleAndItsExamples(t *testing.T) {
	t.Parallel()
	for _, r := range lint.Rules() {
		bad := r.Bad.Lint("example.json")
		if !has(bad, r.ID) {
			t.Errorf("%s finds nothing in its bad example: %v\n%s", r.ID, bad.Findings, r.Bad.Text)
		}
		for _, f := range bad.Findings {
			if f.Rule == r.ID && (f.Line < 1 || f.Column < 1 || f.Text == "" || f.Fix == "" || f.Severity > r.Severity) {
				t.Errorf("%s: %+v", r.ID, f)
			}
		}
		if good := r.Good.Lint("example.json"); has(good, r.ID) || has(good, "PARSE") || has(good, "JSON") {
			t.Errorf("%s: the good example: %v\n%s", r.ID, good.Findings, r.Good.Text)
		}
	}
}

func TestAllRulesOfTheFactsAreThere(t *testing.T) {
	t.Parallel()
	var ids []string
	for _, r := range lint.Rules() {
		ids = append(ids, r.ID)
		for what, s := range map[string]string{"title": r.Title, "why": r.Why, "fix": r.Fix} {
			if s == "" {
				t.Errorf("%s has no %s", r.ID, what)
			}
		}
	}
	if len(ids) != 44+3 || len(slices.Compact(slices.Sorted(slices.Values(ids)))) != len(ids) {
		t.Errorf("%d rules: %q", len(ids), ids)
	}
	var out bytes.Buffer
	if err := lint.PrintRules(&out); err != nil || strings.Count(out.String(), "\n") != len(ids) {
		t.Errorf("%v\n%s", err, out.String())
	}
}
