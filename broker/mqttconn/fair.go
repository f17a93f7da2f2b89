// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn

import (
	"strings"
	"sync"
	"time"
)

// A queue holds the requests that wait for a worker. Things take turns: whoever
// has one request waits for one of each other thing at most, however many one of
// them sends. A thing has at most half of the workers, and a share of the places,
// beyond which its requests are refused as busy at once; of these refusals it gets
// as many in a second as there are places, and then silence: all things' requests
// come through one connection, and answering a flood would hold them up. (What a
// thing asked while we were away comes at once, and is no flood.) All of it
// takes the same time whatever waits.
type queue struct {
	places  int // for all
	share   int // of places, for one thing
	workers int // for one thing

	mu          sync.Mutex
	changed     sync.Cond        // there may be something to pop
	lines       map[string]*line // of things that have something here
	first, last *line            // whose turn is next, and last
	waiting     int
	closed      bool
}

// A line is the requests of one thing.
type line struct {
	thing   string
	jobs    []job // that wait
	working int
	turning bool  // among those that take turns
	second  int64 // in which
	refused int   // so many requests were refused
	next    *line
}

func newQueue(places, workers int) *queue {
	q := &queue{places: places, share: max(8, places/8), workers: max(1, workers/2), lines: make(map[string]*line)}
	q.changed.L = &q.mu
	return q
}

// What becomes of a request.
type verdict int

const (
	taken   verdict = iota
	refused         // to be answered: busy
	ignored         // not to be answered
)

// push adds a request, if there is room for it.
func (q *queue) push(j job) verdict {
	who := thingOf(j.packet.Topic)
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.lines[who]
	switch {
	case l != nil && len(l.jobs) == q.share:
		return l.refuse(time.Now().Unix(), q.places)
	case q.waiting == q.places:
		return refused
	}
	if l == nil {
		l = &line{thing: who}
		q.lines[who] = l
	}
	l.jobs = append(l.jobs, j)
	q.waiting++
	q.enter(l)
	return taken
}

// refuse is for a line that has its share.
func (l *line) refuse(second int64, most int) verdict {
	if l.second != second {
		l.second, l.refused = second, 0
	}
	if l.refused++; l.refused > most {
		return ignored
	}
	return refused
}

// enter gives a line its turn, after all others, if it can use it.
func (q *queue) enter(l *line) {
	if l.turning || len(l.jobs) == 0 || l.working == q.workers {
		return
	}
	l.turning = true
	if q.last == nil {
		q.first = l
	} else {
		q.last.next = l
	}
	q.last = l
	q.changed.Signal()
}

// pop waits for a request, and returns false once there will be none. The caller
// is to call done for it.
func (q *queue) pop() (j job, done func(), ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.first == nil {
		if q.closed && q.waiting == 0 {
			return job{}, nil, false
		}
		q.changed.Wait()
	}
	l := q.first
	if q.first, l.next = l.next, nil; q.first == nil {
		q.last = nil
	}
	j, l.jobs[0] = l.jobs[0], job{}
	l.jobs = l.jobs[1:]
	l.turning = false
	l.working++
	if q.waiting--; q.waiting == 0 && q.closed {
		q.changed.Broadcast()
	}
	q.enter(l)
	return j, func() { q.done(l) }, true
}

func (q *queue) done(l *line) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l.working--
	if q.enter(l); l.working == 0 && len(l.jobs) == 0 {
		delete(q.lines, l.thing)
	}
}

// close lets pop return false when all that waits is popped.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.changed.Broadcast()
}

// thingOf is what a request's topic says before its last level: root and thing.
func thingOf(topic string) string { return topic[:max(strings.LastIndexByte(topic, '/'), 0)] }
