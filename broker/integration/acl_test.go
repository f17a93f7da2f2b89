// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"thingpass/broker/internal/testmosquitto"
	"thingpass/policies"
	"thingpass/policies/mosquitto"
)

// The judge of an ACL file is Mosquitto: what it lets through is compared, topic
// by topic, with what AWS IoT Core would, which is the evaluator's word.

// aclCases are our own policies, and those whose translation is not obvious.
func aclCases(t *testing.T) []aclCase {
	const own = "${iot:Connection.Thing.ThingName}"
	all := rule{"Allow", []string{"iot:Subscribe"}, []string{"topicfilter/*"}}
	both := []string{"iot:Publish", "iot:Receive"}
	made := func(name string, rules ...rule) aclCase {
		text := writePolicy(append(rules, all)...)
		return aclCase{name: name, client: "dev-1", text: text, doc: parsePolicy(t, name, text)}
	}
	return []aclCase{
		{name: "thing", client: "dev-1", doc: ourPolicy(t, "thing"), exact: true},
		{name: "broker", client: "thingpass-broker", service: true, doc: ourPolicy(t, "broker")},
		{name: "observer", client: "thingpass-observer", service: true, doc: ourPolicy(t, "observer")},
		{name: "claim", client: "thingpass-claim-1", service: true, doc: ourPolicy(t, "claim"), exact: true},
		made("own subtree", rule{"Allow", both, []string{"topic/devices/" + own + "/*"}}).isExact(),
		made("exact topics", rule{"Allow", both, []string{"topic/devices/" + own + "/up", "topic/devices/all"}}).isExact(),
		made("subtree minus bar", rule{"Allow", both, []string{"topic/devices/" + own + "/*"}},
			rule{"Deny", both, []string{"topic/devices/" + own + "/bar"}}).isExact(),
		made("deny publish only", rule{"Allow", both, []string{"topic/devices/*"}}, rule{"Deny", both[:1], []string{"topic/devices/dev-1/up"}}),
		made("a level in the middle", rule{"Allow", both, []string{"topic/devices/*/up"}}).isExact(),
		made("everything", rule{"Allow", both, []string{"topic/*"}}).isExact(),
		made("a part of a level", rule{"Allow", both, []string{"topic/devices/sensor*"}}),
		made("one character", rule{"Allow", both, []string{"topic/devices/dev-?"}}),
		made("a name as a prefix", rule{"Allow", both, []string{"topic/devices/" + own + "*"}}),
		made("a denied part", rule{"Allow", both, []string{"topic/devices/*"}}, rule{"Deny", both, []string{"topic/devices/sen*/up"}}),
		literal(t),
	}
}

// narrowCases are those in which a list would be looser if it were less careful.
func narrowCases(t *testing.T) []aclCase {
	all := rule{"Allow", []string{"iot:Subscribe"}, []string{"topicfilter/*"}}
	both := []string{"iot:Publish", "iot:Receive"}
	devices := rule{"Allow", both, []string{"topic/devices/*"}}
	made := func(name string, rules ...rule) aclCase {
		return aclCase{name: name, client: "dev-1", doc: parsePolicy(t, name, writePolicy(append(rules, all)...))}
	}
	dollar := made("denied topics with $", rule{"Allow", both, []string{"topic/$x/dev-1/*", "topic/dev-1/*"}}, rule{"Deny", both, []string{"topic/*/up"}},
		rule{"Allow", all.actions, []string{"topicfilter/$x/dev-1/*"}})
	dollar.extra, dollar.exact = []string{"$x/dev-1/up", "$x/dev-1/bar"}, true
	return []aclCase{
		made("a denied region", devices, rule{"Deny", both, []string{"=arn:aws:iot:*:topic/devices/dev-1/up"}}),
		made("a denied kind", devices, rule{"Deny", both, []string{"topi?/devices/*/up"}}).isExact(),
		made("denied by a client id", devices, rule{"Deny", both, []string{"topic/devices/${iot:ClientId}/*"}}).isExact(),
		dollar,
		made("a denied subscription", rule{"Allow", both[1:], []string{"topic/*"}}, rule{"Deny", all.actions, []string{"topicfilter/*"}}),
		made("a word with a space", rule{"Allow", both, []string{"topic/devices/a b/*", "topic/devices/ü/up"}}).isExact(),
		{name: "broker and its watch", client: "thingpass-broker", service: true, doc: ourPolicy(t, "broker"), more: ourPolicy(t, "broker-watch")},
		{name: "broker that gives commands", client: "thingpass-broker", service: true, doc: ourPolicy(t, "broker"), more: ourPolicy(t, "broker-commands")},
	}
}

func literal(t *testing.T) aclCase {
	text := writePolicy(rule{"Allow", []string{"iot:Publish", "iot:Receive"}, []string{"topic/*"}},
		rule{"Allow", []string{"iot:Subscribe"}, []string{"topicfilter/devices/+/up", "topicfilter/dev-1/#"}})
	return aclCase{name: "literal filters", client: "dev-1", exact: true, text: text, doc: parsePolicy(t, "literal filters", text)}
}

type aclCase struct {
	name, client string
	service      bool
	text         string // of a document that is not ours
	doc, more    *policies.Document
	extra        []string // topics beside those of all cases
	exact        bool     // the report says so, and so it must be
}

func (c aclCase) docs() []*policies.Document {
	if c.more == nil {
		return []*policies.Document{c.doc}
	}
	return []*policies.Document{c.doc, c.more}
}

func (c aclCase) isExact() aclCase { c.exact = true; return c }

// TestAnACLFileIsNeverLooser holds each policy to each topic, in both directions
// and through each subscription.
func TestAnACLFileIsNeverLooser(t *testing.T) {
	needsMosquitto(t)
	topics := aclTopics()
	if len(topics) < 500 {
		t.Fatalf("only %d topics", len(topics))
	}
	for _, c := range append(aclCases(t), narrowCases(t)...) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			compareACL(t, c, append(slices.Clone(topics), c.extra...))
		})
	}
}

func compareACL(t *testing.T, c aclCase, topics []string) {
	in := mosquitto.Input{Place: policyPlace}
	if c.service {
		in.Services = []mosquitto.Service{{Name: c.client, Policies: c.docs()}}
	} else {
		in.Things = c.docs()
	}
	list := mosquitto.Compile(in)
	session := sessionOf(t, c)
	lab := newACLLab(t, list.String(), c.client)
	written, read := lab.publishAll(topics), lab.receiveAll(topics)
	looser, stricter := 0, 0
	count := func(direction, topic string, got, want bool) {
		switch {
		case got && !want:
			looser++
			t.Errorf("%s %s: Mosquitto lets it through, AWS would not", direction, topic)
		case !got && want:
			stricter++
			if c.exact {
				t.Errorf("%s %s: Mosquitto refuses it, AWS would not", direction, topic)
			}
		}
	}
	for _, topic := range topics {
		count("publish", topic, written[topic], session.Publish(topic, false).Allowed())
		count("receive", topic, read[topic], delivered(session, topic))
	}
	worst := mosquitto.Exact
	for _, v := range list.Verdicts {
		if v.Fidelity == mosquitto.Stricter || slices.Contains(v.Reasons, "filters that it may cover bring nothing") {
			worst = mosquitto.Stricter
		}
	}
	if stricter > 0 && worst == mosquitto.Exact {
		t.Errorf("%d stricter, and the report does not say so:\n%s", stricter, list.Report())
	}
	t.Logf("%d topics: %d looser, %d stricter", len(topics), looser, stricter)
}

// delivered is true if any subscription that AWS allows brings the topic's
// messages, and iot:Receive lets them through.
func delivered(session *policies.Session, topic string) bool {
	return session.Receive(topic).Allowed() && slices.ContainsFunc(filtersFor(topic), func(f string) bool {
		return session.Subscribe(f).Allowed() || session.Subscribe("$share/thingpass/"+f).Allowed()
	})
}

// filtersFor are all filters that match a topic at AWS.
func filtersFor(topic string) []string {
	levels := strings.Split(topic, "/")
	filters := []string{""}
	var out []string
	for i, level := range levels {
		var next []string
		for _, f := range filters {
			if i > 0 {
				f += "/"
			}
			next = append(next, f+level)
			if i > 0 || !strings.HasPrefix(level, "$") {
				next = append(next, f+"+")
				out = append(out, f+"#")
			}
		}
		filters = next
	}
	return append(out, filters...)
}

// aclTopics is a universe with neighbours of everything that the policies name.
func aclTopics() []string {
	first := []string{"devices", "thingpass", "dev-1", "sensor1", "device", "$aws", "Devices", ""}
	names := []string{"dev-1", "dev-10", "dev-", "DEV-1", "all", "sensor", "sensor1", "sens", "thingpass-broker", "thingpass-observer", "*", "?", "a b", "ü", ""}
	last := []string{"up", "bar", "barx", "response", "upload-request", "upload-complete", "download-request", "credentials-request", "command", "command-result", "uploaded", "uploaded2", "", "dev-1"}
	seen := map[string]bool{}
	var out []string
	add := func(levels ...string) {
		topic := strings.Join(levels, "/")
		if topic != "" && !seen[topic] {
			seen[topic] = true
			out = append(out, topic)
		}
	}
	for i, a := range first {
		add(a)
		for j, b := range names {
			add(a, b)
			for k, c := range last {
				if i < 2 || (j+k+i)%4 == 0 { // all of ours, a part of the others
					add(a, b, c)
				}
				if (i+j+k)%9 == 0 {
					add(a, b, c, "up")
					add(a, b, c, "x", "up")
				}
			}
		}
	}
	add(strings.Split("devices/dev-1/3/4/5/6/7/8", "/")...)
	add(strings.Split("devices/2/3/4/5/6/7/up", "/")...)
	for _, topic := range []string{"accepted", "rejected", "other"} {
		add("$aws", "certificates", "create-from-csr", "json", topic)
		add("$aws", "provisioning-templates", "thingpass", "provision", "json", topic)
		add("$aws", "provisioning-templates", "another", "provision", "json", topic)
	}
	add("$aws", "certificates", "create-from-csr", "json")
	add("$aws", "certificates", "create", "json")
	add("$aws", "provisioning-templates", "thingpass", "provision", "json")
	return out
}

// aclLab is a Mosquitto with the list under test, a client that it is about, and
// one that may do everything.
type aclLab struct {
	t           *testing.T
	client, god *wireClient
}

const aclMarker = "marker/end"

func newACLLab(t *testing.T, list, client string) *aclLab {
	// The user's own lines come before all patterns, so that a marker for him
	// changes nothing else. A user that has lines already gets one more.
	own := "user " + client + "\n"
	if strings.Contains(list, "\n"+own) {
		list = strings.Replace(list, "\n"+own, "\n"+own+"topic readwrite "+aclMarker+"\n", 1)
	} else {
		list = own + "topic readwrite " + aclMarker + "\n" + list
	}
	list = "user god\ntopic readwrite #\ntopic readwrite $aws/#\ntopic readwrite $x/#\n" + list
	m := testmosquitto.Start(t, testmosquitto.Options{ACL: list})
	l := &aclLab{t: t}
	l.god = dialWire(t, m.Services, m.ServiceTLS("god"), "god")
	l.client = dialWire(t, m.Services, m.ThingTLS(client), client)
	return l
}

// publishAll returns what came through when the client published it.
func (l *aclLab) publishAll(topics []string) map[string]bool {
	l.god.subscribe("#", "$aws/#", "$x/#")
	for _, topic := range topics {
		l.client.publish(topic, topic)
	}
	l.client.publish(aclMarker, "end")
	return l.god.until(aclMarker)
}

// receiveAll returns what the client received when it was published.
func (l *aclLab) receiveAll(topics []string) map[string]bool {
	l.god.unsubscribe("#", "$aws/#", "$x/#")
	l.client.subscribe("#", "$aws/#", "$x/#")
	for _, topic := range topics {
		l.god.publish(topic, topic)
	}
	l.god.publish(aclMarker, "end")
	return l.client.until(aclMarker)
}

// rule is a statement in short.
type rule struct {
	effect    string
	actions   []string
	resources []string
}

func writePolicy(rules ...rule) string {
	var statements []string
	for _, r := range rules {
		resources := make([]string, len(r.resources))
		for i, resource := range r.resources {
			var whole bool
			if resources[i], whole = strings.CutPrefix(resource, "="); !whole {
				resources[i] = policyPlace.ARN(resource)
			}
		}
		statements = append(statements, fmt.Sprintf(`{"Effect":%q,"Action":["%s"],"Resource":["%s"]}`,
			r.effect, strings.Join(r.actions, `","`), strings.Join(resources, `","`)))
	}
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}
