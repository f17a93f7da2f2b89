// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleet_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"thingpass/broker/fleet"
	"thingpass/broker/fleet/fleettest"
)

func TestWhatWasThereBeforeIsFound(t *testing.T) {
	t.Parallel()
	m := fleettest.NewMemory()
	add := func(key string, ago time.Duration) { m.Add(key, "", []byte("x"), noon.Add(-ago)) }
	add("cam1/photo/2026/11/22/z.jpg", 30*time.Hour)
	add("cam1/photo/2026/11/23/b.jpg", time.Hour)
	add("cam1/photo/2026/11/23/a.jpg", time.Minute)
	add("cam1/log/2026/11/23/c.txt", time.Second)
	add("flat/photo/a.jpg", time.Hour)
	add("flat/photo/b.png", 2*time.Hour)
	add("logs/log/2026/x.txt", time.Hour)
	add(".thingpass/blocks/x.json", 0)
	add("firmware/v1.bin", 0)
	add("not a thing/photo/x.jpg", 0)
	add("<script>/photo/x.jpg", 0)
	add("at-the-root.jpg", 0)
	f := run(t, open(t, m, func(c *fleet.Config) { c.Reserved = []string{"firmware"} }))
	eventually(t, "the bucket is read", func() bool { return f.Overview().Complete })
	got := map[string][2]string{}
	for _, s := range f.Things(fleet.Query{}).Things {
		got[s.Name] = [2]string{s.Newest.Key, s.Last.Key}
	}
	want := map[string][2]string{
		"cam1": {"cam1/photo/2026/11/23/a.jpg", "cam1/log/2026/11/23/c.txt"},
		"flat": {"flat/photo/a.jpg", "flat/photo/a.jpg"},
		"logs": {"", "logs/log/2026/x.txt"},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v", got)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	lists := m.Calls(fleettest.OpList)
	g := run(t, open(t, m, func(c *fleet.Config) { c.FollowEvery = time.Hour }))
	if o := g.Overview(); !o.Complete || o.Things != 3 || m.Calls(fleettest.OpList)-lists > 2 {
		t.Errorf("after a restart: %+v, %d lists", o, m.Calls(fleettest.OpList)-lists)
	}
}

// all walks all objects, in pages.
func all(t testing.TB, f *fleet.Fleet, thing string, limit int) (keys []string) {
	t.Helper()
	before := ""
	for {
		list, next, err := f.Objects(context.Background(), thing, before, limit)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) > limit {
			t.Fatalf("%d objects, at most %d were asked for", len(list), limit)
		}
		for _, o := range list {
			keys = append(keys, o.Key)
		}
		if next == "" {
			return keys
		}
		before = next
	}
}

func TestObjectsAreListedNewestFirst(t *testing.T) {
	t.Parallel()
	m := fleettest.NewMemory()
	want := []string{
		"cam1/photo/2026/11/23/a.jpg", "cam1/log/2026/11/23/z.txt", "cam1/photo/2026/11/23/b.jpg",
		"cam1/log/2026/11/22/x.txt", "cam1/photo/2026/10/31/x.jpg", "cam1/photo/2025/12/31/x.jpg", "cam1/photo/flat.jpg",
	}
	for i, key := range want {
		m.Add(key, "", []byte("x"), noon.Add(-time.Duration(i)*time.Hour))
	}
	m.Add("cam10/photo/2026/11/23/a.jpg", "", nil, noon)
	f := open(t, m, nil)
	for limit := 1; limit < 9; limit++ {
		if got := all(t, f, "cam1", limit); !slices.Equal(got, want) {
			t.Errorf("pages of %d: %q", limit, got)
		}
	}
	for _, before := range []string{"cam2/photo/x", "cam1", "cam1/", "cam1/photo/\x00", "../x"} {
		if _, _, err := f.Objects(context.Background(), "cam1", before, 1); err == nil && before != "cam1/" {
			t.Errorf("before %q: no error", before)
		}
	}
	if _, _, err := f.Objects(context.Background(), "<b>", "", 1); err == nil {
		t.Error("a name that no thing has is no error")
	}
	if err := m.Delete(context.Background(), want[1]); err != nil {
		t.Fatal(err)
	}
	if list, _, err := f.Objects(context.Background(), "cam1", want[1], 1); err != nil || list[0].Key != want[2] && list[0].Key != want[3] {
		t.Errorf("after a key that is gone: %v, %v", list, err)
	}
}

func TestAThingWithAMillionObjectsIsListedWithFewQuestions(t *testing.T) {
	t.Parallel()
	for name, sim := range map[string]fleettest.Simulated{
		"by day":           {Things: 1, Days: 1000, PerDay: 1000, First: noon.AddDate(0, 0, -999)},
		"all in one day":   {Things: 1, Days: 1, PerDay: 1_000_000, First: noon},
		"many in each day": {Things: 1, Days: 2, PerDay: 6000, First: noon.AddDate(0, 0, -1)},
	} {
		m := fleettest.NewMemory().Simulate(sim)
		f := open(t, m, nil)
		before := ""
		for n := range 3 {
			calls := m.Calls(fleettest.OpList)
			list, next, err := f.Objects(context.Background(), "cam-00000", before, 1000)
			if err != nil || len(list) != 1000 || next != list[999].Key {
				t.Fatalf("%s: page %d: %d objects, next %q, %v", name, n, len(list), next, err)
			}
			if calls = m.Calls(fleettest.OpList) - calls; calls > 80 {
				t.Errorf("%s: page %d took %d questions", name, n, calls)
			} else {
				t.Logf("%s: page %d took %d questions", name, n, calls)
			}
			for i, o := range list {
				if want := sim.Object(sim.Len() - 1 - 1000*n - i).Key; o.Key != want {
					t.Fatalf("%s: page %d: object %d is %s, not %s", name, n, i, o.Key, want)
				}
			}
			before = next
		}
	}
}

// Folders with more objects than are sorted by time are walked to their end, with
// other kinds beside them.
func TestLargeFoldersAreWalkedToTheEnd(t *testing.T) {
	t.Parallel()
	m := fleettest.NewMemory().Simulate(fleettest.Simulated{Things: 1, Days: 1, PerDay: 7_300, First: noon})
	m.Add("cam-00000/log/2026/11/23/a.txt", "", nil, noon)
	m.Add("cam-00000/log/2026/11/23/ü.txt", "", nil, noon)
	m.Add("cam-00000/zip/2026/11/23/a b.txt", "", nil, noon)
	got := all(t, open(t, m, nil), "cam-00000", 999)
	slices.Sort(got)
	if got = slices.Compact(got); len(got) != 7303 {
		t.Errorf("%d objects", len(got))
	}
}
