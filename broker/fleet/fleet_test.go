// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleet_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"thingpass/broker"
	"thingpass/broker/fleet"
	"thingpass/broker/fleet/fleettest"
)

func TestOpenRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]fleet.Config{
		"no files":                   {},
		"a prefix without an end":    {Files: fleettest.NewMemory(), Prefix: ".x"},
		"a thing's prefix":           {Files: fleettest.NewMemory(), Prefix: "cam1/"},
		"an empty folder":            {Files: fleettest.NewMemory(), Prefix: "/"},
		"a replica with a slash":     {Files: fleettest.NewMemory(), Replica: "a/b"},
		"a replica with a long name": {Files: fleettest.NewMemory(), Replica: strings.Repeat("a", 65)},
	} {
		if _, err := fleet.Open(context.Background(), c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestAPhotoIsSeenWithAllThatIsKnownOfIt(t *testing.T) {
	t.Parallel()
	f := run(t, open(t, fleettest.NewMemory(), nil))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	changes := f.Changes(ctx)
	f.Record(photo("cam1", 1, noon.Add(-time.Minute))...)
	for c := range changes {
		if c == (fleet.Change{Thing: "cam1", Photo: true}) {
			break
		}
	}
	one := thingOf(t, f, "cam1")
	want := fleet.Object{Key: key("cam1", 1), Size: 48211, Stored: noon.Add(-58 * time.Second),
		SHA256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}
	if one.Newest != want || one.Last != want || one.State != fleet.Active || one.Latency != 2*time.Second {
		t.Errorf("%+v", one.Summary)
	}
	if one.Today.Requests != 2 || one.Today.Granted != 1 || one.Today.Stored != 1 || one.Today.Bytes != 48211 || one.Today.Refused != 0 {
		t.Errorf("today: %+v", one.Today)
	}
	if len(one.Timeline) != 2 || !reflect.DeepEqual(one.Timeline[0], photo("cam1", 1, noon.Add(-time.Minute))[1]) {
		t.Errorf("timeline: %+v", one.Timeline)
	}
	if len(one.Samples) != 1 || len(one.Hours) != 24 || one.Hours[22].Stored+one.Hours[23].Stored != 1 {
		t.Errorf("samples %v, hours %v", one.Samples, one.Hours)
	}
}

func TestStatesAreToldInTheirOrder(t *testing.T) {
	t.Parallel()
	now := newClock()
	m := fleettest.NewMemory()
	m.Add("old/photo/2026/11/22/a.jpg", "image/jpeg", []byte("x"), noon.Add(-24*time.Hour))
	f := run(t, open(t, m, func(c *fleet.Config) { c.Now = now.Now }))
	f.SetBlocked(func(thing string) bool { return thing == "bad" })
	f.Record(photo("quiet", 1, noon.Add(-2*time.Hour))...)
	f.Record(photo("well", 1, noon.Add(-time.Minute))...)
	f.Record(photo("bad", 1, noon.Add(-time.Minute))...)
	f.Record(photo("no", 1, noon.Add(-time.Minute))...)
	f.Record(refusal("no", broker.CodeSizeNotAllowed, noon))
	f.Record(refusal("again", broker.CodeBusy, noon.Add(-3*time.Minute)))
	f.Record(photo("again", 1, noon.Add(-time.Minute))...)
	f.Record(broker.Entry{Time: noon, Thing: "quiet", Request: "block", Actor: "ann", Code: broker.CodeDone}) // not the thing's own doing
	eventually(t, "all are known", func() bool { o := f.Overview(); return o.Things == 6 && o.Complete && o.Today.Requests == 13 })
	want := map[string]fleet.State{"old": fleet.Dormant, "quiet": fleet.Silent, "well": fleet.Active, "bad": fleet.Blocked, "no": fleet.Refused, "again": fleet.Active}
	for name, state := range want {
		if got := thingOf(t, f, name).State; got != state {
			t.Errorf("%s is %s, not %s", name, got, state)
		}
	}
	o := f.Overview()
	if o.ByState[fleet.Active] != 2 || len(o.Silent) != 1 || o.Silent[0].Name != "quiet" || len(o.Refused) != 2 || o.Refused[0].Thing != "no" {
		t.Errorf("%+v", o)
	}
	if o.Today.ByCode[broker.CodeBusy] != 1 || o.Today.ByCode[broker.CodeSizeNotAllowed] != 1 || len(o.Hours) != 48 || len(o.Slow) != 5 {
		t.Errorf("%+v", o.Today)
	}
	if now.Set(noon.Add(2 * time.Hour)); thingOf(t, f, "well").State != fleet.Silent || thingOf(t, f, "no").State != fleet.Refused {
		t.Error("nothing becomes silent")
	}
	if now.Set(noon.Add(12 * time.Hour)); thingOf(t, f, "well").Today.Requests != 0 {
		t.Error("the day does not end at midnight")
	}
}

func TestARestartLosesNothing(t *testing.T) {
	t.Parallel()
	m := fleettest.NewMemory()
	first := run(t, open(t, m, nil))
	for i := range 200 {
		first.Record(photo("cam1", i, noon.Add(time.Duration(i-300)*time.Second))...)
		first.Record(refusal("cam2", broker.CodeMismatch, noon.Add(-time.Duration(i)*time.Second)))
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if first.Record(photo("late", 1, noon)...) != nil {
		t.Error("a record after the end is an error to the broker")
	}
	before1, before2, all := thingOf(t, first, "cam1"), thingOf(t, first, "cam2"), first.Overview()
	check := func(how string, f *fleet.Fleet) {
		t.Helper()
		eventually(t, how+": all is known", func() bool { return f.Overview().Today.Requests == 600 })
		if got := thingOf(t, f, "cam1"); !reflect.DeepEqual(got, before1) {
			t.Errorf("%s: \n%+v\n, before\n%+v", how, got, before1)
		}
		if got := thingOf(t, f, "cam2"); !reflect.DeepEqual(got, before2) {
			t.Errorf("%s: \n%+v\n, before\n%+v", how, got, before2)
		}
		o := f.Overview()
		if !reflect.DeepEqual(o.Refused, all.Refused) || !reflect.DeepEqual(o.Hours, all.Hours) || o.Trouble != "" {
			t.Errorf("%s: %+v, before %+v", how, o, all)
		}
	}
	check("from the snapshot", run(t, open(t, m, nil)))
	check("another replica", run(t, open(t, m, func(c *fleet.Config) { c.Replica = "b" })))
	for _, k := range m.Keys(".thingpass/index/") {
		if err := m.Delete(context.Background(), k); err != nil {
			t.Fatal(err)
		}
	}
	check("from the journal alone", run(t, open(t, m, func(c *fleet.Config) { c.Replica = "c" })))
}

func TestReplicasTellEachOther(t *testing.T) {
	t.Parallel()
	m := fleettest.NewMemory()
	a := run(t, open(t, m, nil))
	b := run(t, open(t, m, func(c *fleet.Config) { c.Replica = "b" }))
	a.Record(photo("cam1", 1, noon.Add(-time.Minute))...)
	b.Record(photo("cam1", 2, noon.Add(-time.Second))...)
	for _, f := range []*fleet.Fleet{a, b} {
		eventually(t, "both photos", func() bool { one, _ := f.Thing("cam1"); return one.Today.Stored == 2 })
	}
	if x, y := thingOf(t, a, "cam1"), thingOf(t, b, "cam1"); !reflect.DeepEqual(x, y) || x.Newest.Key != key("cam1", 2) {
		t.Errorf("a: %+v\nb: %+v", x, y)
	}
}

func TestAnAnswerThatWasLostDoesNotCountTwice(t *testing.T) {
	t.Parallel()
	m, lost := fleettest.NewMemory(), errors.New("connection lost")
	m.FailAfter(func(op fleettest.Op, _ string) error {
		if op == fleettest.OpPutNew && m.Calls(op) == 1 {
			return lost
		}
		return nil
	})
	f := run(t, open(t, m, nil))
	f.Record(photo("cam1", 1, noon)...)
	eventually(t, "a second try", func() bool { return m.Calls(fleettest.OpPutNew) > 1 })
	eventually(t, "no trouble is left", func() bool { return f.Overview().Trouble == "" })
	if n := len(m.Keys(".thingpass/journal/")); n != 1 {
		t.Errorf("%d segments", n)
	}
	b := run(t, open(t, m, func(c *fleet.Config) { c.Replica = "b" }))
	eventually(t, "the photo", func() bool { one, _ := b.Thing("cam1"); return one.Today.Stored == 1 })
}
