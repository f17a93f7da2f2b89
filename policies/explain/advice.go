// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"strings"

	"thingpass/policies"
)

// Advice says what would have to change, the least first. All of it has been
// tried. It is empty if the operation is allowed and works.
func (b *Bench) Advice(a Answer) []string {
	if a.Allowed() {
		return b.receiveAdvice(a)
	}
	if a.Decision == policies.ExplicitDeny {
		return b.denialAdvice(a)
	}
	var out []string
	out = append(out, b.otherClients(a.Operation)...)
	out = append(out, b.otherPolicies(a)...)
	if len(out) > 0 {
		return out
	}
	if foreign := b.foreign(a); foreign != "" {
		return []string{foreign}
	}
	return b.statement(a)
}

// denialAdvice names the only statement that matters.
func (b *Bench) denialAdvice(a Answer) []string {
	d, s := a.Document, &a.Document.Statements[a.Statement]
	line := fmt.Sprintf("%s (%s) denies it, and no Allow helps against a Deny: ", d.Label(a.Statement), place(d, s.Pos))
	if len(s.Conditions) > 0 {
		t := a.trace()
		var held []string
		for i := range t.Conditions {
			held = append(held, conditionText(&t.Conditions[i]))
		}
		return []string{line + "it is in force because " + strings.Join(held, " and ")}
	}
	return []string{line + "if this client should be allowed, narrow that statement to what it is meant against"}
}

// trace is that of the statement that decided.
func (a *Answer) trace() *policies.Trace {
	for i := range a.Statements {
		if t := &a.Statements[i]; t.Document == a.Document && t.Statement == a.Result.Statement {
			return t
		}
	}
	return &policies.Trace{}
}

// A change is another way to come, or other policies, that can be tried.
type change struct {
	text  string
	apply func(*Identity)
}

// otherClients tries what the client, or its entry in the registry, could change.
func (b *Bench) otherClients(o Operation) []string {
	var out []string
	changes := b.changes(o)
	for _, c := range changes {
		if b.works(o, c) {
			out = append(out, c.text)
		}
	}
	if len(out) == 0 && len(changes) > 1 && b.works(o, changes...) {
		texts := make([]string, len(changes))
		for i, c := range changes {
			texts[i] = c.text
		}
		out = append(out, strings.Join(texts, ", and "))
	}
	return out
}

func (b *Bench) works(o Operation, changes ...change) bool {
	id := b.id
	for _, c := range changes {
		c.apply(&id)
	}
	return New(id).Decide(o).Allowed()
}

func (b *Bench) changes(o Operation) []change {
	var out []change
	add := func(when bool, apply func(*Identity), format string, args ...any) {
		if when {
			out = append(out, change{fmt.Sprintf(format, args...), apply})
		}
	}
	id, thing := &b.id, b.id.Who.Thing
	add(id.HTTP, func(i *Identity) { i.HTTP = false }, "come over MQTT: over HTTPS AWS IoT knows no thing")
	if thing != nil {
		add(!id.Who.Exclusive && id.ClientID != thing.Name, func(i *Identity) { i.ClientID = thing.Name },
			"connect with client id %q, the thing's name, instead of %q", thing.Name, id.ClientID)
		out = append(out, b.registryChanges(o)...)
	}
	if name := id.ClientID; thing == nil && policies.IsThingName(name) {
		add(true, func(i *Identity) { i.Who.Thing = &policies.Thing{Name: name} },
			"attach the certificate to thing %s (aws iot attach-thing-principal --thing-name %s …)", name, name)
	}
	if o.Verb == Connect {
		add(id.Persistent, func(i *Identity) { i.Persistent = false }, "connect without a persistent session")
		add(!id.Persistent, func(i *Identity) { i.Persistent = true }, "connect with a persistent session")
		add(id.Will != "", func(i *Identity) { i.Will = "" }, "connect without a will")
	}
	return out
}

// registryChanges try the values that conditions ask for of the thing's type and
// attributes.
func (b *Bench) registryChanges(o Operation) []change {
	var out []change
	for _, t := range b.session(o).Explain(o.Action(), b.id.resource(o)).Statements {
		if !t.Action || t.Document.Statements[t.Statement].Effect.Value != "Allow" {
			continue
		}
		for i := range t.Conditions {
			if c, ok := b.registryChange(&t.Conditions[i]); ok {
				out = append(out, c)
			}
		}
	}
	return out
}

func (b *Bench) registryChange(t *policies.ConditionTrace) (change, bool) {
	thing := *b.id.Who.Thing
	key, values := t.Condition.Key.Value, t.Condition.Values
	if t.Holds || len(values) == 0 || strings.ContainsAny(values[0].Value, "*?$") {
		return change{}, false
	}
	value := values[0].Value
	set := func(i *Identity) { i.Who.Thing = &thing }
	if strings.EqualFold(key, "iot:Connection.Thing.ThingTypeName") {
		thing.Type = value
		return change{fmt.Sprintf("give thing %s the type %q", thing.Name, value), set}, true
	}
	head, name, found := strings.Cut(strings.TrimSuffix(key, "]"), "[")
	if !found || !strings.EqualFold(head, "iot:Connection.Thing.Attributes") {
		return change{}, false
	}
	attributes := map[string]string{name: value}
	for k, v := range thing.Attributes {
		if k != name {
			attributes[k] = v
		}
	}
	thing.Attributes = attributes
	return change{fmt.Sprintf("give thing %s the attribute %s=%s", thing.Name, name, value), set}, true
}

// receiveAdvice mends a subscription that is silent.
func (b *Bench) receiveAdvice(a Answer) []string {
	if a.Operation.Verb != Subscribe || len(a.Notes) == 0 {
		return nil
	}
	topic, found := b.topicOf(a.Operation.Name, false)
	if !found {
		return nil
	}
	if !strings.ContainsAny(a.Operation.Name, "+#") {
		return []string{addition("iot:Receive", b.bound(b.id.At.ARN("topic/"+topic), false))}
	}
	return []string{"allow iot:Receive for the topics of " + a.Operation.Name + " that the client is meant to get"}
}
