// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package quota_test

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"thingpass/broker"
	"thingpass/broker/internal/testredis"
	"thingpass/broker/quota"
)

// noon is the middle of a day, half a minute into a minute.
var noon = time.Date(2026, 11, 23, 12, 0, 30, 0, time.UTC)

func request(thing string, limit int64, now time.Time) broker.Charge {
	return broker.Charge{Thing: thing, Unit: broker.Requests, Limit: limit, Amount: 1, Now: now}
}

func object(thing, key string, size, limit int64, now time.Time) broker.Charge {
	return broker.Charge{Thing: thing, Unit: broker.Bytes, Limit: limit, Amount: size, Key: key, Now: now}
}

func take(tb testing.TB, q broker.Quota, c broker.Charge) int64 {
	tb.Helper()
	n, err := q.Take(tb.Context(), c)
	if err != nil {
		tb.Fatalf("%+v: %v", c, err)
	}
	return n
}

// mustTake fails unless the refusals are those that are wanted, one for each charge.
func mustTake(tb testing.TB, q broker.Quota, what string, want int64, charges ...broker.Charge) {
	tb.Helper()
	for i, c := range charges {
		if got := take(tb, q, c); got != want {
			tb.Errorf("%s, charge %d: refusals %d, want %d", what, i+1, got, want)
		}
	}
}

// stores are what every store must do alike.
func stores(t *testing.T) map[string]broker.Quota {
	return map[string]broker.Quota{"memory": quota.NewMemory(0), "redis": newRedis(t, testredis.Start(t).URL(), "refuse", nil)}
}

func TestStoresCountAlike(t *testing.T) {
	for name, q := range stores(t) {
		t.Run(name, func(t *testing.T) { countAlike(t, q) })
	}
}

func countAlike(t *testing.T, q broker.Quota) {
	five := func(thing string, now time.Time) (list []broker.Charge) {
		for range 5 {
			list = append(list, request(thing, 5, now))
		}
		return list
	}
	mustTake(t, q, "five of five requests", 0, five("a", noon)...)
	mustTake(t, q, "the sixth", 1, request("a", 5, noon))
	mustTake(t, q, "the seventh", 2, request("a", 5, noon.Add(29*time.Second)))
	mustTake(t, q, "a raised limit", 0, request("a", 6, noon))
	mustTake(t, q, "another thing", 0, five("b", noon)...)
	mustTake(t, q, "the next minute", 0, five("a", noon.Add(30*time.Second))...)
	mustTake(t, q, "the sixth in the next minute", 1, request("a", 5, noon.Add(30*time.Second)))
	kind := request("a", 1, noon)
	kind.Kind = "photo"
	mustTake(t, q, "a kind's own count", 0, kind)
	mustTake(t, q, "a kind's own limit", 1, kind)

	mustTake(t, q, "bytes up to the limit", 0, object("a", "k1", 600, 1000, noon), object("a", "k2", 400, 1000, noon))
	mustTake(t, q, "one byte more", 1, object("a", "k3", 1, 1000, noon))
	mustTake(t, q, "the same objects again", 0, object("a", "k1", 600, 1000, noon), object("a", "k2", 400, 1000, noon.Add(59*time.Minute)))
	mustTake(t, q, "the same key with another size", 2, object("a", "k1", 601, 1000, noon))
	mustTake(t, q, "a refused object again", 3, object("a", "k3", 1, 1000, noon))
	mustTake(t, q, "the same object after an hour", 4, object("a", "k1", 600, 1000, noon.Add(time.Hour)))
	mustTake(t, q, "the last second of the day", 5, object("a", "k9", 1, 1000, noon.Add(12*time.Hour-31*time.Second)))
	mustTake(t, q, "the next day", 0, object("a", "k9", 1000, 1000, noon.Add(12*time.Hour-30*time.Second)))

	asked := broker.Charge{Thing: "c", Unit: broker.Bytes, Limit: 10, Now: noon}
	mustTake(t, q, "is there room", 0, asked, asked)
	spent := object("c", "p1", 25, 10, noon)
	spent.Spent = true
	mustTake(t, q, "what has happened is counted once", 0, spent, spent)
	mustTake(t, q, "is there room after that", 1, asked)
	mustTake(t, q, "a limit that was raised above what happened once", 0, object("c", "x", 10, 35, noon))
	mustTake(t, q, "and then is used up", 2, object("c", "y", 1, 35, noon))

	for i := range broker.RememberedObjects + 1 {
		mustTake(t, q, "many objects", 0, object("d", fmt.Sprint("k", i), 1, 1000, noon))
	}
	mustTake(t, q, "all but the first are remembered", 0, object("d", "k1", 1, 33, noon), object("d", "k32", 1, 33, noon))
	mustTake(t, q, "the first is not", 1, object("d", "k0", 1, 33, noon))
}

// A clock that is set must not lock anybody out, in either direction.
func TestClockThatJumps(t *testing.T) {
	for name, q := range stores(t) {
		t.Run(name, func(t *testing.T) {
			mustTake(t, q, "before", 0, request("a", 1, noon), object("a", "k", 10, 10, noon))
			mustTake(t, q, "used up", 1, request("a", 1, noon), object("a", "l", 10, 10, noon))
			for _, jump := range []time.Duration{5 * time.Hour, -5 * time.Hour, 48 * time.Hour, -48 * time.Hour, -60 * 365 * 24 * time.Hour} {
				mustTake(t, q, "requests after "+jump.String(), 0, request("a", 1, noon.Add(jump)))
			}
			for _, jump := range []time.Duration{48 * time.Hour, -48 * time.Hour} {
				mustTake(t, q, "bytes after "+jump.String(), 0, object("a", "m", 10, 10, noon.Add(jump)))
			}
		})
	}
}

// However many ask at a time, exactly the limit is let in.
func TestNotOneMoreThanTheLimit(t *testing.T) {
	for name, q := range stores(t) {
		t.Run(name, func(t *testing.T) {
			var taken atomic.Int64
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					for range 50 {
						if take(t, q, request("a", 100, noon)) == 0 {
							taken.Add(1)
						}
					}
				})
			}
			all.Wait()
			if n := taken.Load(); n != 100 {
				t.Errorf("%d of 400 were let in, want 100", n)
			}
		})
	}
}

func TestMemoryForgetsIdleThings(t *testing.T) {
	m := quota.NewMemory(0)
	const things = 50_000
	for i := range things {
		take(t, m, request(fmt.Sprint("old", i), 5, noon))
	}
	if n := m.Len(); n != things {
		t.Fatalf("%d entries, want %d", n, things)
	}
	for i := range things {
		take(t, m, request(fmt.Sprint("new", i), 5, noon.Add(3*time.Minute)))
	}
	if n := m.Len(); n > things+1000 {
		t.Errorf("%d entries, %d of them are in use", n, things)
	}
	m = quota.NewMemory(0)
	take(t, m, object("a", "k", 10, 10, noon))
	for i := range things {
		take(t, m, request(fmt.Sprint("new", i), 5, noon.Add(11*time.Hour)))
	}
	mustTake(t, m, "bytes are remembered all day", 1, object("a", "l", 10, 10, noon.Add(11*time.Hour)))
}

func TestMemoryIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("makes a million things")
	}
	m := quota.NewMemory(10_000)
	for i := range 1_000_000 {
		take(t, m, object(fmt.Sprint("thing", i), "k", 1, 5, noon))
	}
	if n := m.Len(); n > 10_000 {
		t.Errorf("%d entries", n)
	}
	var s runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&s)
	if per := s.HeapAlloc / 10_000; per > 1200 {
		t.Errorf("%d bytes for each thing", per)
	} else {
		t.Logf("%d bytes for each thing", per)
	}
	runtime.KeepAlive(m)
}

func TestMemoryAllocatesNothing(t *testing.T) {
	m := quota.NewMemory(0)
	a, b := request("cam1", 1<<40, noon), object("cam1", "cam1/photo/2026/11/23/b7Kq-000017.jpg", 1, 1<<40, noon)
	if n := testing.AllocsPerRun(100, func() { take(t, m, a); take(t, m, b); b.Amount++ }); n != 0 {
		t.Errorf("%v allocations for each charge", n)
	}
}

func BenchmarkMemory(b *testing.B) {
	const things = 10_000
	names := make([]string, things)
	for i := range names {
		names[i] = fmt.Sprint("thing-", i)
	}
	for name, key := range map[string]string{"requests": "", "objects": "thing/photo/2026/11/23/b7Kq-000017.jpg"} {
		b.Run(name, func(b *testing.B) {
			m := quota.NewMemory(0)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				c := broker.Charge{Unit: broker.Requests, Limit: 1 << 50, Amount: 1, Now: noon, Key: key}
				if key != "" {
					c.Unit = broker.Bytes
				}
				for i := 0; pb.Next(); i++ {
					c.Thing = names[i%things]
					c.Amount++
					_, _ = m.Take(b.Context(), c)
				}
			})
		})
	}
}
