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
