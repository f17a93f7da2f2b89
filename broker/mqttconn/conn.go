// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"syscall"
	"time"
)

// A conn keeps one client id connected. It lives as long as the Client; what
// belongs to one socket is in a link.
type conn struct {
	*Client
	pool    *pool
	id      string
	log     *slog.Logger
	backoff backoff
	sudden  int // ends of short connections in a row, for which the server gave no reason
}

func newConn(c *Client, p *pool, i int) *conn {
	id := c.conf.clientID(i)
	return &conn{
		Client:  c,
		pool:    p,
		id:      id,
		log:     c.log.With("server", c.conf.address(), "client", id),
		backoff: backoff{min: c.conf.ReconnectMin, max: c.conf.ReconnectMax},
	}
}

// run connects and serves until ctx ends, and returns the number of requests
// that it left unanswered then.
func (c *conn) run(ctx context.Context) int {
	for {
		left, err := c.once(ctx)
		if ctx.Err() != nil {
			return left
		}
		if err == nil {
			c.log.Info("left an old connection for a new one", "unanswered", left)
			continue
		}
		pause, level := c.backoff.next(), slog.LevelWarn
		switch {
		case errors.Is(err, errTakenOver):
			pause, level = jitter(c.conf.TakenOverWait), slog.LevelError
		case errors.Is(err, errSuspect):
			level = slog.LevelError
		}
		c.log.Log(ctx, level, "not connected", "err", err, "again_in", pause)
		sleep(ctx, pause)
	}
}

// once serves one connection from its beginning to its end.
func (c *conn) once(ctx context.Context) (left int, err error) {
	l, err := c.connect(ctx)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	left, err = c.serve(ctx, l)
	lasted := time.Since(began)
	c.backoff.served(lasted)
	return left, c.suspect(lasted, err)
}

// suspect adds to the third sudden end in a row what it may well be: Mosquitto
// 2.0.11, which is Debian 11's, does not tell a client that another took its id.
func (c *conn) suspect(lasted time.Duration, err error) error {
	sudden := errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)
	if !sudden || lasted > c.conf.ReconnectMax {
		c.sudden = 0
		return err
	}
	if c.sudden++; c.sudden < 3 {
		return err
	}
	return fmt.Errorf("%w; it is the %d. time in a row: %w", err, c.sudden, errSuspect)
}

// connect returns a link to a server that can do what we need.
func (c *conn) connect(ctx context.Context) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, c.conf.ConnectTimeout)
	defer cancel()
	socket, err := dial(ctx, c.conf)
	if err != nil {
		return nil, err
	}
	l := newLink(c, newWire(socket))
	ack, err := l.paho.Connect(ctx, connectPacket(c.conf, c.id))
	switch {
	case ack != nil && ack.ReasonCode != 0:
		l.close()
		return nil, connackError(ack, c.id)
	case err != nil:
		l.close()
		return nil, explain(err)
	case c.conf.Group != "" && !ack.Properties.SharedSubAvailable:
		l.disconnect()
		return nil, errNoShared
	}
	if kept := ack.Properties.SessionExpiryInterval; kept != nil && *kept < *seconds(c.conf.SessionExpiry) {
		c.log.Warn("the server keeps our requests for a shorter time than we asked for", "asked", c.conf.SessionExpiry, "seconds", *kept)
	}
	c.counts.connects.Add(1)
	c.log.Info("connected", "session_present", ack.SessionPresent, "tls", tls.VersionName(socket.tls.Version))
	return l, nil
}

// serve returns when the link has ended, or, after draining it, when ctx has, or
// when it has become old.
func (c *conn) serve(ctx context.Context, l *link) (left int, err error) {
	subscribing, stop := context.WithCancel(l.wire.ctx)
	var subscriber sync.WaitGroup
	subscriber.Go(func() { l.subscribe(subscribing) })
	select {
	case <-ctx.Done():
		stop()
		left = l.drain()
		l.disconnect()
	case <-c.old():
		stop()
		left = l.drain()
		l.disconnect()
	case err = <-l.lost:
		stop()
		l.close()
	}
	subscriber.Wait()
	l.reportDown(err)
	return left, err
}

// old is signalled when a connection that begins now has become old. The times
// of several connections differ.
func (c *conn) old() <-chan time.Time {
	if c.conf.MaxAge == 0 {
		return nil
	}
	return time.After(c.conf.MaxAge - rand.N(c.conf.MaxAge/10+1))
}
