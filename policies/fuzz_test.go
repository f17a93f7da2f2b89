// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package policies_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"thingpass/policies"
)

// written is a document of statements, each an effect and a resource.
func written(t *testing.T, statements ...[2]string) *policies.Set {
	t.Helper()
	type one struct{ Effect, Action, Resource string }
	var all []one
	for _, s := range statements {
		all = append(all, one{s[0], "iot:Publish", place.ARN("topic/" + s[1])})
	}
	text, err := json.Marshal(map[string]any{"Version": policies.VersionVariables, "Statement": all})
	if err != nil {
		t.Fatal(err)
	}
	doc, err := policies.Parse("p", text)
	if err != nil {
		t.Skip() // NUL and such
	}
	return policies.Compile(policies.IoT, doc)
}

// escaped is a value as AWS would have it written: no character of it means
// anything.
var escaped = strings.NewReplacer("*", "${*}", "?", "${?}", "$", "${$}")

// FuzzDecide: one Deny more never allows more, one Allow more never denies, the
// order does not matter, and what a client chooses is never more than its
// characters.
func FuzzDecide(f *testing.F) {
	f.Add("a/*", "a/b", "a/${iot:ClientId}", "a/b", "b")
	f.Add("${iot:ClientId}*", "*", "${iot:Connection.Thing.ThingName}/x", "*/x", "*")
	f.Add("a/${*}", "${x", "${}?", "a/*", "${*}")
	f.Add("?", "+/#", "${iot:ClientId, 'x'}", "$aws/x", "+")
	f.Fuzz(func(t *testing.T, one, two, three, topic, id string) {
		for _, s := range []string{one, two, three, topic, id} {
			if !utf8.ValidString(s) || len(s) > 200 {
				return
			}
		}
		who := client{id: id, thing: "thing1"}
		ask := func(statements ...[2]string) policies.Result {
			session, _ := who.connect(written(t, statements...))
			return session.Publish(topic, false)
		}
		allowOne, denyTwo := [2]string{"Allow", one}, [2]string{"Deny", two}
		before := ask(allowOne, denyTwo)
		if after := ask(allowOne, denyTwo, [2]string{"Deny", three}); after.Allowed() && !before.Allowed() ||
			before.Decision == policies.ExplicitDeny && after.Decision != policies.ExplicitDeny {
			t.Errorf("one Deny more: %v, then %v", before, after)
		}
		if after := ask(allowOne, denyTwo, [2]string{"Allow", three}); before.Allowed() && !after.Allowed() ||
			(before.Decision == policies.ExplicitDeny) != (after.Decision == policies.ExplicitDeny) {
			t.Errorf("one Allow more: %v, then %v", before, after)
		}
		if after := ask(denyTwo, allowOne); after.Decision != before.Decision {
			t.Errorf("in another order: %v, then %v", before, after)
		}
		const variable = "${iot:ClientId}"
		inserted := strings.ReplaceAll(one, variable, escaped.Replace(id))
		if strings.Contains(strings.ReplaceAll(one, variable, ""), "${") {
			return // broken or nested ones are not what is compared here
		}
		if got, want := ask(allowOne), ask([2]string{"Allow", inserted}); got.Decision != want.Decision {
			t.Errorf("%q for %q: %v, written out %v", id, one, got, want)
		}
	})
}
