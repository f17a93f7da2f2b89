// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleettest_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"thingpass/broker/fleet"
	"thingpass/broker/fleet/fleettest"
)

var monday = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

func TestPutNewNeverOverwrites(t *testing.T) {
	t.Parallel()
	m, ctx := fleettest.NewMemory(), context.Background()
	if err := m.PutNew(ctx, "a", "text/plain", []byte("1")); err != nil {
		t.Fatal(err)
	}
	if err := m.PutNew(ctx, "a", "text/plain", []byte("2")); !errors.Is(err, fleet.ErrExists) {
		t.Errorf("the second PutNew: %v", err)
	}
	if body, err := m.Get(ctx, "a", 1); err != nil || string(body) != "1" {
		t.Errorf("got %q, %v", body, err)
	}
	if _, err := m.Get(ctx, "a", 0); err == nil {
		t.Error("an object above the limit is returned")
	}
	if _, err := m.Get(ctx, "b", 1); !errors.Is(err, fleet.ErrNotFound) {
		t.Errorf("what is not there: %v", err)
	}
}

// listAll walks pages of two and returns all keys and prefixes.
func listAll(t *testing.T, m *fleettest.Memory, l fleet.List) (all []string) {
	t.Helper()
	for {
		page, err := m.List(context.Background(), l)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Objects {
			all = append(all, o.Key)
		}
		all = append(all, page.Prefixes...)
		if !page.More {
			return all
		}
		l.After = page.Last
	}
}

func TestListTellsFoldersOnceAcrossPages(t *testing.T) {
	t.Parallel()
	m := fleettest.NewMemory()
	for _, key := range []string{"a", "b/1", "b/2", "b/3", "b/c/4", "b0", "c/1", "z"} {
		m.Add(key, "", nil, monday)
	}
	for _, c := range []struct {
		l    fleet.List
		want []string
	}{
		{fleet.List{Delimiter: "/"}, []string{"a", "b/", "b0", "c/", "z"}},
		{fleet.List{}, []string{"a", "b/1", "b/2", "b/3", "b/c/4", "b0", "c/1", "z"}},
		{fleet.List{Prefix: "b/", Delimiter: "/"}, []string{"b/1", "b/2", "b/3", "b/c/"}},
		{fleet.List{Prefix: "b/", After: "b/2"}, []string{"b/3", "b/c/4"}},
		{fleet.List{Delimiter: "/", After: "b/"}, []string{"b0", "c/", "z"}},
		{fleet.List{Prefix: "nothing/"}, nil},
	} {
		for limit := range 4 {
			c.l.Max = limit
			got := listAll(t, m, c.l)
			if slices.Sort(got); !slices.Equal(got, c.want) {
				t.Errorf("%+v: %q", c.l, got)
			}
		}
	}
}

func TestAMillionObjectsAreThereAndTakeNoTime(t *testing.T) {
	t.Parallel()
	sim := fleettest.Million(monday)
	m := fleettest.NewMemory().Simulate(sim)
	if sim.Len() != 1_000_000 {
		t.Fatalf("%d objects", sim.Len())
	}
	things := listAll(t, m, fleet.List{Delimiter: "/"})
	if len(things) != 10_000 || things[9_999] != "cam-09999/" {
		t.Errorf("%d things", len(things))
	}
	if all := listAll(t, m, fleet.List{Prefix: "cam-00042/"}); len(all) != 100 || all[99] != "cam-00042/photo/2026/11/23/b-000009.jpg" {
		t.Errorf("%d objects of one thing: %q", len(all), all[len(all)-1])
	}
}

func TestFaultsAreInjected(t *testing.T) {
	t.Parallel()
	m, ctx, broken := fleettest.NewMemory(), context.Background(), errors.New("broken")
	fail := func(op fleettest.Op, _ string) error {
		if op == fleettest.OpPut {
			return broken
		}
		return nil
	}
	m.FailBefore(fail)
	if err := m.Put(ctx, "a", "", nil); !errors.Is(err, broken) || len(m.Keys("")) != 0 {
		t.Errorf("before: %v, %q", err, m.Keys(""))
	}
	m.FailBefore(nil)
	m.FailAfter(fail)
	if err := m.Put(ctx, "a", "", nil); !errors.Is(err, broken) || len(m.Keys("")) != 1 {
		t.Errorf("after: %v, %q", err, m.Keys(""))
	}
	m.SetDelay(time.Hour)
	short, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	if err := m.Put(short, "b", "", nil); !errors.Is(err, context.DeadlineExceeded) || m.Calls(fleettest.OpPut) != 3 {
		t.Errorf("slow: %v after %d calls", err, m.Calls(fleettest.OpPut))
	}
}
