// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleet_test

import (
	"fmt"
	"testing"
	"time"

	"thingpass/broker/fleet"
	"thingpass/broker/fleet/fleettest"
)

// What one record costs, of 10,000 things, all in: the broker's own goroutine
// (queue), and whoever else takes it in, writes it to the journal and compresses that.
func BenchmarkRecord(b *testing.B) {
	b.Run("queue", func(b *testing.B) { benchmarkRecord(b, false) })
	b.Run("all", func(b *testing.B) { benchmarkRecord(b, true) })
}

func benchmarkRecord(b *testing.B, all bool) {
	now := newClock()
	f := open(b, fleettest.NewMemory(), func(c *fleet.Config) { c.Now = now.Now })
	f.GoLive()
	names := make([]string, 10_000)
	for i := range names {
		names[i] = fmt.Sprintf("cam%05d", i)
		f.Record(photo(names[i], 1, noon)...)
		f.Flush()
	}
	const batch = 4000 // between two segments, at 1,000 records a second
	at := 0
	b.ReportAllocs()
	for b.Loop() {
		e := photo(names[at%len(names)], at, noon.Add(time.Duration(at)*time.Millisecond))
		f.Record(e[at%2])
		if at++; at%batch == 0 {
			if !all {
				b.StopTimer()
			}
			now.Set(noon.Add(time.Duration(at) * time.Millisecond))
			f.Flush()
			b.StartTimer()
		}
	}
}

// What making the records of the benchmark takes by itself.
func BenchmarkNoRecord(b *testing.B) {
	at := 0
	for b.Loop() {
		e := photo("cam00001", at, noon.Add(time.Duration(at)*time.Millisecond))
		_ = e[at%2]
		at++
	}
}
