// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package load is a fleet of things that ask a broker: one MQTT 3.1.1 connection
// over mutual TLS for each, with as little work for a request as possible, so
// that what is measured is the broker and not the fleet.
//
// In an open loop the things ask at times that were fixed before, whatever the
// answers do, and a latency is counted from the time at which the request was to
// be sent. A tool that waits for an answer before it asks again would not ask
// while the broker stands still, and so not see that it did (Gil Tene's
// "coordinated omission"). In a closed loop they ask again as soon as they have
// an answer: that finds the throughput, and its latencies mean little.
package load

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"thingpass/certs"
)

// Config says who the things are and where they connect.
type Config struct {
	Address string    // host:port of the MQTT server
	CA      *certs.CA // issues the things' certificates, and issued the server's
	Root    string    // topic prefix
	Name    string    // of the things, with a number after it
	Things  int
}

// A Fleet is a number of things that are connected and subscribed.
type Fleet struct {
	things []*thing
	epoch  time.Time // what the ids of requests count from
	runs   uint16
	run    atomic.Pointer[run]
	failed atomic.Pointer[error]
}

// Connect connects all things, or none.
func Connect(ctx context.Context, c Config) (*Fleet, error) {
	f := &Fleet{epoch: time.Now(), things: make([]*thing, c.Things)}
	errs := make([]error, c.Things)
	turns := make(chan struct{}, 8) // more handshakes at a time would only wait for each other
	var wg sync.WaitGroup
	for i := range f.things {
		turns <- struct{}{}
		wg.Go(func() {
			f.things[i], errs[i] = f.connect(ctx, c, fmt.Sprintf("%s%d", c.Name, i))
			<-turns
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (f *Fleet) connect(ctx context.Context, c Config, name string) (*thing, error) {
	id, err := c.CA.Thing(name)
	if err != nil {
		return nil, err
	}
	conn, err := dial(ctx, c.Address, c.CA, id)
	if err != nil {
		return nil, fmt.Errorf("connect %s: %w", name, err)
	}
	t := newThing(f, conn, c.Root+"/"+name)
	if err := t.greet(name); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	go t.receive()
	return t, nil
}

func dial(ctx context.Context, address string, ca *certs.CA, id certs.Identity) (net.Conn, error) {
	d := tls.Dialer{Config: &tls.Config{RootCAs: ca.Pool(), Certificates: []tls.Certificate{id.TLSCertificate()}}}
	return d.DialContext(ctx, "tcp", address)
}

// Forget makes the server forget the session of a client that has left: its
// subscriptions would go on, and requests be kept for it.
func Forget(ctx context.Context, address string, ca *certs.CA, id certs.Identity, clientID string) error {
	conn, err := dial(ctx, address, ca, id)
	if err != nil {
		return err
	}
	defer conn.Close()
	return newThing(nil, conn, "").exchange(connectHeader, connectBody(clientID), connack)
}

// Close ends all connections.
func (f *Fleet) Close() {
	f.run.Store(nil)
	for _, t := range f.things {
		if t != nil {
			t.closed.Store(true)
			_ = t.conn.Close()
		}
	}
}

// fail keeps the first error; a fleet that lost a thing measures nothing.
func (f *Fleet) fail(err error) { f.failed.CompareAndSwap(nil, &err) }
