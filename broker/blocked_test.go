// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker_test

import (
	"errors"
	"testing"
	"time"

	"thingpass/broker"
	"thingpass/broker/quota"
)

// blocking is a broker of which cam1 is blocked while *on is true.
func blocking(t *testing.T, on *bool, change func(c *broker.Config)) (*world, *broker.Broker) {
	t.Helper()
	w := &world{now: time.Unix(wireNow, 0), objects: map[string]broker.Object{}}
	c := config(w)
	c.Commands = true
	c.Blocked = func(thing string) bool { return *on && thing == "cam1" }
	if change != nil {
		change(&c)
	}
	b, err := broker.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return w, b
}

func TestABlockedThingGetsNothing(t *testing.T) {
	on := true
	w, b := blocking(t, &on, nil)
	for verb, payload := range map[string]string{
		"upload-request": onePhoto(nil), "upload-complete": report(storedKey, 1000, sumHex), "download-request": `{"id":"a1","kind":"notice"}`,
		"credentials-request": `{"id":"a1"}`,
	} {
		w.entries = nil
		got := ask(t, b, verb, payload)
		if got.Code != "blocked" || got.RetryAfter != 300 || got.ID == "" {
			t.Errorf("%s: %+v", verb, got)
		}
		if len(w.entries) != 1 || w.entries[0].Code != broker.CodeBlocked || w.entries[0].Request != verb || w.entries[0].ID != got.ID {
			t.Errorf("%s: audited %+v", verb, w.entries)
		}
	}
	if got := ask(t, b, "upload-request", "not JSON"); got.Code != "blocked" {
		t.Errorf("what is not read: %+v", got)
	}
	var refusal *broker.Refusal
	if _, err := b.Issue(t.Context(), "cam1"); !errors.As(err, &refusal) || refusal.Code != broker.CodeBlocked {
		t.Errorf("another way to credentials: %v", err)
	}
	if w.granted()+len(w.issued) != 0 {
		t.Errorf("%d signatures, credentials of %q", w.granted(), w.issued)
	}
	if got, err := result(t, w, b, `{"id":"c","status":"success"}`); err == nil || got.Code != broker.CodeBlocked || got.ID != "c" {
		t.Errorf("a result: %+v, %v", got, err)
	}
	if got := askAs(t, b, "cam10", "upload-request", onePhoto(nil)); got.Status != "success" {
		t.Errorf("a neighbour: %+v", got)
	}
	on = false
	if got := ask(t, b, "upload-request", onePhoto(nil)); got.Status != "success" {
		t.Errorf("no longer blocked: %+v", got)
	}
}

func TestWhatABlockedThingStoredIsStillAnnounced(t *testing.T) {
	on := true
	w, b := blocking(t, &on, nil)
	stored(w)
	if out, err := b.Stored(t.Context(), storedKey); err != nil || len(out) != 1 {
		t.Errorf("%v, %v", out, err)
	}
}

func TestABlockedThingsFloodIsQuietBeyondItsQuota(t *testing.T) {
	on := true
	w, b := blocking(t, &on, func(c *broker.Config) { c.Quota, c.Limits.RequestsPerMinute = quota.NewMemory(0), 5 })
	for range 1000 {
		mustBe(t, "blocked", ask(t, b, "upload-request", onePhoto(nil)), broker.CodeBlocked, 300)
	}
	if n := len(w.entries); n != 8 {
		t.Errorf("%d audit lines, want 8: five, then those of the 1st, 10th and 100th beyond", n)
	}
	for _, e := range w.entries {
		if e.Code != broker.CodeBlocked {
			t.Errorf("audited %+v", e)
		}
	}
}

func TestABlockHoldsWhileTheQuotaIsAway(t *testing.T) {
	on := true
	_, b := blocking(t, &on, func(c *broker.Config) { c.Quota, c.Limits.RequestsPerMinute = &awayQuota{}, 5 })
	mustBe(t, "blocked", ask(t, b, "upload-request", onePhoto(nil)), broker.CodeBlocked, 300)
}
