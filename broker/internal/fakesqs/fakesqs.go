// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package fakesqs is one SQS queue over HTTP, for tests: there is no free SQS to
// be had on a Debian machine. It is as strict as SQS where it matters here: it
// checks signatures, refuses fields that it does not know, hides a message that
// was received until its visibility timeout has passed, takes the latest receipt
// only, and gives up on a message that was received too often.
package fakesqs

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// Options of a queue; all are required.
type Options struct {
	AccessKeyID, SecretAccessKey, Region string

	Visibility  time.Duration
	MaxReceives int // then a message is dead
}

// A Queue answers until the end of the test.
type Queue struct {
	options Options
	server  *httptest.Server

	mu       sync.Mutex
	messages []*message
	dead     []string
	failures int           // requests to be answered with 503
	hold     chan struct{} // deletions wait for its end; nil: they do not
	held     int           // that wait
	refused  []string      // what was wrong with requests
	changed  chan struct{} // closed when a message comes
	serial   int
}

type message struct {
	id, body, receipt string
	visible           time.Time
	receives          int
}

// Start starts a queue. The test fails at its end if a request was malformed.
func Start(tb testing.TB, o Options) *Queue {
	tb.Helper()
	q := &Queue{options: o, changed: make(chan struct{})}
	q.server = httptest.NewServer(http.HandlerFunc(q.serve))
	tb.Cleanup(func() {
		q.HoldDeletes(false)
		q.server.CloseClientConnections()
		q.server.Close()
		q.mu.Lock()
		defer q.mu.Unlock()
		for _, text := range q.refused {
			tb.Errorf("the queue refused a request: %s", text)
		}
	})
	return q
}

// Endpoint is the server's URL, URL the queue's.
func (q *Queue) Endpoint() string { return q.server.URL }

// URL is the queue's.
func (q *Queue) URL() string { return q.server.URL + "/111122223333/photos" }

// Send puts a message into the queue.
func (q *Queue) Send(body string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.serial++
	q.messages = append(q.messages, &message{id: fmt.Sprintf("m%d", q.serial), body: body})
	close(q.changed)
	q.changed = make(chan struct{})
}

// Left is the number of messages that are neither deleted nor dead.
func (q *Queue) Left() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.bury(time.Now())
	return len(q.messages)
}

// Dead returns the bodies of the messages that were received too often.
func (q *Queue) Dead() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.bury(time.Now())
	return append([]string(nil), q.dead...)
}

// Fail answers the next n requests with an error of SQS's own.
func (q *Queue) Fail(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.failures = n
}

// HoldDeletes lets deletions wait, and be forgotten if whoever asked for them has
// gone when it ends.
func (q *Queue) HoldDeletes(on bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if on && q.hold == nil {
		q.hold = make(chan struct{})
	}
	if !on && q.hold != nil {
		close(q.hold)
		q.hold = nil
	}
}

// Held is the number of deletions that wait.
func (q *Queue) Held() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.held
}

// receive takes up to most messages that are visible. It also returns when to
// look again.
func (q *Queue) receive(most int, visibility time.Duration) (taken []receivedMessage, changed <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	q.bury(now)
	for _, m := range q.messages {
		if len(taken) == most || m.visible.After(now) {
			continue
		}
		q.serial++
		m.receives++
		m.receipt, m.visible = fmt.Sprintf("r%d", q.serial), now.Add(visibility)
		sum := md5.Sum([]byte(m.body))
		taken = append(taken, receivedMessage{MessageID: m.id, ReceiptHandle: m.receipt, Body: m.body, MD5OfBody: hex.EncodeToString(sum[:])})
	}
	return taken, q.changed
}

// bury moves what was received too often, and is visible again, to the dead.
func (q *Queue) bury(now time.Time) {
	var alive []*message
	for _, m := range q.messages {
		if m.receives >= q.options.MaxReceives && !m.visible.After(now) {
			q.dead = append(q.dead, m.body)
		} else {
			alive = append(alive, m)
		}
	}
	q.messages = alive
}

// remove deletes a message by its latest receipt.
func (q *Queue) remove(receipt string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, m := range q.messages {
		if m.receipt == receipt && receipt != "" {
			q.messages = append(q.messages[:i:i], q.messages[i+1:]...)
			return true
		}
	}
	return false
}
