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
	"fmt"
	"strings"
	"sync/atomic"

	"thingpass/policies"
	"thingpass/policies/registry"
)

// Access is what Mosquitto asks about.
type Access int

// Mosquitto's numbers (mosquitto_broker.h, MOSQ_ACL_…).
const (
	Read        Access = 1 // a message is about to be delivered
	Write       Access = 2
	Subscribe   Access = 4
	Unsubscribe Access = 8
)

// A Handle is one connection, as Mosquitto knows it.
type Handle uintptr

// A Guard decides for one server.
type Guard struct {
	store   *registry.Store
	log     *limiter
	clients map[Handle]*client
	offline map[string]*policies.Session // of sessions that wait for their clients
	changed atomic.Bool
	kicks   int // clients that wait for being kicked
}

type client struct {
	who       *registry.Identity
	request   policies.ConnectRequest
	session   *policies.Session
	condemned bool // it ends at the next tick, and may do nothing until then
}

// New guards by a registry. What it refuses it tells, a line each, at most 200 in
// ten seconds.
func New(store *registry.Store, tell func(line string)) *Guard {
	return &Guard{store: store, log: &limiter{tell: tell}, clients: map[Handle]*client{}, offline: map[string]*policies.Session{}}
}

// Connect decides about a CONNECT: der is the client's certificate, verified by
// the server, or nil. name is what the server is to call the client.
func (g *Guard) Connect(h Handle, der []byte, clientID string, clean bool) (name string, ok bool) {
	delete(g.clients, h)
	who, err := g.identify(der)
	if err != nil {
		g.refuse("nobody", "CONNECT", err.Error(), clientID)
		return "", false
	}
	c := &client{who: who, request: policies.ConnectRequest{ClientID: clientID, Persistent: !clean}}
	if why := g.admit(c); why != "" {
		g.refuse(who.Name, "CONNECT", why, clientID)
		return "", false
	}
	g.clients[h] = c
	return who.Name, true
}

func (g *Guard) identify(der []byte) (*registry.Identity, error) {
	if len(der) == 0 {
		return nil, fmt.Errorf("no certificate: the listener wants require_certificate true, and use_identity_as_username false")
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
	c.session = session
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

// Check decides about a message or a subscription. Of a connection that is not
// there any more, a waiting session or a will, identify says whose it is.
func (g *Guard) Check(h Handle, access Access, topic string, retain bool, identify func() (clientID, name string)) bool {
	if access == Unsubscribe {
		return true
	}
	c := g.clients[h]
	if c == nil {
		return g.checkOffline(access, topic, retain, identify)
	}
	if c.condemned {
		return false
	}
	result := ask(c.session, access, topic, retain)
	if result.Allowed() {
		return true
	}
	if access == Write { // AWS ends the connection
		c.condemned = true
		g.kicks++
	}
	g.explain(c.session, c.who.Name, c.request.ClientID, access, topic, retain)
	return false
}

func ask(s *policies.Session, access Access, topic string, retain bool) policies.Result {
	switch access {
	case Read:
		return s.Receive(topic)
	case Write:
		return s.Publish(topic, retain)
	case Subscribe:
		return s.Subscribe(topic)
	}
	return policies.Result{} // what is not known is denied
}

// explain tells of a refusal. Deliveries that are withheld are nobody's fault,
// and no news.
func (g *Guard) explain(s *policies.Session, name, clientID string, access Access, topic string, retain bool) {
	if access == Read || !g.log.open() {
		return
	}
	action, kind, what := "iot:Publish", "topic/", "PUBLISH"
	switch {
	case access == Subscribe:
		action, kind, what = "iot:Subscribe", "topicfilter/", "SUBSCRIBE"
	case retain && s.Publish(topic, false).Allowed():
		action = "iot:RetainPublish"
	}
	place := g.store.Registry().Place
	x := s.Explain(action, place.ARN(kind+topic))
	g.refuse(name, what, x.Summary(), clientID)
}

func (g *Guard) refuse(who, what, why, clientID string) {
	g.log.line("thingpass refused", "who", who, "what", what, "why", why, "client", clientID)
}

// most bounds what is remembered of sessions without a connection.
const most = 10_000

func (g *Guard) checkOffline(access Access, topic string, retain bool, identify func() (string, string)) bool {
	clientID, name := identify()
	key := clientID + "\x00" + name
	s := g.offline[key]
	if s == nil {
		who, err := g.named(name)
		if err != nil {
			return false
		}
		s, _ = g.store.Registry().Connect(who, policies.ConnectRequest{ClientID: clientID})
		if len(g.offline) >= most {
			clear(g.offline)
		}
		g.offline[strings.Clone(key)] = s
	}
	if ask(s, access, topic, retain).Allowed() {
		return true
	}
	g.explain(s, name, clientID, access, topic, retain)
	return false
}

func (g *Guard) named(name string) (*registry.Identity, error) {
	r := g.store.Registry()
	if who, err := r.FindID(name); err == nil {
		return who, nil
	}
	return r.FindThing(name)
}

// Disconnected forgets a connection.
func (g *Guard) Disconnected(h Handle) {
	if c := g.clients[h]; c != nil && c.condemned {
		g.kicks--
	}
	delete(g.clients, h)
}

// Changed notes that the registry is another one. Any goroutine may say so; the
// next tick judges all clients again.
func (g *Guard) Changed() { g.changed.Store(true) }

// Tick returns the ids of clients that are to be kicked.
func (g *Guard) Tick() []string {
	if g.changed.Swap(false) {
		g.judgeAll()
	}
	if g.kicks == 0 {
		return nil
	}
	var ids []string
	for _, c := range g.clients {
		if c.condemned {
			ids = append(ids, c.request.ClientID)
		}
	}
	return ids
}

// judgeAll makes all sessions anew, and condemns who may not be here any more.
func (g *Guard) judgeAll() {
	clear(g.offline)
	r := g.store.Registry()
	for _, c := range g.clients {
		if c.condemned {
			continue
		}
		who, err := r.Find(c.who.Certificate)
		why := ""
		if err != nil {
			why = err.Error()
		} else {
			c.who = who
			why = g.admit(c)
		}
		if why != "" {
			c.condemned = true
			g.kicks++
			g.refuse(c.who.Name, "SESSION", why, c.request.ClientID)
		}
	}
}

// Clients is how many are connected.
func (g *Guard) Clients() int { return len(g.clients) }
