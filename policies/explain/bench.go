// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"strings"

	"thingpass/policies"
	"thingpass/policies/language"
)

// A Bench answers for one identity.
type Bench struct {
	id         Identity
	iot        *policies.Session
	connecting *policies.Session
	iam        *policies.Session
}

// New prepares the answers: policies are compiled once, and variables resolved.
func New(id Identity) *Bench {
	id = id.withDefaults()
	iot := policies.Compile(policies.IoT, id.Documents...)
	iam := policies.Compile(policies.IAM, id.Documents...)
	r := id.request()
	return &Bench{
		id:         id,
		iot:        iot.Session(id.At, id.add(id.principal().Context(r.ClientID, r.SourceIP))),
		connecting: iot.Session(id.At, id.add(r.Context(id.At, id.principal()))),
		iam:        iam.Session(id.At, id.iamContext()),
	}
}

// Identity is who it answers for, with what follows from what was given.
func (b *Bench) Identity() Identity { return b.id }

// An Answer is a decision and what led to it.
type Answer struct {
	Operation Operation
	policies.Explanation
	Publish *policies.Explanation // of retain: what iot:Publish alone would give
	Notes   []string              // what AWS allows and yet will not work
}

// Ask decides on an operation.
func (b *Bench) Ask(o Operation) Answer {
	a := Answer{Operation: o, Explanation: b.session(o).Explain(o.Action(), b.id.resource(o))}
	if note := b.id.groupsDoNotCount(); note != "" && !a.Allowed() {
		a.Notes = append(a.Notes, note)
	}
	switch o.Verb {
	case Retain: // RetainPublish is asked in addition to Publish
		plain := b.iot.Explain("iot:Publish", a.Resource)
		a.Publish = &plain
		if !plain.Allowed() {
			a.Explanation = plain
		}
	case Subscribe:
		a.Notes = append(a.Notes, b.silent(a)...)
	case Connect:
		if b.id.Will != "" && a.Allowed() {
			b.will(&a)
		}
	}
	return a
}

// Decide is Ask for those who want to know no more than the decision.
func (b *Bench) Decide(o Operation) policies.Result {
	if o.Verb == Connect && b.id.Will != "" {
		if r := b.iot.Publish(b.id.Will, false); !r.Allowed() && b.connecting.Decide(o.Action(), b.id.resource(o)).Allowed() {
			return r
		}
	}
	if o.Verb == Retain {
		if r := b.iot.Decide("iot:Publish", b.id.resource(o)); !r.Allowed() {
			return r
		}
	}
	if !strings.HasPrefix(o.Name, "arn:") { // these make no ARN
		switch o.Verb {
		case Publish:
			return b.iot.Publish(o.Name, false)
		case Receive:
			return b.iot.Receive(o.Name)
		case Subscribe:
			return b.iot.Subscribe(o.Name)
		}
	}
	return b.session(o).Decide(o.Action(), b.id.resource(o))
}

func (b *Bench) session(o Operation) *policies.Session {
	switch {
	case o.IAM():
		return b.iam
	case o.Verb == Connect:
		return b.connecting
	}
	return b.iot
}

// will puts the decision on the will in the place of that on the connection, if
// it is the will that AWS refuses the connection for (life-cycle-events, "Connect
// attempt failure event": "not authorized to publish to that last will topic").
func (b *Bench) will(a *Answer) {
	publish := b.iot.Explain("iot:Publish", b.id.At.ARN("topic/"+b.id.Will))
	if publish.Allowed() {
		return
	}
	a.Explanation = publish
	a.Notes = append(a.Notes, fmt.Sprintf("iot:Connect is allowed, but the connection has a will: iot:Publish on %s is denied", b.id.Will))
}

// Session is the one that decides on an action.
func (b *Bench) Session(action string) *policies.Session {
	o := Operation{Verb: action}
	if action == "iot:Connect" {
		o.Verb = Connect
	}
	return b.session(o)
}

// silent tells of subscriptions that AWS accepts and never delivers to:
// iot:Receive is asked for each message (iot-policy-actions).
func (b *Bench) silent(a Answer) []string {
	if !a.Allowed() {
		return nil
	}
	reached, some := b.topicOf(a.Operation.Name, true)
	lost, partly := b.topicOf(a.Operation.Name, false)
	switch {
	case !some:
		return []string{fmt.Sprintf("subscribed but silent: iot:Receive is allowed for no topic of %s, so nothing is ever delivered", a.Operation.Name)}
	case partly:
		return []string{fmt.Sprintf("partly silent: iot:Receive allows %s, but not %s, though the filter has both", reached, lost)}
	}
	return nil
}

// topicOf finds a topic of the filter that iot:Receive allows, or does not.
func (b *Bench) topicOf(filter string, allowed bool) (string, bool) {
	prefix := b.id.At.ARN("topic/")
	patterns := []policies.Glob{append(language.Literal(prefix), language.Filter(filter)...)}
	r := language.NewRights(b.iot.Rules("iot:Receive"), &patterns)
	topic, found, err := language.Search{
		Patterns: patterns, Prefix: prefix, Without: "+#", NonEmpty: true,
		Want: func(hits []bool) bool { return hits[0] && r.Allowed(hits) == allowed },
	}.Shortest()
	if err != nil { // too large: say nothing rather than something wrong
		return "", allowed
	}
	return topic[min(len(prefix), len(topic)):], found
}
