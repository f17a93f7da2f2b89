// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package policies_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/netip"
	"strings"
	"testing"

	"thingpass/policies"
)

// Decisions that AWS's documents give, page by page, with example policies of the
// same form. Each group has one policy and one client.

// client is who connects.
type client struct {
	id         string // the client id
	thing      string // "": attached to none
	exclusive  bool
	kind       string
	attributes map[string]string
	subject    pkix.Name
	ip         string
	persistent bool
	will       string
}

func (c client) principal() policies.Principal {
	p := policies.Principal{Exclusive: c.exclusive}
	if c.thing != "" {
		p.Thing = &policies.Thing{Name: c.thing, Type: c.kind, Attributes: c.attributes}
	}
	if len(c.subject.Names) > 0 {
		p.Certificate = &x509.Certificate{Subject: c.subject, SerialNumber: big.NewInt(0xabc), Raw: []byte("der")}
	}
	return p
}

func (c client) connect(set *policies.Set) (*policies.Session, policies.Result) {
	ip, _ := netip.ParseAddr(c.ip)
	return set.Connect(place, c.principal(), policies.ConnectRequest{
		ClientID: c.id, Persistent: c.persistent, WillTopic: c.will, SourceIP: ip,
	})
}

// decide reads "publish a/b", "retain a/b", "subscribe f", "receive t", "connect".
func (c client) decide(set *policies.Set, operation string) policies.Result {
	session, connected := c.connect(set)
	verb, name, _ := strings.Cut(operation, " ")
	switch verb {
	case "connect":
		return connected
	case "publish":
		return session.Publish(name, false)
	case "retain":
		return session.Publish(name, true)
	case "subscribe":
		return session.Subscribe(name)
	case "receive":
		return session.Receive(name)
	case "assume":
		return session.AssumeRole(name)
	case "direct":
		return session.Decide("iot:SendDirectMessage", place.ARN("client/"+name))
	case "shadow":
		return session.Decide("iot:GetThingShadow", place.ARN("thing/"+name))
	}
	panic("no such operation: " + operation)
}

// arns puts the place before resources: "topic/x" becomes its ARN.
func arns(text string) string {
	for _, kind := range []string{"client", "topic", "topicfilter", "rolealias", "thing"} {
		text = strings.ReplaceAll(text, `"`+kind+`/`, `"`+place.ARN(kind+"/"))
	}
	return text
}

func policyOf(tb testing.TB, version string, statements ...string) *policies.Set {
	tb.Helper()
	return compile(tb, `{"Version": "`+version+`", "Statement": [`+arns(strings.Join(statements, ","))+`]}`)
}

const (
	allow  = "ALLOWED"
	no     = "IMPLICIT_DENY"
	forbid = "EXPLICIT_DENY"
)

func statement(effect, action, resource string, conditions ...string) string {
	s := `{"Effect": "` + effect + `", "Action": "` + action + `", "Resource": "` + resource + `"`
	if len(conditions) > 0 {
		s += `, "Condition": {` + strings.Join(conditions, ",") + `}`
	}
	return s + `}`
}

const thingName = "${iot:Connection.Thing.ThingName}"

func name(cn string, organizations ...string) pkix.Name {
	n := pkix.Name{CommonName: cn}
	add := func(last int, value string) {
		n.Names = append(n.Names, pkix.AttributeTypeAndValue{Type: []int{2, 5, 4, last}, Value: value})
	}
	add(3, cn)
	for _, o := range organizations {
		add(10, o)
	}
	return n
}

func TestAsAWSDocumentsIt(t *testing.T) {
	t.Parallel()
	attached := client{id: "thing1", thing: "thing1"}
	for _, c := range []struct {
		page   string
		who    client
		policy []string
		want   map[string]string
	}{
		{"connect-policy: registered devices", attached, []string{statement("Allow", "iot:Connect", "client/"+thingName, `"Bool": {"iot:Connection.Thing.IsAttached": ["true"]}`)},
			map[string]string{"connect": allow}},
		{"… not attached", client{id: "thing1"}, []string{statement("Allow", "iot:Connect", "client/"+thingName, `"Bool": {"iot:Connection.Thing.IsAttached": ["true"]}`)},
			map[string]string{"connect": no}},
		{"… another client id", client{id: "thing2", thing: "thing1"}, []string{statement("Allow", "iot:Connect", "client/"+thingName)},
			map[string]string{"connect": no}},
		{"exclusive-thing: any client id", client{id: "x", thing: "thing1", exclusive: true},
			[]string{statement("Allow", "iot:Connect", "client/*", `"Bool": {"iot:Connection.Thing.IsAttached": "true"}`), statement("Allow", "iot:Publish", "topic/"+thingName+"/a")},
			map[string]string{"connect": allow, "publish thing1/a": allow, "publish x/a": no}},
		{"connect-policy: a named client", client{id: "client1"}, []string{statement("Allow", "iot:Connect", "client/client1"), statement("Deny", "iot:Connect", "client/client2")},
			map[string]string{"connect": allow}},
		{"… an explicit deny wins", client{id: "client2", thing: "client2"}, []string{statement("Allow", "iot:Connect", "client/"+thingName), statement("Deny", "iot:Connect", "client/client2")},
			map[string]string{"connect": forbid}},
		{"pub-sub-policy: a thing's topics", attached, []string{statement("Allow", "iot:Publish", "topic/"+thingName+"/*")},
			map[string]string{"publish thing1/a": allow, "publish thing1/a/b/c": allow, "publish thing1/": allow, "publish thing1": no, "publish thing10/a": no, "publish thing2/a": no, "retain thing1/a": no, "subscribe thing1/a": no, "receive thing1/a": no}},
		{"pub-sub-policy: question marks", attached, []string{statement("Allow", "iot:Publish", "topic/some/?????/topic")},
			map[string]string{"publish some/abcde/topic": allow, "publish some/abcd/topic": no, "publish some/abcdef/topic": no, "publish some/ab/de/topic": allow}},
		{"pub-sub-policy: + is a character", attached, []string{statement("Allow", "iot:Subscribe", "topicfilter/some/+/topic"), statement("Allow", "iot:Receive", "topic/some/*/topic")},
			map[string]string{"subscribe some/+/topic": allow, "subscribe some/a/topic": no, "subscribe some/#": no, "receive some/a/topic": allow}},
		{"pub-sub-policy: filters below a thing", attached, []string{statement("Allow", "iot:Subscribe", "topicfilter/"+thingName+"/room*")},
			map[string]string{"subscribe thing1/room1": allow, "subscribe thing1/+": no, "subscribe thing1/room/#": allow, "subscribe thing2/room1": no}},
		{"pub-sub-policy: deny is as exact as allow", attached, []string{statement("Allow", "iot:Publish", "topic/"+thingName+"/*"), statement("Deny", "iot:Publish", "topic/"+thingName+"/bar")},
			map[string]string{"publish thing1/foo": allow, "publish thing1/bar": forbid, "publish thing1/bar/x": allow}},
		{"iot-action-resources: the wrong kind grants nothing", attached, []string{statement("Allow", "iot:Subscribe", "topic/a"), statement("Allow", "iot:Publish", "topicfilter/b")},
			map[string]string{"subscribe a": no, "publish b": no}},
		{"iot-policy-actions: all on all", attached, []string{statement("Allow", "iot:*", "*")},
			map[string]string{"connect": allow, "publish a": allow, "retain a": allow, "subscribe #": allow, "receive $aws/x": allow, "assume r": allow}},
		{"the action's case does not matter", attached, []string{statement("Allow", "IOT:publish", "topic/a")}, map[string]string{"publish a": allow, "publish A": no}},
		{"another region", attached, []string{statement("Allow", "iot:Publish", "arn:aws:iot:us-east-1:123456789012:topic/a")}, map[string]string{"publish a": no}},
		{"another account", attached, []string{statement("Allow", "iot:Publish", "arn:aws:iot:eu-central-1:210987654321:topic/a")}, map[string]string{"publish a": no}},
		{"retained-message-policy-examples", attached, []string{statement("Allow", "iot:Publish", "topic/a"), statement("Allow", "iot:RetainPublish", "topic/a"), statement("Allow", "iot:RetainPublish", "topic/b")},
			map[string]string{"publish a": allow, "retain a": allow, "retain b": no, "publish b": no}},
		{"basic-policy-variables: client id", client{id: "+"}, []string{statement("Allow", "iot:Subscribe", "topicfilter/my/${iot:ClientId}/topic")},
			map[string]string{"subscribe my/+/topic": allow, "subscribe my/a/topic": no}},
		{"a star in a value is a character", client{id: "*"}, []string{statement("Allow", "iot:Publish", "topic/my/${iot:ClientId}")},
			map[string]string{"publish my/*": allow, "publish my/a": no}},
		{"basic-policy-variables: source address", client{id: "a", ip: "123.45.167.89"}, []string{statement("Allow", "iot:Publish", "topic/a", `"IpAddress": {"aws:SourceIp": "123.45.167.0/24"}`)},
			map[string]string{"publish a": allow}},
		{"… from elsewhere", client{id: "a", ip: "123.45.168.89"}, []string{statement("Allow", "iot:Publish", "topic/a", `"IpAddress": {"aws:SourceIp": "123.45.167.0/24"}`)},
			map[string]string{"publish a": no}},
		{"… unknown", client{id: "a"}, []string{statement("Allow", "iot:Publish", "topic/a", `"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}`)},
			map[string]string{"publish a": no}},
		{"iot-policy-variables: escapes", attached, []string{statement("Allow", "iot:Publish", "topic/a/${*}/${?}/${$}")},
			map[string]string{"publish a/*/?/$": allow, "publish a/b/c/d": no}},
		{"thing-policy-examples: type and attribute", client{id: "t", thing: "t", kind: "camera", attributes: map[string]string{"site": "north", "Site": "x"}},
			[]string{statement("Allow", "iot:Publish", "topic/${iot:Connection.Thing.ThingTypeName}/${iot:Connection.Thing.Attributes[site]}/a"),
				statement("Allow", "iot:Publish", "topic/b", `"StringEquals": {"iot:Connection.Thing.ThingTypeName": "camera", "iot:Connection.Thing.Attributes[site]": ["south", "north"]}`),
				statement("Allow", "iot:Publish", "topic/c", `"StringEquals": {"iot:Connection.Thing.ThingTypeName": "gate", "iot:Connection.Thing.Attributes[site]": "north"}`)},
			map[string]string{"publish camera/north/a": allow, "publish camera/x/a": no, "publish b": allow, "publish c": no}},
		{"an attribute that is not there is not empty", attached, []string{statement("Allow", "iot:Publish", "topic/${iot:Connection.Thing.Attributes[site]}/a")},
			map[string]string{"publish /a": no, "publish ${iot:Connection.Thing.Attributes[site]}/a": no}},
		{"cert-policy-variables: common name", client{id: "a", subject: name("dev-1")}, []string{statement("Allow", "iot:Publish", "topic/dev/${iot:Certificate.Subject.CommonName}/up")},
			map[string]string{"publish dev/dev-1/up": allow, "publish dev/dev-2/up": no}},
		{"cert-policy-variables: values with wildcards stay out", client{id: "a", subject: name("*")}, []string{statement("Allow", "iot:Publish", "topic/dev/${iot:Certificate.Subject.CommonName}/up")},
			map[string]string{"publish dev/esp-1/up": no, "publish dev/*/up": no}},
		{"cert-policy-variables: lists", client{id: "a", subject: name("x", "A", "B")},
			[]string{statement("Allow", "iot:Publish", "topic/all", `"ForAllValues:StringEquals": {"iot:Certificate.Subject.Organization.List": ["A", "B", "C"]}`),
				statement("Allow", "iot:Publish", "topic/some", `"ForAnyValue:StringEquals": {"iot:Certificate.Subject.Organization.List": ["B"]}`),
				statement("Allow", "iot:Publish", "topic/not-all", `"ForAllValues:StringEquals": {"iot:Certificate.Subject.Organization.List": ["A"]}`),
				statement("Allow", "iot:Publish", "topic/o/${iot:Certificate.Subject.Organization}"),
				statement("Allow", "iot:Publish", "topic/o1/${iot:Certificate.Subject.Organization.1}"),
				statement("Allow", "iot:Publish", "topic/o2/${iot:Certificate.Subject.Organization.2}")},
			map[string]string{"publish all": allow, "publish some": allow, "publish not-all": no, "publish o/A": allow, "publish o/B": no, "publish o1/B": allow, "publish o2/": no, "publish o2/B": no}},
		{"reference_policies_multi-value-conditions: an empty set", client{id: "a", subject: name("x")}, []string{
			statement("Allow", "iot:Publish", "topic/all", `"ForAllValues:StringEquals": {"iot:Certificate.Subject.Organization.List": ["A"]}`),
			statement("Allow", "iot:Publish", "topic/any", `"ForAnyValue:StringEquals": {"iot:Certificate.Subject.Organization.List": ["A"]}`)},
			map[string]string{"publish all": allow, "publish any": no}},
		{"reference_policies_elements_condition_operators: absent keys", client{id: "a"}, []string{
			statement("Allow", "iot:Publish", "topic/eq", `"StringEquals": {"iot:Connection.Thing.ThingTypeName": "x"}`),
			statement("Allow", "iot:Publish", "topic/ne", `"StringNotEquals": {"iot:Connection.Thing.ThingTypeName": "x"}`),
			statement("Allow", "iot:Publish", "topic/if", `"StringEqualsIfExists": {"iot:Connection.Thing.ThingTypeName": "x"}`),
			statement("Allow", "iot:Publish", "topic/null", `"Null": {"iot:Connection.Thing.ThingTypeName": "true"}`),
			statement("Allow", "iot:Publish", "topic/not-null", `"Null": {"iot:Connection.Thing.ThingTypeName": "false"}`)},
			map[string]string{"publish eq": no, "publish ne": allow, "publish if": allow, "publish null": allow, "publish not-null": no}},
		{"Device Defender: # in a deny is a character", attached, []string{statement("Allow", "iot:Subscribe", "topicfilter/building/*"), statement("Deny", "iot:Subscribe", "topicfilter/building/control_room/#"), statement("Allow", "iot:Receive", "topic/building/*")},
			map[string]string{"subscribe building/control_room/#": forbid, "subscribe building/control_room/data1": allow, "receive building/control_room/data1": allow}},
		{"Device Defender: deny the delivery", attached, []string{statement("Allow", "iot:Subscribe", "topicfilter/building/*"), statement("Deny", "iot:Subscribe", "topicfilter/building/control_room/*"), statement("Allow", "iot:Receive", "topic/building/*"), statement("Deny", "iot:Receive", "topic/building/control_room/*")},
			map[string]string{"subscribe building/#": allow, "receive building/control_room/x": forbid, "receive building/x": allow}},
		{"an unresolved variable denies nothing", client{id: "x"}, []string{statement("Allow", "iot:Publish", "topic/*"), statement("Deny", "iot:Publish", "topic/"+thingName+"/bar")},
			map[string]string{"publish thing1/bar": allow, "publish /bar": allow}},
		{"a shared subscription is a string of its own", attached, []string{statement("Allow", "iot:Subscribe", "topicfilter/test/topic"), statement("Allow", "iot:Subscribe", "topicfilter/$share/*/other")},
			map[string]string{"subscribe test/topic": allow, "subscribe $share/g1/test/topic": no, "subscribe $share/g1/other": allow}},
		{"thing-policy-examples: attached, whatever the resource", attached, []string{statement("Allow", "iot:Connect", "*", `"Bool": {"iot:Connection.Thing.IsAttached": ["true"]}`)},
			map[string]string{"connect": allow}},
		{"… not attached", client{id: "thing1"}, []string{statement("Allow", "iot:Connect", "*", `"Bool": {"iot:Connection.Thing.IsAttached": ["true"]}`)},
			map[string]string{"connect": no}},
		{"thing-policy-examples: type, attribute and attached", client{id: "t", thing: "t", kind: "Thing_Type_Name", attributes: map[string]string{"attributeName": "attributeValue"}},
			[]string{statement("Allow", "iot:Publish", "topic/device/stats", `"StringEquals": {"iot:Connection.Thing.Attributes[attributeName]": "attributeValue", "iot:Connection.Thing.ThingTypeName": "Thing_Type_Name"}, "Bool": {"iot:Connection.Thing.IsAttached": "true"}`)},
			map[string]string{"publish device/stats": allow, "publish device/stat": no}},
		{"… without the attribute", client{id: "t", thing: "t", kind: "Thing_Type_Name"},
			[]string{statement("Allow", "iot:Publish", "topic/device/stats", `"StringEquals": {"iot:Connection.Thing.Attributes[attributeName]": "attributeValue", "iot:Connection.Thing.ThingTypeName": "Thing_Type_Name"}, "Bool": {"iot:Connection.Thing.IsAttached": "true"}`)},
			map[string]string{"publish device/stats": no}},
		{"a name without a slash behind it reaches neighbours", attached, []string{statement("Allow", "iot:Publish", "topic/"+thingName+"*")},
			map[string]string{"publish thing1": allow, "publish thing10/a": allow, "publish thing2": no}},
		{"topics are compared with their case", attached, []string{statement("Allow", "iot:Publish", "topic/Thing1/a")}, map[string]string{"publish thing1/a": no, "publish Thing1/a": allow}},
		{"another partition", attached, []string{statement("Allow", "iot:Publish", "arn:aws-cn:iot:eu-central-1:123456789012:topic/a")}, map[string]string{"publish a": no}},
		{"any region and account", attached, []string{statement("Allow", "iot:Publish", "arn:aws:iot:*:*:topic/a")}, map[string]string{"publish a": allow, "publish b": no}},
		{"$aws and $share are no exceptions", attached, []string{statement("Allow", "iot:Publish", "topic/*"), statement("Allow", "iot:Subscribe", "topicfilter/*")},
			map[string]string{"publish $aws/things/other/shadow/update": allow, "subscribe $share/g/#": allow, "subscribe $aws/#": allow, "receive a": no, "retain a": no}},
		{"Device Defender: all shadows by a +", attached, []string{statement("Allow", "iot:Subscribe", "topicfilter/$aws/things/+/shadow/update")},
			map[string]string{"subscribe $aws/things/+/shadow/update": allow, "subscribe $aws/things/thing1/shadow/update": no}},
		{"Device Defender: a denied subtree beside a wider filter", attached, []string{statement("Allow", "iot:Subscribe", "topicfilter/building/*"), statement("Deny", "iot:Subscribe", "topicfilter/building/control_room/*")},
			map[string]string{"subscribe building/#": allow, "subscribe building/control_room/#": forbid, "subscribe building/control_room": allow}},
		{"a statement keeps the resources that resolve", client{id: "x"}, []string{`{"Effect": "Allow", "Action": ["iot:Publish"], "Resource": ["topic/` + thingName + `/a", "topic/b"]}`},
			map[string]string{"publish b": allow, "publish /a": no}},
		{"a variable in a condition that does not resolve", client{id: "x"}, []string{statement("Allow", "iot:Publish", "topic/a", `"StringEquals": {"iot:ClientId": "`+thingName+`"}`)},
			map[string]string{"publish a": no}},
		{"all keys of a condition, any of its values", client{id: "x", ip: "10.0.0.1"}, []string{
			statement("Allow", "iot:Publish", "topic/both", `"StringEquals": {"iot:ClientId": ["y", "x"]}, "IpAddress": {"aws:SourceIp": "10.0.0.0/8"}`),
			statement("Allow", "iot:Publish", "topic/one", `"StringEquals": {"iot:ClientId": "y"}, "IpAddress": {"aws:SourceIp": "10.0.0.0/8"}`)},
			map[string]string{"publish both": allow, "publish one": no}},
		{"cert-policy-variables: the longest value", client{id: "a", subject: name(strings.Repeat("n", 1024))}, []string{statement("Allow", "iot:Publish", "topic/${iot:Certificate.Subject.CommonName}")},
			map[string]string{"publish " + strings.Repeat("n", 1024): allow}},
		{"… one more stays out", client{id: "a", subject: name(strings.Repeat("n", 1025))}, []string{statement("Allow", "iot:Publish", "topic/${iot:Certificate.Subject.CommonName}")},
			map[string]string{"publish " + strings.Repeat("n", 1025): no}},
		{"… of each character", client{id: "a", subject: name("c", "a*", "a$", "a+", "a?", "a#")}, []string{
			statement("Allow", "iot:Publish", "topic/0/${iot:Certificate.Subject.Organization}"), statement("Allow", "iot:Publish", "topic/1/${iot:Certificate.Subject.Organization.1}"),
			statement("Allow", "iot:Publish", "topic/2/${iot:Certificate.Subject.Organization.2}"), statement("Allow", "iot:Publish", "topic/3/${iot:Certificate.Subject.Organization.3}"),
			statement("Allow", "iot:Publish", "topic/4/${iot:Certificate.Subject.Organization.4}")},
			map[string]string{"publish 0/a*": no, "publish 0/ab": no, "publish 1/a$": no, "publish 2/a+": no, "publish 3/a?": no, "publish 3/ab": no, "publish 4/a#": no}},
		{"… at most five values", client{id: "a", subject: name("c", "1", "2", "3", "4", "5", "6")}, []string{
			statement("Allow", "iot:Publish", "topic/4/${iot:Certificate.Subject.Organization.4}"), statement("Allow", "iot:Publish", "topic/5/${iot:Certificate.Subject.Organization.5}"),
			statement("Allow", "iot:Publish", "topic/list/${iot:Certificate.Subject.Organization.List}")},
			map[string]string{"publish 4/5": allow, "publish 5/6": no, "publish list/1": no}},
		{"iot-policy-actions: direct messages go to clients", attached, []string{statement("Allow", "iot:SendDirectMessage", "client/thing2")},
			map[string]string{"direct thing2": allow, "direct thing20": no, "connect": no}},
		{"iot-action-resources: shadows belong to things", attached, []string{statement("Allow", "iot:GetThingShadow", "thing/"+thingName), statement("Allow", "iot:GetThingShadow", "topic/x")},
			map[string]string{"shadow thing1": allow, "shadow thing2": no, "shadow x": no}},
		{"broken variables match nothing", client{id: "x", thing: "x"}, []string{statement("Allow", "iot:Publish", "topic/${iot:ClientId"), statement("Allow", "iot:Publish", "topic/${}/a"),
			statement("Allow", "iot:Publish", "topic/${${iot:ClientId}}"), statement("Allow", "iot:Publish", "topic/${ iot:ClientId }/spaces")},
			map[string]string{"publish x": no, "publish ${iot:ClientId": no, "publish /a": no, "publish ${}/a": no, "publish ${x}": no, "publish }": no, "publish x/spaces": allow}},
		{"authorizing-direct-aws: role aliases", attached, []string{statement("Allow", "iot:AssumeRoleWithCertificate", "rolealias/one")},
			map[string]string{"assume one": allow, "assume two": no}},
		{"authorizing-direct-aws: not in an IoT policy", attached, []string{statement("Allow", "iot:Publish", "topic/${credentials-iot:ThingName}/a")},
			map[string]string{"publish thing1/a": no}},
	} {
		set := policyOf(t, policies.VersionVariables, c.policy...)
		for operation, want := range c.want {
			if got := c.who.decide(set, operation); got.Decision.String() != want {
				t.Errorf("%s: %s: %v, want %s", c.page, operation, got, want)
			}
		}
	}
}

// An explicit deny wins whatever stands around it, and in whatever order.
func TestADenyWinsInAnyOrder(t *testing.T) {
	t.Parallel()
	leave, denial := statement("Allow", "iot:*", "*"), statement("Deny", "iot:Pub*", "topic/a/*")
	for _, order := range [][]string{{leave, denial}, {denial, leave}, {leave, denial, leave}} {
		set := policyOf(t, policies.VersionVariables, order...)
		for operation, want := range map[string]string{"publish a/b": forbid, "retain a/b": forbid, "publish a": allow, "receive a/b": allow} {
			if got := attachedThing.decide(set, operation); got.Decision.String() != want {
				t.Errorf("%s: %v, want %s", operation, got, want)
			}
		}
	}
}

var attachedThing = client{id: "thing1", thing: "thing1"}

// connect-policy's recipes for sessions and wills.
func TestConnectAttributes(t *testing.T) {
	t.Parallel()
	all := `"ForAllValues:StringEquals": {"iot:ConnectAttributes": `
	for _, c := range []struct {
		what       string
		statements []string
		want       [4]string // plain, persistent, will, both
	}{
		{"plain", []string{statement("Allow", "iot:Connect", "client/*")}, [4]string{allow, allow, allow, allow}},
		{"will allowed, no persistent session", []string{statement("Allow", "iot:Connect", "client/*", all+`["LastWill"]}`)}, [4]string{allow, no, allow, no}},
		{"persistent sessions forbidden", []string{statement("Allow", "iot:Connect", "client/*"),
			statement("Deny", "iot:Connect", "client/*", `"ForAnyValue:StringEquals": {"iot:ConnectAttributes": ["PersistentConnect"]}`)}, [4]string{allow, forbid, allow, forbid}},
		{"both required", []string{statement("Allow", "iot:Connect", "client/*", all+`["PersistentConnect", "LastWill"]}`),
			statement("Deny", "iot:Connect", "client/*", all+`["PersistentConnect"]}`), statement("Deny", "iot:Connect", "client/*", all+`["LastWill"]}`),
			statement("Deny", "iot:Connect", "client/*", all+`[]}`)}, [4]string{forbid, forbid, forbid, allow}},
		{"a will for one topic", []string{statement("Allow", "iot:Connect", "client/*", `"ArnEquals": {"iot:LastWillTopic": "topic/my/*"}`)}, [4]string{no, no, allow, allow}},
		{"a will for another", []string{statement("Allow", "iot:Connect", "client/*", `"ArnEquals": {"iot:LastWillTopic": "topic/your/*"}`)}, [4]string{no, no, no, no}},
	} {
		set := policyOf(t, policies.VersionVariables, c.statements...)
		for i, who := range []client{{id: "a"}, {id: "a", persistent: true}, {id: "a", will: "my/will"}, {id: "a", persistent: true, will: "my/will"}} {
			if got := who.decide(set, "connect"); got.Decision.String() != c.want[i] {
				t.Errorf("%s, %d: %v, want %s", c.what, i, got, c.want[i])
			}
		}
	}
}

// Under the old version of the language, variables are plain text.
func TestOldVersionHasNoVariables(t *testing.T) {
	t.Parallel()
	who := client{id: "thing1", thing: "thing1"}
	for _, version := range []string{"2008-10-17", "absent"} {
		text := `{"Version": "` + version + `", "Statement": ` + arns(statement("Allow", "iot:Publish", "topic/"+thingName)) + `}`
		set := compile(t, strings.Replace(text, `"Version": "absent", `, "", 1))
		if who.decide(set, "publish thing1").Allowed() || !who.decide(set, "publish "+thingName).Allowed() {
			t.Errorf("version %s: variables are replaced", version)
		}
	}
}

// Policies of a certificate and of its groups count together, and a Deny in any
// of them wins.
func TestDocumentsCountTogether(t *testing.T) {
	t.Parallel()
	var docs []*policies.Document
	for _, s := range []string{statement("Allow", "iot:Publish", "topic/a"), statement("Allow", "iot:Publish", "topic/b"), statement("Deny", "iot:Publish", "topic/a")} {
		doc, err := policies.Parse("p", []byte(`{"Statement": `+arns(s)+`}`))
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, doc)
	}
	who := client{id: "x"}
	set := policies.Compile(policies.IoT, docs...)
	if r := who.decide(set, "publish a"); r.Decision != policies.ExplicitDeny || r.Document != docs[2] {
		t.Error(r)
	}
	if r := who.decide(set, "publish b"); !r.Allowed() || r.Document != docs[1] {
		t.Error(r)
	}
	if r := who.decide(policies.Compile(policies.IoT), "publish a"); r.Decision != policies.ImplicitDeny {
		t.Error(r)
	}
}

// The S3 side: roles behind a role alias, bucket policies.
func TestIAM(t *testing.T) {
	t.Parallel()
	parse := func(text string) *policies.Document {
		doc, err := policies.Parse("p", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return doc
	}
	role := parse(`{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": ["s3:Put*", "s3:GetObject"],
	  "Resource": "arn:aws:s3:::photos/${credentials-iot:ThingName}/*"}}`)
	team := parse(`{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject",
	  "Resource": "arn:aws:s3:::shared/${aws:PrincipalTag/team, 'everybody'}/*"}}`)
	bucket := parse(`{"Version": "2012-10-17", "Statement": [
	  {"Sid": "TLS", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
	  {"Sid": "Age", "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "s3:*", "Resource": "*", "Condition": {"NumericGreaterThan": {"s3:signatureAge": "900000"}}},
	  {"Sid": "Reader", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:role/reader"}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::photos/*"}]}`)
	set := policies.Compile(policies.IAM, role, team, bucket)
	for _, c := range []struct {
		keys             map[string]string
		action, resource string
		want             string
	}{
		{map[string]string{"credentials-iot:ThingName": "esp-1"}, "s3:PutObject", "photos/esp-1/a.jpg", allow},
		{map[string]string{"credentials-iot:ThingName": "esp-1"}, "s3:putobject", "photos/esp-1/a.jpg", allow},
		{map[string]string{"credentials-iot:ThingName": "esp-1"}, "s3:PutObject", "photos/esp-10/a.jpg", no},
		{map[string]string{"credentials-iot:ThingName": "esp-1"}, "s3:PutObject", "photos/esp-2/a.jpg", no},
		{map[string]string{"credentials-iot:ThingName": "esp-1"}, "s3:DeleteObject", "photos/esp-1/a.jpg", no},
		{nil, "s3:PutObject", "photos//a.jpg", no},
		{nil, "s3:PutObject", "photos/esp-1/a.jpg", no},
		{map[string]string{"iot:Connection.Thing.ThingName": "esp-1"}, "s3:PutObject", "photos/esp-1/a.jpg", no},
		{nil, "s3:GetObject", "shared/everybody/x", allow},
		{map[string]string{"aws:PrincipalTag/team": "red"}, "s3:GetObject", "shared/everybody/x", no},
		{map[string]string{"aws:PrincipalTag/team": "red"}, "s3:GetObject", "shared/red/x", allow},
		{map[string]string{"credentials-iot:ThingName": "e", "aws:SecureTransport": "false"}, "s3:PutObject", "photos/e/a", forbid},
		{map[string]string{"credentials-iot:ThingName": "e", "aws:SecureTransport": "true", "s3:signatureAge": "900000"}, "s3:PutObject", "photos/e/a", allow},
		{map[string]string{"credentials-iot:ThingName": "e", "s3:signatureAge": "900001"}, "s3:PutObject", "photos/e/a", forbid},
		{map[string]string{"aws:PrincipalArn": "arn:aws:iam::123456789012:role/reader"}, "s3:GetObject", "photos/x/a", allow},
		{map[string]string{"aws:PrincipalArn": "arn:aws:iam::123456789012:role/other"}, "s3:GetObject", "photos/x/a", no},
	} {
		var ctx policies.Context
		for k, v := range c.keys {
			ctx.Set(k, v)
		}
		got := set.Session(policies.Place{}, ctx).Decide(c.action, "arn:aws:s3:::"+c.resource)
		if got.Decision.String() != c.want {
			t.Errorf("%v %s %s: %v, want %s", c.keys, c.action, c.resource, got, c.want)
		}
	}
}

func TestOperators(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		condition, have string
		want            bool
	}{
		{`"StringEqualsIgnoreCase": {"k": "AbC"}`, "aBc", true},
		{`"StringNotEqualsIgnoreCase": {"k": "AbC"}`, "aBc", false},
		{`"StringLike": {"k": "a*c?"}`, "abbcd", true},
		{`"StringLike": {"k": "a*c?"}`, "abbc", false},
		{`"StringNotLike": {"k": "a*"}`, "b", true},
		{`"StringEquals": {"k": "a*"}`, "ab", false},
		{`"NumericEquals": {"k": "10"}`, "10.0", true},
		{`"NumericNotEquals": {"k": 10}`, "11", true},
		{`"NumericLessThan": {"k": "10"}`, "9", true},
		{`"NumericLessThanEquals": {"k": "10"}`, "10", true},
		{`"NumericGreaterThan": {"k": "10"}`, "10", false},
		{`"NumericGreaterThanEquals": {"k": "10"}`, "x", false},
		{`"DateLessThan": {"k": "2026-01-01T00:00:00Z"}`, "2025-12-31T23:59:59Z", true},
		{`"DateGreaterThan": {"k": "2026-01-01"}`, "1767225601", true},
		{`"DateEquals": {"k": "2026-01-01T01:00:00+01:00"}`, "2026-01-01T00:00:00Z", true},
		{`"DateNotEquals": {"k": "2026-01-01"}`, "yesterday", true},
		{`"Bool": {"k": true}`, "TRUE", true},
		{`"Bool": {"k": "false"}`, "true", false},
		{`"BinaryEquals": {"k": "QQ=="}`, "QQ==", true},
		{`"IpAddress": {"k": "2001:db8::/32"}`, "2001:db8::1", true},
		{`"IpAddress": {"k": "10.0.0.1"}`, "10.0.0.1", true},
		{`"NotIpAddress": {"k": "10.0.0.0/8"}`, "10.1.1.1", false},
		{`"IpAddress": {"k": "10.0.0.0/33"}`, "10.1.1.1", false},
		{`"ArnEquals": {"k": "arn:aws:iot:*:123456789012:topic/a*"}`, "arn:aws:iot:x:123456789012:topic/ab:c", true},
		{`"ArnLike": {"k": "arn:aws:iot:*"}`, "arn:aws:iot:x:123456789012:topic/a", false},
		{`"ArnLike": {"k": "arn:aws:*:topic/a"}`, "arn:aws:iot:x:1:topic/a", false},
		{`"ArnLike": {"k": "*"}`, "arn:aws:iot:x:1:topic/a", true},
		{`"ArnNotEquals": {"k": "arn:aws:iot:x:1:topic/a"}`, "arn:aws:iot:x:1:topic/b", true},
		{`"StringEquals": {"k": ["a", "b"]}`, "b", true},
		{`"StringNotEquals": {"k": ["a", "b"]}`, "b", false},
		{`"StringEquals": {"k": "${iot:ClientId}"}`, "me", true},
		{`"StringLike": {"k": "${iot:ClientId}*"}`, "me too", true},
		{`"StringEquals": {"k": "${none}"}`, "", false},
	} {
		set := compile(t, `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iot:Publish", "Resource": "*", "Condition": {`+c.condition+`}}}`)
		var ctx policies.Context
		ctx.Set("K", c.have)
		ctx.Set("iot:clientid", "me")
		if got := set.Session(place, ctx).Publish("a", false).Allowed(); got != c.want {
			t.Errorf("%s, %q: %v", c.condition, c.have, got)
		}
	}
}
