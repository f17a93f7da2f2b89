// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"bufio"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"

	"thingpass/broker"
)

const (
	snapshotLimit  = 256 << 20 // bytes of one that is read, compressed
	snapshotGrowth = 512 << 20 // and what may become of it
)

// reading is a snapshot that is being read.
type reading struct {
	*decoder
	codes []uint8 // of the snapshot's numbers
	max   int     // things
}

// unwrap begins to read a snapshot. Damage is found before anything of it is used.
func unwrap(body []byte, maxThings int) (*reading, error) {
	if len(body) < 8 || string(body[:4]) != snapshotMagic {
		return nil, errors.New("not a snapshot")
	}
	if crc32.ChecksumIEEE(body[8:]) != binary.BigEndian.Uint32(body[4:]) {
		return nil, errors.New("the snapshot is damaged")
	}
	from, err := inflate(body[8:], snapshotGrowth)
	if err != nil {
		return nil, err
	}
	return &reading{decoder: &decoder{from: bufio.NewReaderSize(from, 64<<10)}, max: maxThings}, nil
}

// head reads what pages of many things show.
func (r *reading) head() (*index, error) {
	x := newIndex(r.max)
	r.expect(snapshotForm)
	r.int() // when it was written: for people
	x.complete = r.uint() == 1
	r.codes = make([]uint8, r.count(256))
	for i := range r.codes {
		r.codes[i] = codeNumber(broker.Code(r.text()))
	}
	r.applied(x.applied)
	x.hours = r.hours(fleetHours)
	for range r.count(r.max) {
		if r.err != nil {
			break
		}
		r.summary(x)
	}
	for range r.count(refusalsMax) {
		name, p := r.text(), r.packed()
		if t := x.things[name]; t != nil && p.data != "" {
			x.refuse(refusal{t, p})
		}
	}
	return x, r.err
}

func (r *reading) applied(a applied) {
	for range r.count(maxRuns) {
		run, one := r.text(), &runRanges{hour: r.text()}
		for range r.count(maxRanges) {
			next := seqRange{r.uint(), r.uint()}
			if n := len(one.ranges); next.first > next.last || n > 0 && next.first <= one.ranges[n-1].last {
				r.fail(errors.New("the snapshot's list of segments is not in order"))
			}
			if r.err != nil {
				return
			}
			one.ranges = append(one.ranges, next)
		}
		if validRun(run) {
			a[run] = one
		}
	}
}

// hours reads hours; two that were left between pruning are allowed for.
func (r *reading) hours(most int) (list hours) {
	for range r.count(4 * most) {
		h := hour{n: r.int(), requests: r.int(), granted: r.int(), refused: r.int(), stored: r.int(), bytes: r.int()}
		for range r.count(len(r.codes)) {
			number, count := r.count(len(r.codes)-1), r.int()
			if r.err == nil {
				before := h.refused
				h.refuse(r.codes[number], count)
				h.refused = before
			}
		}
		if n := len(list); n > 0 && list[n-1].n >= h.n {
			r.fail(errors.New("the snapshot's hours are not in order"))
		}
		if r.err != nil {
			return nil
		}
		list = append(list, h)
	}
	return list
}

func (r *reading) packed() packed { return packed{at: r.int(), data: r.text()} }

func (r *reading) object() (o object) {
	if o.key = r.text(); o.key != "" {
		o.contentType, o.sha256, o.etag, o.size, o.at = r.text(), r.text(), r.text(), r.int(), r.int()
	}
	return o
}

func known(o object) recent {
	if o.key == "" {
		return nil
	}
	return recent{o}
}

func (r *reading) recent() (list recent) {
	for range r.count(recentKept) {
		list.addAll(known(r.object()))
	}
	return list
}

func (r *reading) summary(x *index) {
	one := thing{name: r.text(), seen: r.int(), asked: r.int(), refused: r.uint() == 1}
	newest := r.object()
	last := newest
	if r.uint() != 1 {
		last = r.object()
	}
	one.newest.addAll(known(newest))
	one.last.addAll(known(last))
	one.refusal = r.packed()
	one.latency = time.Duration(max(0, r.int()))
	one.hours = r.hours(thingHours)
	if t := x.thing(one.name); t != nil && r.err == nil {
		one.name = t.name
		*t = one
	}
}

// details reads what is kept of one thing besides; nil: there are no more.
func (r *reading) details() *thing {
	t := &thing{name: r.text()}
	if t.name == "" || r.err != nil {
		r.expect(snapshotEnd)
		return nil
	}
	t.newest, t.last = r.recent(), r.recent()
	for range r.count(TimelineLength) {
		t.timeline = append(t.timeline, r.packed())
	}
	for range r.count(uploadsKept) {
		t.uploads = append(t.uploads, upload{hash: r.uint(), granted: r.int(), verified: r.int(), size: r.int()})
	}
	if r.err != nil {
		return nil
	}
	return t
}
