// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

const (
	limitRows  = 4
	limitCells = 4096 // a row's; 256 KiB in all
)

// limiter is token buckets for any number of keys in a fixed room: each key has a
// bucket in every row, which it shares with others by chance, and may go on as long
// as one of them has a token. So the newest keys cannot push out the oldest, and who
// shares a bucket with a flood has three more. The chance is seeded per process.
type limiter struct {
	rate  float64 // tokens a second
	burst float64
	now   func() time.Time
	seeds [limitRows]maphash.Seed

	mu    sync.Mutex
	cells [limitRows][limitCells]cell
}

// cell is a bucket; used counts what is missing from a full one, so that zero is full.
type cell struct {
	used float64
	at   int64 // Unix nanoseconds
}

func newLimiter(rate, burst float64, now func() time.Time) *limiter {
	l := &limiter{rate: rate, burst: burst, now: now}
	for i := range l.seeds {
		l.seeds[i] = maphash.MakeSeed()
	}
	return l
}

// take takes a token. If there is none, it returns how long until there is one.
func (l *limiter) take(key string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	mine := l.of(key)
	least := l.burst
	for _, c := range mine {
		least = min(least, c.used)
	}
	if over := least + 1 - l.burst; over > 0 {
		return time.Duration(over / l.rate * float64(time.Second))
	}
	for _, c := range mine {
		c.used = min(c.used+1, l.burst)
	}
	return 0
}

// give gives a token back.
func (l *limiter) give(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.of(key) {
		c.used = max(c.used-1, 0)
	}
}

// of returns the key's buckets as they are now.
func (l *limiter) of(key string) (mine [limitRows]*cell) {
	now := l.now().UnixNano()
	for i := range mine {
		c := &l.cells[i][maphash.String(l.seeds[i], key)%limitCells]
		if c.used > 0 {
			c.used = max(c.used-l.rate*time.Duration(max(now-c.at, 0)).Seconds(), 0)
		}
		c.at = now
		mine[i] = c
	}
	return mine
}

// place is what counts as one address: that of IPv4, or the /64 that one customer
// of IPv6 has. Headers that a proxy adds are not believed, as anyone can send them:
// behind a proxy, all count as one.
func place(remote string) string {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return "unknown"
	}
	a := at.Addr().Unmap().WithZone("")
	if a.Is4() {
		return a.String()
	}
	net, _ := a.Prefix(64) // 64 is always good for IPv6
	return net.String()
}
