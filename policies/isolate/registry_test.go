// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package isolate_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"thingpass/policies/isolate"
	"thingpass/policies/registry"
)

func fleet(tb testing.TB, things int, policy string) *registry.Registry {
	tb.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "account: \"123456789012\"\nregion: eu-central-1\npolicies: {thing: {builtin: thing}, broker: {builtin: broker}}\ngroups: {g: {policies: [%s]}}\nthings:\n", policy)
	for i := range things {
		fmt.Fprintf(&b, "  cam%d: {groups: [g]}\n", i)
	}
	b.WriteString("certificates:\n  - {commonName: thingpass-broker, policies: [broker]}\n")
	for i := range things {
		fmt.Fprintf(&b, "  - {id: \"%064x\", things: [cam%d]}\n", i+1, i)
	}
	r, err := registry.Parse("registry.yaml", []byte(b.String()))
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func TestARegistryOfTenThousandThings(t *testing.T) {
	t.Parallel()
	r := fleet(t, 10_000, "thing")
	start := time.Now()
	p := isolate.Registry(claim(t), r, nil, "photos")
	took := time.Since(start)
	if len(p.Leaks) > 0 || p.Things != 10_000 || p.Classes != 1 || took > 30*time.Second {
		t.Errorf("%v: %d things in %d classes, %+v", took, p.Things, p.Classes, p.Leaks)
	}
	t.Log(took, p.Decisions)
}

func TestLeaksOfARegistry(t *testing.T) {
	t.Parallel()
	if p := isolate.Registry(claim(t), fleet(t, 3, "broker"), nil, "photos"); len(p.Leaks) == 0 {
		t.Error("a thing with the broker's policy, and no leak")
	}
	r, err := registry.Parse("r.yaml", []byte("account: \"123456789012\"\nregion: eu-central-1\npolicies: {thing: {builtin: thing}}\ngroups: {g: {policies: [thing]}}\n"+
		"things:\n  thingpass-broker-7: {groups: [g]}\ncertificates:\n  - {id: \""+strings.Repeat("a", 64)+"\", things: [thingpass-broker-7]}\n"))
	if err != nil {
		t.Fatal(err)
	}
	p := isolate.Registry(claim(t), r, nil, "photos")
	if len(p.Leaks) != 1 || !strings.Contains(p.Leaks[0].Why, "named like a service's client id, thingpass-broker-*") {
		t.Errorf("%+v", p.Leaks)
	}
}
