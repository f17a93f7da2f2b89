// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"strings"

	"thingpass/policies"
	"thingpass/policies/contract"
)

// contractRules hold a policy against who publishes and receives what.
func contractRules() []Rule {
	up, state := `"@topic/demo/`+thingName+`/up"`, `"@topic/demo/`+thingName+`/state"`
	publish := `{"Effect": "Allow", "Action": "iot:Publish", "Resource": [` + up + `, ` + state + `]}`
	connect := `{"Effect": "Allow", "Action": "iot:Connect", "Resource": "@client/` + thingName + `"`
	return []Rule{
		{
			ID: "IOT020", Severity: Warning, Title: "RetainPublish is missing where messages are retained, or granted where they are not",
			Why:    "A message with RETAIN needs iot:RetainPublish beside iot:Publish; without it the connection is closed. Topics with $ take none.",
			Fix:    "Allow iot:RetainPublish on the topics that the contract calls retained, and on no others.",
			Source: "retained-message-policy-examples",
			Bad:    on(Thing, publish).with("a contract in which …/state is retained", demo),
			Good:   on(Thing, publish, `{"Effect": "Allow", "Action": "iot:RetainPublish", "Resource": `+state+`}`).with("a contract in which …/state is retained", demo),
			kinds:  []Kind{Thing, Broker, Claim}, check: retention,
		},
		{
			ID: "IOT021", Severity: Warning, Title: "the will and the policy do not fit each other",
			Why:    "The server publishes a will in the thing's name. Connect says whether there may be one and where; a will outside Publish is not delivered.",
			Fix:    "Bind iot:LastWillTopic in Connect, and allow Publish on that topic.",
			Source: "connect-policy",
			Bad:    on(Thing, connect+`}`, publish).with("a contract in which …/state is the will's", demo),
			Good: on(Thing, connect+`,
      "Condition": {"ArnEquals": {"iot:LastWillTopic": `+state+`}}}`, publish).with("a contract in which …/state is the will's", demo),
			kinds: []Kind{Thing, Broker, Claim}, check: wills,
		},
		{
			ID: "IOT030", Severity: Error, Title: "a topic that firmware or broker uses is not allowed",
			Why:    "The connection is closed at the first message, without a reason; for a device in the field that means a visit.",
			Fix:    "Allow what the contract says.",
			Source: "broker/PROTOCOL.md, section 2",
			Bad:    on(Thing, `{"Effect": "Allow", "Action": "iot:Publish", "Resource": `+up+`}`, connect+"}").with("a contract with …/up and …/state", demo),
			Good:   on(Thing, publish, connect+"}").with("a contract with …/up and …/state", demo),
			needs:  "contract", kinds: []Kind{Thing, Broker, Claim}, check: gaps,
		},
	}
}

// demo is a contract for examples.
func demo(o *Options) {
	o.Root = "demo"
	o.Contract = &contract.Contract{
		Clients: map[string]contract.Client{contract.Thing: {IDs: []string{"{thing}"}}},
		Topics: []contract.Topic{
			{Topic: "demo/{thing}/up", Publish: contract.Thing, Receive: contract.Broker},
			{Topic: "demo/{thing}/state", Publish: contract.Thing, Receive: contract.Broker, Retained: true, Will: true},
		},
	}
}

// partyOf is who of the contract has the document; "" if nobody.
func (p *pass) partyOf() string {
	c := p.run.opt.Contract
	if c == nil || p.doc == nil || !p.mentions(p.run.opt.Root) {
		return ""
	}
	switch p.Kind {
	case Thing:
		return contract.Thing
	case Claim:
		return contract.Claim
	case Broker:
		for party, client := range c.Clients {
			for _, id := range client.IDs {
				if party != contract.Thing && covers(newPattern(id), patterns(p.allows("iot:Connect"), "client")...) {
					return party
				}
			}
		}
		return contract.Broker
	}
	return ""
}

// mentions is true if the policy speaks of the contract's topics at all; others'
// topics are no gaps in it.
func (p *pass) mentions(root string) bool {
	for _, s := range p.statements {
		for _, r := range s.resources {
			name := r.name
			if rest, shared := strings.CutPrefix(name, "$share/"); shared {
				_, name, _ = strings.Cut(rest, "/")
			}
			if strings.HasPrefix(r.kind, "topic") && (strings.HasPrefix(name, root+"/") || p.Kind == Claim) {
				return true
			}
		}
	}
	return false
}

// place is where the policy's resources are, by the first that says it.
func (p *pass) place() policies.Place {
	for _, s := range p.statements {
		for _, r := range s.resources {
			if r.arn != nil && r.service() == "iot" && !strings.ContainsAny(strings.Join(r.arn, ""), "*?$") {
				return policies.Place{Partition: r.arn[0], Region: r.arn[2], Account: r.arn[3]}
			}
		}
	}
	return policies.Place{Partition: "aws", Region: "eu-central-1", Account: "123456789012"}
}

const someThing = "cam1"

// A desk tries what a party does.
type desk struct {
	*pass
	place   policies.Place
	set     *policies.Set
	who     policies.Principal
	id      string
	session *policies.Session
}

// desk is nil if the contract does not speak of the document.
func (p *pass) desk() *desk {
	c := p.run.opt.Contract
	if c == nil || p.party == "" {
		return nil
	}
	d := &desk{pass: p, place: p.place(), set: policies.Compile(policies.IoT, p.doc), id: someThing}
	if ids := c.Clients[p.party].IDs; len(ids) > 0 {
		d.id = strings.ReplaceAll(contract.For(someThing, ids[0]), "*", "1")
	}
	if p.party == contract.Thing {
		d.who.Thing = &policies.Thing{Name: someThing}
	}
	d.session, _ = d.set.Connect(d.place, d.who, policies.ConnectRequest{ClientID: d.id})
	return d
}

// where is what a finding on an action is about: a statement that has it, or the
// document.
func (p *pass) where(action string) (*statement, policies.Text) {
	if with := p.allows(action); len(with) > 0 {
		return with[0], with[0].Actions[0]
	}
	return nil, p.start()
}

// written is a topic of the contract as a policy of the party has it.
func (d *desk) written(kind, topic string) string {
	name := thingName
	switch {
	case d.party != contract.Thing && kind == "topic":
		name = "*"
	case d.party != contract.Thing:
		name = "+"
	}
	return d.place.ARN(kind + "/" + contract.For(name, topic))
}

func retention(p *pass) {
	p.each("topic", func(s *statement, r resource) {
		if strings.HasPrefix(r.name, "$") {
			p.find(Warning, s, r.Text, "take it away", "topics that begin with $ take no retained messages")
		}
	}, "iot:RetainPublish")
	d := p.desk()
	if d == nil {
		return
	}
	for _, t := range p.run.opt.Contract.Topics {
		if t.Publish != p.party {
			continue
		}
		answer := d.session.Decide("iot:RetainPublish", d.place.ARN("topic/"+contract.For(someThing, t.Topic)))
		switch {
		case t.Retained && !answer.Allowed() && d.session.Publish(contract.For(someThing, t.Topic), false).Allowed():
			s, at := p.where("iot:Publish")
			p.find(Warning, s, at, "allow iot:RetainPublish on "+d.written("topic", t.Topic), "%s is retained, and iot:RetainPublish is not allowed on it", t.Topic)
		case !t.Retained && answer.Allowed():
			s := &p.statements[answer.Statement]
			p.find(Warning, s, s.Actions[0], "take iot:RetainPublish away", "%s is not retained, but iot:RetainPublish is allowed on it", t.Topic)
		}
	}
}

func wills(p *pass) {
	for _, s := range p.allows("iot:Connect") {
		if c := s.condition("iot:LastWillTopic"); c != nil {
			for _, v := range c.Values {
				if r := newResource(v); r.arn != nil && !covers(r.pat, patterns(p.allows("iot:Publish"), "topic")...) {
					p.find(Warning, s, v, "allow iot:Publish on "+v.Value, "the will may go where the client itself may not publish")
				}
			}
		}
	}
	d := p.desk()
	if d == nil {
		return
	}
	for _, t := range p.run.opt.Contract.Topics {
		if t.Will && t.Publish == p.party {
			d.will(t)
		}
	}
}

func (d *desk) will(t contract.Topic) {
	topic := contract.For(someThing, t.Topic)
	_, answer := d.set.Connect(d.place, d.who, policies.ConnectRequest{ClientID: d.id, WillTopic: topic})
	if !answer.Allowed() {
		s, at := d.where("iot:Connect")
		d.find(Warning, s, at, `allow it: "ArnEquals": {"iot:LastWillTopic": "`+d.written("topic", t.Topic)+`"}`, "%s is a will's topic, and Connect does not allow that will", t.Topic)
		return
	}
	s := &d.statements[answer.Statement]
	if s.condition("iot:LastWillTopic") == nil {
		d.find(Warning, s, s.Actions[0], `add "ArnEquals": {"iot:LastWillTopic": "`+d.written("topic", t.Topic)+`"}`, "Connect allows a will to any topic; the contract has one on %s", t.Topic)
	}
	if !d.session.Publish(topic, false).Allowed() {
		d.find(Warning, s, s.Actions[0], "allow iot:Publish on "+d.written("topic", t.Topic), "%s is a will's topic, and Publish does not allow it", t.Topic)
	}
}

// willTopic is that of the party; "" if it leaves no will.
func (d *desk) willTopic() string {
	for _, t := range d.run.opt.Contract.Topics {
		if t.Will && t.Publish == d.party {
			return contract.For(someThing, t.Topic)
		}
	}
	return ""
}

func gaps(p *pass) {
	d := p.desk()
	if d == nil || len(p.allows("iot:Connect")) == 0 { // it only adds to another document
		return
	}
	gap := func(action, kind, topic, what string, answer policies.Result) {
		if !answer.Allowed() {
			s, at := p.where(action)
			p.find(Error, s, at, "allow "+action+" on "+d.written(kind, topic), "the %s %s %s, and this policy does not allow it", p.party, what, topic)
		}
	}
	for _, t := range p.run.opt.Contract.Topics {
		topic := contract.For(someThing, t.Topic)
		if t.Apart[p.party] != "" {
			continue
		}
		if t.Publish == p.party {
			gap("iot:Publish", "topic", t.Topic, "publishes to", d.session.Publish(topic, false))
		}
		if t.Receive == p.party {
			gap("iot:Receive", "topic", t.Topic, "receives", d.session.Receive(topic))
		}
		for _, filter := range t.Subscribe[p.party] {
			gap("iot:Subscribe", "topicfilter", filter, "subscribes to", d.session.Subscribe(contract.For(someThing, filter)))
		}
	}
	if with := p.allows("iot:Connect"); len(with) > 0 {
		for _, id := range p.run.opt.Contract.Clients[p.party].IDs {
			id = strings.ReplaceAll(contract.For(someThing, id), "*", "1")
			if _, answer := d.set.Connect(d.place, d.who, policies.ConnectRequest{ClientID: id, WillTopic: d.willTopic()}); !answer.Allowed() {
				p.find(Error, with[0], with[0].Actions[0], "allow iot:Connect on "+d.place.ARN("client/"+id), "the %s connects as %s, and this policy does not allow it", p.party, id)
			}
		}
	}
}
