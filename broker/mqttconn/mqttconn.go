// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package mqttconn carries requests from an MQTT 5 server to a Handler and its
// replies back, over mutual TLS.
//
// What it promises:
//
//   - A request is acknowledged after its reply has been handed over: QoS 1
//     when the server has acknowledged the reply, QoS 0 when it was written
//     before the acknowledgement on the same connection [P-9.3]. The session
//     outlives the process, so whatever the process had not acknowledged when
//     it died is given to it again when it returns.
//   - Nothing grows without bound: a bounded queue, a fixed number of workers,
//     a window (Receive Maximum) for what the server may send ahead. Requests
//     beyond that are refused as `busy` at once.
//   - It connects again, with growing random pauses, for as long as it runs.
//     Every failure is logged once, in words that say what to do.
//
// It uses paho below autopaho. autopaho keeps one client-side session for all
// connections and publishes what was in flight once more on the next one; here
// that is the server's work, which gives the request again, so every reply would
// go out twice, an oversized one for ever. (paho also wraps its uint16 send
// quota when it repeats more than the server's Receive Maximum.) And autopaho
// counts attempts only until CONNACK: a server, or a second client of the same
// id, that lets us in to throw us out would be met with attempt 0 each time.
package mqttconn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"thingpass/broker"
)

// A Handler answers requests. Its methods are called concurrently.
//
// Handle returns what is to be published, in order. Its error is for the log:
// a refused request has both. It should return soon after its context ends. A
// request whose Handle panics is acknowledged and gets no answer: given again,
// it would panic again.
//
// Busy returns the refusal of a request for which there is no room; it must be
// quick, because nothing else is received meanwhile.
type Handler interface {
	Handle(ctx context.Context, m broker.Message) ([]broker.Message, error)
	Busy(m broker.Message) ([]broker.Message, error)
}

// A Client is a broker's side of one MQTT server: one or more connections that
// share a queue and its workers.
type Client struct {
	conf    Config
	handler Handler
	log     *slog.Logger
	counts  counters
	live    liveLinks
}

// New returns a Client that does nothing yet. The error lists every setting
// that makes no sense.
func New(conf Config, handler Handler, log *slog.Logger) (*Client, error) {
	conf = conf.withDefaults()
	if err := conf.Validate(); err != nil {
		return nil, err
	}
	if handler == nil || log == nil {
		return nil, errors.New("mqttconn: a client needs a handler and a logger")
	}
	return &Client{conf: conf, handler: handler, log: log}, nil
}

// Run serves requests until ctx ends, and then drains: it takes no new requests,
// answers and acknowledges those that it has within DrainTimeout, and disconnects.
// What arrives meanwhile stays in the session at the server, as does everything
// that is not acknowledged.
//
// The error says how many requests were left unanswered; nil means none. Run is
// to be called once.
func (c *Client) Run(ctx context.Context) error {
	p := newPool(c)
	p.start()
	left := make([]int, c.conf.Connections)
	var conns sync.WaitGroup
	for i := range left {
		conns.Go(func() { left[i] = newConn(c, p, i).run(ctx) })
	}
	conns.Wait()
	stuck := p.stop()
	total := 0
	for _, n := range left {
		total += n
	}
	if total+stuck > 0 {
		return fmt.Errorf("mqttconn: drained within %v, %d requests are unanswered, %d of them still in the handler; the server will give them again",
			c.conf.DrainTimeout, max(total, stuck), stuck)
	}
	return nil
}

// Stats returns the counts since the start, and the state now.
func (c *Client) Stats() Stats { return c.counts.snapshot() }

// sleep waits, but not longer than ctx.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
