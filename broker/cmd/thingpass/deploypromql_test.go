// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"thingpass/broker"
)

var (
	selector  = regexp.MustCompile(`([a-zA-Z_:][a-zA-Z0-9_:]*)?\{([^}]*)\}`)
	matcher   = regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"`)
	grouping  = regexp.MustCompile(`\b(by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)`)
	span      = regexp.MustCompile(`\[[^\]]*\]`)
	word      = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*\s*\(?`)
	functions = []string{"sum", "rate", "increase", "min", "max", "count", "histogram_quantile", "time"}
	operators = []string{"and", "or", "unless", "bool", "offset"}
)

// inPromQL returns the metrics of an expression, and what is wrong with it: metrics
// and labels that do not exist, values of labels that never occur, functions that
// are none. It knows as much of PromQL as our expressions have.
func inPromQL(expr string, metrics map[string][]string) (names, wrong []string) {
	for _, m := range selector.FindAllStringSubmatch(expr, -1) {
		for _, l := range matcher.FindAllStringSubmatch(m[2], -1) {
			if !slices.Contains(metrics[m[1]], l[1]) {
				wrong = append(wrong, fmt.Sprintf("%s has no label %s", m[1], l[1]))
			}
			wrong = append(wrong, unknownValues(l[1], l[2])...)
		}
	}
	rest := span.ReplaceAllString(selector.ReplaceAllString(expr, "$1"), "")
	var groupedBy []string
	for _, m := range grouping.FindAllStringSubmatch(rest, -1) {
		groupedBy = append(groupedBy, strings.FieldsFunc(m[2], func(r rune) bool { return r == ',' || r == ' ' })...)
	}
	for _, w := range word.FindAllString(grouping.ReplaceAllString(rest, ""), -1) {
		name, isCall := strings.CutSuffix(w, "(")
		name = strings.TrimSpace(name)
		switch {
		case slices.Contains(operators, name):
		case isCall && slices.Contains(functions, name) || !isCall && slices.Contains(functions, name): // sum by (…) (…)
		case metrics[name] != nil:
			names = append(names, name)
		default:
			wrong = append(wrong, "there is no "+name)
		}
	}
	for _, label := range groupedBy {
		if !slices.ContainsFunc(names, func(name string) bool { return slices.Contains(metrics[name], label) }) {
			wrong = append(wrong, "no metric has the label "+label)
		}
	}
	if strings.Count(expr, "(") != strings.Count(expr, ")") {
		wrong = append(wrong, "parentheses are not in pairs")
	}
	return names, wrong
}

// unknownValues are those of codes and verbs that no metric ever has.
func unknownValues(label, values string) (wrong []string) {
	known := map[string][]string{"verb": broker.Verbs(), "mode": broker.Modes()}
	for _, code := range append(broker.Codes(), broker.CodeDone, broker.CodeFailed, broker.CodeBlocked) {
		known["code"] = append(known["code"], string(code))
	}
	for value := range strings.SplitSeq(values, "|") {
		if known[label] != nil && !slices.Contains(known[label], value) {
			wrong = append(wrong, fmt.Sprintf("%s is never %q", label, value))
		}
	}
	return wrong
}

// TestTheDashboardCheckFindsFaults: it would be of no use otherwise.
func TestTheDashboardCheckFindsFaults(t *testing.T) {
	t.Parallel()
	metrics := map[string][]string{"a_total": {"code", "job"}, "b_bucket": {"le", "verb"}}
	for expr, want := range map[string]string{
		`sum(rate(a_total{code="granted"}[5m]))`:                                   "",
		`histogram_quantile(0.9, sum by (le, verb) (rate(b_bucket[5m])))`:          "",
		`sum(rate(a_totals[5m]))`:                                                  "there is no a_totals",
		`rate(a_total{kind="photo"}[5m])`:                                          "a_total has no label kind",
		`rate(a_total{code=~"granted|grantet"}[5m])`:                               `code is never "grantet"`,
		`sum by (verbs) (rate(b_bucket[5m]))`:                                      "no metric has the label verbs",
		`ratio(a_total)`:                                                           "there is no ratio",
		`sum(rate(a_total[5m])`:                                                    "not in pairs",
		`sum(rate(a_total[5m])) / on (job) sum by (job) (rate(b_bucket[5m]) or x)`: "there is no x",
	} {
		if _, wrong := inPromQL(expr, metrics); strings.Join(wrong, "; ") != want && !(want != "" && strings.Contains(strings.Join(wrong, "; "), want)) {
			t.Errorf("%s: %q, want %q", expr, wrong, want)
		}
	}
}
