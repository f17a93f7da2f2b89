// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package operate_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"thingpass/broker"
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

func TestABucketThatForbidsBlocksNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fleettest.NewMemory(), nil)
	w.bucket.FailBefore(forbid(fleettest.OpPut, fleettest.OpDelete))
	if err := w.Block(t.Context(), "anna", "cam1", "stolen"); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("block: %v", err)
	}
	if err := w.Unblock(t.Context(), "anna", "cam1"); err == nil {
		t.Error("unblocked")
	}
	if w.Blocked("cam1") || len(w.blocks) != 0 {
		t.Error("blocked here, but by nobody else and not after a restart")
	}
	wantLines(t, w, "block cam1 done", "block cam1 failed", "unblock cam1 done", "unblock cam1 failed")
}

func TestASlowBucketIsNotWaitedForForEver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fleettest.NewMemory(), func(c *operate.Config) { c.Timing.Call = 20 * time.Millisecond })
	w.bucket.SetDelay(time.Hour)
	for what, err := range map[string]error{"block": w.Block(t.Context(), "anna", "cam1", ""), "refresh": w.Refresh(t.Context())} {
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := w.StartCampaign(t.Context(), "anna", firmware("cams", 60))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("campaign: %v", err)
	}
}

func TestABucketThatCannotBeReadUnblocksNobody(t *testing.T) {
	t.Parallel()
	bucket := fleettest.NewMemory()
	w := newWorld(t, bucket, nil)
	bucket.FailBefore(forbid(fleettest.OpList))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := w.Load(ctx); err == nil || !strings.Contains(err.Error(), "not known") {
		t.Errorf("loaded: %v", err)
	}
	if _, err := w.Blocks(t.Context()); err == nil || !strings.Contains(w.Trouble(), "not known") {
		t.Errorf("blocks %v, trouble %q", err, w.Trouble())
	}
	bucket.FailBefore(nil)
	if err := errors.Join(w.Block(t.Context(), "anna", "cam1", ""), w.Load(t.Context())); err != nil || w.Trouble() != "" {
		t.Fatal(err, w.Trouble())
	}
	bucket.FailBefore(forbid(fleettest.OpList, fleettest.OpGet))
	if err := w.Refresh(t.Context()); err == nil || !w.Blocked("cam1") || w.Trouble() == "" {
		t.Errorf("refreshed: %v, blocked %v, trouble %q", err, w.Blocked("cam1"), w.Trouble())
	}
}

func TestReplicasFollow(t *testing.T) {
	t.Parallel()
	bucket := fleettest.NewMemory()
	a, b := newWorld(t, bucket, nil), newWorld(t, bucket, nil)
	ctx := t.Context()
	for range 2 { // it may be repeated
		if err := a.Block(ctx, "anna", "cam:1_x-y", "stolen, says 👩‍🔧 <b>"); err != nil {
			t.Fatal(err)
		}
	}
	if !a.Blocked("cam:1_x-y") || a.Blocked("cam1") || b.Blocked("cam:1_x-y") {
		t.Error("a blocks at once, b knows nothing yet")
	}
	if err := b.Refresh(ctx); err != nil || !b.Blocked("cam:1_x-y") {
		t.Errorf("b: %v", err)
	}
	want := operate.BlockRecord{Thing: "cam:1_x-y", Reason: "stolen, says 👩‍🔧 <b>", Actor: "anna", At: a.clock.now().UTC()}
	for name, w := range map[string]*world{"a": a, "b": b} {
		if got, err := w.Blocks(ctx); err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	gets := bucket.Calls(fleettest.OpGet)
	if _, err := b.Blocks(ctx); err != nil || bucket.Calls(fleettest.OpGet) != gets {
		t.Errorf("a record was read twice: %v", err)
	}
	if err := errors.Join(b.Unblock(ctx, "berta", "cam:1_x-y"), b.Unblock(ctx, "berta", "cam:1_x-y"), a.Refresh(ctx)); err != nil || a.Blocked("cam:1_x-y") || b.Blocked("cam:1_x-y") {
		t.Errorf("still blocked: %v", err)
	}
	if told := []string{"cam:1_x-y", "cam:1_x-y"}; !slices.Equal(a.blocks, told) || !slices.Equal(b.blocks, told) {
		t.Errorf("told a of %q, b of %q", a.blocks, b.blocks)
	}
	wantLines(t, b, "unblock cam:1_x-y done", "unblock cam:1_x-y done")
	if e := b.audit[0]; e.Actor != "berta" || !e.Time.Equal(b.clock.now()) {
		t.Errorf("audited %+v", e)
	}
}

// A listing that began before a block ended does not bring it back, and the other
// way round.
func TestAnOlderListingUndoesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fleettest.NewMemory(), nil)
	ctx := t.Context()
	if err := w.Block(ctx, "anna", "cam2", ""); err != nil {
		t.Fatal(err)
	}
	w.bucket.FailAfter(func(op fleettest.Op, _ string) error {
		if op == fleettest.OpList { // it has been made, and is on its way
			w.bucket.FailAfter(nil)
			return errors.Join(w.Block(ctx, "anna", "cam1", ""), w.Unblock(ctx, "anna", "cam2"))
		}
		return nil
	})
	for range 2 {
		if err := w.Refresh(ctx); err != nil || !w.Blocked("cam1") || w.Blocked("cam2") {
			t.Fatalf("%v, cam1 %v, cam2 %v", err, w.Blocked("cam1"), w.Blocked("cam2"))
		}
	}
}

func TestStrangeObjectsAmongTheBlocks(t *testing.T) {
	t.Parallel()
	bucket := fleettest.NewMemory()
	for key, body := range map[string]string{
		"cam1.json": "{", "cam2.json": strings.Repeat("x", 20_000), "cam3.json": `{"thing":"other","reason":"a\u0000b","actor":"anna"}`,
		"a/b.json": "{}", ".json": "{}", "cam4": "{}", "<b>.json": "{}", strings.Repeat("a", 129) + ".json": "{}",
		"cam5.json": `{"thing":"other","reason":"ok","actor":"anna"}`,
	} {
		bucket.Add(".thingpass/blocks/"+key, "", []byte(body), time.Unix(1795424400, 0))
	}
	w := newWorld(t, bucket, nil)
	got, err := w.Blocks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range got {
		names = append(names, r.Thing)
		if damaged := strings.Contains(r.Reason, "damaged"); damaged == (r.Thing == "cam5") || !w.Blocked(r.Thing) {
			t.Errorf("%+v", r)
		}
	}
	if want := []string{"cam1", "cam2", "cam3", "cam5"}; !slices.Equal(names, want) {
		t.Errorf("blocked are %q, want %q", names, want)
	}
}

func TestManyBlocks(t *testing.T) { // not parallel: it counts allocations
	bucket := fleettest.NewMemory()
	for i := range 2500 {
		body, _ := json.Marshal(operate.BlockRecord{Thing: fmt.Sprint("t", i), Actor: "anna"})
		bucket.Add(fmt.Sprintf(".thingpass/blocks/t%d.json", i), "", body, time.Unix(1, 0))
	}
	w := newWorld(t, bucket, nil)
	if got, err := w.Blocks(t.Context()); err != nil || len(got) != 2500 || !w.Blocked("t2499") || !slices.Equal(w.blocks, []string{""}) {
		t.Errorf("%d blocks, %v, told of %q", len(got), err, w.blocks)
	}
	if n := testing.AllocsPerRun(100, func() { w.Blocked("t2499"); w.Blocked("cam1") }); n != 0 {
		t.Errorf("a question makes %v allocations", n)
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

func BenchmarkBlocked(b *testing.B) {
	for _, n := range []int{0, 1, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			bucket := fleettest.NewMemory()
			for i := range n {
				bucket.Add(fmt.Sprintf(".thingpass/blocks/t%d.json", i), "", []byte("{}"), time.Unix(1, 0))
			}
			w := newWorld(b, bucket, nil)
			if err := w.Load(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					w.Blocked("camera-000017")
				}
			})
		})
	}
}

var _ broker.Auditor = auditor{}
