// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package guard_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"thingpass/certs"
	"thingpass/policies/plugin/guard"
	"thingpass/policies/registry"
	"thingpass/policies/templates"
)

// lab is a guard, and who connects to it.
type lab struct {
	t     testing.TB
	ca    *certs.CA
	store *registry.Store
	guard *guard.Guard
	said  []string
}

func newLab(t testing.TB, text string) *lab {
	t.Helper()
	ca, err := certs.NewCA("test CA")
	if err != nil {
		t.Fatal(err)
	}
	store, err := registry.InMemory(text)
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{t: t, ca: ca, store: store}
	l.guard = guard.New(store, guard.Options{}, func(line string) { l.said = append(l.said, line) })
	return l
}

func (l *lab) der(name string) []byte {
	l.t.Helper()
	id, err := l.ca.Thing(name)
	if err != nil {
		l.t.Fatal(err)
	}
	return id.Leaf.Raw
}

func (l *lab) connect(h guard.Handle, name string) {
	l.t.Helper()
	if got, ok := l.guard.Connect(h, guard.Request{Certificate: l.der(name), ClientID: name, Clean: true}); !ok || got != name {
		l.t.Fatalf("%s is not let in as %q: %q", name, got, l.said)
	}
}

func (l *lab) check(h guard.Handle, access guard.Access, topic string) bool {
	return l.guard.Check(h, access, topic, false, nobody)
}

func nobody() guard.Asker { return guard.Asker{} }

// tick returns who is kicked.
func (l *lab) tick() []string {
	l.t.Helper()
	kick, more := l.guard.Tick()
	if more {
		l.t.Error("a few clients are judged at once")
	}
	return kick
}

var usual = registry.Default(templates.Values{})

func TestWhoHasNoCertificate(t *testing.T) {
	t.Parallel()
	l := newLab(t, usual)
	for _, der := range [][]byte{nil, {}, []byte("rubbish")} {
		if _, ok := l.guard.Connect(1, guard.Request{Certificate: der, ClientID: "cam1", Clean: true}); ok {
			t.Errorf("%q is let in", der)
		}
	}
	if len(l.said) != 3 || !strings.Contains(l.said[0], "require_certificate true") {
		t.Errorf("%q", l.said)
	}
	if l.check(1, guard.Write, "thingpass/cam1/upload-request") {
		t.Error("nobody may publish")
	}
}

func TestADeniedPublishEndsTheConnectionAndNothingElse(t *testing.T) {
	t.Parallel()
	l := newLab(t, usual)
	l.connect(1, "cam1")
	l.connect(2, "cam2")
	if !l.check(1, guard.Write, "thingpass/cam1/upload-request") || l.tick() != nil {
		t.Fatal("an allowed publish")
	}
	if l.check(1, guard.Subscribe, "#") || l.check(1, guard.Read, "thingpass/cam2/response") || l.tick() != nil {
		t.Fatal("a denied subscription or delivery ends nothing")
	}
	if l.check(1, guard.Write, "thingpass/cam2/upload-request") {
		t.Fatal("a neighbour's topic")
	}
	if l.check(1, guard.Write, "thingpass/cam1/upload-request") || l.check(1, guard.Read, "thingpass/cam1/response") {
		t.Error("who is to be kicked goes on")
	}
	if ids := l.tick(); !slices.Equal(ids, []string{"cam1"}) {
		t.Errorf("kicked: %q", ids)
	}
	l.guard.Disconnected(1)
	if ids := l.tick(); ids != nil || !l.check(2, guard.Write, "thingpass/cam2/upload-request") {
		t.Errorf("kicked: %q", ids)
	}
	if !l.check(1, guard.Unsubscribe, "anything") || l.check(2, 64, "thingpass/cam2/upload-request") {
		t.Error("unsubscribe, or an access that is not known")
	}
}

// A will, and messages for a session that waits, come without a connection. They
// must not end the next connection of the same client.
func TestWithoutAConnection(t *testing.T) {
	t.Parallel()
	l := newLab(t, usual)
	as := func(access guard.Access, topic, id, name string) bool {
		return l.guard.Check(9, access, topic, false, func() guard.Asker { return guard.Asker{ClientID: id, Name: name} })
	}
	l.connect(1, "cam1")
	for range 2 { // the second time from what is remembered
		if !as(guard.Read, "thingpass/cam7/upload-request", "thingpass-broker-1", "thingpass-broker") {
			t.Error("the broker's waiting session gets nothing")
		}
		if as(guard.Write, "thingpass/cam2/upload-request", "cam1", "cam1") || l.tick() != nil {
			t.Error("a denied will ends the next connection")
		}
	}
	for _, name := range []string{"", "cam 1", "+"} {
		if as(guard.Read, "thingpass/cam1/response", "cam1", name) {
			t.Errorf("%q gets messages", name)
		}
	}
}

func TestANewRegistryJudgesEverybodyAgain(t *testing.T) {
	t.Parallel()
	l := newLab(t, usual)
	for i := range 5 {
		l.connect(guard.Handle(i), fmt.Sprint("cam", i))
	}
	if err := l.store.Edit(func(d *registry.Draft) error { return d.SetBlocked("cam3", true) }); err != nil {
		t.Fatal(err)
	}
	if l.tick() != nil {
		t.Error("judged before it was told")
	}
	l.guard.Changed()
	if ids := l.tick(); !slices.Equal(ids, []string{"cam3"}) || !strings.Contains(strings.Join(l.said, "\n"), "thing cam3 is blocked") {
		t.Errorf("%q %q", ids, l.said)
	}
	if !l.check(2, guard.Write, "thingpass/cam2/upload-request") {
		t.Error("others are refused, too")
	}
	if _, ok := l.guard.Connect(7, guard.Request{Certificate: l.der("cam3"), ClientID: "cam3", Clean: true}); ok {
		t.Error("comes back")
	}
}

func TestAFloodOfRefusalsIsToldOnce(t *testing.T) {
	t.Parallel()
	l := newLab(t, usual)
	l.connect(1, "cam1")
	for range 5_000 {
		l.check(1, guard.Subscribe, "#\n\x00\""+strings.Repeat("x", 5_000))
	}
	if len(l.said) > 210 || strings.ContainsAny(strings.Join(l.said, ""), "\n\x00") || len(l.said[0]) > 2000 {
		t.Errorf("%d lines, the first of %d bytes", len(l.said), len(l.said[0]))
	}
}

func TestAnAllowedMessageAllocatesNothing(t *testing.T) {
	l := newLab(t, usual)
	l.connect(1, "cam1")
	if n := testing.AllocsPerRun(1000, func() { l.guard.Check(1, guard.Write, "thingpass/cam1/upload-request", false, nobody) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// What Mosquitto waits for, but for the way from C to Go: 0.17 us for a thing
// (one core of an EPYC, 2026-11).
func BenchmarkCheck(b *testing.B) {
	l := newLab(b, usual)
	l.connect(1, "cam1")
	for b.Loop() {
		if !l.guard.Check(1, guard.Write, "thingpass/cam1/upload-request", false, nobody) {
			b.Fatal("refused")
		}
	}
}

// What a CONNECT costs the server beside its TLS handshake, which takes a
// millisecond.
func BenchmarkConnect(b *testing.B) {
	l := newLab(b, usual)
	der := l.der("cam1")
	for b.Loop() {
		if _, ok := l.guard.Connect(1, guard.Request{Certificate: der, ClientID: "cam1", Clean: true}); !ok {
			b.Fatal("refused")
		}
	}
}
