// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package unittest

import (
	"fmt"
	"slices"
	"strings"

	"thingpass/policies"
	"thingpass/policies/explain"
)

// expectations are the words of a case, and the decisions that they take.
var expectations = map[string][]policies.Decision{
	"allow":         {policies.Allowed},
	"deny":          {policies.ImplicitDeny, policies.ExplicitDeny},
	"explicit-deny": {policies.ExplicitDeny},
	"implicit-deny": {policies.ImplicitDeny},
}

// judge returns what is not as expected.
func (c *Case) judge(a explain.Answer) []string {
	var wrong []string
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if !slices.Contains(expectations[c.Expect], a.Decision) {
		say("expected %s, got %s", c.Expect, a.Decision)
		return wrong
	}
	if c.By != "" && !decidedBy(a, c.By) {
		say("expected statement %s to decide, but it was %s", c.By, a.By())
	}
	for _, m := range c.Missing {
		if !slices.ContainsFunc(a.Missing, func(got string) bool { return strings.EqualFold(strings.Trim(got, "${}"), strings.Trim(m, "${}")) }) {
			say("expected %s to be missing, but missing is %q", m, a.Missing)
		}
	}
	if silent := len(a.Notes) > 0; c.Silent != nil && *c.Silent != silent {
		say("expected silent: %v, but: %s", *c.Silent, strings.Join(append(a.Notes, "iot:Receive allows the topics of the filter")[:1], ""))
	}
	return wrong
}

// decidedBy takes "Ask", "statement 2", or either behind a document's name.
func decidedBy(a explain.Answer, by string) bool {
	if a.Document == nil {
		return false
	}
	label := a.Document.Label(a.Result.Statement)
	if document, rest, found := strings.Cut(by, ": "); found {
		return label == rest && strings.TrimSuffix(a.Document.Name, ".json") == strings.TrimSuffix(document, ".json")
	}
	return label == by
}
