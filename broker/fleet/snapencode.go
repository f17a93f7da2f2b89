// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"cmp"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"time"
)

// A snapshot is snapshotMagic, the CRC-32 of what follows (big endian) and, as
// gzip, first what pages of many things show, then what the page of one thing
// shows. So the first page does not wait for the rest.
const (
	snapshotMagic = "TPF1"
	snapshotForm  = "thingpass fleet 1"
	snapshotEnd   = "end"

	detailsLimit = 256 << 20 // bytes; the things that were silent longest are left out
)

// encode writes the state down. The index is locked.
func (x *index) encode(now time.Time) []byte {
	e := &encoder{b: make([]byte, 0, 1<<20)}
	e.text(snapshotForm)
	e.int(nanos(now))
	e.uint(truth(x.complete))
	e.uint(uint64(len(codes)))
	for _, c := range codes {
		e.text(string(c))
	}
	e.applied(x.applied)
	e.hours(x.hours)
	list := slices.Clone(x.sorted)
	slices.SortFunc(list, func(a, b *thing) int { return cmp.Compare(b.seen, a.seen) })
	e.uint(uint64(len(list)))
	for _, t := range list {
		e.summary(t)
	}
	e.uint(uint64(len(x.refusals)))
	for _, r := range x.refusals {
		e.text(r.thing.name)
		e.packed(r.packed)
	}
	head := len(e.b)
	for _, t := range list {
		if len(t.timeline)+len(t.uploads)+len(t.last) == 0 || len(e.b)-head > detailsLimit {
			continue
		}
		e.details(t)
	}
	e.text("")
	e.text(snapshotEnd)
	return e.b
}

func truth(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

func (e *encoder) applied(a applied) {
	e.uint(uint64(len(a)))
	for run, r := range a {
		e.text(run)
		e.text(r.hour)
		e.uint(uint64(len(r.ranges)))
		for _, one := range r.ranges {
			e.uint(one.first)
			e.uint(one.last)
		}
	}
}

func (e *encoder) hours(list hours) {
	e.uint(uint64(len(list)))
	for _, h := range list {
		for _, v := range []int64{h.n, h.requests, h.granted, h.refused, h.stored, h.bytes} {
			e.int(v)
		}
		e.uint(uint64(len(h.codes)))
		for _, c := range h.codes {
			e.uint(uint64(c.code))
			e.int(c.count)
		}
	}
}

func (e *encoder) packed(p packed) {
	e.int(p.at)
	e.text(p.data)
}

func (e *encoder) object(o object) {
	e.text(o.key)
	if o.key == "" {
		return
	}
	e.text(o.contentType)
	e.text(o.sha256)
	e.text(o.etag)
	e.int(o.size)
	e.int(o.at)
}

func (e *encoder) recent(list recent) {
	e.uint(uint64(len(list)))
	for _, o := range list {
		e.object(o)
	}
}

func (e *encoder) summary(t *thing) {
	e.text(t.name)
	e.int(t.seen)
	e.int(t.asked)
	e.uint(truth(t.refused))
	newest, last := t.newest.object(), t.last.object()
	e.object(newest)
	if e.uint(truth(last == newest)); last != newest {
		e.object(last)
	}
	e.packed(t.refusal)
	t.settle()
	e.int(int64(t.latency))
	e.hours(t.hours)
}

func (e *encoder) details(t *thing) {
	e.text(t.name)
	e.recent(t.newest)
	e.recent(t.last)
	e.uint(uint64(len(t.timeline)))
	for _, p := range t.timeline {
		e.packed(p)
	}
	e.uint(uint64(len(t.uploads)))
	for _, u := range t.uploads {
		e.uint(u.hash)
		e.int(u.granted)
		e.int(u.verified)
		e.int(u.size)
	}
}

// wrap makes a snapshot of the encoded state.
func wrap(state []byte) []byte {
	body := deflate(snapshotMagic+"\x00\x00\x00\x00", state)
	binary.BigEndian.PutUint32(body[4:], crc32.ChecksumIEEE(body[8:]))
	return body
}
