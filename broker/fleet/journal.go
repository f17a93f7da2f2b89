// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"thingpass/broker"
)

const (
	segmentSize = 4 << 20  // bytes of lines after which a segment ends early
	unsentLimit = 64 << 20 // bytes, compressed, of segments that the bucket does not take
	leastPause  = time.Second
	longPause   = time.Minute
	callTimeout = 30 * time.Second // of one call of Files
)

// journal turns entries into segments, and puts them into the bucket one after the
// other: one that fails is tried again, under the same name. So an answer that was
// lost does not make two of one.
type journal struct {
	files  Files
	prefix string
	run    string
	log    *troubles

	lines bytes.Buffer
	write *broker.JSONAudit // to lines
	seq   uint64

	mu     sync.Mutex
	unsent []sealed
	size   int
	lost   int           // segments
	wake   chan struct{} // of size 1
}

type sealed struct {
	segment
	body []byte
}

func newJournal(files Files, prefix, run string, log *troubles) *journal {
	j := &journal{files: files, prefix: prefix, run: run, log: log, wake: make(chan struct{}, 1)}
	j.write = broker.NewJSONAudit(&j.lines)
	return j
}

func (j *journal) add(entries []broker.Entry) {
	_ = j.write.Record(entries...) // a Buffer takes everything
}

// seal ends the segment, if there is anything in it. Its name is settled by that;
// deliver sees to it that it is sent.
func (j *journal) seal(now time.Time) (s segment, body []byte) {
	if j.lines.Len() == 0 {
		return segment{}, nil
	}
	j.seq++
	body = bytes.Clone(j.lines.Bytes())
	if j.lines.Reset(); j.lines.Cap() > 2*segmentSize {
		j.lines = bytes.Buffer{}
	}
	return segment{hour: now.UTC().Format(hourFolder), run: j.run, seq: j.seq}, body
}

// deliver queues a segment. If the bucket has been taking none for long, the
// oldest is given up.
func (j *journal) deliver(s segment, lines []byte) {
	one := sealed{s, deflate("", lines)}
	j.mu.Lock()
	j.unsent = append(j.unsent, one)
	j.size += len(one.body)
	lost := 0
	for j.size > unsentLimit && len(j.unsent) > 1 {
		j.size -= len(j.unsent[0].body)
		j.unsent = j.unsent[1:]
		lost++
	}
	j.lost += lost
	total := j.lost
	j.mu.Unlock()
	if lost > 0 {
		j.log.happened("journal lost", fmt.Sprintf("%d parts of the journal were given up: other replicas will not know of them", total))
	}
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// next returns the oldest segment that is not in the bucket.
func (j *journal) next() (sealed, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.unsent) == 0 {
		return sealed{}, false
	}
	return j.unsent[0], true
}

func (j *journal) sent(s segment) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.unsent) > 0 && j.unsent[0].segment == s { // it may have been given up meanwhile
		j.size -= len(j.unsent[0].body)
		j.unsent = j.unsent[1:]
	}
}

// send puts all segments into the bucket that wait for it, or returns why it
// could not.
func (j *journal) send(ctx context.Context) error {
	for {
		s, any := j.next()
		if !any {
			j.log.clear("journal")
			return nil
		}
		try, cancel := context.WithTimeout(ctx, callTimeout)
		err := j.files.PutNew(try, s.key(j.prefix), "application/gzip", s.body)
		cancel()
		if err != nil && !errors.Is(err, ErrExists) {
			if ctx.Err() == nil {
				j.log.set("journal", "the journal cannot be written to the bucket", err)
			}
			return err
		}
		j.sent(s.segment)
	}
}

// deliverAll sends what is queued until ctx ends.
func (j *journal) deliverAll(ctx context.Context) {
	pause := leastPause
	for ctx.Err() == nil {
		if err := j.send(ctx); err != nil {
			wait(ctx, pause)
			pause = min(2*pause, longPause)
			continue
		}
		pause = leastPause
		select {
		case <-ctx.Done():
		case <-j.wake:
		}
	}
}

// wait returns after d, or when ctx ends.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
