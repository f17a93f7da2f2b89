// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package operate_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"thingpass/broker"
	"thingpass/broker/fleet/fleettest"
	"thingpass/broker/operate"
)

func TestThePace(t *testing.T) {
	t.Parallel()
	for perMinute, want := range map[int]int{1: 2, 30: 31, 60: 61, 90: 91, 240: 241, 6000: 300} {
		w := newWorld(t, fleettest.NewMemory(), nil)
		start(t, w, firmware("many", perMinute))
		most, before := 0, 0
		for range 61 {
			after(t, 1, w)
			most, before = max(most, len(w.told())-before), len(w.told())
		}
		if n := len(w.told()); n != want || most > perMinute/60+1 {
			t.Errorf("%d a minute: %d in 61 s, at most %d at once", perMinute, n, most)
		}
		w.clock.add(time.Hour) // a machine that slept tells nobody in a hurry
		w.Tick(t.Context())
		if n := len(w.told()) - before; n > perMinute/60+1 {
			t.Errorf("%d a minute: %d at once after an hour", perMinute, n)
		}
	}
}

func TestWhoDoesNotAnswerIsToldAgainAndNotForEver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fleettest.NewMemory(), func(c *operate.Config) {
		c.Timing = operate.Timing{Answer: time.Minute, Fetch: 5 * time.Minute, Tries: 3}
	})
	id := start(t, w, firmware("cams", 6000))
	after(t, 3, w)
	w.Record(asked(w, "cam2"), result(w, "cam3", id, broker.CodeDone, ""))
	after(t, 70, w)
	wantStates(t, w, id, "cam1 told", "cam2 fetching", "cam3 done")
	after(t, 400, w)
	wantStates(t, w, id, "cam1 failed no-answer", "cam2 fetching", "cam3 done")
	after(t, 1000, w)
	wantStates(t, w, id, "cam1 failed no-answer", "cam2 failed no-answer", "cam3 done")
	count := map[string]int{}
	for _, thing := range w.told() {
		count[thing]++
	}
	if count["cam1"] != 3 || count["cam2"] != 3 || count["cam3"] != 1 {
		t.Errorf("told %v", count)
	}
	if s, _ := w.Campaign(t.Context(), id); s.Ended.IsZero() {
		t.Error("it does not end")
	}
	ids := map[string]bool{}
	for _, m := range w.published {
		var c operate.Command
		_ = json.Unmarshal(m.Payload, &c)
		ids[c.ID] = true
	}
	if len(ids) != 1 {
		t.Errorf("the same command has several ids: %v", ids)
	}
}

func TestAServerThatIsAwayCostsNoTries(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fleettest.NewMemory(), nil)
	w.broken = func(thing string) error {
		if thing == "cam1" {
			return errors.New("not connected")
		}
		return nil
	}
	id := start(t, w, firmware("cams", 6000))
	after(t, 2, w)
	if !strings.Contains(w.Trouble(), "not connected") {
		t.Errorf("trouble: %q", w.Trouble())
	}
	after(t, 20, w)
	wantStates(t, w, id, "cam1 waiting", "cam2 told", "cam3 told") // the others need not wait for it
	if n := strings.Count(strings.Join(w.lines(), "\n"), "download cam1 failed"); n != 1 {
		t.Errorf("cam1 failed %d times in 22 s: %q", n, w.lines())
	}
	w.set(func() { w.broken = nil })
	after(t, 60, w)
	wantStates(t, w, id, "cam1 told", "cam2 told", "cam3 told")
	if w.Trouble() != "" {
		t.Errorf("trouble: %q", w.Trouble())
	}
}

func TestBlockedThingsAreNotTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fleettest.NewMemory(), nil)
	if err := w.Block(t.Context(), "anna", "cam2", ""); err != nil {
		t.Fatal(err)
	}
	id := start(t, w, firmware("cams", 6000))
	after(t, 3, w)
	wantStates(t, w, id, "cam1 told", "cam2 failed blocked", "cam3 told")
	if slices.Contains(w.told(), "cam2") {
		t.Errorf("told %q", w.told())
	}
}
