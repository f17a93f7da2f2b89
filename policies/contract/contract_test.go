// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"fmt"
	"maps"
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

// TestThePoliciesAreTheContract: what the reasons of our IoT policies say is
// needed is what the contract has for each party. AWS may ask iot:Receive with
// $share/… before the topic; no contract can say so.
func TestThePoliciesAreTheContract(t *testing.T) {
	t.Parallel()
	v := templates.Values{Account: "123456789012", Region: "eu-central-1"}
	c := ours(t, v)
	needs := needsOf(c)
	for party, client := range c.Clients {
		given := reasonsOf(t, client.Policy, v)
		for _, topic := range c.Topics {
			if name := topic.Apart[party]; name != "" {
				maps.Copy(given, reasonsOf(t, name, v))
			}
		}
		for operation := range needs[party] {
			if !given[operation] {
				t.Errorf("%s: the contract needs %s, no statement of %s does", party, operation, client.Policy)
			}
		}
		for operation := range given {
			if !needs[party][operation] {
				t.Errorf("%s: %s is there for %s, which the contract does not know", party, client.Policy, operation)
			}
		}
	}
}

// needsOf are the operations of each party, as cam1.
func needsOf(c *contract.Contract) map[string]map[string]bool {
	needs := map[string]map[string]bool{}
	add := func(party, action, resource string) {
		resource = strings.ReplaceAll(contract.For("cam1", resource), "-*", "-x")
		if needs[party] == nil {
			needs[party] = map[string]bool{}
		}
		needs[party][action+" arn:aws:iot:eu-central-1:123456789012:"+resource] = true
	}
	for party, client := range c.Clients {
		for _, id := range client.IDs {
			add(party, "iot:Connect", "client/"+id)
		}
	}
	for _, topic := range c.Topics {
		add(topic.Publish, "iot:Publish", "topic/"+topic.Topic)
		add(topic.Receive, "iot:Receive", "topic/"+topic.Topic)
		for party, filters := range topic.Subscribe {
			for _, filter := range filters {
				add(party, "iot:Subscribe", "topicfilter/"+filter)
			}
		}
	}
	return needs
}

// reasonsOf are the operations that a policy is there for.
func reasonsOf(t *testing.T, policy string, v templates.Values) map[string]bool {
	t.Helper()
	reasons, err := templates.Why(policy, v)
	if err != nil {
		t.Fatal(err)
	}
	given := map[string]bool{}
	for _, reason := range reasons.Statements {
		for _, o := range reason.Needs {
			resource := regexp.MustCompile(`(client/thingpass-[a-z]+-)\w+$`).ReplaceAllString(o.Resource, "${1}x")
			if !strings.Contains(resource, ":topic/$share/") {
				given[o.Action+" "+resource] = true
			}
		}
	}
	return given
}

// TestTheContractIsTheCode: the names of topics are those of the broker and of
// the firmware.
func TestTheContractIsTheCode(t *testing.T) {
	t.Parallel()
	broker, err := os.ReadFile("../../broker/topic.go")
	if err != nil {
		t.Fatal(err)
	}
	firmware := sources(t, "../../firmware/src/core")
	verbs := regexp.MustCompile(`verb\w+ += "([a-z-]+)"`).FindAllSubmatch(broker, -1)
	known := map[string]bool{}
	for _, topic := range ours(t, templates.Values{Root: "root", Template: "T"}).Topics {
		last, isOurs := strings.CutPrefix(topic.Topic, "root/{thing}/")
		known[last] = true
		if isOurs && (topic.Publish == contract.Thing || topic.Receive == contract.Thing) && !strings.Contains(firmware, `"`+last) && !strings.Contains(firmware, "/"+last+`"`) {
			t.Errorf("the firmware has no topic %s", last)
		}
	}
	for _, verb := range verbs {
		if !known[string(verb[1])] {
			t.Errorf("the broker has a topic %s, which the contract does not know", verb[1])
		}
	}
	if len(verbs) < 6 {
		t.Errorf("only %d topics in broker/topic.go", len(verbs))
	}
}

// sources are all files of C in a folder.
func sources(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".c") {
			continue
		}
		text, err := os.ReadFile(dir + "/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}
