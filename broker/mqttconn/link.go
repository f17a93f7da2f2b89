// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/eclipse/paho.golang/paho"
)

// A link is one connection while it lasts. Replies go back on the link that
// brought the request, or not at all: only there can the request be
// acknowledged, and the server gives it again when the link is lost.
type link struct {
	*conn
	wire    *wire
	session *session
	flights *flights // since CONNACK
	paho    *paho.Client
	pacer   *pacer     // nil: no pace
	lost    chan error // why the link ended, once

	mu       sync.Mutex
	taken    int // requests that are waiting or being worked on
	draining bool
	idle     chan struct{} // closed when draining and nothing is taken
	up       bool          // subscribed to every filter
}

func newLink(c *conn, w *wire) *link {
	l := &link{conn: c, wire: w, session: newSession(w), pacer: newPacer(c.conf.Pace), lost: make(chan error, 1), idle: make(chan struct{})}
	l.session.welcome = l.welcomed
	w.intake = &intake{
		published:    func(p *paho.Publish) { _, _ = l.receive(paho.PublishReceived{Packet: p}) },
		acknowledged: func(ack puback) { l.flights.acknowledged(ack) },
	}
	l.paho = paho.NewClient(paho.ClientConfig{
		ClientID:          c.id,
		Conn:              w,
		Session:           l.session,
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){l.receive},
		OnClientError:     l.lose,
		PacketTimeout:     max(c.conf.ConnectTimeout, c.conf.PublishTimeout),
	})
	return l
}

// welcomed is called when the server has accepted us, before anything else comes.
func (l *link) welcomed() {
	l.flights = newFlights(l.session.limits.window, l.conf.PublishTimeout, l.landed, l.late)
	context.AfterFunc(l.wire.ctx, func() { l.flights.end(l.wire.cause()) })
}

// lose is called by paho, maybe several times, after it has closed the link.
func (l *link) lose(err error) {
	if d := l.session.farewell.Load(); d != nil {
		err = disconnectError(d)
	}
	select {
	case l.lost <- fmt.Errorf("connection lost: %w", err):
	default:
	}
}

// receive gets the requests, one at a time and in order: nothing else is read
// while it works.
func (l *link) receive(r paho.PublishReceived) (bool, error) {
	l.counts.requests.Add(1)
	l.pacer.received(len(r.Packet.Topic) + len(r.Packet.Payload))
	j := job{link: l, packet: r.Packet, receipt: l.session.arrived(r.Packet), arrived: time.Now()}
	j.deadline = deadline(r.Packet, j.arrived)
	switch {
	case !l.take():
		l.counts.dropped.Add(1) // not acknowledged: it is given to us again, when we are back
	case l.full():
		l.pool.shed(j, refused)
	default:
		if v := l.pool.offer(j); v != taken {
			l.pool.shed(j, v)
		}
	}
	return true, nil
}

// full tells whether too many requests wait for their answer's turn. Without a
// pace none does: workers publish, and the queue is what fills.
func (l *link) full() bool {
	if l.pacer == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.taken > l.conf.Queue
}

// take counts a request, unless no more are accepted.
func (l *link) take() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.draining {
		return false
	}
	l.taken++
	return true
}

// release ends what take began.
func (l *link) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.taken--
	if l.draining && l.taken == 0 {
		close(l.idle)
	}
}

// drain takes no new requests and finishes those it has. It returns how many it
// could not finish in time.
func (l *link) drain() int {
	timeout := time.NewTimer(l.conf.DrainTimeout)
	defer timeout.Stop()
	l.mu.Lock()
	l.draining = true
	if l.taken == 0 {
		close(l.idle)
	}
	l.mu.Unlock()
	select {
	case <-l.idle:
	case <-l.wire.ctx.Done():
	case <-timeout.C:
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.taken
}

// disconnect ends the link politely. The session stays.
func (l *link) disconnect() {
	_ = l.paho.Disconnect(&paho.Disconnect{})
	_ = l.session.Close()
}

// close ends the link without a word. paho has closed itself before, or was
// never connected.
func (l *link) close() {
	l.wire.fail(errors.New("closed"))
	_ = l.session.Close()
}

// subscribe tries until every filter is granted. A refusal does not end the
// link: what is granted is served meanwhile.
func (l *link) subscribe(ctx context.Context) {
	pause := backoff{min: l.conf.ReconnectMin, max: l.conf.ReconnectMax}
	wanted := l.conf.Filters
	for {
		var refused []string
		for _, filter := range wanted {
			err := subscribe(ctx, l.paho, l.conf.subscription(filter))
			switch {
			case ctx.Err() != nil:
				return
			case errors.Is(err, errUnanswered):
				l.wire.fail(err)
				return
			case err != nil:
				l.log.Error("not subscribed", "err", err)
				refused = append(refused, filter)
			}
		}
		if wanted = refused; len(wanted) == 0 {
			l.reportUp()
			return
		}
		sleep(ctx, pause.next())
	}
}

// subscribe returns nil if the server granted QoS 1.
func subscribe(ctx context.Context, c *paho.Client, filter string) error {
	ack, err := c.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: filter, QoS: 1}}})
	switch {
	case ack == nil || len(ack.Reasons) != 1:
		return fmt.Errorf("subscribe to %q: %w: %w", filter, errUnanswered, err)
	case ack.Reasons[0] >= 0x80:
		return subackError(filter, ack)
	case ack.Reasons[0] == 0:
		return fmt.Errorf("the server grants %q at QoS 0 only: requests could be lost", filter)
	}
	return nil
}

func (l *link) reportUp() {
	l.mu.Lock()
	l.up = true
	l.mu.Unlock()
	l.counts.connected.Add(1)
	l.live.add(l)
	l.log.Info("subscribed", "group", l.conf.Group, "filters", l.conf.Filters)
	if l.conf.OnUp != nil {
		l.conf.OnUp(l.id)
	}
}

func (l *link) reportDown(err error) {
	l.mu.Lock()
	was := l.up
	l.mu.Unlock()
	if !was {
		return
	}
	l.counts.connected.Add(-1)
	l.live.remove(l)
	if l.conf.OnDown != nil {
		l.conf.OnDown(l.id, err)
	}
}
