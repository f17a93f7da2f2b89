// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"thingpass/broker"
)

const (
	gatherFor    = 5 * time.Millisecond // entries, before they are looked at
	closeTimeout = 10 * time.Second
)

// Run keeps the state until ctx ends or Close is called: it loads what was known,
// takes in what is recorded here and elsewhere, and keeps it in the bucket. Before
// it returns it puts what is left there, for ten seconds at most. It runs once.
func (f *Fleet) Run(ctx context.Context) error {
	if f.ran.Swap(true) {
		return errors.New("a fleet runs once")
	}
	defer close(f.done)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(f.stop, cancel)()
	var work sync.WaitGroup
	work.Go(func() { f.drainAll(ctx) })
	work.Go(func() { f.journal.deliverAll(ctx) })
	f.load(ctx)
	close(f.loaded)
	work.Go(func() { f.followAll(ctx) })
	work.Go(func() { f.snapshotAll(ctx) })
	work.Go(func() { f.crawlAll(ctx) })
	work.Wait()
	return f.finish(context.WithoutCancel(ctx))
}

// finish leaves the bucket as the next start wants to find it.
func (f *Fleet) finish(ctx context.Context) error {
	f.queue.close()
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	f.drain()
	f.seal()
	err := f.journal.send(ctx)
	if err != nil {
		err = fmt.Errorf("other replicas will not know the end of the journal: %w", err)
	}
	return errors.Join(err, f.save(ctx))
}

// drainAll takes in what is recorded, and ends segments, until ctx ends.
func (f *Fleet) drainAll(ctx context.Context) {
	flush := time.NewTicker(f.conf.FlushEvery)
	defer flush.Stop()
	loaded := f.loaded
	for {
		select {
		case <-ctx.Done():
			return
		case <-loaded:
			f.goLive()
			loaded = nil
		case <-flush.C:
			f.drain()
			f.seal()
		case <-f.queue.wake:
			wait(ctx, gatherFor)
			f.drain()
		}
	}
}

// drain takes in what is in the queue.
func (f *Fleet) drain() {
	entries, dropped := f.queue.take()
	defer f.queue.give(entries)
	if dropped > 0 {
		f.drops += dropped
		f.trouble.happened("queue", fmt.Sprintf("%d records came too fast and were left out", f.drops))
	}
	for len(entries) > 0 {
		part := entries[:min(len(entries), 1024)]
		entries = entries[len(part):]
		if f.take(part) {
			f.seal()
		}
	}
}

// take writes entries into the journal and, unless the state is still to be
// loaded, into the index. Who saves the state sees both or neither. It returns
// whether it is time to end the segment.
func (f *Fleet) take(entries []broker.Entry) (full bool) {
	f.index.mu.Lock()
	f.journal.add(entries)
	var changes []Change
	if f.live {
		changes = f.applyAll(entries, f.conf.Now())
	}
	full = f.journal.lines.Len() >= segmentSize
	f.index.mu.Unlock()
	f.tell(changes)
	return full
}

// applyAll applies entries that were received at a time. The index is locked.
func (f *Fleet) applyAll(entries []broker.Entry, receipt time.Time) (changes []Change) {
	ahead := 0
	for i := range entries {
		change, skewed := f.index.apply(&entries[i], receipt)
		if skewed {
			ahead++
		}
		if last := len(changes) - 1; change.Thing != "" && (last < 0 || changes[last] != change) {
			changes = append(changes, change)
		}
	}
	if ahead > 0 {
		f.trouble.happened("clock", fmt.Sprintf("the clock of a replica is ahead by more than %v: its records are taken as of their arrival", maxAhead))
	}
	if f.index.skipped > 0 {
		f.trouble.set("things", fmt.Sprintf("there are more than %d things: the rest is left out", f.conf.MaxThings), nil)
	}
	return changes
}

func (f *Fleet) tell(changes []Change) {
	if len(changes) > 0 {
		f.listeners.tell(changes...)
	}
}

// seal ends a segment, and marks it if the index has it.
func (f *Fleet) seal() {
	f.index.mu.Lock()
	s, lines := f.cutSegment()
	f.index.mu.Unlock()
	if lines != nil {
		f.journal.deliver(s, lines)
	}
}

// goLive begins to take what is recorded here into the index at once. What it does
// not have yet is read from the journal, like the records of others.
func (f *Fleet) goLive() {
	f.index.mu.Lock()
	s, lines := f.cutSegment()
	f.live = true
	f.index.mu.Unlock()
	if lines != nil {
		f.journal.deliver(s, lines)
	}
}

// cutSegment is seal without delivery. The index is locked.
func (f *Fleet) cutSegment() (segment, []byte) {
	s, lines := f.journal.seal(f.conf.Now())
	if lines != nil && f.live {
		f.index.applied.add(s)
	}
	return s, lines
}
