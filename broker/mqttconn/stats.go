// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn

import (
	"sync/atomic"
	"time"
)

// Stats counts what a Client has done. The first group says how things are now,
// the second only grows.
type Stats struct {
	Connected int64 // connections that are subscribed
	Queued    int64 // requests that wait for a worker
	Working   int64 // requests that a worker has

	Connects      int64         // connections that the server accepted
	Requests      int64         // requests received, repeated ones included
	Replies       int64         // messages published for them, events included
	Refused       int64         // requests for which Handle returned an error
	Shed          int64         // requests refused as busy because the queue was full
	PublishErrors int64         // replies that could not be published
	Dropped       int64         // requests left to be given again: their connection ended, or we drain
	Panics        int64         // requests whose Handle panicked
	Expired       int64         // requests whose Message Expiry Interval passed while they waited: acknowledged, not answered
	Paced         int64         // messages that waited to keep the pace
	PacedTime     time.Duration // how long they waited, together
	Unanswered    int64         // requests shed without even a refusal: it would have broken the pace, or held up the others in a flood
}

// counters are Stats while they change.
type counters struct {
	connected, queued, working           atomic.Int64
	connects, requests, replies, refused atomic.Int64
	shed, publishErrors, dropped, panics atomic.Int64
	expired, paced, pacedTime            atomic.Int64
	unanswered                           atomic.Int64
}

func (c *counters) snapshot() Stats {
	return Stats{
		Connected:     c.connected.Load(),
		Queued:        c.queued.Load(),
		Working:       c.working.Load(),
		Connects:      c.connects.Load(),
		Requests:      c.requests.Load(),
		Replies:       c.replies.Load(),
		Refused:       c.refused.Load(),
		Shed:          c.shed.Load(),
		PublishErrors: c.publishErrors.Load(),
		Dropped:       c.dropped.Load(),
		Panics:        c.panics.Load(),
		Expired:       c.expired.Load(),
		Paced:         c.paced.Load(),
		PacedTime:     time.Duration(c.pacedTime.Load()),
		Unanswered:    c.unanswered.Load(),
	}
}
