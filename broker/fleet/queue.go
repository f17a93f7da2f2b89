// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"sync"

	"thingpass/broker"
)

// queueLength bounds what waits for the fleet: some 6 MB, and at 100,000 records a
// second a sixth of a second.
const queueLength = 16384

// queue holds entries between the broker, which must not wait, and the fleet.
type queue struct {
	mu      sync.Mutex
	entries []broker.Entry
	spare   []broker.Entry // emptied, to be filled again
	dropped int64
	closed  bool
	wake    chan struct{} // of size 1
}

func newQueue() *queue { return &queue{wake: make(chan struct{}, 1)} }

// put adds entries, as many as there is room for.
func (q *queue) put(entries []broker.Entry) {
	q.mu.Lock()
	room := queueLength - len(q.entries)
	if q.closed {
		room = 0
	}
	if len(entries) > room {
		q.dropped += int64(len(entries) - room)
		entries = entries[:room]
	}
	first := len(q.entries) == 0 && len(entries) > 0
	q.entries = append(q.entries, entries...)
	q.mu.Unlock()
	if first {
		select {
		case q.wake <- struct{}{}:
		default:
		}
	}
}

// take returns all entries, and how many were dropped since the last time. They
// are to be given back.
func (q *queue) take() ([]broker.Entry, int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	entries, dropped := q.entries, q.dropped
	q.entries, q.spare, q.dropped = q.spare, nil, 0
	return entries, dropped
}

// give takes back what take returned, for its memory.
func (q *queue) give(entries []broker.Entry) {
	clear(entries)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.spare = entries[:0]
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
}
