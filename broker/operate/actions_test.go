// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package operate_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"thingpass/broker/fleet/fleettest"
	"thingpass/broker/operate"
)

var hostileThings = []string{"", "cam/1", "../x", "cam1.json", "<script>", "cam 1", "cämera", "📷", "cam\x001", strings.Repeat("a", 129), strings.Repeat("x", 1024), "+", "#", "a%2fb"}

func TestHostileNamesDoNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fleettest.NewMemory(), nil)
	ctx := t.Context()
	for _, thing := range append(hostileThings, "stranger") {
		_, capture := w.Capture(ctx, "anna", thing)
		_, revoke := w.Revoke(ctx, "anna", thing)
		unblock := operate.ErrNoSuchThing // who is unknown may be unblocked
		if thing != "stranger" {
			unblock = w.Unblock(ctx, "anna", thing)
		}
		for what, err := range map[string]error{"capture": capture, "revoke": revoke, "block": w.Block(ctx, "anna", thing, ""), "unblock": unblock} {
			if !errors.Is(err, operate.ErrNoSuchThing) {
				t.Errorf("%s %q: %v", what, thing, err)
			}
		}
	}
	for _, actor := range []string{"", " ", "an\nna", strings.Repeat("a", 257), "\xff", "anna\u202e"} {
		if err := w.Block(ctx, actor, "cam1", ""); !errors.Is(err, operate.ErrBadInput) {
			t.Errorf("actor %q: %v", actor, err)
		}
	}
	for _, reason := range []string{strings.Repeat("ä", 301), strings.Repeat("x", 1<<20), "two\nlines", "\xff", "a\u202eb", "\x1b[31m"} {
		if err := w.Block(ctx, "anna", "cam1", reason); !errors.Is(err, operate.ErrBadInput) {
			t.Errorf("reason of %d bytes: %v", len(reason), err)
		}
	}
	wantLines(t, w)
	if keys := w.bucket.Keys(""); len(keys) != 0 || len(w.told()) != 0 || len(w.revoked) != 0 {
		t.Errorf("stored %q, told %q, revoked %q", keys, w.told(), w.revoked)
	}
}

func TestWithoutTheAuditNothingIsDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fleettest.NewMemory(), nil)
	ctx := t.Context()
	if err := w.Block(ctx, "anna", "cam9", ""); err != nil {
		t.Fatal(err)
	}
	id, err := w.StartCampaign(ctx, "anna", firmware("cams", 60))
	if err != nil {
		t.Fatal(err)
	}
	before := w.bucket.Keys("")
	w.set(func() { w.full = true })
	_, capture := w.Capture(ctx, "anna", "cam1")
	_, revoke := w.Revoke(ctx, "anna", "cam1")
	_, start := w.StartCampaign(ctx, "anna", firmware("many", 60))
	for what, err := range map[string]error{
		"capture": capture, "revoke": revoke, "start": start, "stop": w.StopCampaign(ctx, "anna", id),
		"block": w.Block(ctx, "anna", "cam1", ""), "unblock": w.Unblock(ctx, "anna", "cam9"),
	} {
		if !errors.Is(err, errFull) {
			t.Errorf("%s: %v", what, err)
		}
	}
	w.Tick(ctx)
	if w.Blocked("cam1") || !w.Blocked("cam9") || len(w.told()) != 0 || len(w.revoked) != 0 {
		t.Errorf("something was done: told %q, revoked %q", w.told(), w.revoked)
	}
	if after := w.bucket.Keys(".thingpass/blocks/"); len(after) != 1 || len(w.bucket.Keys(".thingpass/campaigns/")) != 1 {
		t.Errorf("before %q, now %q", before, w.bucket.Keys(""))
	}
	if !strings.Contains(w.Trouble(), "audit") {
		t.Errorf("trouble: %q", w.Trouble())
	}
}

func TestWhatIsNotConfiguredIsNotOffered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fleettest.NewMemory(), func(c *operate.Config) { c.Publish, c.Revoker, c.Groups = nil, nil, nil })
	for _, a := range []operate.Action{operate.Capture, operate.Revoke, operate.Campaign, "dance"} {
		if err := w.Offers(a); !errors.Is(err, operate.ErrNotConfigured) {
			t.Errorf("%s: %v", a, err)
		}
	}
	_, capture := w.Capture(t.Context(), "anna", "cam1")
	_, revoke := w.Revoke(t.Context(), "anna", "cam1")
	_, start := w.StartCampaign(t.Context(), "anna", firmware("cams", 1))
	if w.Offers(operate.Block) != nil || !errors.Is(capture, operate.ErrNotConfigured) || !errors.Is(revoke, operate.ErrNotConfigured) || !errors.Is(start, operate.ErrNotConfigured) {
		t.Errorf("%v; %v; %v", capture, revoke, start)
	}
	for _, prefix := range []string{"cam1/", ".thingpass", "a"} {
		if _, err := operate.New(operate.Config{Files: w.bucket, Audit: auditor{w}, Now: w.clock.now, Log: discard, Prefix: prefix}); err == nil {
			t.Errorf("prefix %q: %v", prefix, err)
		}
	}
	if _, err := operate.New(operate.Config{}); err == nil {
		t.Error("operations out of nothing")
	}
}

func TestCapture(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fleettest.NewMemory(), nil)
	id, err := w.Capture(t.Context(), "anna", "cam1")
	if err != nil {
		t.Fatal(err)
	}
	var c operate.Command
	if err := json.Unmarshal(w.published[0].Payload, &c); err != nil || c.ID != id || c.Command != "capture" || !c.ExpiresAt.Equal(w.clock.now().Add(time.Minute)) {
		t.Errorf("told %+v, %v", c, err)
	}
	other, _ := w.Capture(t.Context(), "anna", "cam1")
	if len(id) != 18 || !strings.HasPrefix(id, "c-") || other == id {
		t.Errorf("ids %q and %q", id, other)
	}
	w.set(func() { w.broken = func(string) error { return errors.New("not connected") } })
	if id, err := w.Capture(t.Context(), "anna", "cam1"); err == nil || id != "" || !strings.Contains(err.Error(), "not connected") {
		t.Errorf("%q, %v", id, err)
	}
	wantLines(t, w, "capture cam1 done", "capture cam1 done", "capture cam1 done", "capture cam1 failed")
	if e := w.audit[0]; e.ID != id || e.Actor != "anna" {
		t.Errorf("audited %+v", e)
	}
	if e := w.audit[3]; e.ID != w.audit[2].ID || e.Actor != "anna" || !strings.Contains(e.Reason, "not connected") {
		t.Errorf("audited %+v", e)
	}
}

func TestRevokeIsAudited(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fleettest.NewMemory(), nil)
	if n, err := w.Revoke(t.Context(), "anna", "cam1"); n != 2 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	w.set(func() { w.unable = errors.New("read-only\nfile") })
	if n, err := w.Revoke(t.Context(), "anna", "cam1"); n != 2 || err == nil {
		t.Errorf("%d, %v", n, err)
	}
	wantLines(t, w, "revoke cam1 done", "revoke cam1 done", "revoke cam1 failed")
	if reason := w.audit[2].Reason; !strings.Contains(reason, "read-only file") {
		t.Errorf("audited %q", reason)
	}
}
