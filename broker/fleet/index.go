// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"cmp"
	"strings"
	"sync"
	"time"

	"thingpass/broker"
)

const (
	maxAhead    = 5 * time.Minute // what a record's time may be ahead of its receipt
	refusalsMax = 50              // of Overview
)

// index is what the fleet knows, in memory.
type index struct {
	mu       sync.RWMutex
	things   map[string]*thing
	sorted   []*thing // by name, unless unsorted
	unsorted bool
	hours    hours
	refusals []refusal // oldest first
	applied  applied
	complete bool
	skipped  int // things above the limit
	version  int // grows with each change

	max int // things
	buf []byte
}

type refusal struct {
	thing *thing
	packed
}

func newIndex(limit int) *index {
	return &index{things: make(map[string]*thing), applied: make(applied), max: limit}
}

// thing returns the thing of a name, which it makes if need be; nil: it is no
// thing's name, or there are too many.
func (x *index) thing(name string) *thing {
	if t := x.things[name]; t != nil {
		return t
	}
	if !broker.ValidThing(name) {
		return nil
	}
	if len(x.things) >= x.max {
		x.skipped++
		return nil
	}
	t := &thing{name: strings.Clone(name)}
	x.things[t.name] = t
	x.sorted, x.unsorted = append(x.sorted, t), true
	x.version++
	return t
}

// apply takes an entry into the state. It returns whether its time had to be set
// back, to that of its receipt.
func (x *index) apply(e *broker.Entry, receipt time.Time) (change Change, ahead bool) {
	t := x.thing(e.Thing)
	if t == nil {
		return Change{}, false
	}
	if ahead = e.Time.After(receipt.Add(maxAhead)); ahead {
		e.Time = receipt
	}
	at := nanos(e.Time)
	if at == 0 {
		return Change{}, ahead
	}
	x.version++
	p := packed{at: at}
	p.data, x.buf = pack(e, x.buf)
	t.timeline = keep(t.timeline, p, TimelineLength)
	if e.Actor == "" {
		t.heard(e, at)
	}
	x.count(t, e, p, receipt)
	change = Change{Thing: t.name}
	if e.Key != "" && (e.Code == broker.CodeVerified || e.Code == broker.CodeGranted) {
		change.Photo = x.follow(t, e, at, receipt)
	}
	return change, ahead
}

// heard learns that the thing itself did something.
func (t *thing) heard(e *broker.Entry, at int64) {
	t.seen = max(t.seen, at)
	if e.Request == "stored" { // the bucket's word
		return
	}
	no := refused(e.Code)
	if at > t.asked {
		t.asked, t.refused = at, no
	} else if at == t.asked {
		t.refused = t.refused || no
	}
}

func (x *index) count(t *thing, e *broker.Entry, p packed, now time.Time) {
	n := hourOf(p.at)
	no := refused(e.Code)
	for _, h := range x.bothHours(t, n, now) {
		if h == nil {
			continue
		}
		h.requests++
		if e.Code == broker.CodeGranted {
			h.granted++
		}
		if no {
			h.refuse(codeNumber(e.Code), 1)
		}
	}
	if !no {
		return
	}
	if t.refusal.compare(p) < 0 {
		t.refusal = p
	}
	x.refuse(refusal{t, p})
}

// bothHours are the thing's hour and the fleet's; nil: too long ago.
func (x *index) bothHours(t *thing, n int64, now time.Time) [2]*hour {
	last := hourOf(now.UnixNano())
	return [2]*hour{t.hours.at(n, last-thingHours), x.hours.at(n, last-fleetHours)}
}

func (x *index) refuse(r refusal) {
	at := len(x.refusals)
	for at > 0 && r.compare(x.refusals[at-1]) < 0 {
		at--
	}
	if len(x.refusals) < refusalsMax {
		x.refusals = append(x.refusals, refusal{})
		copy(x.refusals[at+1:], x.refusals[at:])
		x.refusals[at] = r
	} else if at > 0 {
		copy(x.refusals, x.refusals[1:at])
		x.refusals[at-1] = r
	}
}

func (r refusal) compare(q refusal) int {
	return cmp.Or(cmp.Compare(r.at, q.at), strings.Compare(r.thing.name, q.thing.name), strings.Compare(r.data, q.data))
}

// follow learns how far an object is. Each counts as stored once, in the hour of
// the first record that says so. It returns whether there is a newer image.
func (x *index) follow(t *thing, e *broker.Entry, at int64, now time.Time) bool {
	u := t.find(hashOf(e.Key), at)
	t.stale = true
	if e.Code == broker.CodeGranted {
		if u.granted == 0 || at < u.granted {
			u.granted = at
		}
		return false
	}
	switch before := u.verified; {
	case before == 0 || at < before || at == before && e.Size > u.size:
		if before != 0 {
			x.countStored(t, before, -1, -u.size, now)
		}
		u.verified, u.size = at, e.Size
		x.countStored(t, at, 1, e.Size, now)
	}
	return t.store(object{key: e.Key, contentType: e.ContentType, sha256: e.SHA256, size: e.Size, at: at})
}

func (x *index) countStored(t *thing, at, objects, bytes int64, now time.Time) {
	for _, h := range x.bothHours(t, hourOf(at), now) {
		if h != nil {
			h.stored += objects
			h.bytes += bytes
		}
	}
}

// hashOf tells keys apart. It is FNV-1a with 64 bits: the same in every replica
// and for ever, unlike maphash, since it is kept in snapshots.
func hashOf(key string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(key) {
		h = (h ^ uint64(key[i])) * 1099511628211
	}
	return h
}
