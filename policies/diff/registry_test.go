// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package diff_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"thingpass/policies/diff"
	"thingpass/policies/registry"
)

const head = "account: \"123456789012\"\nregion: eu-central-1\npolicies: {thing: {builtin: thing}, broker: {builtin: broker}, observer: {builtin: observer}}\n"

func load(tb testing.TB, text string) *registry.Registry {
	tb.Helper()
	r, err := registry.Parse("registry.yaml", []byte(head+text))
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func TestRegistriesAreCompared(t *testing.T) {
	t.Parallel()
	things := "groups: {g: {policies: [thing]}}\nthings:\n  cam1: {groups: [g]}\n  cam2: {groups: [g]}\n  cam3: {groups: [g]}\n"
	id := func(n int) string { return strings.Repeat(fmt.Sprint(n), 64) }
	certificates := fmt.Sprintf("certificates:\n  - {id: %q, things: [cam1]}\n  - {id: %q, things: [cam2]}\n  - {id: %q, things: [cam3]}\n  - {commonName: b, policies: [broker]}\n", id(1), id(2), id(3))
	before := load(t, things+certificates)
	for what, c := range map[string]struct {
		things, certificates, want string
	}{
		"nothing":         {things, certificates, "no difference"},
		"a thing blocked": {strings.Replace(things, "cam2: {", "cam2: {blocked: true, ", 1), certificates, "narrowing  thing cam2 (now refused: thing cam2 is blocked) loses connect as cam2"},
		"a group's policy": {strings.Replace(things, "[thing]", "[thing, observer]", 1), certificates,
			"widening   thing cam1 (and 2 more like it) gains receive from thingpass/*/uploaded\n           example: thingpass/ANOTHER/uploaded, which belongs to thing ANOTHER"},
		"a certificate's policy": {things, strings.Replace(certificates, "[cam3]", "[cam3], policies: [observer]", 1), "widening   thing cam3 gains subscribe to thingpass/*/uploaded"},
		"a service's policy":     {things, strings.Replace(certificates, "[broker]", "[observer]", 1), "narrowing  certificate b loses publish to thingpass/*/response"},
		"exclusive":              {things, strings.Replace(certificates, "[cam3]", "[cam3], exclusive: true", 1), "thing cam3 under another client id gains publish to thingpass/cam3/upload-request"},
		"jitp":                   {things, certificates + "jitp: {groups: [g]}\n", "widening   any other thing, by jitp, (before refused:"},
	} {
		subjects, _ := diff.Registries(before, load(t, c.things+c.certificates))
		if got := text(t, diff.Compare(subjects)); !strings.Contains(got, c.want) {
			t.Errorf("%s: lacks %q:\n%s", what, c.want, got)
		}
	}
}

func TestALargeRegistryIsCompared(t *testing.T) {
	t.Parallel()
	var things, certificates strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&things, "  cam%d: {groups: [g], attributes: {serial: \"%d\"}}\n", i, i)
		fmt.Fprintf(&certificates, "  - {id: \"%064x\", things: [cam%d]}\n", i+1, i)
	}
	text := "groups: {g: {policies: [%s]}}\nthings:\n" + things.String() + "certificates:\n" + certificates.String()
	before, after := load(t, fmt.Sprintf(text, "thing")), load(t, fmt.Sprintf(text, "thing, observer"))
	start := time.Now()
	subjects, _ := diff.Registries(before, after)
	r := diff.Compare(subjects)
	if took := time.Since(start); took > 30*time.Second || len(r.Changes) == 0 || !strings.Contains(r.Changes[0].Who, "9999 more") {
		t.Errorf("%v, %d subjects, %+v", took, r.Subjects, r.Changes)
	} else {
		t.Log(took)
	}
}
