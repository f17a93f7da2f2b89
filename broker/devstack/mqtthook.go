// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

// mochi asks its hooks for leave. This is the only hook, and it says no to
// whatever the table in mqttrights.go does not name. mochi's own ledger is not
// used: it ends in yes.
//
// A refused publish ends the connection, as on AWS IoT Core; mochi alone would
// drop a QoS 0 message in silence. A refused subscription is answered with 0x87
// (0x80 before MQTT 5). Either is logged: who, what, why.

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

const (
	maxPayload = 128 << 10 // bytes, as on AWS IoT Core
	maxPacket  = 146 << 10 // bytes, likewise
)

type hook struct {
	mqtt.HookBase
	topics   *topics
	server   *mqtt.Server
	sessions *sessions
	strict   *Strict // nil: not
	// provisioner answers claims; nil: nobody does.
	provisioner *provisioner
	discards    atomic.Int64
	log         *slog.Logger
}

func (h *hook) ID() string { return "thingpass" }

func (h *hook) Provides(b byte) bool {
	switch b {
	case mqtt.OnConnect, mqtt.OnConnectAuthenticate, mqtt.OnACLCheck, mqtt.OnPacketRead, mqtt.OnPacketEncode,
		mqtt.OnSessionEstablish, mqtt.OnSessionEstablished, mqtt.OnDisconnect, mqtt.OnClientExpired,
		mqtt.OnPublish, mqtt.OnPublished, mqtt.OnPublishDropped:
		return true
	case mqtt.OnSubscribe, mqtt.OnSubscribed, mqtt.OnSelectSubscribers:
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
func (h *hook) OnConnectAuthenticate(cl *mqtt.Client, pk packets.Packet) bool {
	return h.admit(cl, pk) == nil
}

func (h *hook) admit(cl *mqtt.Client, pk packets.Packet) error {
	conn, ok := owner(cl)
	if !ok {
		return errors.New("no certificate")
	}
	if err := h.topics.connect(conn.who, pk.Connect.ClientIdentifier); err != nil {
		return err
	}
	if !pk.Connect.WillFlag {
		return nil
	}
	if err := h.topics.publish(conn.who, pk.Connect.WillTopic); err != nil {
		return fmt.Errorf("will: %w", err)
	}
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
		if code, err := h.checkPublish(conn.who, pk); err != nil {
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

func (h *hook) checkPublish(who identity, pk packets.Packet) (packets.Code, error) {
	if code, err := h.narrowPublish(pk); err != nil {
		return code, err
	}
	if err := h.topics.publish(who, pk.TopicName); err != nil {
		return packets.ErrNotAuthorized, err
	}
	if pk.FixedHeader.Retain {
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
	check := h.topics.read
	what := "SUBSCRIBE"
	if write {
		check, what = h.topics.publish, "PUBLISH"
	}
	if err := check(conn.who, topic); err != nil {
		h.refused(cl, what, err)
		return false
	}
	return write || h.mayDeliver(cl, conn, topic)
}

// OnSessionEstablished logs who is there.
func (h *hook) OnSessionEstablished(cl *mqtt.Client, _ packets.Packet) {
	h.log.Info("mqtt connected", "who", whoIs(cl), "client", cl.ID, "version", cl.Properties.ProtocolVersion, "remote", cl.Net.Remote)
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
