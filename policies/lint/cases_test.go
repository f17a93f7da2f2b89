// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package lint_test

import (
	"fmt"
	"strings"
	"testing"

	"thingpass/policies"
	"thingpass/policies/lint"
)

const (
	T   = "${iot:Connection.Thing.ThingName}"
	arn = "arn:aws:iot:eu-central-1:123456789012:"
)

// stmt makes a statement; what has no colon gets the ARN of AWS IoT before it.
// What stands behind | is a Condition.
func stmt(effect, action, resource string) string {
	resource, condition, found := strings.Cut(resource, " | ")
	list := func(s string, prefix string) string {
		parts := strings.Split(s, " ")
		for i, p := range parts {
			if prefix != "" && p != "*" && !strings.HasPrefix(p, "arn:") {
				p = prefix + p
			}
			parts[i] = fmt.Sprintf("%q", p)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	s := fmt.Sprintf(`{"Effect": %q, "Action": %s, "Resource": %s`, effect, list(action, ""), list(resource, arn))
	if found {
		s += `, "Condition": ` + condition
	}
	return s + "}"
}

func allow(action, resource string) string { return stmt("Allow", action, resource) }
func deny(action, resource string) string  { return stmt("Deny", action, resource) }

func doc(statements ...string) string {
	return `{"Version": "2012-10-17", "Statement": [` + "\n" + strings.Join(statements, ",\n") + "\n]}"
}

// one is a document and whether the rule finds something in it.
type one struct {
	what string
	kind lint.Kind
	text string
	bad  bool
	with func(*lint.Options)
}

func bad(what string, kind lint.Kind, statements ...string) one {
	return one{what, kind, doc(statements...), true, nil}
}

func good(what string, kind lint.Kind, statements ...string) one {
	return one{what, kind, doc(statements...), false, nil}
}

func (o one) given(with func(*lint.Options)) one {
	o.with = with
	return o
}

// judge tries a rule's table, which has both kinds of documents in it.
func judge(t *testing.T, rule string, table ...one) {
	t.Helper()
	seen := map[bool]bool{}
	for _, o := range table {
		var opt lint.Options
		if o.with != nil {
			o.with(&opt)
		}
		r := lint.Run([]lint.Input{{Name: "a.json", Text: []byte(o.text), Kind: o.kind}}, opt)
		if has(r, rule) != o.bad || rule != "PARSE" && has(r, "PARSE") || rule != "JSON" && has(r, "JSON") {
			t.Errorf("%s, %s: found %v, want %v: %v\n%s", rule, o.what, has(r, rule), o.bad, r.Findings, o.text)
		}
		seen[o.bad] = true
	}
	if len(seen) != 2 {
		t.Errorf("%s: the table has no good or no bad document", rule)
	}
}

const attached = ` | {"Bool": {"iot:Connection.Thing.IsAttached": "true"}}`

func TestRulesOfConnect(t *testing.T) {
	t.Parallel()
	judge(t, "IOT001",
		bad("client/*", lint.Thing, allow("iot:Connect", "client/*")),
		bad("*", lint.Thing, allow("iot:Connect", "*")),
		bad("client/?*", lint.Thing, allow("iot:Connect", "client/?*")),
		bad("a prefix that all things share", lint.Thing, allow("iot:Connect", "client/esp-*")),
		bad("by iot:*", lint.Thing, allow("iot:*", "*")),
		bad("of a broker", lint.Broker, allow("iot:Connect", "client/*")),
		bad("IsAttached only if it is there", lint.Thing, allow("iot:Connect", `client/* | {"BoolIfExists": {"iot:Connection.Thing.IsAttached": "true"}}`)),
		bad("IsAttached false", lint.Thing, allow("iot:Connect", `client/* | {"Bool": {"iot:Connection.Thing.IsAttached": "false"}}`)),
		good("exclusive attachment", lint.Thing, allow("iot:Connect", "client/*"+attached)),
		good("the thing's name", lint.Thing, allow("iot:Connect", "client/"+T)),
		good("one device", lint.Thing, allow("iot:Connect", "client/cam1")),
		good("a broker's replicas", lint.Broker, allow("iot:Connect", "client/thingpass-broker-*")),
		good("a claim", lint.Claim, allow("iot:Connect", "client/claim-*")),
		good("a Deny", lint.Thing, deny("iot:Connect", "client/*")),
	)
	judge(t, "IOT002",
		bad("alone", lint.Thing, allow("iot:Connect", "client/${iot:ClientId}")),
		bad("in another case", lint.Thing, allow("iot:Connect", "client/${IOT:clientid}")),
		good("attached", lint.Thing, allow("iot:Connect", "client/${iot:ClientId}"+attached)),
		good("with the thing's name before it", lint.Thing, allow("iot:Connect", "client/"+T+"-${iot:ClientId}")),
	)
	judge(t, "IOT003",
		bad("no condition", lint.Thing, allow("iot:Connect", "client/"+T)),
		good("the condition", lint.Thing, allow("iot:Connect", "client/"+T+attached)),
		good("a service", lint.Broker, allow("iot:Connect", "client/broker")),
	)
}

func TestRulesOfTopics(t *testing.T) {
	t.Parallel()
	judge(t, "IOT004",
		bad("nobody's", lint.Thing, allow("iot:Publish", "topic/devices/*")),
		bad("nobody's, without a wildcard", lint.Thing, allow("iot:Publish", "topic/devices/up")),
		bad("all", lint.Thing, allow("iot:Receive", "*")),
		bad("an attribute is not the thing", lint.Thing, allow("iot:Publish", "topic/${iot:Connection.Thing.Attributes[site]}/*")),
		good("bound", lint.Thing, allow("iot:Publish iot:Receive", "topic/devices/"+T+"/*")),
		good("bound by the certificate", lint.Thing, allow("iot:Publish", "topic/devices/${iot:Certificate.Subject.CommonName}/*")),
		good("what all may hear", lint.Thing, allow("iot:Receive", "topic/news")),
		good("a broker", lint.Broker, allow("iot:Publish", "topic/devices/*")),
		good("Subscribe is others' business", lint.Thing, allow("iot:Subscribe", "topicfilter/devices/up")),
		good("a Deny", lint.Thing, deny("iot:Publish", "topic/*")),
	)
	judge(t, "IOT005",
		bad("any client id", lint.Thing, allow("iot:Connect", "client/*"), allow("iot:Publish", "topic/d/${iot:ClientId}/up")),
		bad("a filter", lint.Thing, allow("iot:Connect", "client/${iot:ClientId}"), allow("iot:Subscribe", "topicfilter/d/${iot:ClientId}/down")),
		good("bound", lint.Thing, allow("iot:Connect", "client/"+T), allow("iot:Publish", "topic/d/${iot:ClientId}/up")),
		good("Connect is elsewhere", lint.Thing, allow("iot:Publish", "topic/d/${iot:ClientId}/up")),
	)
	judge(t, "IOT006",
		bad("Subscribe on topic/", lint.Thing, allow("iot:Subscribe", "topic/d/"+T)),
		bad("Publish on topicfilter/", lint.Thing, allow("iot:Publish", "topicfilter/d/"+T)),
		bad("one of two actions gets nothing", lint.Thing, allow("iot:Subscribe iot:Receive", "topic/d/"+T)),
		bad("in a role", lint.Role, allow("iot:Publish", "topicfilter/d/x")),
		good("each its own", lint.Thing, allow("iot:Subscribe iot:Receive", "topic/d/"+T+" topicfilter/d/"+T)),
		good("all of iot", lint.Broker, allow("iot:*", "topic/d/x")),
		good("*", lint.Broker, allow("iot:Subscribe", "*")),
	)
	judge(t, "IOT007",
		bad("#", lint.Thing, allow("iot:Publish", "topic/d/"+T+"/#")),
		bad("+", lint.Thing, deny("iot:Receive", "topic/d/+/x")),
		good("*", lint.Thing, allow("iot:Publish", "topic/d/"+T+"/*")),
		good("a filter", lint.Thing, allow("iot:Subscribe", "topicfilter/d/"+T+"/#")),
	)
	judge(t, "IOT013",
		bad("a wildcard", lint.Thing, allow("iot:Publish", "topic/d/"+T+"*")),
		bad("letters", lint.Thing, allow("iot:Publish", "topic/d/"+T+"-state")),
		bad("of a client id", lint.Thing, allow("iot:Connect", "client/"+T+"-*"+attached)),
		bad("another variable", lint.Thing, allow("iot:Publish", "topic/d/"+T+"${iot:ClientId}")),
		good("a slash", lint.Thing, allow("iot:Publish", "topic/d/"+T+"/*")),
		good("the end", lint.Thing, allow("iot:Publish", "topic/d/"+T)),
		good("before the variable", lint.Thing, allow("iot:Publish", "topic/d-"+T+"/x")),
		good("a Deny may be wide", lint.Thing, deny("iot:Publish", "topic/d/"+T+"*")),
	)
	judge(t, "IOT014",
		bad("behind letters", lint.Broker, allow("iot:Publish", "topic/d/sensor*")),
		bad("before letters", lint.Broker, allow("iot:Subscribe", "topicfilter/d/*x/y")),
		bad("?", lint.Broker, allow("iot:Publish", "topic/d/a?/x")),
		good("a level", lint.Broker, allow("iot:Publish", "topic/d/*/x")),
		good("the rest", lint.Broker, allow("iot:Publish", "topic/d/*")),
		good("all", lint.Broker, allow("iot:Publish", "topic/*")),
		good("a character", lint.Broker, allow("iot:Publish", "topic/d/a${*}")),
		good("a client id has no levels", lint.Broker, allow("iot:Connect", "client/b-*")),
	)
	judge(t, "IOT026",
		bad("+", lint.Thing, allow("iot:Subscribe", "topicfilter/$aws/things/+/shadow/update")),
		bad("*", lint.Thing, allow("iot:Publish", "topic/$aws/things/*")),
		bad("another thing", lint.Thing, allow("iot:Publish", "topic/$aws/things/cam2/shadow/update")),
		bad("events", lint.Thing, allow("iot:Subscribe iot:Receive", "topicfilter/$aws/events/presence/# topic/$aws/events/*")),
		bad("all of $aws", lint.Thing, allow("iot:Receive", "topic/$aws/*")),
		bad("all filters", lint.Thing, allow("iot:Subscribe", "topicfilter/*")),
		bad("all shadows, by HTTPS", lint.Thing, allow("iot:GetThingShadow", "thing/*")),
		bad("the neighbour", lint.Thing, allow("iot:Publish", "topic/$aws/things/"+T+"*")),
		good("its own", lint.Thing, allow("iot:Publish", "topic/$aws/things/"+T+"/shadow/*")),
		good("its own, by HTTPS", lint.Thing, allow("iot:GetThingShadow", "thing/"+T)),
		good("Basic Ingest", lint.Thing, allow("iot:Publish", "topic/$aws/rules/store/"+T)),
		good("a service", lint.Broker, allow("iot:Receive", "topic/$aws/events/*")),
	)
}

func TestRulesOfFilters(t *testing.T) {
	t.Parallel()
	judge(t, "IOT008",
		bad("+", lint.Broker, allow("iot:Subscribe", "topicfilter/d/+/up")),
		bad("#", lint.Thing, allow("iot:Subscribe", "topicfilter/d/"+T+"/#")),
		good("*", lint.Broker, allow("iot:Subscribe", "topicfilter/d/*")),
		good("a Deny is IOT009's", lint.Broker, deny("iot:Subscribe", "topicfilter/d/#")),
	)
	judge(t, "IOT009",
		bad("filter", lint.Broker, deny("iot:Subscribe", "topicfilter/d/#")),
		bad("topic", lint.Broker, deny("iot:Receive", "topic/d/+/x")),
		good("*", lint.Broker, deny("iot:Receive", "topic/d/*")),
	)
	all := allow("iot:Subscribe", "topicfilter/building/*")
	judge(t, "IOT010",
		bad("the parent's #", lint.Broker, all, deny("iot:Subscribe", "topicfilter/building/room/*")),
		bad("+ for a level", lint.Broker, allow("iot:Subscribe", "topicfilter/building/+/x"), deny("iot:Subscribe", "topicfilter/building/room/x")),
		bad("Receive is denied for less", lint.Broker, all, deny("iot:Subscribe", "topicfilter/building/room/*"), deny("iot:Receive", "topic/building/room/door")),
		bad("Receive is denied under a condition", lint.Broker, all, deny("iot:Subscribe", "topicfilter/building/room/*"),
			deny("iot:Receive", `topic/building/room/* | {"StringEquals": {"iot:ClientId": "x"}}`)),
		good("Receive is denied, too", lint.Broker, all, deny("iot:Subscribe iot:Receive", "topicfilter/building/room/* topic/building/room/*")),
		good("nothing wider is allowed", lint.Broker, allow("iot:Subscribe", "topicfilter/building/hall/*"), deny("iot:Subscribe", "topicfilter/building/room/*")),
		good("the wider ones are denied", lint.Broker, all, deny("iot:Subscribe", "topicfilter/*")),
	)
	judge(t, "IOT011",
		bad("no Receive", lint.Broker, allow("iot:Subscribe", "topicfilter/d/*")),
		bad("Receive of something else", lint.Broker, allow("iot:Subscribe", "topicfilter/d/+/up"), allow("iot:Receive", "topic/d/*/down")),
		bad("Receive by the group's name only", lint.Broker, allow("iot:Subscribe", "topicfilter/$share/g/d/+/up"), allow("iot:Receive", "topic/$share/g/d/*")),
		bad("another variable", lint.Thing, allow("iot:Subscribe", "topicfilter/d/"+T+"/x"), allow("iot:Receive", "topic/d/${iot:Certificate.Id}/x")),
		good("shared", lint.Broker, allow("iot:Subscribe", "topicfilter/$share/g/d/+/up"), allow("iot:Receive", "topic/d/*/up")),
		good("the same variable", lint.Thing, allow("iot:Subscribe", "topicfilter/d/"+T+"/#"), allow("iot:Receive", "topic/d/"+T+"/x")),
		good("no Subscribe", lint.Broker, allow("iot:Publish", "topic/d/x")),
	)
	judge(t, "IOT012",
		bad("more", lint.Broker, allow("iot:Subscribe", "topicfilter/d/*"), allow("iot:Receive", "topic/*")),
		bad("another level", lint.Broker, allow("iot:Subscribe", "topicfilter/d/+/up"), allow("iot:Receive", "topic/d/*/up topic/d/x/down")),
		good("one * for one +", lint.Broker, allow("iot:Subscribe", "topicfilter/d/+/up"), allow("iot:Receive", "topic/d/*/up")),
		good("two filters for one", lint.Broker, allow("iot:Subscribe", "topicfilter/d/a topicfilter/d/b"), allow("iot:Receive", "topic/d/a")),
		good("no Subscribe here", lint.Broker, allow("iot:Receive", "topic/*")),
	)
}

func place(o *lint.Options) {
	o.Place = policies.Place{Partition: "aws", Region: "eu-central-1", Account: "123456789012"}
}
