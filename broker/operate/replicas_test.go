// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package operate_test

import (
	"context"
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

// quick lets a few minutes be enough for everything.
func quick(c *operate.Config) {
	c.Timing = operate.Timing{Answer: time.Minute, Fetch: time.Minute, Tries: 2}
}

// careful keeps progress each second, so that not even a kill costs anything.
func careful(c *operate.Config) { c.Timing.Flush = time.Second }

// toldOnce fails if a thing was told more than once, by whomever.
func toldOnce(t *testing.T, want int, replicas ...*world) {
	t.Helper()
	count := map[string]int{}
	for _, w := range replicas {
		for _, thing := range w.told() {
			if count[thing]++; count[thing] > 1 {
				t.Errorf("%s was told %d times", thing, count[thing])
			}
		}
	}
	if len(count) != want {
		t.Errorf("%d things were told, want %d", len(count), want)
	}
}

func TestOneReplicaPacesAndAllHear(t *testing.T) {
	t.Parallel()
	bucket := fleettest.NewMemory()
	a, b, c := newWorld(t, bucket, nil), newWorld(t, bucket, nil), newWorld(t, bucket, nil)
	after(t, 1, a, b, c)
	id := start(t, b, firmware("cams", 60))
	after(t, 30, a, b, c)
	toldOnce(t, 3, a, b, c)
	a.Record(asked(a, "cam1"))
	b.Record(result(b, "cam2", id, broker.CodeDone, ""))
	c.Record(result(c, "cam3", id, broker.CodeFailed, "not-found"))
	after(t, 15, a, b, c)
	for _, w := range []*world{a, b, c} {
		wantStates(t, w, id, "cam1 fetching", "cam2 done", "cam3 failed not-found")
	}
	c.Record(result(c, "cam1", id, broker.CodeDone, ""))
	after(t, 30, a, b, c)
	ends := map[time.Time]bool{}
	for _, w := range []*world{a, b, c, newWorld(t, bucket, nil)} {
		wantStates(t, w, id, "cam1 done", "cam2 done", "cam3 failed not-found")
		s, _ := w.Campaign(t.Context(), id)
		ends[s.Ended] = true
	}
	if len(ends) != 1 || ends[time.Time{}] {
		t.Errorf("it ended at %v", ends)
	}
}

// What a thing says to a replica that does not know the campaign yet counts.
func TestAnAnswerThatIsQuickerThanTheCampaign(t *testing.T) {
	t.Parallel()
	bucket := fleettest.NewMemory()
	a, b := newWorld(t, bucket, nil), newWorld(t, bucket, nil)
	after(t, 1, b)
	id := start(t, a, firmware("cams", 60))
	for i := range 5000 { // more than are kept, before it
		b.Record(result(b, fmt.Sprint("x", i), "c-x", broker.CodeDone, ""))
	}
	b.Record(asked(b, "cam2"), result(b, "cam1", id, broker.CodeDone, ""))
	after(t, 20, a, b)
	for _, w := range []*world{a, b} {
		wantStates(t, w, id, "cam1 done", "cam2 fetching", "cam3 told")
	}
}

func TestARestartInMidCampaign(t *testing.T) {
	t.Parallel()
	bucket := fleettest.NewMemory()
	a := newWorld(t, bucket, careful)
	id := start(t, a, firmware("many", 60))
	after(t, 100, a)
	a.Record(asked(a, "t00001"), result(a, "t00000", id, broker.CodeDone, ""))
	after(t, 1, a) // and it is killed
	before := states(t, a, id)
	b := newWorld(t, bucket, nil)
	b.clock.add(101 * time.Second)
	for i, got := range states(t, b, id) {
		if got != before[i] {
			t.Errorf("after a restart %q, before %q", got, before[i])
		}
	}
	after(t, 300, b)
	toldOnce(t, 300, a, b)
	for _, thing := range groups["many"] {
		b.Record(result(b, thing, id, broker.CodeDone, ""))
	}
	after(t, 2, b)
	if s, err := b.Campaign(t.Context(), id); err != nil || s.Ended.IsZero() || s.Things[0].State != "done" {
		t.Errorf("%v %+v", err, s.Things[0])
	}
}

// The clocks of the two are 7 hours apart, in either direction.
func TestTheHolderOfTheLeaseDies(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{0, 7 * time.Hour, -7 * time.Hour} {
		bucket := fleettest.NewMemory()
		a, b := newWorld(t, bucket, careful), newWorld(t, bucket, careful)
		b.clock.add(skew)
		start(t, a, firmware("many", 60))
		after(t, 50, a, b)
		if !a.Leads() || b.Leads() || len(b.told()) != 0 {
			t.Fatalf("skew %v: a leads %v, b leads %v", skew, a.Leads(), b.Leads())
		}
		n := len(a.told())
		after(t, 8, b) // a is dead, or asleep
		if b.Leads() || len(b.told()) != 0 {
			t.Errorf("skew %v: b could not know that a is dead", skew)
		}
		after(t, 34, b)
		if !b.Leads() || len(b.told()) < 10 {
			t.Errorf("skew %v: b leads %v, told %d", skew, b.Leads(), len(b.told()))
		}
		if skew == 0 {
			toldOnce(t, n+len(b.told()), a, b)
		}
		a.clock.add(42 * time.Second) // it wakes up
		after(t, 10, a, b)
		if len(a.told()) > n || a.Leads() || !b.Leads() {
			t.Errorf("skew %v: a leads %v, and told %d more", skew, a.Leads(), len(a.told())-n)
		}
		if keys := bucket.Keys(".thingpass/lease/"); len(keys) != 1 {
			t.Errorf("leases: %q", keys)
		}
	}
}

func TestWhoEndsHandsOver(t *testing.T) {
	t.Parallel()
	bucket := fleettest.NewMemory()
	a, b := newWorld(t, bucket, nil), newWorld(t, bucket, nil)
	start(t, a, firmware("many", 60))
	after(t, 20, a, b)
	n := len(a.told())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	a.Run(ctx) // which does no more than to end well
	after(t, 6, b)
	if !b.Leads() || a.Leads() {
		t.Errorf("a leads %v, b leads %v", a.Leads(), b.Leads())
	}
	toldOnce(t, n+len(b.told()), a, b)
}

// A clock that was hours ahead does not let things be told over and over.
func TestSkewedClocksDoNotUseUpTries(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{7 * time.Hour, -7 * time.Hour} {
		bucket := fleettest.NewMemory()
		a, b := newWorld(t, bucket, nil), newWorld(t, bucket, nil)
		a.clock.add(skew)
		id := start(t, a, firmware("cams", 6000))
		after(t, 10, a)
		after(t, 60, b)
		if n := len(b.told()); n > 3 {
			t.Errorf("skew %v: b told %d of 3", skew, n)
		}
		after(t, 15*60, b)
		if n := len(b.told()); n < 3 {
			t.Errorf("skew %v: b told %d of 3 again", skew, n)
		}
		for _, s := range states(t, b, id) {
			if !strings.HasSuffix(s, " told") {
				t.Errorf("skew %v: %s within %v", skew, s, operate.DefaultTiming.Answer)
			}
		}
	}
}

func TestWhileTheBucketIsAwayNobodyIsTold(t *testing.T) {
	t.Parallel()
	bucket := fleettest.NewMemory()
	w := newWorld(t, bucket, nil)
	id := start(t, w, firmware("many", 60))
	after(t, 20, w)
	bucket.FailBefore(func(fleettest.Op, string) error { return errors.New("503 SlowDown") })
	after(t, 15, w)
	n := len(w.told())
	after(t, 100, w)
	if len(w.told()) != n || !strings.Contains(w.Trouble(), "503") {
		t.Errorf("told %d more, trouble %q", len(w.told())-n, w.Trouble())
	}
	w.Record(result(w, "t00000", id, broker.CodeDone, ""))
	bucket.FailBefore(nil)
	after(t, 40, w)
	if len(w.told()) <= n || w.Trouble() != "" {
		t.Errorf("told %d more, trouble %q", len(w.told())-n, w.Trouble())
	}
	toldOnce(t, len(w.told()), w)
	if s := states(t, newWorld(t, bucket, nil), id); s[0] != "t00000 done" {
		t.Errorf("what came meanwhile is lost: %s", s[0])
	}
}

// The answer to each writing is lost, but it was done.
func TestWritingsWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	bucket := fleettest.NewMemory()
	a, b := newWorld(t, bucket, nil), newWorld(t, bucket, nil)
	lost := true
	bucket.FailAfter(func(op fleettest.Op, _ string) error {
		if lost && (op == fleettest.OpPut || op == fleettest.OpPutNew) {
			return errors.New("connection reset")
		}
		return nil
	})
	if _, err := a.StartCampaign(t.Context(), "anna", firmware("cams", 60)); err == nil || !strings.Contains(err.Error(), "may come to be") {
		t.Errorf("started: %v", err)
	}
	after(t, 20, a)
	lost = false
	after(t, 30, a, b)
	toldOnce(t, 3, a, b)
	if keys := bucket.Keys(".thingpass/lease/"); len(keys) != 1 {
		t.Errorf("leases: %q", keys)
	}
}

func TestDamagedObjectsOfCampaigns(t *testing.T) {
	t.Parallel()
	bucket := fleettest.NewMemory()
	a := newWorld(t, bucket, nil)
	id := start(t, a, firmware("cams", 60))
	after(t, 20, a)
	folder := ".thingpass/campaigns/"
	at := a.clock.now()
	for key, body := range map[string]string{
		"c-bad.json": "{", "c-other.json": `{"id":"c-else"}`, "<b>.json": "{}", "c-empty.json": "",
		id + "/p-x.json": "[1]", id + "/p-y.json": `{"cam1":{"e":"gone"},"cam9":{"e":"done"},"cam2":{"e":"failed","c":"<b>"},"cam3":{"n":-1}}`, id + "/else": "x",
	} {
		bucket.Add(folder+key, "", []byte(body), at)
	}
	bucket.Add(".thingpass/lease/x.json", "", nil, at)
	bucket.Add(".thingpass/lease/1.json", "", nil, at)
	after(t, 20, a)
	b := newWorld(t, bucket, quick)
	b.clock.add(40 * time.Second)
	for _, w := range []*world{a, b} {
		all, err := w.Campaigns(t.Context())
		if err != nil || len(all) != 1 {
			t.Errorf("%d campaigns, %v", len(all), err)
		}
		wantStates(t, w, id, "cam1 told", "cam2 told", "cam3 told")
	}
	bucket.Add(folder+id+"/stopped.json", "", []byte("{"), at)
	after(t, 10, a, b)
	for _, w := range []*world{a, b} {
		if s, _ := w.Campaign(t.Context(), id); !s.Stopped || !s.Ended.Equal(at) {
			t.Errorf("stopped %v, ended %v", s.Stopped, s.Ended)
		}
	}
}

// A lease that makes no sense is one that nobody keeps.
func TestALeaseThatMakesNoSense(t *testing.T) {
	t.Parallel()
	bucket := fleettest.NewMemory()
	w := newWorld(t, bucket, nil)
	bucket.Add(".thingpass/lease/0000000000000007.json", "", []byte("{"), w.clock.now())
	start(t, w, firmware("cams", 6000))
	after(t, 14, w)
	if w.Leads() {
		t.Error("somebody may keep it")
	}
	after(t, 10, w)
	if keys := bucket.Keys(".thingpass/lease/"); !w.Leads() || !slices.Equal(keys, []string{".thingpass/lease/0000000000000008.json"}) {
		t.Errorf("leads %v, %q", w.Leads(), keys)
	}
}
