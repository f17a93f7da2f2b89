// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package quota counts what things use: in memory, for one broker, or in a Redis
// that any number of brokers share.
//
// Neither knows limits or has a clock: both come with each charge, so limits can
// be changed while brokers run, and a test can be at any time it likes.
package quota

import (
	"context"
	"hash/maphash"
	"strings"
	"sync"
	"time"

	"thingpass/broker"
)

const (
	shards = 64

	// DefaultMost is how many things a Memory counts for; each takes some 300
	// to 600 bytes.
	DefaultMost = 200_000
)

// Memory counts in memory. It is safe for concurrent use, takes no memory for a
// charge of a thing that it knows, and looks at a fixed number of entries however
// many there are.
//
// Brokers that share the work each count what they see: a thing may use up to its
// limits at every one of them. And a broker that starts begins at zero.
type Memory struct {
	seed   maphash.Seed // nobody can look for keys that are taken for each other
	most   int          // of a shard
	shards [shards]shard
}

// A shard has a lock of its own. Its entries are also in a list, in the order of
// their last use.
type shard struct {
	mu      sync.Mutex
	entries map[owner]*entry
	ends    entry // its newer is the oldest entry, its older the newest
	_       [64]byte
}

type owner struct{ thing, kind string }

type entry struct {
	owner        owner
	counts       [2]count // by unit
	used         time.Time
	marks        *[broker.RememberedObjects]mark // nil until the first
	next         uint8                           // mark to be replaced
	newer, older *entry
}

type count struct{ window, used, refusals int64 }

// A mark stands for an object that was charged for. Half of a hash is enough: one
// object in 100 million is taken for another and not charged.
type mark struct{ hash, minute uint32 }

// NewMemory returns a Memory for so many things at a time; DefaultMost if 0. What
// is beyond that begins anew: the thing that was idle longest is forgotten.
func NewMemory(most int) *Memory {
	if most == 0 {
		most = DefaultMost
	}
	m := &Memory{seed: maphash.MakeSeed(), most: max(most/shards, 1)}
	for i := range m.shards {
		s := &m.shards[i]
		s.entries = make(map[owner]*entry)
		s.ends.newer, s.ends.older = &s.ends, &s.ends
	}
	return m
}

var _ broker.Quota = (*Memory)(nil)

// Take counts a charge. The error is always nil.
func (m *Memory) Take(_ context.Context, c broker.Charge) (refusals int64, err error) {
	s := &m.shards[m.shard(c.Thing)]
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entry(owner{c.Thing, c.Kind}, c.Now, m.most)
	if c.Key == "" {
		return e.take(c), nil
	}
	this := mark{m.hash(c), uint32(c.Now.Unix() / 60)}
	if e.remembers(this) {
		return 0, nil
	}
	if refusals = e.take(c); refusals == 0 {
		e.remember(this)
	}
	return refusals, nil
}

func (m *Memory) shard(thing string) uint64 { return maphash.String(m.seed, thing) % shards }

func (m *Memory) hash(c broker.Charge) uint32 {
	const odd = 0x9e3779b97f4a7c15
	h := maphash.String(m.seed, c.Key) ^ uint64(c.Amount)*odd
	return uint32(h >> 32)
}

func (e *entry) take(c broker.Charge) (refusals int64) {
	n := &e.counts[c.Unit]
	if window, _ := c.Unit.Window(c.Now); n.window != window {
		*n = count{window: window}
	}
	if !c.Spent && n.used+max(c.Amount, 1) > c.Limit {
		n.refusals++
		return n.refusals
	}
	n.used += c.Amount
	return 0
}

func (e *entry) remembers(this mark) bool {
	if e.marks == nil {
		return false
	}
	for i := range e.marks {
		if m := &e.marks[i]; m.hash == this.hash && this.minute-m.minute < uint32(broker.Remembered/time.Minute) {
			return true
		}
	}
	return false
}

func (e *entry) remember(this mark) {
	if e.marks == nil {
		e.marks = new([broker.RememberedObjects]mark)
	}
	e.marks[e.next] = this
	e.next = (e.next + 1) % broker.RememberedObjects
}

// entry returns the owner's entry as the newest, and makes room for it.
func (s *shard) entry(o owner, now time.Time, most int) *entry {
	e := s.entries[o]
	if e == nil {
		s.forgetIdle(now)
		if len(s.entries) >= most {
			s.forget(s.ends.newer)
		}
		o.thing, o.kind = strings.Clone(o.thing), strings.Clone(o.kind) // they are parts of whole messages
		e = &entry{owner: o}
		s.entries[e.owner] = e
	} else {
		e.unlink()
	}
	e.used = now
	e.newer, e.older = &s.ends, s.ends.older
	e.older.newer, s.ends.older = e, e
	return e
}

// forgetIdle removes up to two entries whose counts do not matter any more: more
// than are added, so that a fleet that shrank does not stay in memory.
func (s *shard) forgetIdle(now time.Time) {
	for range 2 {
		if e := s.ends.newer; e != &s.ends && e.idle(now) {
			s.forget(e)
		}
	}
}

// idle reports whether all windows of e are over. The day is not over for an hour
// more than it has, for clocks that are set.
func (e *entry) idle(now time.Time) bool {
	since := now.Sub(e.used)
	if e.counts[broker.Bytes].used == 0 && e.marks == nil {
		return since > 2*time.Minute
	}
	return since > 25*time.Hour
}

func (s *shard) forget(e *entry) {
	e.unlink()
	delete(s.entries, e.owner)
}

func (e *entry) unlink() { e.newer.older, e.older.newer = e.older, e.newer }
