// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn

import (
	"math/rand/v2"
	"time"
)

// backoff gives the pauses between attempts: random, so that brokers that lost
// the same server do not return in the same moment, and doubled each time. There
// is one before the very first repetition too; without it two clients with one
// id throw each other out thousands of times a second.
type backoff struct {
	min, max time.Duration
	attempt  int
}

// served tells how long the connection lasted. Only one that outlived the
// longest pause was a success: two clients with one id let each other live as
// long as their pauses.
func (b *backoff) served(lasted time.Duration) {
	if lasted > b.max {
		b.attempt = 0
	}
}

// next is between half of min·2^attempt and all of it, and never above max.
func (b *backoff) next() time.Duration {
	d := b.max
	if b.attempt < 30 && b.min < b.max>>b.attempt {
		d = b.min << b.attempt
		b.attempt++
	}
	return jitter(d)
}

// jitter is between half of d and all of it.
func jitter(d time.Duration) time.Duration { return d - rand.N(d/2+1) }
