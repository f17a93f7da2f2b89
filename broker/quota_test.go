// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"thingpass/broker"
	"thingpass/broker/quota"
)

// newLimited is newWorld with limits, and a third kind that has its own.
func newLimited(tb testing.TB, q broker.Quota, l broker.Limits) (*world, *broker.Broker) {
	tb.Helper()
	w := &world{now: time.Unix(wireNow, 0), objects: map[string]broker.Object{}}
	firmware := photo()
	firmware.Name, firmware.Limits = "dump", broker.Limits{RequestsPerMinute: 2, BytesPerDay: 5000}
	c := config(w)
	c.Kinds, c.Quota, c.Limits = append(c.Kinds, firmware), q, l
	b, err := broker.New(c)
	if err != nil {
		tb.Fatal(err)
	}
	return w, b
}

func mustBe(tb testing.TB, what string, got answer, code broker.Code, retryAfter int64) {
	tb.Helper()
	if got.Code != string(code) || got.RetryAfter != retryAfter {
		tb.Errorf("%s: got %q, retryAfter %d (%s); want %q, %d", what, got.Code, got.RetryAfter, got.Error, code, retryAfter)
	}
}

// wireNow is 09:00:00 UTC: a minute begins, and the day has 15 hours left.
func TestRequestsBeyondTheQuotaAreRefused(t *testing.T) {
	w, b := newLimited(t, quota.NewMemory(0), broker.Limits{RequestsPerMinute: 3})
	w.now = w.now.Add(10500 * time.Millisecond)
	mustBe(t, "first", ask(t, b, "upload-request", onePhoto(nil)), "", 0)
	mustBe(t, "a report", ask(t, b, "upload-complete", report(storedKey, 1000, sumHex)), broker.CodeNotFound, 0)
	mustBe(t, "not JSON", ask(t, b, "upload-request", "{"), broker.CodeBadRequest, 0)
	entries := len(w.entries)
	for range 1000 {
		got := ask(t, b, "upload-request", onePhoto(nil))
		mustBe(t, "one too many", got, broker.CodeQuotaExceeded, 50)
		if got.ID != "a1" || got.ObjectKey != "" {
			t.Fatalf("got %+v", got)
		}
	}
	if n := len(w.entries) - entries; n != 4 {
		t.Errorf("%d audit lines for 1000 refusals, want 4: for the 1st, 10th, 100th and 1000th", n)
	}
	last := w.entries[len(w.entries)-1]
	if last.Code != broker.CodeQuotaExceeded || last.ID != "a1" || last.Thing != "cam1" || !strings.Contains(last.Reason, "refusal 1000 in this minute") {
		t.Errorf("audited %+v", last)
	}
	out, err := b.Handle(t.Context(), broker.Message{Topic: "thingpass/cam2/upload-request", Payload: []byte(onePhoto(nil))})
	if err != nil || decode(t, out[0].Payload).Status != "success" {
		t.Errorf("another thing: %s, %v", out[0].Payload, err)
	}
	w.now = w.now.Add(50 * time.Second)
	mustBe(t, "the next minute", ask(t, b, "upload-request", onePhoto(nil)), "", 0)
}

func TestBytesBeyondTheQuotaAreRefused(t *testing.T) {
	w, b := newLimited(t, quota.NewMemory(0), broker.Limits{BytesPerDay: 10_000})
	want := func(what, id string, size int, code broker.Code, retryAfter int64) {
		t.Helper()
		mustBe(t, what, ask(t, b, "upload-request", onePhoto(map[string]any{"id": id, "size": size})), code, retryAfter)
	}
	want("first", "a", 6000, "", 0)
	want("again", "a", 6000, "", 0)
	want("again, but larger", "a", 6001, broker.CodeQuotaExceeded, 15*3600)
	want("too much", "b", 4001, broker.CodeQuotaExceeded, 15*3600)
	want("what fits", "c", 4000, "", 0)
	want("more than any day has", "d", 10_001, broker.CodeSizeNotAllowed, 0)
	want("refused before it is counted", "e", 9<<20, broker.CodeSizeNotAllowed, 0)
	if n := len(w.signed); n != 3 {
		t.Errorf("%d signatures, want 3", n)
	}
	w.now = w.now.Add(15 * time.Hour)
	want("tomorrow", "b", 4001, "", 0)
}

func TestEachObjectOfABatchIsCountedOnItsOwn(t *testing.T) {
	_, b := newLimited(t, quota.NewMemory(0), broker.Limits{BytesPerDay: 1000, RequestsPerMinute: 2})
	batch := `{"id":"b","kind":"photo","objects":[{"id":"x","size":600},{"id":"y","size":500},{"id":"z","size":400}]}`
	for _, time := range []string{"first", "again"} {
		got := ask(t, b, "upload-request", batch)
		var codes []string
		for _, o := range got.Objects {
			codes = append(codes, o.Code)
		}
		if want := []string{"", "quota-exceeded", ""}; !slices.Equal(codes, want) || got.Status != "success" || got.Objects[1].RetryAfter == 0 {
			t.Errorf("%s: got %q, %+v; want %q", time, codes, got, want)
		}
	}
}

func TestKindsOwnQuota(t *testing.T) {
	_, b := newLimited(t, quota.NewMemory(0), broker.Limits{RequestsPerMinute: 5, BytesPerDay: 1000})
	dump := func(id string, size int) answer {
		return ask(t, b, "upload-request", onePhoto(map[string]any{"id": id, "kind": "dump", "size": size}))
	}
	mustBe(t, "more than all other kinds together may", dump("a", 4000), "", 0)
	mustBe(t, "too much for the kind", dump("b", 1001), broker.CodeQuotaExceeded, 15*3600)
	mustBe(t, "the kind's third request", dump("c", 1), broker.CodeQuotaExceeded, 60)
	mustBe(t, "another kind has its own bytes", ask(t, b, "upload-request", onePhoto(map[string]any{"size": 1000})), "", 0)
	mustBe(t, "and they end", ask(t, b, "upload-request", onePhoto(map[string]any{"id": "z", "size": 1})), broker.CodeQuotaExceeded, 15*3600)
	mustBe(t, "the sixth of all", ask(t, b, "upload-request", onePhoto(nil)), broker.CodeQuotaExceeded, 60)
}

func TestPassIsChargedWhenItsUploadsAreReported(t *testing.T) {
	w, b := newLimited(t, quota.NewMemory(0), broker.Limits{BytesPerDay: 1000})
	pass := func(thing, kind string) string {
		out, _ := b.Handle(t.Context(), broker.Message{Topic: "thingpass/" + thing + "/upload-request", Payload: []byte(`{"id":"p","mode":"pass","kind":"` + kind + `"}`)})
		return decode(t, out[0].Payload).Code
	}
	for _, step := range []struct {
		what, id string
		size     int
		after    broker.Code // of the next pass
	}{
		{"nothing used", "k1", 600, ""},
		{"reported again", "k1", 600, ""},
		{"something left: it may store more than that", "k2", 9000, broker.CodeQuotaExceeded},
		{"what is stored is reported all the same", "k3", 1, broker.CodeQuotaExceeded},
	} {
		key := "cam1/photo/2026/11/23/" + step.id + ".jpg"
		w.objects[key] = broker.Object{Size: int64(step.size)}
		mustBe(t, step.what, ask(t, b, "upload-complete", report(key, step.size, "")), "", 0)
		if got := pass("cam1", "photo"); got != string(step.after) {
			t.Errorf("%s: then a pass got %q, want %q", step.what, got, step.after)
		}
	}
	if got := pass("cam2", "photo"); got != "" {
		t.Errorf("another thing: %v", got)
	}
	if got := pass("cam1", "dump"); got != "" {
		t.Errorf("a kind with its own bytes: %v", got)
	}
}

// awayQuota is one that nobody can ask.
type awayQuota struct{ asked atomic.Int64 }

func (q *awayQuota) Take(context.Context, broker.Charge) (int64, error) {
	q.asked.Add(1)
	return 0, errTest
}

func TestQuotaThatCannotBeAsked(t *testing.T) {
	for name, l := range map[string]broker.Limits{"requests": {RequestsPerMinute: 5}, "bytes": {BytesPerDay: 5000}} {
		t.Run(name, func(t *testing.T) {
			w, b := newLimited(t, &awayQuota{}, l)
			mustBe(t, "a request", ask(t, b, "upload-request", onePhoto(nil)), broker.CodeUnavailable, 5)
			if len(w.signed) != 0 || len(w.entries) != 1 || w.entries[0].Code != broker.CodeUnavailable {
				t.Errorf("signed %v, audited %+v", w.signed, w.entries)
			}
		})
	}
	q := &awayQuota{}
	_, b := newLimited(t, q, broker.Limits{})
	mustBe(t, "without limits", ask(t, b, "upload-request", onePhoto(nil)), "", 0)
	if n := q.asked.Load(); n != 0 {
		t.Errorf("the quota was asked %d times, and there are no limits", n)
	}
}

func TestLimitsThatMakeNoSense(t *testing.T) {
	for want, l := range map[string]broker.Limits{
		"limits: a limit cannot be negative":        {BytesPerDay: -1},
		"limits: requests_per_minute is 9223372036": {RequestsPerMinute: 9223372036854775807},
		"limits: bytes_per_day is 9223372036":       {BytesPerDay: 9223372036854775807},
	} {
		w := &world{}
		c := broker.Config{Kinds: []broker.Kind{photo()}, Signer: w, Store: w, Audit: w, Now: time.Now, Quota: quota.NewMemory(0), Limits: l}
		if _, err := broker.New(c); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
		k := photo()
		k.Limits = l
		if err := k.Check(); err == nil {
			t.Errorf("kind with %+v is taken", l)
		}
		c.Quota, c.Limits = nil, broker.Limits{RequestsPerMinute: 1}
		if _, err := broker.New(c); err == nil || !strings.Contains(err.Error(), "no quota to count by") {
			t.Errorf("without a quota: got %v", err)
		}
	}
}

func TestWindows(t *testing.T) {
	for _, test := range []struct {
		unit   broker.Unit
		at     string
		number int64
		ends   string
	}{
		{broker.Requests, "1970-01-01T00:00:59Z", 0, "1970-01-01T00:01:00Z"},
		{broker.Requests, "1970-01-01T00:01:00Z", 1, "1970-01-01T00:02:00Z"},
		{broker.Requests, "1969-12-31T23:59:30Z", -1, "1970-01-01T00:00:00Z"},
		{broker.Bytes, "2026-11-23T23:59:59Z", 20780, "2026-11-24T00:00:00Z"},
		{broker.Bytes, "2026-11-24T00:00:00Z", 20781, "2026-11-25T00:00:00Z"},
		{broker.Bytes, "2026-11-24T01:30:00+02:00", 20780, "2026-11-24T00:00:00Z"},
	} {
		at, err := time.Parse(time.RFC3339, test.at)
		if err != nil {
			t.Fatal(err)
		}
		number, ends := test.unit.Window(at)
		if got := ends.UTC().Format(time.RFC3339); number != test.number || got != test.ends {
			t.Errorf("%s: window %d until %s, want %d until %s", test.at, number, got, test.number, test.ends)
		}
	}
}

// Requests that are over the quota cost little, however long they are.
func BenchmarkRequestsBeyondTheQuota(b *testing.B) {
	_, br := newLimited(b, quota.NewMemory(0), broker.Limits{RequestsPerMinute: 1})
	m := broker.Message{Topic: "thingpass/cam1/upload-request", Payload: []byte(onePhoto(nil))}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := br.Handle(b.Context(), m); err != nil {
			_ = fmt.Sprint(err)
		}
	}
}
