// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker_test

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"thingpass/broker"
)

// TestEveryCodeCanBeCounted keeps the list of codes complete.
func TestEveryCodeCanBeCounted(t *testing.T) {
	source, err := os.ReadFile("refusal.go")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^\tCode\w+ +Code = "([a-z-]+)"`).FindAllSubmatch(source, -1)
	for _, m := range found {
		if !slices.Contains(broker.Codes(), broker.Code(m[1])) {
			t.Errorf("%s is missing", m[1])
		}
	}
	if len(found) < 20 || len(found) != len(broker.Codes()) {
		t.Errorf("%d codes in the source, %d in the list", len(found), len(broker.Codes()))
	}
}

// TestEveryVerbCanBeCounted does the same for what is subscribed to.
func TestEveryVerbCanBeCounted(t *testing.T) {
	_, b := newWorld(t)
	for _, filter := range b.Filters() {
		if verb := filter[len("thingpass/+/"):]; !slices.Contains(broker.Verbs(), verb) {
			t.Errorf("%s is missing", verb)
		}
	}
	for _, mode := range photo().Modes {
		if !slices.Contains(broker.Modes(), mode) {
			t.Errorf("%s is missing", mode)
		}
	}
}
