// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

import (
	"sync/atomic"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// The registry may change at any time: a certificate is revoked, a thing blocked, a
// policy attached. On AWS that takes minutes; here it counts at once, for those who
// are connected as well.

// rejudge judges all clients anew. It is called when the registry has changed.
func (h *hook) rejudge() {
	for _, cl := range h.server.Clients.GetAll() {
		if conn, ok := owner(cl); ok {
			h.renew(cl, conn)
		}
	}
}

// renew judges one client, and ends its connection if it may not be there any more.
// The session of one that is away gets nothing from then on, until it may come back.
func (h *hook) renew(cl *mqtt.Client, conn *client) {
	h.renewing.Lock() // the later one knows better
	g, err := h.judge(conn)
	conn.grant.Store(g) // nil with an error
	h.renewing.Unlock()
	if err == nil {
		return
	}
	atomic.StoreUint32(&cl.Properties.Will.Flag, 0) // who may not be here, may not publish
	if cl.Closed() {
		return
	}
	h.refused(cl, "STAY", err)
	go h.kick(cl, conn) // it may be one that takes nothing
}

func (h *hook) kick(cl *mqtt.Client, conn *client) {
	if cl.Properties.ProtocolVersion == 5 {
		_ = h.server.DisconnectClient(cl, packets.ErrNotAuthorized)
	}
	conn.Close()
}

// OnSessionEstablished logs who is there. If the registry changed while the client
// was on its way in, rejudge has not seen it.
func (h *hook) OnSessionEstablished(cl *mqtt.Client, _ packets.Packet) {
	h.log.Info("mqtt connected", "who", whoIs(cl), "client", cl.ID, "version", cl.Properties.ProtocolVersion, "remote", cl.Net.Remote)
	conn, ok := owner(cl)
	if !ok {
		return
	}
	if g := conn.grant.Load(); g != nil && g.registry != h.registry.Registry() {
		h.renew(cl, conn)
	}
}

// forget takes messages out of a session that its owner may not receive any more:
// iot:Receive counts when a message is delivered, and these were only kept.
func (h *hook) forget(cl *mqtt.Client, conn *client) {
	before, ok := h.server.Clients.Get(cl.ID)
	g := conn.grant.Load()
	if !ok || g == nil {
		return
	}
	for _, pk := range before.State.Inflight.GetAll(false) {
		if pk.FixedHeader.Type == packets.Publish && !g.session.Receive(pk.TopicName).Allowed() && before.State.Inflight.Delete(pk.PacketID) {
			atomic.AddInt64(&h.server.Info.Inflight, -1)
		}
	}
}
