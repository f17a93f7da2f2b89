// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"strings"

	"thingpass/policies"
	"thingpass/policies/registry"
)

// most bounds what is remembered of those who are not connected.
const most = 10_000

// keep remembers who has gone.
func (g *Guard) keep(c *client) {
	if len(g.offline) >= most {
		for key := range g.offline { // anyone: the registry finds him again
			delete(g.offline, key)
			break
		}
	}
	c.condemned, c.displaced, c.waits = false, false, unknown
	g.offline[offlineKey(c.request.ClientID, g.nameOf(c.who))] = c
}

func offlineKey(clientID, name string) string { return clientID + "\x00" + name }

// checkOffline decides for who is not connected: his will, or messages that are
// queued for his session. Who is connected without our leave came around the
// plugin, and gets nothing.
func (g *Guard) checkOffline(access Access, topic string, retain bool, a Asker) bool {
	if a.Connected {
		g.refuse(a.Name, "SESSION", "the plugin was not asked to let this client in: its listener wants use_identity_as_username false", a.ClientID)
		return false
	}
	c := g.offline[offlineKey(a.ClientID, a.Name)]
	if c == nil || c.generation != g.generation {
		if c = g.absent(a, c); c == nil {
			return false
		}
	}
	switch {
	case access == Read && !g.mayWait(c):
		return false
	case access == Write && a.Connection:
		return g.will(c, topic, retain)
	}
	return ask(c.session, access, topic, retain).Allowed()
}

// will decides whether a will is sent. Mosquitto does not show it at CONNECT, so
// that a client with a will that it may not have is let in; but the will is not
// sent.
func (g *Guard) will(c *client, topic string, retain bool) bool {
	if !g.mayConnect(c, policies.ConnectRequest{Persistent: c.request.Persistent, WillTopic: topic}) {
		g.refuse(c.who.Name, "WILL", "iot:Connect does not allow a will to "+topic, c.request.ClientID)
		return false
	}
	if ask(c.session, Write, topic, retain).Allowed() {
		return true
	}
	g.explain(c, Write, topic, retain)
	return false
}

// waits tells whether messages may wait for somebody.
type waits int8

const (
	unknown waits = iota
	yes
	no
)

// mayWait is asked for each message that is queued. Where a client may have no
// persistent session, its session gets nothing while it is away.
func (g *Guard) mayWait(c *client) bool {
	if c.waits == unknown {
		c.waits = no
		if g.mayConnect(c, policies.ConnectRequest{Persistent: true}) {
			c.waits = yes
		}
	}
	return c.waits == yes
}

// mayConnect tells whether the client may connect with what is not seen at
// CONNECT: a will, or, with MQTT 5, a session that outlives the connection.
func (g *Guard) mayConnect(c *client, with policies.ConnectRequest) bool {
	with.ClientID, with.SourceIP = c.request.ClientID, c.request.SourceIP
	_, result := g.store.Registry().Connect(c.who, with)
	return result.Allowed()
}

// absent finds who is not connected in the registry, or nil. before is what was
// known of him.
func (g *Guard) absent(a Asker, before *client) *client {
	var err error
	c := &client{request: policies.ConnectRequest{ClientID: strings.Clone(a.ClientID)}}
	if before != nil && before.who.Certificate != nil {
		c.request = before.request
		c.who, err = g.store.Registry().Find(before.who.Certificate)
	} else {
		c.who, err = g.named(a.Name)
	}
	if err != nil {
		delete(g.offline, offlineKey(a.ClientID, a.Name))
		return nil
	}
	_ = g.admit(c) // may he connect or not: he does not
	if len(g.offline) >= most {
		clear(g.offline)
	}
	g.offline[offlineKey(a.ClientID, a.Name)] = c
	return c
}

// named finds who has a name that Connect gave.
func (g *Guard) named(name string) (*registry.Identity, error) {
	r := g.store.Registry()
	if who, err := r.FindID(name); err == nil {
		return who, nil
	}
	return r.FindThing(name)
}

// Absent is how many are remembered who are not connected.
func (g *Guard) Absent() int { return len(g.offline) }
