// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mochi-mqtt/server/v2/listeners"

	"thingpass/certs"
	"thingpass/policies"
	"thingpass/policies/registry"
)

// introduction is how long a client may take for TLS and CONNECT together.
const introduction = 10 * time.Second

// farewell is how long each client may take for our goodbye.
const farewell = 100 * time.Millisecond

// mtlsListener gives mochi connections whose owner is known. mochi's own TCP
// listener leaves the handshake to the first read and waits for a CONNECT for
// ever, which is also what its Close hangs on.
type mtlsListener struct {
	net      net.Listener
	config   *tls.Config
	patience atomic.Int64 // with a client that takes nothing, a time.Duration
	goodbye  func()       // tells the clients that the server ends
	sessions *sessions
	strict   *Strict
	registry *registry.Store
	web      *webDoor // nil: none
	log      *slog.Logger

	mu    sync.Mutex
	conns map[net.Conn]struct{} // nil once closed
	busy  sync.WaitGroup
}

func newListener(l net.Listener, config *tls.Config, store *registry.Store, log *slog.Logger) *mtlsListener {
	return &mtlsListener{net: l, config: config, registry: store, log: log, sessions: newSessions(), conns: make(map[net.Conn]struct{})}
}

func (l *mtlsListener) ID() string              { return "mtls" }
func (l *mtlsListener) Address() string         { return l.net.Addr().String() }
func (l *mtlsListener) Protocol() string        { return "mqtts" }
func (l *mtlsListener) Init(*slog.Logger) error { return nil }

// Serve accepts until Close.
func (l *mtlsListener) Serve(establish listeners.EstablishFn) {
	if l.web != nil {
		l.serveWeb(establish)
	}
	for {
		raw, err := l.net.Accept()
		if err == nil {
			go l.serve(raw, establish)
			continue
		}
		if l.isClosed() {
			return
		}
		l.log.Error("mqtt accept", "error", err)
		time.Sleep(50 * time.Millisecond) // out of file descriptors, most likely
	}
}

// serve runs one connection from its first byte to its last.
func (l *mtlsListener) serve(raw net.Conn, establish listeners.EstablishFn) {
	if !l.add(raw) {
		raw.Close()
		return
	}
	defer l.remove(raw)
	remote := raw.RemoteAddr().String()
	_ = raw.SetDeadline(time.Now().Add(introduction)) // mochi sets another after CONNECT
	conn := tls.Server(raw, l.config)
	leaf, who, err := l.identify(conn)
	if err != nil {
		l.log.Warn("mqtt refused", "what", "TLS", "why", err, "remote", remote)
		return
	}
	l.run(&client{Conn: conn, tcp: raw, leaf: leaf, who: who}, establish)
}

// run serves a client that is known, until it leaves.
func (l *mtlsListener) run(c *client, establish listeners.EstablishFn) {
	c.window, c.quota, c.patience, c.gone = newWindow(), newQuota(l.strict), &l.patience, make(chan struct{})
	err := establish(l.ID(), c)
	l.sessions.left(c)
	l.log.Debug("mqtt connection ended", "who", c.who, "remote", c.tcp.RemoteAddr().String(), "why", err)
}

// identify shakes hands and reads the client's certificate. One that has an entry of
// its own in the registry may have any subject; others have one of ours. Whether it
// is let in, CONNACK tells.
func (l *mtlsListener) identify(conn *tls.Conn) (*x509.Certificate, identity, error) {
	if err := conn.Handshake(); err != nil {
		return nil, identity{}, err
	}
	peers := conn.ConnectionState().PeerCertificates
	if len(peers) == 0 {
		return nil, identity{}, fmt.Errorf("no client certificate")
	}
	leaf := peers[0]
	kind, name, err := certs.Subject(leaf)
	if err != nil && l.registry.Registry().Knows(leaf) {
		return leaf, identity{"certificate", policies.CertificateID(leaf)}, nil
	}
	return leaf, identity{kind, name}, err
}

// Close says goodbye to clients, then ends every connection, those included
// that never introduced themselves or no longer listen. mochi's own goodbye is
// not used: it takes a lock twice and stops for ever if a client leaves between.
func (l *mtlsListener) Close(listeners.CloseFn) {
	l.mu.Lock()
	conns := l.conns
	l.conns = nil
	l.mu.Unlock()
	l.net.Close()
	if l.web != nil {
		l.web.net.Close()
	}
	l.patience.Store(int64(farewell)) // a stuck client must not keep us
	for conn := range conns {
		_ = conn.SetWriteDeadline(time.Now().Add(farewell))
	}
	said := make(chan struct{})
	go func() { defer close(said); l.goodbye() }()
	select {
	case <-said:
	case <-time.After(stopTimeout / 2):
	}
	for conn := range conns {
		conn.Close()
	}
	l.busy.Wait()
	if l.web != nil {
		l.web.server.Close() // who has not introduced himself
	}
}

func (l *mtlsListener) add(conn net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conns == nil {
		return false
	}
	l.conns[conn] = struct{}{}
	l.busy.Add(1)
	return true
}

func (l *mtlsListener) remove(conn net.Conn) {
	conn.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, conn)
	l.busy.Done()
}

func (l *mtlsListener) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conns == nil
}
