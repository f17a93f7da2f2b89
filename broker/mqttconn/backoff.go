// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn

import (
	"math/rand/v2"
	"time"
)

// stable is how long a connection must have been up for the next pause to be
// the shortest again. One that is thrown out at once does not count as success.
const stable = 10 * time.Second

// backoff gives the pauses between attempts: random, so that brokers that lost
// the same server do not return in the same moment, and doubled each time. There
// is one before the very first repetition too; without it two clients with one
// id throw each other out thousands of times a second.
type backoff struct {
	min, max time.Duration
	attempt  int
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

func (b *backoff) reset() { b.attempt = 0 }

// jitter is between half of d and all of it.
func jitter(d time.Duration) time.Duration { return d - rand.N(d/2+1) }
