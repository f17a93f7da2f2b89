// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"slices"
	"strings"
)

// filterRules are about subscriptions: wildcards that mean nothing, denials that
// deny nothing, and messages that never arrive.
func filterRules() []Rule {
	return []Rule{
		{
			ID: "IOT008", Severity: Warning, Title: "+ or # in an allowed topicfilter/",
			Why:    "They are characters: the resource allows to subscribe with exactly this filter, and not to the single topics that the filter stands for.",
			Fix:    "If that is meant, say so with an ignore. Else write *.",
			Source: "pub-sub-policy",
			Bad:    on(Broker, `{"Effect": "Allow", "Action": "iot:Subscribe", "Resource": "@topicfilter/devices/+/up"}`),
			Good:   on(Broker, `{"Effect": "Allow", "Action": "iot:Subscribe", "Resource": "@topicfilter/devices/*"}`),
			check:  literalFilter,
		},
		{
			ID: "IOT009", Severity: Error, Title: "+ or # in a Deny",
			Why:    "They are characters: this refuses one filter string and no other, and nothing at all of what is delivered.",
			Fix:    "Deny Receive on topic/…/*.",
			Source: "Device Defender, audit-chk-iot-misconfigured-policies",
			Bad:    on(Broker, `{"Effect": "Deny", "Action": "iot:Subscribe", "Resource": "@topicfilter/building/control_room/#"}`),
			Good:   on(Broker, `{"Effect": "Deny", "Action": "iot:Receive", "Resource": "@topic/building/control_room/*"}`),
			check:  literalDeny,
		},
		{
			ID: "IOT010", Severity: Error, Title: "a Deny of Subscribe that a wider filter goes around",
			Why:    "Who may subscribe to building/# gets building/control_room/… with it, whatever is denied below.",
			Fix:    "Deny Receive as well: it is asked at each delivery.",
			Source: "Device Defender, audit-chk-iot-misconfigured-policies",
			Bad: on(Broker, `{"Effect": "Allow", "Action": ["iot:Subscribe"], "Resource": "@topicfilter/building/*"}`,
				`{"Effect": "Deny", "Action": "iot:Subscribe", "Resource": "@topicfilter/building/control_room/*"}`),
			Good: on(Broker, `{"Effect": "Allow", "Action": ["iot:Subscribe"], "Resource": "@topicfilter/building/*"}`,
				`{"Effect": "Deny", "Action": "iot:Subscribe", "Resource": "@topicfilter/building/control_room/*"}`,
				`{"Effect": "Deny", "Action": "iot:Receive", "Resource": "@topic/building/control_room/*"}`),
			check: goneAround, costly: true,
		},
		{
			ID: "IOT011", Severity: Warning, Title: "Subscribe without Receive",
			Why:    "The subscription succeeds, and no message ever arrives: Receive is asked at each delivery.",
			Fix:    "Allow iot:Receive on the topics that the filter stands for.",
			Source: "iot-policy-actions; awsdocs/aws-iot-docs",
			Bad:    on(Broker, `{"Effect": "Allow", "Action": "iot:Subscribe", "Resource": "@topicfilter/devices/*"}`),
			Good: on(Broker, `{"Effect": "Allow", "Action": "iot:Subscribe", "Resource": "@topicfilter/devices/*"}`,
				`{"Effect": "Allow", "Action": "iot:Receive", "Resource": "@topic/devices/*"}`),
			check: silentSubscription, costly: true,
		},
		{
			ID: "IOT012", Severity: Info, Title: "Receive on topics that nothing subscribes to",
			Why:    "AWS does not mind, but a reader asks what it is for; and it counts as soon as another policy allows the subscription.",
			Fix:    "Receive what Subscribe allows, and no more.",
			Source: "iot-policy-actions",
			Bad: on(Broker, `{"Effect": "Allow", "Action": "iot:Subscribe", "Resource": "@topicfilter/devices/*"}`,
				`{"Effect": "Allow", "Action": "iot:Receive", "Resource": "@topic/*"}`),
			Good: on(Broker, `{"Effect": "Allow", "Action": "iot:Subscribe", "Resource": "@topicfilter/devices/+/up"}`,
				`{"Effect": "Allow", "Action": "iot:Receive", "Resource": "@topic/devices/*/up"}`),
			check: unheard, costly: true,
		},
	}
}

func literalFilter(p *pass) {
	p.each("topicfilter", func(s *statement, r resource) {
		if r.kind == "topicfilter" && strings.ContainsAny(r.name, "+#") {
			p.find(Warning, s, r.Text, "if that is meant, ignore this with the reason; else write "+r.with("topicfilter", toKind("topic", r.name)),
				"this allows the filter as it is written, with its + and #, and not the single topics below it")
		}
	}, "iot:Subscribe")
}

func literalDeny(p *pass) {
	for i := range p.statements {
		s := &p.statements[i]
		for _, r := range s.resources {
			if !s.allow && (r.kind == "topicfilter" || r.kind == "topic") && strings.ContainsAny(r.name, "+#") {
				p.find(Error, s, r.Text, "deny iot:Receive on "+r.with("topic", toKind("topic", r.name)),
					"+ and # are characters: this denies one filter string, and none of the topics that it stands for")
			}
		}
	}
}

// patterns are those of a kind of resources that statements speak of.
func patterns(statements []*statement, kind string) []pattern {
	var out []pattern
	for _, s := range statements {
		for _, r := range s.on(kind) {
			out = append(out, r.pat)
		}
	}
	return out
}

func goneAround(p *pass) {
	var deaf []pattern // what is denied at delivery, for certain
	for _, s := range p.denies("iot:Receive") {
		if len(s.Conditions) == 0 && !s.NotResource {
			deaf = append(deaf, patterns([]*statement{s}, "topic")...)
		}
	}
	denied, allowed := patterns(p.denies("iot:Subscribe"), "topicfilter"), patterns(p.allows("iot:Subscribe"), "topicfilter")
	for _, s := range p.denies("iot:Subscribe") {
		for _, r := range s.on("topicfilter") {
			if r.kind != "topicfilter" || strings.ContainsAny(r.name, "+#") || covers(r.pat.topics(), deaf...) { // IOT009's
				continue
			}
			for _, filter := range wider(r.name) {
				f := newPattern(filter)
				if covers(f, allowed...) && !covers(f, denied...) {
					p.find(Error, s, r.Text, "deny iot:Receive on "+r.with("topic", r.name), "a subscription to %s is allowed, and delivers what this denies", filter)
					break
				}
			}
		}
	}
}

// wider are filters that stand for what is below name, and more.
func wider(name string) []string {
	levels := strings.Split(strings.TrimSuffix(strings.TrimSuffix(name, "*"), "/"), "/")
	var out []string
	for i := len(levels) - 1; i >= 0; i-- {
		out = append(out, strings.Join(append(slices.Clone(levels[:i]), "#"), "/"))
		plus := slices.Clone(levels)
		plus[i] = "+"
		out = append(out, strings.Join(plus, "/"), strings.Join(append(plus, "#"), "/"))
	}
	return out
}

func silentSubscription(p *pass) {
	heard := patterns(p.allows("iot:Receive"), "topic")
	p.each("topicfilter", func(s *statement, r resource) {
		topics := r.pat.topics()
		for _, h := range heard {
			if _, found := common(topics, h); found {
				return
			}
		}
		name := r.name
		if rest, shared := strings.CutPrefix(name, "$share/"); shared {
			_, name, _ = strings.Cut(rest, "/")
		}
		p.find(Warning, s, r.Text, "allow iot:Receive on "+r.with("topic", toKind("topic", name)),
			"no iot:Receive of this document fits: the subscription succeeds, and no message ever arrives")
	}, "iot:Subscribe")
}

func unheard(p *pass) {
	subscribed := p.allows("iot:Subscribe")
	if len(subscribed) == 0 {
		return // they may be in another document
	}
	var filters []pattern
	for _, f := range patterns(subscribed, "topicfilter") {
		filters = append(filters, f.topics(), f.topics().levels())
	}
	p.each("topic", func(s *statement, r resource) {
		if _, shared := r.pat.cut("$share/"); shared || s.does("iot:Publish") {
			return // what AWS asks at shared subscriptions is not documented; Publish may need it
		}
		if !covers(r.pat.levels(), filters...) {
			p.find(Info, s, r.Text, "receive only what is subscribed to", "no subscription that this document allows delivers all of this")
		}
	}, "iot:Receive")
}
