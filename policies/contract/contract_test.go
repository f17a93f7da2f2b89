// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"thingpass/policies/contract"
	"thingpass/policies/templates"
)

func ours(t *testing.T, v templates.Values) *contract.Contract {
	t.Helper()
	c, err := contract.Ours(v)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestTheContractIsTheProtocol compares it with the table of PROTOCOL.md, both
// ways.
func TestTheContractIsTheProtocol(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../broker/PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	var protocol, found []string
	row := regexp.MustCompile("(?m)^\\| `<root>/<thing>/([a-z-]+)` \\| (\\w+) → (\\w+) \\|")
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		protocol = append(protocol, m[1]+" "+m[2]+" "+strings.ReplaceAll(m[3], "anyone", contract.Observer))
	}
	for _, topic := range ours(t, templates.Values{Root: "root"}).Topics {
		if last, ok := strings.CutPrefix(topic.Topic, "root/{thing}/"); ok {
			found = append(found, last+" "+topic.Publish+" "+topic.Receive)
		}
	}
	slices.Sort(protocol)
	slices.Sort(found)
	if len(protocol) < 6 || !slices.Equal(protocol, found) {
		t.Errorf("PROTOCOL.md has %q, the contract %q", protocol, found)
	}
}

// TestTheContractIsComplete: whoever receives has subscribed, but the server,
// and filters fit their topics.
func TestTheContractIsComplete(t *testing.T) {
	t.Parallel()
	c := ours(t, templates.Values{})
	for _, topic := range c.Topics {
		if topic.QoS != 1 || topic.Retained {
			t.Errorf("%s: QoS %d, retained %v: [P-2.4] says 1 and never", topic.Topic, topic.QoS, topic.Retained)
		}
		if topic.Receive != contract.Server && len(topic.Subscribe[topic.Receive]) == 0 {
			t.Errorf("%s: %s receives what it has not subscribed to", topic.Topic, topic.Receive)
		}
		for party, filters := range topic.Subscribe {
			if party != topic.Receive {
				t.Errorf("%s: %s subscribes and does not receive", topic.Topic, party)
			}
			for _, filter := range filters {
				plain := regexp.MustCompile(`^\$share/[^/]+/`).ReplaceAllString(filter, "")
				if plain != topic.Topic && plain != strings.ReplaceAll(topic.Topic, "{thing}", "+") {
					t.Errorf("%s: filter %s is for another", topic.Topic, filter)
				}
			}
		}
	}
	for party, client := range c.Clients {
		if len(client.IDs) == 0 || !slices.Contains(templates.Names(), client.Policy) {
			t.Errorf("%s: ids %q, policy %q", party, client.IDs, client.Policy)
		}
	}
}

func TestValuesAndThings(t *testing.T) {
	t.Parallel()
	c := ours(t, templates.Values{Root: "acme/v1", Group: "g", Broker: "b", Template: "T"})
	if got := contract.For("cam1", c.Topics[0].Topic); got != "acme/v1/cam1/upload-request" {
		t.Error(got)
	}
	if got := c.Topics[0].Subscribe[contract.Broker][0]; got != "$share/g/acme/v1/+/upload-request" {
		t.Error(got)
	}
	if got := fmt.Sprint(c.Clients[contract.Broker].IDs, c.Clients[contract.Thing].IDs); got != "[b b-*] [{thing}]" {
		t.Error(got)
	}
	if !slices.ContainsFunc(c.Topics, func(t contract.Topic) bool {
		return t.Topic == "$aws/provisioning-templates/T/provision/json" && t.Publish == contract.Claim
	}) {
		t.Errorf("%+v", c.Topics)
	}
}

func TestWrongContracts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"topics: [{topic: a, publish: thing, receive: server, qos: 1}]":                                                         `publish "thing" and receive "server"`,
		"clients: {thing: {policy: thing}}\ntopics: [{publish: thing, receive: server, qos: 1}]":                                "without a name",
		"clients: {thing: {policy: thing}}\ntopics: [{topic: a, publish: thing, receive: server, qos: 2}]":                      "QoS is 0 or 1",
		"clients: {thing: {policy: thing}}\ntopics: [{topic: a, publish: thing, receive: server, qos: 1, subscribe: {x: [a]}}]": `no client "x"`,
		"topic: a":                               "field topic not found",
		"clients: {thing: {}}\nclients: {a: {}}": "already defined",
		"- a":                                    "cannot unmarshal",
		"":                                       "EOF",
	} {
		if c, err := contract.Parse("my.yaml", []byte(text), templates.Values{}); err == nil || !strings.HasPrefix(err.Error(), "my.yaml: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v", text, c, err)
		}
	}
	if _, err := contract.Ours(templates.Values{Root: "+"}); err == nil {
		t.Error("a wrong value is taken")
	}
}
