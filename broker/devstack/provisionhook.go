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
	"fmt"
	"log/slog"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"thingpass/policies/registry"
)

// Provisioning has the server give things an identity, by claim.
type Provisioning struct {
	CA        *x509.Certificate // that signs,
	Key       crypto.Signer     // with this key
	Templates []Template
	// Claims are the names of services whose certificate is a claim, and which templates
	// each may use; default DefaultClaim, all of them. A registry that is given says so
	// itself.
	Claims map[string][]string
}

// openProvisioning makes the provisioner, if there is to be one.
func (m *MQTT) openProvisioning(o MQTTOptions, store *registry.Store, log *slog.Logger) error {
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
	if o.Registry == nil {
		err = o.Provisioning.enter(store, p)
	}
	p.fleet = registryFleet{store}
	p.reserved = func(thing string) bool { return store.Registry().Owner(thing) != "" }
	p.log, p.strict = log, o.Strict != nil
	m.hook.provisioner = p
	return errors.Join(err, p.checkGroups(store.Registry()))
}

// enter makes claims and groups known to a registry in memory.
func (o *Provisioning) enter(store *registry.Store, p *provisioner) error {
	claims := o.Claims
	if claims == nil {
		claims = map[string][]string{DefaultClaim: p.templateNames()}
	}
	return store.Edit(func(d *registry.Draft) error {
		var problems []error
		for claim, templates := range claims {
			c := registry.Certificate{CommonName: claim}
			for _, t := range templates {
				c.Policies = append(c.Policies, claim+"."+t)
				problems = append(problems, d.AddBuiltin(claim+"."+t, "claim", map[string]string{"claim": claim, "template": t}))
			}
			problems = append(problems, d.AddCertificate(c))
		}
		groups := map[string]bool{"": true, registry.ThingGroup: true}
		for _, t := range o.Templates {
			if !groups[t.Group] {
				problems = append(problems, d.AddGroup(registry.Group{Name: t.Group, Policies: []string{"thing"}}))
			}
			groups[t.Group] = true
		}
		return errors.Join(problems...)
	})
}

// checkGroups sees to it that what is provisioned can do something.
func (p *provisioner) checkGroups(r *registry.Registry) error {
	var problems []error
	for name, t := range p.templates {
		if t.Group == "" {
			if r.Group(registry.ThingGroup) == nil {
				problems = append(problems, fmt.Errorf("provisioning template %s names no group, and the registry has no group %s: give it one", name, registry.ThingGroup))
			}
			t.Group = registry.ThingGroup
			p.templates[name] = t
		} else if r.Group(t.Group) == nil {
			problems = append(problems, fmt.Errorf("provisioning template %s: the registry has no group %s: add it", name, t.Group))
		}
	}
	return errors.Join(problems...)
}

// isQuestion tells whether a publish is for the provisioner, and so for nobody else.
func (h *hook) isQuestion(topic string) bool {
	_, _, ok := provisioningTopic(topic)
	return ok && h.provisioner != nil
}

// mayHear asks the policies about an answer, which mochi does not see.
func (h *hook) mayHear(cl *mqtt.Client, topic string) bool {
	conn, ok := owner(cl)
	if !ok {
		return false
	}
	g := conn.grant.Load()
	return g != nil && h.mayReceive(cl, conn, g, topic)
}

// answerQuestion answers a question that mochi has acknowledged.
func (h *hook) answerQuestion(cl *mqtt.Client, pk packets.Packet) {
	topic, reply := h.provisioner.answer(pk.TopicName, pk.Payload)
	for filter := range cl.State.Subscriptions.GetAll() {
		if !matches(filter, topic) || !h.mayHear(cl, topic) {
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
