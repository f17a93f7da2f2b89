// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleet_test

import (
	"context"
	"testing"
	"time"

	"thingpass/broker/fleet"
	"thingpass/broker/fleet/fleettest"
)

// soon is what a page may take of what is behind it.
const soon = 100 * time.Millisecond

// What is behind the console's pages, of 10,000 things with 1,000,000 objects: the
// wall, a thing's newest objects, and both after a restart.
func TestPagesOfAMillionObjectsAreQuick(t *testing.T) {
	if testing.Short() {
		t.Skip("a million objects take the race detector minutes, and what it looks for is the same in few")
	}
	m := fleettest.NewMemory().Simulate(fleettest.Million(noon))
	began := time.Now()
	f := run(t, open(t, m, nil))
	eventually(t, "the bucket is read", func() bool { return f.Overview().Complete })
	t.Logf("read for the first time in %v", time.Since(began))
	look(t, f, m)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	began = time.Now()
	f = run(t, open(t, m, func(c *fleet.Config) { c.FollowEvery = time.Hour }))
	loaded := time.Since(began)
	t.Logf("loaded after a restart in %v", loaded)
	if loaded > 20*soon {
		t.Errorf("a restart takes %v", loaded)
	}
	look(t, f, m)
}

func look(t *testing.T, f *fleet.Fleet, m *fleettest.Memory) {
	t.Helper()
	began := time.Now()
	wall := f.Things(fleet.Query{Sort: "newest", Limit: 60})
	took := time.Since(began)
	if wall.Total != 10_000 || len(wall.Things) != 60 || took > soon {
		t.Errorf("wall: %d of %d things in %v", len(wall.Things), wall.Total, took)
	}
	began = time.Now()
	_ = f.Overview()
	over := time.Since(began)
	calls := m.Calls(fleettest.OpList)
	began = time.Now()
	list, _, err := f.Objects(context.Background(), wall.Things[0].Name, "", 50)
	objects := time.Since(began)
	if err != nil || len(list) != 50 || objects > soon || over > soon {
		t.Errorf("%d objects in %v, %v; overview in %v", len(list), objects, err, over)
	}
	t.Logf("wall %v, overview %v, objects %v with %d listings", took, over, objects, m.Calls(fleettest.OpList)-calls)
}
