// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn

// AWS IoT Core takes 100 publishes and 512 KB a second from each connection. It
// discards the publishes beyond, without a word, and delays the bytes. So what
// we publish waits here until there is room for it.
//
// The quota's text counts "inbound and outbound" publishes, and does not say
// whether the two share the hundred or have one each. Both readings can be set;
// the narrower one is the default, because a discarded reply costs a thing 5 s
// and a paced one some milliseconds.
//
// A bucket that held a whole second's worth would let 200 publishes go in the
// moment between two seconds. Ours refills at nine tenths of the quota and holds
// a twentieth: any second has 95 % of the quota at most, and the rest is for
// what the network makes uneven.

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// PaceMode says which publishes share a connection's quota.
type PaceMode string

const (
	PaceOff  PaceMode = "off"  // nothing is paced
	PaceEach PaceMode = "each" // what we publish has the whole quota
	PaceBoth PaceMode = "both" // what we publish and what we receive share it
)

// A Pace is how much a connection may publish in a second.
type Pace struct {
	Mode      PaceMode // by the profile where empty
	Publishes int      // 100 where 0
	Bytes     int      // 512,000 where 0
}

const (
	awsPublishes = 100
	awsBytes     = 512_000 // "512 KB": the smaller of what that may mean

	paceRefill = 0.90 // of the quota
	paceBurst  = 0.05 // of the quota

	// What the server may send ahead is answered within this time at the most:
	// a thing asks again after 5 s [P-9.1].
	paceAhead = 2 * time.Second

	// A refusal as busy that would wait longer is not worth its publish.
	paceBusy = time.Second
)

func (p Pace) withDefaults() Pace {
	if p.Publishes == 0 {
		p.Publishes = awsPublishes
	}
	if p.Bytes == 0 {
		p.Bytes = awsBytes
	}
	return p
}

// ahead is the number of requests that are answered within paceAhead.
func (p Pace) ahead() int {
	n := float64(p.Publishes) * paceRefill * paceAhead.Seconds()
	if p.Mode == PaceBoth {
		n /= 2 // the request itself counts
	}
	return max(1, int(n))
}

// A pacer keeps one connection to its pace. A nil pacer never waits.
//
// Whoever waits takes nothing before it is its turn: places given in advance
// would leave no room for what is received meanwhile.
type pacer struct {
	both  bool
	now   func() time.Time
	sleep func(context.Context, time.Duration)

	turn    chan struct{} // holds one token; who waits for it gets it in order
	waiting atomic.Int64

	mu               sync.Mutex
	publishes, bytes bucket
}

// newPacer returns nil where nothing is paced.
func newPacer(p Pace) *pacer {
	if p.Mode == PaceOff {
		return nil
	}
	turn := make(chan struct{}, 1)
	turn <- struct{}{}
	return &pacer{both: p.Mode == PaceBoth, now: time.Now, sleep: sleep, turn: turn, publishes: newBucket(p.Publishes), bytes: newBucket(p.Bytes)}
}

// received counts a message of that size that came in.
func (p *pacer) received(size int) {
	if p == nil || !p.both {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.take(p.now(), size)
}

// wait returns when a message of that size may be published, and how long that
// took. The error is ctx's.
func (p *pacer) wait(ctx context.Context, size int) (waited time.Duration, err error) {
	p.waiting.Add(1)
	defer p.waiting.Add(-1)
	began := p.now()
	select {
	case <-p.turn:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	defer func() { p.turn <- struct{}{} }()
	for pause := p.try(size); pause > 0; pause = p.try(size) {
		if p.sleep(ctx, pause); ctx.Err() != nil {
			return 0, ctx.Err()
		}
	}
	return p.now().Sub(began), ctx.Err()
}

// try takes what a message needs and returns 0, or takes nothing and returns how
// long it is until there is room.
func (p *pacer) try(size int) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	pause := max(p.publishes.wait(now), p.bytes.wait(now))
	if pause == 0 {
		p.take(now, size)
	}
	return pause
}

func (p *pacer) take(now time.Time, size int) {
	p.publishes.take(now, 1)
	p.bytes.take(now, size)
}

// crowded tells whether so many wait that one more would wait longer than
// paceBusy.
func (p *pacer) crowded() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	ahead := time.Duration(float64(p.waiting.Load()) * p.publishes.unit)
	return ahead+max(p.publishes.wait(now), p.bytes.wait(now)) > paceBusy
}

// A bucket is kept as the time at which it will be full again: taking from it
// moves that time on. It may be overdrawn: a packet larger than the bucket goes
// when the bucket is not empty, and those after it wait the longer.
type bucket struct {
	unit  float64 // nanoseconds that one unit takes
	depth time.Duration
	full  time.Time
}

func newBucket(quota int) bucket {
	unit := float64(time.Second) / (float64(quota) * paceRefill)
	burst := max(0, float64(quota)*paceBurst-1) // the one that finds it full goes, too
	return bucket{unit: unit, depth: time.Duration(burst * unit)}
}

func (b *bucket) wait(now time.Time) time.Duration { return max(0, b.full.Add(-b.depth).Sub(now)) }

func (b *bucket) take(now time.Time, n int) {
	if b.full.Before(now) {
		b.full = now
	}
	b.full = b.full.Add(time.Duration(float64(n) * b.unit))
}
