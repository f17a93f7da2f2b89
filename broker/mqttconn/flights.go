// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn

import (
	"context"
	"sync"
	"time"

	"thingpass/broker"
)

// maxFlights is how many replies may be on their way to the server, if it allows
// as many.
const maxFlights = 256

// Flights are the replies of one link that the server has not acknowledged yet.
// Nobody waits for that: what is to happen then happens where it is read.
//
// Packet identifiers are the highest ones. paho counts its own, which are those of
// SUBSCRIBE, from 1; it would need some weeks of refused subscriptions to get
// here.
type flights struct {
	timeout time.Duration
	land    func(*flight, puback)
	late    func(*flight) // called once, for the first that is not acknowledged in time

	free   chan uint16 // identifiers, which are the send quota as well [MQTT-4.9]
	lowest uint16

	mu    sync.Mutex
	under []flight // by identifier
	count int
	watch *time.Timer // one for all: it costs nothing while replies come and go
	ended error
}

// A flight is a reply, and who is told of its end.
type flight struct {
	since   time.Time // zero: there is none
	message broker.Message
	owner   owner
}

// An owner learns how a message ended: taken by the server if both are nil;
// forgotten for a reason, because the server will never take it; or lost, with the
// reason why the link ended before the server took it.
type owner interface{ done(forgotten, lost error) }

func newFlights(receiveMaximum int, timeout time.Duration, land func(*flight, puback), late func(*flight)) *flights {
	n := min(receiveMaximum, maxFlights)
	f := &flights{timeout: timeout, land: land, late: late, free: make(chan uint16, n), lowest: uint16(1<<16 - n), under: make([]flight, n)}
	for i := range n {
		f.free <- f.lowest + uint16(i)
	}
	return f
}

// begin waits until the server allows one more, and notes it. After an error the
// owner is not told anything.
func (f *flights) begin(ctx context.Context, m broker.Message, o owner) (id uint16, err error) {
	select {
	case id = <-f.free:
	default:
		select {
		case id = <-f.free:
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended != nil {
		return 0, f.ended
	}
	f.under[id-f.lowest] = flight{time.Now(), m, o}
	if f.count++; f.watch == nil {
		f.watch = time.AfterFunc(f.timeout, f.look)
	}
	return id, nil
}

// acknowledged ends a flight. An answer to what is not under way is ignored.
func (f *flights) acknowledged(ack puback) {
	landed, ok := f.remove(ack.id)
	if ok {
		f.free <- ack.id
		f.land(&landed, ack)
	}
}

func (f *flights) remove(id uint16) (flight, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := int(id) - int(f.lowest)
	if i < 0 || i >= len(f.under) || f.under[i].since.IsZero() {
		return flight{}, false
	}
	u := f.under[i]
	f.under[i] = flight{}
	f.count--
	return u, true
}

// look finds out whether the oldest is late.
func (f *flights) look() {
	f.mu.Lock()
	if f.count == 0 || f.ended != nil {
		f.watch = nil
		f.mu.Unlock()
		return
	}
	oldest := f.oldest()
	if left := f.timeout - time.Since(oldest.since); left > 0 {
		f.watch.Reset(left)
		f.mu.Unlock()
		return
	}
	f.mu.Unlock()
	f.late(&oldest)
}

func (f *flights) oldest() (oldest flight) {
	for _, u := range f.under {
		if !u.since.IsZero() && (oldest.since.IsZero() || u.since.Before(oldest.since)) {
			oldest = u
		}
	}
	return oldest
}

// end ends all flights, which will not be acknowledged.
func (f *flights) end(reason error) {
	f.mu.Lock()
	under := f.under
	f.ended, f.under, f.count = reason, nil, 0
	if f.watch != nil {
		f.watch.Stop()
	}
	f.mu.Unlock()
	for i := range under {
		if !under[i].since.IsZero() {
			under[i].owner.done(nil, reason)
		}
	}
}
