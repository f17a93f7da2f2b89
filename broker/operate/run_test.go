// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package operate_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"thingpass/broker"
	"thingpass/broker/fleet/fleettest"
	"thingpass/broker/operate"
)

// crowd are replicas that run, and things that answer some time after they were
// told, each to another replica.
type crowd struct {
	bucket *fleettest.Memory

	mu       sync.Mutex
	replicas []*world
	answers  int
}

func (c *crowd) answer(thing, id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers++
	w := c.replicas[c.answers%len(c.replicas)]
	w.Desk.Record(broker.Entry{Time: time.Now(), Thing: thing, Request: "command-result", ID: id, Code: broker.CodeDone})
}

// run starts a replica, which ends with ctx; wait waits for its end.
func (c *crowd) run(ctx context.Context, t *testing.T) (w *world, wait func()) {
	t.Helper()
	w = newWorld(t, c.bucket, func(conf *operate.Config) {
		conf.Now = time.Now
		conf.Publish = func(_ context.Context, m broker.Message) error {
			var told operate.Command
			_ = json.Unmarshal(m.Payload, &told)
			time.AfterFunc(3*time.Second, func() { c.answer(thingOf(m), told.ID) })
			return nil
		}
	})
	if err := w.Load(ctx); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() { w.Run(ctx) })
	return w, all.Wait
}

// Two replicas run, by a clock that only waits; one is stopped, and another started.
func TestRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all := &crowd{bucket: fleettest.NewMemory()}
		all.bucket.SetDelay(20 * time.Millisecond)
		ctx, cancel := context.WithCancel(t.Context())
		first, stopFirst := context.WithCancel(ctx)
		a, waitA := all.run(first, t)
		b, waitB := all.run(ctx, t)
		all.replicas = []*world{a, b}
		err := a.Block(ctx, "anna", "t00007", "stolen")
		id, err2 := a.StartCampaign(ctx, "anna", firmware("many", 300))
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		time.Sleep(20 * time.Second)
		stopFirst()
		waitA()
		c, waitC := all.run(ctx, t)
		all.mu.Lock()
		all.replicas = []*world{b, c}
		all.mu.Unlock()
		time.Sleep(90 * time.Second)
		allDoneBut(t, b, id, "t00007")
		allDoneBut(t, c, id, "t00007")
		if all.answers > 299+5 { // a handful may be told twice when one takes over
			t.Errorf("%d answers", all.answers)
		}
		cancel()
		waitB()
		waitC()
	})
}

func allDoneBut(t *testing.T, w *world, id, but string) {
	t.Helper()
	s, err := w.Campaign(t.Context(), id)
	if err != nil || s.Ended.IsZero() || w.Trouble() != "" || !w.Blocked(but) {
		t.Errorf("ended %v, %v, trouble %q", s.Ended, err, w.Trouble())
	}
	for _, thing := range s.Things {
		if (thing.State == "done") == (thing.Thing == but) {
			t.Errorf("%+v", thing)
		}
	}
}

// Operations stay clear of YAML, of AWS's SDK and of the network.
func TestWhatOperationsAreBuiltFrom(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for dep := range strings.FieldsSeq(string(out)) {
		switch dep {
		case "thingpass/broker", "thingpass/broker/fleet", "thingpass/broker/operate":
		default:
			t.Errorf("package operate needs %s", dep)
		}
	}
}

// What a second costs where a campaign for 10,000 things runs, all of them told,
// and what a page costs that shows it.
func BenchmarkCampaignOf10000(b *testing.B) {
	things := manyThings(10_000)
	w := newWorld(b, fleettest.NewMemory(), func(c *operate.Config) {
		c.Groups = func() map[string][]string { return map[string][]string{"all": things} }
	})
	id, err := w.StartCampaign(b.Context(), "anna", firmware("all", 6000))
	if err != nil {
		b.Fatal(err)
	}
	for range 101 {
		w.clock.add(time.Second)
		w.Tick(b.Context())
	}
	b.Run("tick", func(b *testing.B) {
		for b.Loop() {
			w.clock.add(time.Second)
			w.Tick(b.Context())
			w.clock.add(-time.Second)
		}
	})
	b.Run("view", func(b *testing.B) {
		for b.Loop() {
			if _, err := w.Campaign(b.Context(), id); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("record", func(b *testing.B) {
		b.ReportAllocs()
		e := broker.Entry{Thing: "t00001", Request: "download-request", Kind: "firmware", Code: broker.CodeGranted, Time: w.clock.now()}
		for b.Loop() {
			w.Desk.Record(e)
		}
	})
	b.Run("record-upload", func(b *testing.B) {
		b.ReportAllocs()
		e := broker.Entry{Thing: "t00001", Request: "upload-request", Kind: "photo", Code: broker.CodeGranted, Time: w.clock.now()}
		for b.Loop() {
			w.Desk.Record(e)
		}
	})
	body := 0
	for _, key := range w.bucket.Keys(".thingpass/campaigns/" + id + "/p-") {
		text, _ := w.bucket.Get(b.Context(), key, 64<<20)
		body += len(text)
	}
	b.Log(fmt.Sprint("progress of 10,000 things: ", body, " bytes"))
}
