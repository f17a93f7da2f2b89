// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"thingpass/broker"
	"thingpass/broker/fleet"
	"thingpass/broker/fleet/fleettest"
)

func TestAForbiddenBucketIsTroubleAndNoMore(t *testing.T) {
	t.Parallel()
	m, forbidden := fleettest.NewMemory(), errors.New("AccessDenied: no such luck")
	m.FailBefore(func(fleettest.Op, string) error { return forbidden })
	f := run(t, open(t, m, nil))
	f.Record(photo("cam1", 1, noon)...)
	eventually(t, "what happens here is known", func() bool { one, _ := f.Thing("cam1"); return one.Today.Stored == 1 })
	eventually(t, "all of the trouble is told", func() bool {
		text := f.Overview().Trouble
		return strings.Count(text, "AccessDenied") >= 3 && strings.Contains(text, "journal") && strings.Contains(text, "known before")
	})
	if f.Overview().Complete {
		t.Error("a bucket that cannot be read is complete")
	}
	if _, _, err := f.Objects(context.Background(), "cam1", "", 0); !errors.Is(err, forbidden) {
		t.Errorf("objects: %v", err)
	}
	m.FailBefore(nil)
	eventually(t, "the trouble ends", func() bool { o := f.Overview(); return o.Complete && len(m.Keys(".thingpass/journal/")) == 1 })
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if kept := m.Keys(".thingpass/index/"); len(kept) != 0 {
		t.Errorf("a state that lacks what was known before replaces it: %q", kept)
	}
}

func TestASlowBucketKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	m := fleettest.NewMemory()
	m.SetDelay(time.Hour)
	f := open(t, m, nil)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	begun := time.Now()
	f.Record(photo("cam1", 1, noon)...)
	if f.Overview(); f.Things(fleet.Query{}).Total != 0 {
		t.Error("things out of nothing")
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	m.SetDelay(0)
	cancel()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Error("Run does not end")
	}
}

func TestAnEmptyBucketIsNoTrouble(t *testing.T) {
	t.Parallel()
	m := fleettest.NewMemory()
	f := run(t, open(t, m, nil))
	eventually(t, "it is complete", func() bool { return f.Overview().Complete })
	if o := f.Overview(); o.Trouble != "" || o.Things != 0 || len(f.Things(fleet.Query{Page: 7, Sort: fleet.ByRefused}).Things) != 0 {
		t.Errorf("%+v", o)
	}
	if list, next, err := f.Objects(context.Background(), "cam1", "", 10); len(list) != 0 || next != "" || err != nil {
		t.Errorf("%v %q %v", list, next, err)
	}
}

func TestDamageIsPassedOver(t *testing.T) {
	t.Parallel()
	m, ctx := fleettest.NewMemory(), context.Background()
	a := run(t, open(t, m, nil))
	a.Record(photo("cam1", 1, noon)...)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	good, err := m.Get(ctx, ".thingpass/index/a.snapshot", 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	later := noon.Add(time.Hour)
	torn := append([]byte(nil), good...)
	torn[len(torn)/2] ^= 1
	m.Add(".thingpass/index/b.snapshot", "", torn, later)
	m.Add(".thingpass/index/c.snapshot", "", good[:len(good)-9], later)
	m.Add(".thingpass/index/d.snapshot", "", fleet.Wrap([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")), later)
	m.Add(".thingpass/index/e.snapshot", "", nil, later)
	folder := ".thingpass/journal/2026/11/23/12/"
	m.Add(folder+"z-00000001.jsonl.gz", "", []byte("not gzip"), later)
	m.Add(folder+"z-00000002.jsonl.gz", "", fleet.Deflate(make([]byte, 1<<20)), later)
	m.Add(folder+"z-00000003.jsonl.gz", "", fleet.Deflate([]byte("{\n{\"time\":7}\nnull\n")), later)
	m.Add(folder+"../x", "", nil, later)
	f := run(t, open(t, m, func(c *fleet.Config) { c.Replica = "f" }))
	eventually(t, "the damage is told", func() bool { return strings.Contains(f.Overview().Trouble, "damaged") })
	if one := thingOf(t, f, "cam1"); one.Today.Stored != 1 {
		t.Errorf("%+v", one)
	}
}

func TestWhatIsCompressedCannotGrowWithoutEnd(t *testing.T) {
	t.Parallel()
	bomb := fleet.Deflate(make([]byte, 10<<20))
	from, err := fleet.Inflate(bomb, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, from); err == nil || n != 1<<20 {
		t.Errorf("%d bytes of %d, %v", n, len(bomb), err)
	}
}

func TestHostileNamesAndTextsAreOnlyText(t *testing.T) {
	t.Parallel()
	f := open(t, fleettest.NewMemory(), nil)
	long := strings.Repeat("🦊", 1024)
	for _, name := range []string{"<script>", "a/b", "..", "", "cam 1", "🦊", strings.Repeat("a", 129), ".thingpass"} {
		f.Apply(name, 1, []broker.Entry{refusal(name, broker.CodeBusy, noon)}, noon)
	}
	if n := f.Things(fleet.Query{}).Total; n != 0 {
		t.Errorf("%d things with names that none can have", n)
	}
	f.Apply("x", 1, []broker.Entry{{Time: noon, Thing: "cam1", Request: long, ID: long, Kind: "<b>", Key: "cam1/" + long, ContentType: long,
		SHA256: "9F86", Parts: long, Code: broker.Code(long), Reason: "<script>alert(1)</script>" + long, Size: 1}}, noon)
	one := thingOf(t, f, "cam1")
	e := one.Timeline[0]
	if !strings.HasPrefix(e.Reason, "<script>") || len(e.Reason) > 300 || !utf8.ValidString(e.Reason) || !utf8.ValidString(e.ID) || len(e.ID) > 128 || e.SHA256 != "9F86" {
		t.Errorf("%+v", e)
	}
	if one.Today.ByCode["other"] != 1 || len(one.Today.ByCode) != 1 {
		t.Errorf("things can make up codes: %v", one.Today.ByCode)
	}
	for _, times := range []time.Time{{}, time.Unix(1<<40, 0), time.Unix(-1<<40, 0)} {
		f.Apply("t"+times.String(), 1, []broker.Entry{refusal("cam2", broker.CodeBusy, times)}, noon)
	}
	for _, h := range f.Overview().Hours {
		if h.Refused < 0 {
			t.Error("time runs backwards")
		}
	}
}

func TestAClockThatIsAheadIsSetBack(t *testing.T) {
	t.Parallel()
	f := open(t, fleettest.NewMemory(), nil)
	f.Apply("x", 1, photo("cam1", 1, noon.Add(7*time.Hour)), noon.Add(-time.Minute))
	f.Apply("x", 2, photo("cam1", 2, noon.Add(4*time.Minute)), noon)
	one := thingOf(t, f, "cam1")
	if one.Newest.Key != key("cam1", 2) || !one.Timeline[2].Time.Equal(noon.Add(-time.Minute)) {
		t.Errorf("%+v", one.Timeline)
	}
	if trouble := f.Overview().Trouble; !strings.Contains(trouble, "clock") {
		t.Errorf("trouble: %q", trouble)
	}
}

func TestTooManyThingsAreLeftOut(t *testing.T) {
	t.Parallel()
	f := open(t, fleettest.NewMemory(), func(c *fleet.Config) { c.MaxThings = 10 })
	for i := range 20 {
		f.Apply(fmt.Sprint(i), 1, photo(fmt.Sprint("cam", i), 1, noon), noon)
	}
	if o := f.Overview(); o.Things != 10 || !strings.Contains(o.Trouble, "more than 10 things") {
		t.Errorf("%d things, %q", o.Things, o.Trouble)
	}
}

// A flood while the bucket takes nothing: the broker is not kept waiting, what
// does not fit is told, and memory stays bounded.
func TestAFloodDoesNotHoldUpTheBroker(t *testing.T) {
	m := fleettest.NewMemory()
	m.FailBefore(func(op fleettest.Op, _ string) error {
		if op == fleettest.OpPutNew {
			return errors.New("full")
		}
		return nil
	})
	f := run(t, open(t, m, nil))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	const records = 300_000
	entries := photo("cam1", 1, noon)
	longest := time.Duration(0)
	begun := time.Now()
	for i := range records / 2 {
		entries[0].Thing = fmt.Sprint("cam", i%1000)
		entries[1].Thing = entries[0].Thing
		one := time.Now()
		f.Record(entries...)
		longest = max(longest, time.Since(one))
	}
	took := time.Since(begun)
	runtime.GC()
	runtime.ReadMemStats(&after)
	grown := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	t.Logf("%d records in %v, the longest %v, %d MB", records, took, longest, grown>>20)
	if perSecond := records / took.Seconds(); perSecond < 100_000 || grown > 200<<20 {
		t.Errorf("%.0f records a second, %d MB", perSecond, grown>>20)
	}
	var counted int64
	eventually(t, "the queue is empty", func() bool {
		before := counted
		counted = f.Overview().Today.Requests
		time.Sleep(20 * time.Millisecond)
		return counted == before && counted > 0
	})
	if told := strings.Contains(f.Overview().Trouble, "left out"); told != (counted < records) {
		t.Errorf("%d of %d are known, trouble: %q", counted, records, f.Overview().Trouble)
	}
}

func TestASlowReaderOfChangesIsToldOfFewer(t *testing.T) {
	t.Parallel()
	f := open(t, fleettest.NewMemory(), nil)
	ctx, cancel := context.WithCancel(context.Background())
	changes := f.Changes(ctx)
	for i := range 10_000 {
		f.Touch(fmt.Sprint("cam", i))
	}
	many, n := false, 0
	for !many {
		c := <-changes
		many = c.Thing == ""
		if n++; n > 1000 {
			t.Fatal("it is told of everything")
		}
	}
	cancel()
	for range changes { // it ends
	}
}
