// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package guard

import "thingpass/policies"

// Access is what Mosquitto asks about.
type Access int

// Mosquitto's numbers (mosquitto_broker.h, MOSQ_ACL_…).
const (
	Read        Access = 1 // a message is about to be delivered
	Write       Access = 2
	Subscribe   Access = 4
	Unsubscribe Access = 8
)

// An Asker tells who is behind a handle that did not CONNECT by our leave.
type Asker struct {
	ClientID, Name string
	Connected      bool // there is a connection, whoever let it in
	Connection     bool // there was one: what is published is its will
}

// Check decides about a message or a subscription. Of a connection that is not
// there any more, a waiting session or a will, identify says whose it is. Nothing
// of the topic is kept.
func (g *Guard) Check(h Handle, access Access, topic string, retain bool, identify func() Asker) bool {
	if access == Unsubscribe {
		return true
	}
	c := g.clients[h]
	if c == nil {
		return g.checkOffline(access, topic, retain, identify())
	}
	if c.generation != g.generation {
		g.judge(c)
	}
	if c.condemned {
		return false
	}
	if c.displaced {
		return access == Write && g.will(c, topic, retain)
	}
	if ask(c.session, access, topic, retain).Allowed() {
		return true
	}
	if access == Write || access == Subscribe && g.options.EndOnSubscribe { // AWS ends the connection
		g.condemn(c)
	}
	g.explain(c, access, topic, retain)
	return false
}

func (g *Guard) condemn(c *client) {
	c.condemned = true
	g.kicks++
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
func (g *Guard) explain(c *client, access Access, topic string, retain bool) {
	if access == Read || !g.log.open() {
		return
	}
	action, kind, what := "iot:Publish", "topic/", "PUBLISH"
	switch {
	case access == Subscribe:
		action, kind, what = "iot:Subscribe", "topicfilter/", "SUBSCRIBE"
	case retain && c.session.Publish(topic, false).Allowed():
		action = "iot:RetainPublish"
	}
	x := c.session.Explain(action, g.store.Registry().Place.ARN(kind+topic))
	g.refuse(c.who.Name, what, x.Summary(), c.request.ClientID)
}
