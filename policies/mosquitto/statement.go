// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mosquitto

import (
	"fmt"
	"slices"
	"strings"

	"thingpass/policies"
)

// directions of messages, and the actions that are asked for them.
var directions = []struct{ access, action string }{{"write", "iot:Publish"}, {"read", "iot:Receive"}}

func (s *section) statement(doc *policies.Document, i int) {
	st := &doc.Statements[i]
	v := Verdict{Document: doc.Name, Statement: doc.Label(i), User: s.user, Fidelity: Exact}
	v.deny = st.Effect.Value == "Deny"
	var wanted []string
	for _, d := range directions {
		if doc.Covers(i, d.action) {
			wanted = append(wanted, d.access)
		}
	}
	v.noteRights(doc, i)
	if v.deny {
		s.denial(doc, i, wanted, &v)
	} else {
		s.leave(doc, st, wanted, &v)
	}
	s.verdicts = append(s.verdicts, v)
}

// noteRights tells of rights that Mosquitto does not have.
func (v *Verdict) noteRights(doc *policies.Document, i int) {
	for action, why := range map[string]string{
		"iot:Connect":       "who has a certificate connects, under any client id unless use_username_as_clientid makes it the name",
		"iot:Subscribe":     "each SUBSCRIBE succeeds; messages are withheld by the read lines",
		"iot:RetainPublish": "who may publish may have it retained",
	} {
		if doc.Covers(i, action) {
			v.worsen(NotEnforceable, action+": "+why)
		}
	}
	slices.Sort(v.Reasons)
}

func (v *Verdict) worsen(f Fidelity, why string) {
	if v.Fidelity != NotEnforceable {
		v.Fidelity = f
	}
	if !slices.Contains(v.Reasons, why) {
		v.Reasons = append(v.Reasons, why)
	}
}

func (s *section) leave(doc *policies.Document, st *policies.Statement, wanted []string, v *Verdict) {
	if len(wanted) == 0 {
		return
	}
	if c := obstacle(st); c != "" {
		v.worsen(Stricter, "left out: "+c)
		return
	}
	for _, resource := range st.Resources {
		for _, t := range s.topicTargets(doc, resource.Value) {
			s.leaveTarget(resource.Value, t, wanted, v)
		}
	}
}

func (s *section) leaveTarget(resource string, t target, wanted []string, v *Verdict) {
	if t.err != nil {
		v.worsen(Stricter, resource+" is left out, or a part of it: "+t.err.Error())
		return
	}
	topics := expand(t.levels, s.most)
	if len(expand(t.levels, maxLevels)) > len(topics) {
		v.worsen(Stricter, fmt.Sprintf("topics of more than %d levels are left out", s.most))
	}
	for _, access := range wanted {
		for _, topic := range s.reachable(access, topics) {
			s.add(access, topic)
			v.topics = append(v.topics, topic)
		}
	}
}

// obstacle is why an Allow cannot be said at all; "" if it can.
func obstacle(st *policies.Statement) string {
	if st.NotAction || st.NotResource {
		return "NotAction and NotResource have no counterpart"
	}
	for _, c := range st.Conditions {
		attached := strings.EqualFold(c.Key.Value, "iot:Connection.Thing.IsAttached") && c.Operator.Value == "Bool" &&
			len(c.Values) == 1 && strings.EqualFold(c.Values[0].Value, "true")
		if !attached { // who has a certificate of the CA is taken for attached
			return "condition " + c.Operator.Value + " " + c.Key.Value + " has no counterpart"
		}
	}
	return ""
}

func (s *section) denial(doc *policies.Document, i int, wanted []string, v *Verdict) {
	st := &doc.Statements[i]
	if doc.Covers(i, "iot:Subscribe") {
		v.worsen(Stricter, "filters that it may cover bring nothing")
	}
	if len(wanted) == 0 {
		return
	}
	if len(wanted) == 1 {
		v.worsen(Stricter, "deny covers both directions")
	}
	for _, c := range st.Conditions {
		v.worsen(Stricter, "it denies whatever the condition "+c.Operator.Value+" "+c.Key.Value+" says")
	}
	if st.NotResource {
		v.worsen(Stricter, "it denies everything: NotResource has no counterpart")
		s.deny(v, everything()...)
		return
	}
	for _, resource := range st.Resources {
		for _, t := range s.topicTargets(doc, resource.Value) {
			if t.err == nil {
				s.deny(v, expand(t.levels, maxLevels)...)
				continue
			}
			v.worsen(Stricter, resource.Value+" denies more: "+t.err.Error())
			s.deny(v, below(t.levels)...)
		}
	}
}

// deny adds what + and # do not cover.
func (s *section) deny(v *Verdict, topics ...string) {
	add := func(topic string) {
		s.add("deny", topic)
		v.topics = append(v.topics, topic)
	}
	for _, topic := range topics {
		add(topic)
		first, rest, more := strings.Cut(topic, "/")
		if first != "+" && first != "#" {
			continue
		}
		for _, other := range s.firsts {
			switch {
			case first == "#":
				add(other + "/#")
			case more:
				add(other + "/" + rest)
			default:
				add(other)
			}
		}
	}
}

func (s *section) word() string {
	if s.user != "" {
		return "topic"
	}
	return "pattern"
}
