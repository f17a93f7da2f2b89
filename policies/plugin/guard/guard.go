// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package guard is the Mosquitto plugin without Mosquitto: who is connected, and
// what each may do by the registry's policies.
//
// Mosquitto calls from one thread, and so its methods must not be called
// concurrently; Changed alone may be.
package guard

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"thingpass/policies"
	"thingpass/policies/registry"
)

// A Handle is one connection, as Mosquitto knows it.
type Handle uintptr

// Options are what an operator may choose.
type Options struct {
	// EndOnSubscribe ends the connection of whom a subscription is refused, as AWS
	// does. Otherwise he hears so in the SUBACK.
	EndOnSubscribe bool
	// Forget, if not nil, is called when what another client than the one in question
	// was allowed counts no more.
	Forget func()
}

// A Guard decides for one server.
type Guard struct {
	store   *registry.Store
	options Options
	log     *limiter
	clients map[Handle]*client
	holders map[string]Handle  // of client ids
	offline map[string]*client // sessions that wait for their clients, and wills
	kicks   int                // clients that wait for being kicked

	changed    atomic.Bool
	generation uint64        // of the registry
	unjudged   []Handle      // who may still have a session of an older generation
	budget     time.Duration // for judging, at one tick
}

// client is somebody who is, or was, connected. It is judged again before it does
// anything under another registry.
type client struct {
	who        *registry.Identity
	request    policies.ConnectRequest
	session    *policies.Session
	generation uint64
	condemned  bool // it ends at the next tick, and may do nothing until then
	waits      waits
	displaced  bool // another connection has its client id: what it still publishes is its will
}

// New guards by a registry. What it refuses it tells, a line each, at most 200 in
// ten seconds.
func New(store *registry.Store, o Options, tell func(line string)) *Guard {
	if o.Forget == nil {
		o.Forget = func() {}
	}
	return &Guard{
		store: store, options: o, log: &limiter{tell: tell}, budget: 10 * time.Millisecond,
		clients: map[Handle]*client{}, holders: map[string]Handle{}, offline: map[string]*client{},
	}
}

// A Request is a CONNECT, as far as Mosquitto shows it.
type Request struct {
	Certificate []byte // DER, verified by the server; empty: none
	ClientID    string
	Address     string // of the client
	Clean       bool   // Clean Session, or Clean Start
}

// Connect decides about a CONNECT. name is what the server is to call the client:
// what it has of him after a restart.
func (g *Guard) Connect(h Handle, r Request) (name string, ok bool) {
	g.remove(h)
	who, err := g.identify(r.Certificate)
	if err != nil {
		g.refuse("nobody", "CONNECT", err.Error(), r.ClientID)
		return "", false
	}
	c := &client{who: who, request: policies.ConnectRequest{ClientID: r.ClientID, Persistent: !r.Clean}}
	if address, err := netip.ParseAddr(r.Address); err == nil {
		c.request.SourceIP = address.WithZone("")
	}
	if why := g.admit(c); why != "" {
		g.refuse(who.Name, "CONNECT", why, r.ClientID)
		return "", false
	}
	if before := g.clients[g.holders[r.ClientID]]; before != nil {
		before.displaced = true
		g.options.Forget()
	}
	g.clients[h], g.holders[r.ClientID] = c, h
	return g.nameOf(who), true
}

// nameOf is a name that named finds again: of a certificate that is no thing's,
// the registry may have nothing but the id.
func (g *Guard) nameOf(who *registry.Identity) string {
	if who.Thing == nil && g.store.Registry().Knows(who.Certificate) {
		return policies.CertificateID(who.Certificate)
	}
	return who.Name
}

func (g *Guard) identify(der []byte) (*registry.Identity, error) {
	if len(der) == 0 {
		return nil, errors.New("no certificate: the listener wants TLS, require_certificate true, and use_identity_as_username false")
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("the certificate cannot be read: %w", err)
	}
	return g.store.Registry().Find(cert)
}

// admit makes the client's session, and says why it may not connect; "" if it may.
func (g *Guard) admit(c *client) string {
	r := g.store.Registry()
	session, result := r.Connect(c.who, c.request)
	c.session, c.generation = session, g.generation
	if result.Allowed() {
		return ""
	}
	set := c.who.Set(c.request.ClientID)
	x := set.Session(r.Place, c.request.Context(r.Place, c.who.Principal)).Explain("iot:Connect", r.Place.ARN("client/"+c.request.ClientID))
	if t := c.who.Thing; t != nil && !c.who.Exclusive && t.Name != c.request.ClientID {
		return fmt.Sprintf("%s; the policies of thing %s's groups count under client id %s alone", x.Summary(), t.Name, t.Name)
	}
	return x.Summary()
}

func (g *Guard) refuse(who, what, why, clientID string) {
	g.log.line("thingpass refused", "who", who, "what", what, "why", why, "client", clientID)
}

// Disconnected ends a connection. Its will, and messages that its session waits
// for, are still judged by who it was.
func (g *Guard) Disconnected(h Handle) {
	if c := g.remove(h); c != nil {
		g.keep(c)
	}
}

func (g *Guard) remove(h Handle) *client {
	c := g.clients[h]
	if c == nil {
		return nil
	}
	if c.condemned {
		g.kicks--
	}
	delete(g.clients, h)
	if id := c.request.ClientID; g.holders[id] == h {
		delete(g.holders, id)
	}
	return c
}

// Clients is how many are connected.
func (g *Guard) Clients() int { return len(g.clients) }
