// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

// mochi takes a client's publish to a topic that begins with $, if it is not $SYS, and
// would hand it and the answers to whoever subscribes. AWS hands a question to nobody
// and its answer to the connection that asked. So a question goes no further, and the
// answer is written to the one client, if it has subscribed.

import (
	"crypto"
	"crypto/x509"
	"errors"
	"log/slog"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// Provisioning has the server give things an identity, by claim.
type Provisioning struct {
	CA        *x509.Certificate // that signs,
	Key       crypto.Signer     // with this key
	Templates []Template
	// Claims are the names of services whose certificate is a claim, and which templates
	// each may use; default DefaultClaim, all of them.
	Claims map[string][]string
}

// openProvisioning makes the provisioner, if there is to be one.
func (m *MQTT) openProvisioning(o MQTTOptions, t *topics, log *slog.Logger) error {
	if o.Provisioning == nil {
		return nil
	}
	if o.Provisioning.CA == nil || o.Provisioning.Key == nil || len(o.Provisioning.Templates) == 0 {
		return errors.New("provisioning needs a CA that signs and a template")
	}
	p, err := newProvisioner(o.Provisioning.Templates)
	if err != nil {
		return err
	}
	p.issuer = &claimIssuer{o.Provisioning.CA, o.Provisioning.Key}
	t.claims = o.Provisioning.Claims
	if t.claims == nil {
		t.claims = map[string][]string{DefaultClaim: p.templateNames()}
	}
	fleet := newMemoryFleet()
	p.fleet, m.listener.fleet = fleet, fleet
	p.reserved = func(thing string) bool { return t.serviceOf(thing) != "" }
	p.log, p.strict = log, o.Strict != nil
	m.hook.provisioner = p
	return t.check()
}

// isQuestion tells whether a publish is for the provisioner, and so for nobody else.
func (h *hook) isQuestion(topic string) bool {
	_, _, ok := provisioningTopic(topic)
	return ok && h.provisioner != nil
}

// answerQuestion answers a question that mochi has acknowledged.
func (h *hook) answerQuestion(cl *mqtt.Client, pk packets.Packet) {
	topic, reply := h.provisioner.answer(pk.TopicName, pk.Payload)
	for filter := range cl.State.Subscriptions.GetAll() {
		if !matches(filter, topic) {
			continue
		}
		// QoS 0: whoever misses an answer asks again, and nothing is left in a session.
		err := cl.WritePacket(packets.Packet{
			ProtocolVersion: cl.Properties.ProtocolVersion,
			FixedHeader:     packets.FixedHeader{Type: packets.Publish},
			TopicName:       topic,
			Payload:         reply,
		})
		if err != nil {
			h.log.Debug("provisioning: the client has left before its answer", "client", cl.ID, "why", err)
		}
		return
	}
	h.log.Warn("provisioning: nobody hears the answer: subscribe to it before asking", "who", whoIs(cl), "topic", topic)
}
