// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

// mochi asks its hooks for leave. This is the only hook, and it says no to
// whatever the policies do not allow (mqttrights.go). mochi's own ledger is not
// used: it ends in yes.
//
// A refused publish ends the connection, as on AWS IoT Core; mochi alone would
// drop a QoS 0 message in silence. A refused subscription is answered with 0x87
// (0x80 before MQTT 5). Either is logged: who, what, why.

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"thingpass/policies/explain"
	"thingpass/policies/registry"
)

const (
	maxPayload = 128 << 10 // bytes, as on AWS IoT Core
	maxPacket  = 146 << 10 // bytes, likewise
)

type hook struct {
	mqtt.HookBase
	registry *registry.Store
	server   *mqtt.Server
	sessions *sessions
	strict   *Strict // nil: not
	// provisioner answers claims; nil: nobody does.
	provisioner *provisioner
	discards    atomic.Int64
	explained   *sliding // denials
	renewing    sync.Mutex
	log         *slog.Logger
}

func (h *hook) ID() string { return "thingpass" }

func (h *hook) Provides(b byte) bool {
	switch b {
	case mqtt.OnConnect, mqtt.OnConnectAuthenticate, mqtt.OnACLCheck, mqtt.OnPacketRead, mqtt.OnPacketEncode,
		mqtt.OnSessionEstablish, mqtt.OnSessionEstablished, mqtt.OnDisconnect, mqtt.OnClientExpired,
		mqtt.OnPublish, mqtt.OnPublished, mqtt.OnPublishDropped, mqtt.OnSubscribe, mqtt.OnSubscribed:
		return true
	case mqtt.OnSelectSubscribers:
		return h.strict != nil
	}
	return false
}

// OnConnect lets a client in, or tells it in CONNACK that it may not.
func (h *hook) OnConnect(cl *mqtt.Client, pk packets.Packet) error {
	code, err := packets.ErrNotAuthorized, h.admit(cl, pk)
	if err == nil || h.strict != nil && len(pk.Connect.ClientIdentifier) > awsClientID { // AWS has a word for this one
		code, err = h.narrowConnect(cl, pk)
	}
	if err == nil {
		return h.takeOver(cl)
	}
	h.refused(cl, "CONNECT", err)
	if cl.Properties.ProtocolVersion < 5 {
		code = oldWord(code)
	}
	_ = h.server.SendConnack(cl, code, false, nil)
	return err
}

// oldWord is what mochi makes the right return code of MQTT 3.1.1 of.
func oldWord(code packets.Code) packets.Code {
	switch code {
	case packets.ErrNotAuthorized:
		return packets.ErrBadUsernameOrPassword // 5, "not authorized"
	case packets.ErrClientIdentifierNotValid:
		return code // 2
	}
	return packets.ErrServerUnavailable // 3
}

// OnConnectAuthenticate is mochi's second question about the same.
func (h *hook) OnConnectAuthenticate(cl *mqtt.Client, _ packets.Packet) bool {
	conn, ok := owner(cl)
	return ok && conn.grant.Load() != nil
}

func (h *hook) admit(cl *mqtt.Client, pk packets.Packet) error {
	conn, ok := owner(cl)
	if !ok {
		return errors.New("no certificate")
	}
	conn.hello = greetingOf(conn, cl, pk)
	g, err := h.judge(conn)
	if err != nil {
		return err
	}
	conn.who = identityOf(g.who)
	conn.grant.Store(g)
	return nil // a retained will mochi has refused already
}

// OnPacketRead sees a PUBLISH before mochi does.
func (h *hook) OnPacketRead(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	conn, ok := owner(cl)
	if !ok {
		return pk, packets.ErrRejectPacket
	}
	switch pk.FixedHeader.Type {
	case packets.Puback:
		conn.window.release(pk.PacketID)
	case packets.Publish:
		if code, err := h.checkPublish(conn, pk); err != nil {
			h.refused(cl, "PUBLISH", err)
			h.explain(cl, pk, code)
			if h.strict != nil && pk.FixedHeader.Qos > 1 && cl.Properties.ProtocolVersion < 5 {
				return swallow(), nil // no answer [M]
			}
			return pk, packets.ErrRejectPacket // ends mochi's read loop, and so the connection
		}
		if h.strict != nil && conn.quota.in.take() > 0 {
			h.discarded(cl, "inbound", pk.TopicName)
			return swallow(), nil
		}
	case packets.Subscribe:
		judged, err := h.narrowSubscribe(cl, pk)
		return inward(judged), err
	}
	return inward(pk), nil
}

func (h *hook) checkPublish(conn *client, pk packets.Packet) (packets.Code, error) {
	if code, err := h.narrowPublish(pk); err != nil {
		return code, err
	}
	g := conn.grant.Load()
	if g == nil {
		return packets.ErrNotAuthorized, errors.New("it may not be connected any more")
	}
	if !g.session.Publish(pk.TopicName, false).Allowed() {
		return packets.ErrNotAuthorized, h.denial(conn, g, publishing(pk.TopicName, false))
	}
	switch retain := pk.FixedHeader.Retain; { // which nothing is here; but AWS asks the policies first
	case retain && !g.session.Publish(pk.TopicName, true).Allowed():
		return packets.ErrRetainNotSupported, h.denial(conn, g, publishing(pk.TopicName, true))
	case retain:
		return packets.ErrRetainNotSupported, errors.New("nothing is retained here")
	}
	if pk.FixedHeader.Qos > 1 {
		return packets.ErrQosNotSupported, errors.New("QoS 2 is not supported")
	}
	if len(pk.Payload) > maxPayload {
		return packets.ErrPacketTooLarge, fmt.Errorf("payload of %d bytes, at most %d", len(pk.Payload), maxPayload)
	}
	return packets.CodeSuccess, nil
}

// explain tells the client why its connection ends, where MQTT has words for it.
func (h *hook) explain(cl *mqtt.Client, pk packets.Packet, code packets.Code) {
	if cl.Properties.ProtocolVersion < 5 {
		return
	}
	if pk.FixedHeader.Qos == 1 {
		_ = cl.WritePacket(packets.Packet{
			FixedHeader: packets.FixedHeader{Type: packets.Puback},
			PacketID:    flip(pk.PacketID), // as mochi's own answers have it
			ReasonCode:  code.Code,
		})
	}
	_ = h.server.DisconnectClient(cl, code)
}

// OnACLCheck is asked for each publish, each filter and each delivery.
func (h *hook) OnACLCheck(cl *mqtt.Client, topic string, write bool) bool {
	conn, ok := owner(cl)
	if !ok {
		return false
	}
	g := conn.grant.Load()
	switch {
	case g == nil:
		return false
	case write: // OnPacketRead has asked already, and told why not
		return g.session.Publish(topic, false).Allowed()
	case !conn.asksFor(topic):
		return h.mayReceive(cl, conn, g, topic) && h.mayDeliver(cl, conn, topic)
	case !g.session.Subscribe(topic).Allowed():
		h.refused(cl, "SUBSCRIBE", h.denial(conn, g, explain.Operation{Verb: explain.Subscribe, Name: topic}))
		return false
	}
	return true
}

// mayReceive asks the policies about a delivery. AWS withholds it in silence; the
// log tells, of the first message, the second, the fourth, and so on.
func (h *hook) mayReceive(cl *mqtt.Client, conn *client, g *grant, topic string) bool {
	if g.session.Receive(topic).Allowed() {
		return true
	}
	if n := conn.withheld.Add(1); n&(n-1) == 0 {
		h.log.Warn("mqtt message withheld: subscribed, but not allowed to receive", "count", n, "who", conn.who,
			"client", cl.ID, "why", h.denial(conn, g, explain.Operation{Verb: explain.Receive, Name: topic}))
	}
	return false
}

// OnDisconnect logs who has left.
func (h *hook) OnDisconnect(cl *mqtt.Client, err error, _ bool) {
	h.log.Info("mqtt disconnected", "who", whoIs(cl), "client", cl.ID, "why", err)
}

// OnClientExpired takes an expired session out of its subscriptions. mochi
// forgets to, and goes on dealing shared messages to the dead.
func (h *hook) OnClientExpired(cl *mqtt.Client) { h.server.UnsubscribeClient(cl) }

// OnPublishDropped tells that a client does not keep up: at the first message,
// the second, the fourth, and so on.
func (h *hook) OnPublishDropped(cl *mqtt.Client, pk packets.Packet) {
	conn, ok := owner(cl)
	if !ok {
		return
	}
	if n := conn.dropped.Add(1); n&(n-1) == 0 {
		h.log.Warn("mqtt messages dropped: the client is too slow", "count", n, "who", conn.who, "client", cl.ID, "topic", pk.TopicName)
	}
}

func (h *hook) refused(cl *mqtt.Client, what string, why error) {
	h.log.Warn("mqtt refused", "who", whoIs(cl), "what", what, "why", why, "client", cl.ID, "remote", cl.Net.Remote)
}

func whoIs(cl *mqtt.Client) string {
	if conn, ok := owner(cl); ok {
		return conn.who.String()
	}
	return "nobody"
}
