// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package lint_test

import (
	"strings"
	"testing"
	"time"

	"thingpass/policies/contract"
	"thingpass/policies/lint"
	"thingpass/policies/registry"
)

func TestRulesOfTheLanguage(t *testing.T) {
	t.Parallel()
	judge(t, "IOT015",
		bad("a Deny", lint.Thing, deny("iot:Publish", "topic/d/"+T+"/x")),
		bad("of a role", lint.Credentials, stmt("Deny", "s3:PutObject", "arn:aws:s3:::b/${credentials-iot:ThingName}/x")),
		bad("mixed", lint.Thing, allow("iot:Publish", "topic/d/"+T+"/x topic/all")),
		good("a variable that is always there", lint.Thing, deny("iot:Publish", "topic/d/${iot:ClientId}/x")),
		good("a default", lint.Thing, deny("iot:Publish", "topic/d/${iot:Connection.Thing.ThingTypeName,'none'}/x")),
		good("an Allow", lint.Thing, allow("iot:Publish", "topic/d/"+T+"/x")),
		good("a Deny of all", lint.Thing, deny("iot:Publish", "topic/d/*/x")),
	)
	topic := func(name string) string { return allow("iot:Publish", "topic/d/"+name+"/x") }
	equals := func(operator, key, value string) string {
		return allow("iot:Publish", "topic/d/"+T+` | {"`+operator+`": {"`+key+`": "`+value+`"}}`)
	}
	judge(t, "IOT016",
		bad("misspelt", lint.Thing, topic("${iot:Connection.Thing.ThingNam}")),
		bad("another world", lint.Thing, topic("${credentials-iot:ThingName}")),
		bad("a list", lint.Thing, topic("${iot:Certificate.Subject.Organization.List}")),
		bad("no field of a name", lint.Thing, topic("${iot:Certificate.Subject.CommonNam}")),
		bad("not closed", lint.Thing, topic("${iot:ClientId")),
		bad("nested", lint.Thing, topic("${iot:${x}}")),
		bad("empty", lint.Thing, topic("${}")),
		bad("a default without quotes", lint.Thing, topic("${iot:ClientId,x}")),
		bad("a condition's key", lint.Thing, equals("StringEquals", "iot:Connection.Thing.TypeName", "camera")),
		bad("a wildcard that is a character", lint.Thing, equals("StringEquals", "iot:Certificate.Subject.CommonName", "cam*")),
		bad("in the set form, too", lint.Thing, equals("ForAnyValue:StringEquals", "iot:Certificate.Subject.Organization.List", "acme-?")),
		bad("of a connection, in S3", lint.Role, stmt("Allow", "s3:PutObject", "arn:aws:s3:::b/"+T+"/*")),
		bad("misspelt, of the credential provider", lint.Credentials, stmt("Allow", "s3:PutObject", "arn:aws:s3:::b/${credentials-iot:Thing}/*")),
		bad("in an action", lint.Thing, allow("iot:${x}", "*")),
		good("in any case", lint.Thing, topic("${IOT:connection.thing.thingname}")),
		good("the second value", lint.Thing, topic("${iot:Certificate.Subject.OrganizationalUnit.1}")),
		good("an attribute, nobody knows which there are", lint.Thing, topic(T+"/${iot:Connection.Thing.Attributes[site]}")),
		good("a character", lint.Thing, topic("${*}"+T)),
		good("a pattern", lint.Thing, equals("StringLike", "iot:Certificate.Subject.CommonName", "cam*")),
		good("a global key", lint.Thing, equals("DateLessThan", "aws:CurrentTime", "2030-01-01")),
		good("a variable as the value", lint.Thing, equals("StringEquals", "iot:Connection.Thing.Attributes[owner]", "${iot:Certificate.Subject.CommonName}")),
		good("the credential provider's", lint.Credentials, stmt("Allow", "s3:PutObject", "arn:aws:s3:::b/${credentials-iot:ThingName}/*")),
		good("other services' keys", lint.Role, stmt("Allow", "s3:PutObject", `arn:aws:s3:::b/${aws:PrincipalTag/thing}/*`)),
		bad("no thing has it", lint.Thing, topic(T+"/${iot:Connection.Thing.Attributes[sitee]}")).given(withRegistry(t)),
		good("a thing has it", lint.Thing, topic(T+"/${iot:Connection.Thing.Attributes[site]}")).given(withRegistry(t)),
	)
	old := func(version string) string {
		return strings.Replace(doc(deny("iot:Publish", "*")), `"Version": "2012-10-17", `, version, 1)
	}
	judge(t, "IOT017",
		one{"missing", lint.Thing, old(""), true, nil},
		one{"the older", lint.Thing, old(`"Version": "2008-10-17", `), true, nil},
		one{"of a role", lint.Role, old(""), true, nil},
		good("the newer", lint.Thing, deny("iot:Publish", "*")),
	)
	judge(t, "IOT018",
		bad("*", lint.Thing, allow("*", "*")),
		bad("iot:*", lint.Broker, allow("iot:*", "*")),
		bad("control plane", lint.Thing, allow("iot:CreatePolicy", "*")),
		bad("another service", lint.Thing, allow("s3:PutObject", "*")),
		one{"NotAction", lint.Thing, doc(`{"Effect": "Allow", "NotAction": "iot:Publish", "Resource": "*"}`), true, nil},
		one{"NotResource", lint.Thing, doc(`{"Effect": "Allow", "Action": "iot:Publish", "NotResource": "*"}`), true, nil},
		one{"Principal", lint.Thing, doc(`{"Effect": "Allow", "Principal": "*", "Action": "iot:Publish", "Resource": "*"}`), true, nil},
		good("a Deny of all", lint.Thing, deny("iot:*", "*")),
		good("some of them", lint.Thing, allow("iot:*ThingShadow", "thing/"+T)),
		good("a slip is IOT019's", lint.Thing, allow("iot:Publsh", "topic/"+T)),
		good("a role may", lint.Role, allow("iot:CreatePolicy", "*")),
	)
	judge(t, "IOT019",
		bad("a slip", lint.Thing, allow("iot:Publsih", "topic/"+T)),
		bad("no such action", lint.Thing, allow("iot:Write", "topic/"+T)),
		bad("a kind that no action is asked with", lint.Thing, allow("iot:Publish", "topic/"+T+" client/"+T)),
		bad("no ARN", lint.Thing, `{"Effect": "Allow", "Action": "iot:Publish", "Resource": "topic/x"}`),
		bad("case", lint.Thing, allow("IOT:publish", "topic/"+T)),
		good("as it should be", lint.Thing, allow("iot:Publish iot:Connect", "topic/"+T+" client/"+T)),
		good("what lists everything", lint.Thing, allow("iot:ListRetainedMessages", "*")),
		good("IOT006's", lint.Thing, allow("iot:Subscribe", "topic/"+T)),
	)
	judge(t, "IOT028",
		bad("ForAllValues alone", lint.Thing, equals("ForAllValues:StringEquals", "iot:Certificate.Subject.Organization.List", "acme")),
		bad("a negation", lint.Thing, equals("StringNotEquals", "iot:Connection.Thing.ThingTypeName", "old")),
		bad("NotIpAddress", lint.Thing, equals("NotIpAddress", "aws:SourceIp", "10.0.0.0/8")),
		good("ForAllValues beside another", lint.Thing, allow("iot:Publish", "topic/"+T+` | {"ForAllValues:StringEquals": {"iot:Certificate.Subject.Organization.List": "acme"},
			"Bool": {"iot:Connection.Thing.IsAttached": "true"}}`)),
		good("it must be there", lint.Thing, allow("iot:Publish", "topic/"+T+` | {"ForAllValues:StringEquals": {"iot:Certificate.Subject.Organization.List": "acme"},
			"Null": {"iot:Certificate.Subject.Organization.List": "false"}}`)),
		good("AWS's recipe for Connect", lint.Thing, allow("iot:Connect", "client/"+T+` | {"ForAllValues:StringEquals": {"iot:ConnectAttributes": ["LastWill"]}}`)),
		good("it is meant", lint.Thing, equals("StringNotEqualsIfExists", "iot:Connection.Thing.ThingTypeName", "old")),
		good("a Deny", lint.Thing, deny("iot:Publish", `topic/* | {"StringNotEquals": {"iot:Connection.Thing.ThingTypeName": "camera"}}`)),
	)
}

func withRegistry(t *testing.T) func(*lint.Options) {
	t.Helper()
	reg, err := registry.Parse("registry.yaml", []byte(`{account: "123456789012", region: eu-central-1, things: {cam1: {attributes: {site: north}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	return func(o *lint.Options) { o.Registry = reg }
}

func withContract(o *lint.Options) {
	o.Root = "demo"
	o.Contract = &contract.Contract{
		Clients: map[string]contract.Client{contract.Thing: {IDs: []string{"{thing}"}}, contract.Broker: {IDs: []string{"b", "b-*"}}},
		Topics: []contract.Topic{
			{Topic: "demo/{thing}/up", Publish: contract.Thing, Receive: contract.Broker, Subscribe: map[string][]string{contract.Broker: {"demo/+/up"}}},
			{Topic: "demo/{thing}/state", Publish: contract.Thing, Receive: contract.Broker, Retained: true, Will: true},
		},
	}
}

func TestRulesOfTheContract(t *testing.T) {
	t.Parallel()
	own := "topic/demo/" + T
	connect := allow("iot:Connect", "client/"+T+` | {"ArnEquals": {"iot:LastWillTopic": "`+arn+own+`/state"}}`)
	publish := allow("iot:Publish", own+"/up "+own+"/state")
	retain := allow("iot:RetainPublish", own+"/state")
	judge(t, "IOT020",
		bad("missing", lint.Thing, connect, publish).given(withContract),
		bad("granted where it is not retained", lint.Thing, connect, publish, retain, allow("iot:RetainPublish", own+"/up")).given(withContract),
		bad("$ topics", lint.Thing, allow("iot:RetainPublish", "topic/$aws/things/"+T+"/shadow/update")),
		good("as it should be", lint.Thing, connect, publish, retain).given(withContract),
		good("nobody's contract", lint.Thing, allow("iot:Publish", "topic/other/"+T+"/state")).given(withContract),
	)
	judge(t, "IOT021",
		bad("Connect forbids it", lint.Thing, allow("iot:Connect", "client/"+T+` | {"ForAllValues:StringNotEquals": {"iot:ConnectAttributes": "LastWill"}}`), publish).given(withContract),
		bad("to anywhere", lint.Thing, allow("iot:Connect", "client/"+T), publish).given(withContract),
		bad("outside Publish, whatever the contract", lint.Thing, connect, allow("iot:Publish", own+"/up")),
		good("as it should be", lint.Thing, connect, publish).given(withContract),
		good("no will is spoken of", lint.Thing, allow("iot:Connect", "client/"+T), publish),
	)
	judge(t, "IOT030",
		bad("a topic", lint.Thing, connect, allow("iot:Publish", own+"/up")).given(withContract),
		bad("a service's filter", lint.Broker, allow("iot:Connect", "client/b client/b-*"), allow("iot:Receive", "topic/demo/*")).given(withContract),
		bad("a service's client id", lint.Broker, allow("iot:Connect", "client/b"), allow("iot:Receive", "topic/demo/*"), allow("iot:Subscribe", "topicfilter/demo/+/up")).given(withContract),
		good("a service", lint.Broker, allow("iot:Connect", "client/b client/b-*"), allow("iot:Receive", "topic/demo/*"), allow("iot:Subscribe", "topicfilter/demo/+/up")).given(withContract),
		good("a thing", lint.Thing, connect, publish).given(withContract),
		good("what only adds to another document", lint.Thing, allow("iot:Publish", own+"/more")).given(withContract),
	)
}

func TestRulesOfLimits(t *testing.T) {
	t.Parallel()
	there := func(head string) string {
		return `{"Effect": "Allow", "Action": "iot:Publish", "Resource": "` + head + `topic/a"}`
	}
	judge(t, "IOT022",
		bad("any region", lint.Broker, there("arn:aws:iot:*:123456789012:")),
		bad("any account", lint.Broker, there("arn:aws:iot:eu-central-1:*:")),
		bad("any partition", lint.Broker, there("arn:*:iot:eu-central-1:123456789012:")),
		bad("no region", lint.Broker, there("arn:aws:iot::123456789012:")),
		bad("another region", lint.Broker, there("arn:aws:iot:us-east-1:123456789012:")).given(place),
		bad("another account", lint.Broker, there("arn:aws:iot:eu-central-1:999999999999:")).given(place),
		good("this one", lint.Broker, there(arn)).given(place),
		good("S3 has neither", lint.Role, stmt("Allow", "s3:PutObject", "arn:aws:s3:::b/*")).given(place),
		good("nobody said where", lint.Broker, there("arn:aws:iot:us-east-1:123456789012:")),
	)
	sized := func(n int) string {
		frame := len(strings.Join(strings.Fields(doc(deny("iot:Publish", "topic/"))), ""))
		return deny("iot:Publish", "topic/"+strings.Repeat("x", n-frame))
	}
	judge(t, "IOT023",
		bad("too large", lint.Broker, sized(2049)), bad("nearly", lint.Broker, sized(1601)),
		good("room", lint.Broker, sized(1600)), good("a role may be larger", lint.Role, sized(2049)),
	)
	versions := func(n int) func(*lint.Options) {
		return func(o *lint.Options) {
			v := make([]lint.Version, n)
			for i := range v {
				v[i] = lint.Version{ID: "v" + string(rune('1'+i)), Default: i == 0, Created: time.Unix(int64(i), 0)}
			}
			o.Versions = map[string][]lint.Version{"a": v}
		}
	}
	judge(t, "IOT024",
		bad("five", lint.Thing, deny("iot:Publish", "*")).given(versions(5)),
		good("four", lint.Thing, deny("iot:Publish", "*")).given(versions(4)),
	)
	long := strings.Repeat("x", 126)
	judge(t, "IOT025",
		bad("8 slashes", lint.Broker, allow("iot:Publish", "topic/1/2/3/4/5/6/7/8/9")),
		bad("257 bytes with the longest name", lint.Thing, allow("iot:Publish", "topic/"+long+"/"+T+"/x")),
		good("an attribute may be short", lint.Thing, allow("iot:Publish", "topic/"+long[3:]+"/"+T+"/${iot:Connection.Thing.Attributes[a]}")),
		good("7 slashes", lint.Broker, allow("iot:Publish", "topic/1/2/3/4/5/6/7/8")),
		good("256 bytes with the longest name", lint.Thing, allow("iot:Publish", "topic/"+long+"/"+T+"/")),
		good("the group does not count", lint.Broker, allow("iot:Subscribe", "topicfilter/$share/g/1/2/3/4/5/6/7/8")),
		good("nor does a rule of Basic Ingest", lint.Broker, allow("iot:Publish", "topic/$aws/rules/store/1/2/3/4/5/6/7/8")),
	)
}

func TestRulesOfFleets(t *testing.T) {
	t.Parallel()
	judge(t, "IOT027",
		bad("shadowed", lint.Broker, allow("iot:Publish", "topic/a/*"), allow("iot:Publish", "topic/a/b")),
		bad("within a statement", lint.Broker, allow("iot:Publish", "topic/a/* topic/a/b")),
		bad("twice", lint.Broker, allow("iot:Publish", "topic/a topic/a")),
		bad("denied", lint.Broker, deny("iot:Publish", "topic/a/*"), allow("iot:Publish", "topic/a/b")),
		bad("of a role", lint.Role, stmt("Allow", "s3:*", "arn:aws:s3:::b/*"), stmt("Allow", "s3:PutObject", "arn:aws:s3:::b/x/*")),
		bad("? is part of *", lint.Broker, allow("iot:Publish", "topic/a/*"), allow("iot:Publish", "topic/a/??")),
		bad("a variable is part of *", lint.Thing, allow("iot:Publish", "topic/a/*/x"), allow("iot:Publish", "topic/a/"+T+"/x")),
		good("another action", lint.Broker, allow("iot:Publish", "topic/a/*"), allow("iot:Receive", "topic/a/b")),
		good("the other under a condition", lint.Broker, allow("iot:Publish", `topic/a/* | {"Bool": {"aws:SecureTransport": "true"}}`), allow("iot:Publish", "topic/a/b")),
		good("a part is denied", lint.Broker, deny("iot:Publish", "topic/a/b"), allow("iot:Publish", "topic/a/*")),
		good("a variable is not ?", lint.Thing, allow("iot:Publish", "topic/a/?/x"), allow("iot:Publish", "topic/a/"+T+"/x")),
		good("two variables", lint.Thing, allow("iot:Publish", "topic/a/"+T), allow("iot:Publish", "topic/a/${iot:Certificate.Id}")),
	)
	both := "iot:Publish iot:Receive"
	judge(t, "IOT029",
		bad("the neighbour", lint.Thing, allow(both, "topic/d/"+T+"*")),
		bad("one's own beside everybody's", lint.Thing, allow("iot:Publish", "topic/d/"+T+"/up"), allow("iot:Receive", "topic/d/*/up")),
		bad("under another client id", lint.Thing, allow("iot:Connect", "client/*"), allow(both, "topic/d/${iot:ClientId}/x")),
		bad("the name as a part of a level", lint.Thing, allow(both, "topic/d/"+T+"?/x topic/d/"+T+"/x")),
		bad("where all have the same type", lint.Thing,
			allow("iot:Receive", `topic/d/*/x | {"StringEquals": {"iot:Connection.Thing.ThingTypeName": "camera"}}`), allow("iot:Publish", "topic/d/"+T+"/x")),
		good("bound", lint.Thing, allow("iot:Connect", "client/"+T+attached), allow(both, "topic/d/"+T+"/*")),
		good("denied again", lint.Thing, allow(both, "topic/d/"+T+"/*"), allow("iot:Receive", "topic/d/*"), deny("iot:Receive", "topic/d/*")),
		good("what all may hear", lint.Thing, allow(both, "topic/d/"+T+"/*"), allow("iot:Receive", "topic/news")),
		good("by the certificate", lint.Thing, allow(both, "topic/d/${iot:Certificate.Subject.CommonName}/x")),
		good("a client id that is bound", lint.Thing, allow("iot:Connect", "client/"+T), allow(both, "topic/d/${iot:ClientId}/x")),
	)
	judge(t, "IOT031",
		bad("Publish", lint.Broker, allow("iot:Publish", "topic/*")),
		bad("Subscribe #", lint.Broker, allow("iot:Subscribe", "topicfilter/#")),
		bad("Subscribe *", lint.Broker, allow("iot:Subscribe", "topicfilter/*")),
		bad("any group", lint.Broker, allow("iot:Subscribe", "topicfilter/$share/*/d/+/up")),
		good("named", lint.Broker, allow("iot:Publish iot:Subscribe", "topic/d/*/down topicfilter/$share/g/d/+/up")),
	)
	judge(t, "IOT032",
		bad("*", lint.Thing, allow("iot:AssumeRoleWithCertificate", "rolealias/*")),
		bad("all resources", lint.Thing, allow("iot:AssumeRoleWithCertificate", "*")),
		bad("a prefix", lint.Broker, allow("iot:AssumeRoleWithCertificate", "rolealias/things-*")),
		good("one", lint.Thing, allow("iot:AssumeRoleWithCertificate", "rolealias/things")),
	)
	csr := "topic/$aws/certificates/create-from-csr/* topic/$aws/provisioning-templates/fleet/provision/*"
	judge(t, "IOT033",
		bad("another topic", lint.Claim, allow("iot:Publish", csr+" topic/d/x")),
		bad("everything", lint.Claim, allow("iot:Publish", "*")),
		bad("any template", lint.Claim, allow("iot:Publish", "topic/$aws/provisioning-templates/*/provision/*")),
		bad("another action", lint.Claim, allow("iot:Publish iot:RetainPublish", csr)),
		bad("the guide's, without create-from-csr", lint.Claim, allow("iot:Publish", "topic/$aws/certificates/create/*")),
		good("create-from-csr", lint.Claim, allow("iot:Publish", csr)),
		good("both", lint.Claim, allow("iot:Publish", csr+" topic/$aws/certificates/create/*"), allow("iot:Connect", "client/claim-*")),
	)
}
