// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package operate_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"thingpass/broker"
	"thingpass/broker/fleet/fleettest"
	"thingpass/broker/operate"
)

// A clock is set by tests.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// world is one replica with what it sees of the rest; replicas of one test share
// the bucket.
type world struct {
	*operate.Desk
	bucket *fleettest.Memory
	clock  *clock

	mu        sync.Mutex
	audit     []broker.Entry
	full      bool // the audit's disk
	published []broker.Message
	broken    func(thing string) error // why a thing cannot be told
	blocks    []string                 // of which OnBlocks told
	revoked   []string
	unable    error // to revoke
}

var discard = slog.New(slog.DiscardHandler)

var errFull = errors.New("no space left on device")

// auditor is w's, whose Desk has a method of that name too.
type auditor struct{ w *world }

func (a auditor) Record(entries ...broker.Entry) error {
	w := a.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.full {
		return errFull
	}
	w.audit = append(w.audit, entries...)
	return nil
}

func (w *world) publish(ctx context.Context, m broker.Message) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken != nil {
		if err := w.broken(thingOf(m)); err != nil {
			return err
		}
	}
	w.published = append(w.published, m)
	return ctx.Err()
}

// revoker likewise.
type revoker struct{ w *world }

func (r revoker) Revoke(_ context.Context, thing string) (int, error) {
	w := r.w
	w.mu.Lock()
	defer w.mu.Unlock()
	w.revoked = append(w.revoked, thing)
	return 2, w.unable
}

func thingOf(m broker.Message) string { return strings.Split(m.Topic, "/")[1] }

func command(thing string, c operate.Command) (broker.Message, error) {
	if c.Name == "unnamed" {
		return broker.Message{}, errors.New("the objects of kind firmware have no names")
	}
	body, err := json.Marshal(c)
	return broker.Message{Topic: "thingpass/" + thing + "/command", Payload: body, QoS: 1}, err
}

var groups = map[string][]string{
	"cams": {"cam3", "cam1", "cam2", "cam1"}, "none": {}, "many": manyThings(300),
}

func manyThings(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf("t%05d", i))
	}
	return names
}

// newWorld returns a replica; change alters what it is made of.
func newWorld(t testing.TB, bucket *fleettest.Memory, change func(*operate.Config)) *world {
	t.Helper()
	w := &world{bucket: bucket, clock: &clock{t: time.Unix(1795424400, 0)}}
	c := operate.Config{
		Files: bucket, Audit: auditor{w}, Now: w.clock.now, Log: discard,
		Command: command, Publish: w.publish, Revoker: revoker{w},
		Groups: func() map[string][]string { return groups }, Kinds: func() []string { return []string{"firmware"} },
		Known: func(thing string) bool { return thing != "stranger" },
		OnBlocks: func(thing string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.blocks = append(w.blocks, thing)
		},
	}
	if change != nil {
		change(&c)
	}
	var err error
	if w.Desk, err = operate.New(c); err != nil {
		t.Fatal(err)
	}
	return w
}

// lines are the audit's, short: request thing code.
func (w *world) lines() (out []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.audit {
		out = append(out, strings.Join(strings.Fields(fmt.Sprint(e.Request, " ", e.Thing, " ", e.Code)), " "))
	}
	return out
}

// told are the things that were told, in order.
func (w *world) told() (out []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.published {
		out = append(out, thingOf(m))
	}
	return out
}

func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

func wantLines(t *testing.T, w *world, want ...string) {
	t.Helper()
	if got := w.lines(); !slices.Equal(got, want) {
		t.Errorf("the audit has %q, want %q", got, want)
	}
}

func forbid(ops ...fleettest.Op) func(fleettest.Op, string) error {
	return func(op fleettest.Op, _ string) error {
		if slices.Contains(ops, op) {
			return errors.New("403 AccessDenied")
		}
		return nil
	}
}

func firmware(group string, perMinute int) operate.CampaignSpec {
	return operate.CampaignSpec{Group: group, Kind: "firmware", Name: "v2", PerMinute: perMinute}
}
