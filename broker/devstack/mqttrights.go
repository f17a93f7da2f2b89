// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

// Who may do what is decided by AWS IoT policies: the registry says which are
// attached to whom, package policies what they allow. Nothing is allowed here that
// they do not.

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"unsafe"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"thingpass/certs"
	"thingpass/policies"
	"thingpass/policies/explain"
	"thingpass/policies/registry"
)

// identity is who a client is, for people.
type identity struct {
	kind certs.Kind // certs.Thing or certs.Service
	name string
}

func (i identity) String() string { return string(i.kind) + " " + i.name }

// greeting is what a CONNECT says that policies can ask about.
type greeting struct {
	policies.ConnectRequest
	willRetain bool
}

// grant is what a client may do, by one state of the registry. It never changes.
type grant struct {
	registry *registry.Registry
	who      *registry.Identity
	session  *policies.Session
}

// greetingOf reads a CONNECT.
func greetingOf(conn *client, cl *mqtt.Client, pk packets.Packet) greeting {
	g := greeting{ConnectRequest: policies.ConnectRequest{
		ClientID:   pk.Connect.ClientIdentifier,
		Persistent: !pk.Connect.Clean,
		SourceIP:   sourceOf(conn.tcp),
	}}
	if cl.Properties.ProtocolVersion == 5 {
		g.Persistent = pk.Properties.SessionExpiryInterval > 0
	}
	if pk.Connect.WillFlag {
		g.WillTopic, g.willRetain = pk.Connect.WillTopic, pk.Connect.WillRetain
	}
	return g
}

func sourceOf(conn net.Conn) netip.Addr {
	if a, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return a.AddrPort().Addr()
	}
	return netip.Addr{}
}

// judge decides whether a client may be connected, by the registry as it is now.
func (h *hook) judge(conn *client) (*grant, error) {
	r := h.registry.Registry()
	who, err := conn.find(r)
	if err != nil {
		return nil, err
	}
	session, result := r.Connect(who, conn.hello.ConnectRequest)
	g := &grant{r, who, session}
	if !result.Allowed() {
		return nil, h.denial(conn, g, explain.Operation{Verb: explain.Connect})
	}
	if will := conn.hello.WillTopic; will != "" && !session.Publish(will, conn.hello.willRetain).Allowed() {
		return nil, fmt.Errorf("will: %w", h.denial(conn, g, publishing(will, conn.hello.willRetain)))
	}
	return g, nil
}

func publishing(topic string, retain bool) explain.Operation {
	if retain {
		return explain.Operation{Verb: explain.Retain, Name: topic}
	}
	return explain.Operation{Verb: explain.Publish, Name: topic}
}

// find is who the client is for the registry: the holder of its certificate, or,
// over WebSocket, the service that signs.
func (c *client) find(r *registry.Registry) (*registry.Identity, error) {
	if c.leaf == nil {
		return r.FindID(c.who.name)
	}
	return r.Find(c.leaf)
}

// identityOf names who the registry found.
func identityOf(who *registry.Identity) identity {
	if who.Thing != nil {
		return identity{certs.Thing, who.Thing.Name}
	}
	return identity{certs.Service, who.Name}
}

// explanations are how many denials a second are explained: it takes its time, and
// a client can have as many as it likes.
const explanations = 20

// denial says why something is denied: by which statement, or which came nearest,
// and what would have to change.
func (h *hook) denial(conn *client, g *grant, o explain.Operation) error {
	what := strings.TrimSpace(fmt.Sprintf("%s %.300q", o.Action(), o.Name))
	if h.explained.take() > 0 {
		return errors.New("may not " + what)
	}
	if none := nothingAttached(g.who); none != "" {
		return fmt.Errorf("%s  %s  (%s)", policies.ImplicitDeny, o, none)
	}
	bench := explain.New(explain.Identity{
		Who: g.who.Principal, ClientID: conn.hello.ClientID, IP: conn.hello.SourceIP,
		Persistent: conn.hello.Persistent, Will: conn.hello.WillTopic,
		Attached: func(id string) []*policies.Document { return g.who.Set(id).Documents() },
		At:       g.registry.Place,
	})
	return errors.New(strings.Join(bench.Short(bench.Ask(o)), "; "))
}

// nothingAttached says so where an entry of the registry has no policy at all.
func nothingAttached(who *registry.Identity) string {
	switch {
	case who.Thing == nil && len(who.Set("").Documents()) == 0:
		return "the certificate is attached to no thing and has no policy: look at its entry in the registry"
	case who.Thing != nil && len(who.Set(who.Thing.Name).Documents()) == 0:
		return "thing " + who.Thing.Name + " is in no group that has a policy: look at its entry in the registry"
	}
	return ""
}

// asksFor tells whether OnACLCheck is asked about a filter of the SUBSCRIBE that is
// being answered, and not about a delivery: mochi asks for both in the same words,
// at any time and from any goroutine. But it passes the very string that OnSubscribe
// has made for it, and that is nobody else's, whatever the letters are.
func (c *client) asksFor(filter string) bool {
	asking := c.asking.Load()
	return asking != nil && slices.ContainsFunc(*asking, func(own string) bool {
		return len(own) == len(filter) && unsafe.StringData(own) == unsafe.StringData(filter)
	})
}
