// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

import (
	"crypto/x509"
	"net"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
)

// client is the connection of somebody who has proved who it is. mochi
// keeps it for as long as the session, so this is where a session's owner is.
type client struct {
	net.Conn
	tcp      net.Conn          // what is below
	leaf     *x509.Certificate // nil over WebSocket
	who      identity
	window   *window
	quota    *quota        // nil unless Strict
	patience *atomic.Int64 // the listener's
	dropped  atomic.Int64  // messages
	id       string        // client id, once it is known; see sessions
	gone     chan struct{} // closed when mochi is done with it
	// Which lock of sessions.moving it holds. Its own goroutine only.
	publishing, moving bool

	hello    greeting              // of its CONNECT
	grant    atomic.Pointer[grant] // nil: it may do nothing
	withheld atomic.Int64          // messages

	asking   atomic.Pointer[[]string] // filters of the SUBSCRIBE that is being answered; see asksFor
	verdicts []byte                   // on them, of Strict; its own goroutine only
}

// owner is the connection of a mochi client; ok is false for one that is not
// ours, and such a one may do nothing.
func owner(cl *mqtt.Client) (*client, bool) {
	c, ok := cl.Net.Conn.(*client)
	return c, ok
}

// Write ends the connection of a client that takes nothing. While mochi writes
// to a client, whoever publishes to it waits: one stuck thing would hold up the
// broker, and thereby all things.
func (c *client) Write(p []byte) (int, error) {
	c.quota.delay(len(p), c.window.ended)
	_ = c.Conn.SetWriteDeadline(time.Now().Add(time.Duration(c.patience.Load())))
	n, err := c.Conn.Write(p)
	if err != nil {
		c.tcp.Close() // first, or TLS would try for another 5 s to say goodbye
		c.Close()
	}
	return n, err
}

// Read delays what exceeds a quota.
func (c *client) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.quota.delay(n, c.window.ended)
	return n, err
}

// SetDeadline is how mochi watches keep-alive: it concerns reading.
func (c *client) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

func (c *client) Close() error {
	c.window.end()
	return c.Conn.Close()
}
