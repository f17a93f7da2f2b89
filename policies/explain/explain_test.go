// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain_test

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"thingpass/policies"
	"thingpass/policies/explain"
)

var place = policies.Place{Partition: "aws", Region: "eu-central-1", Account: "123456789012"}

const (
	arn  = `arn:aws:iot:eu-central-1:123456789012:`
	name = `${iot:Connection.Thing.ThingName}`
)

// allow is a statement; the condition may be empty.
func allow(sid, action, resource, condition string) string {
	return statement("Allow", sid, action, resource, condition)
}

func statement(effect, sid, action, resource, condition string) string {
	s := `{"Sid": "` + sid + `", "Effect": "` + effect + `", "Action": "` + action + `", "Resource": "` + resource + `"`
	if condition != "" {
		s += `, "Condition": ` + condition
	}
	return s + "}"
}

func parse(tb testing.TB, statements ...string) *policies.Document {
	tb.Helper()
	d, err := policies.Parse("p.json", []byte(`{"Version": "2012-10-17", "Statement": [`+strings.Join(statements, ",\n")+`]}`))
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

func identity(thing *policies.Thing, docs ...*policies.Document) explain.Identity {
	return explain.Identity{Who: policies.Principal{Thing: thing}, At: place, Bucket: "photos", Documents: docs}
}

func ask(tb testing.TB, id explain.Identity, operation string) (*explain.Bench, explain.Answer) {
	tb.Helper()
	ops, err := explain.ReadAll("test", strings.NewReader(operation))
	if err != nil || len(ops) != 1 {
		tb.Fatal(ops, err)
	}
	b := explain.New(id)
	return b, b.Ask(ops[0])
}

var cam1 = policies.Thing{Name: "cam1"}

func TestDenialsAreExplained(t *testing.T) {
	t.Parallel()
	publish := allow("Ask", "iot:Publish", arn+"topic/t/"+name+"/ask", "")
	typed := allow("Ask", "iot:Publish", arn+"topic/t/"+name+"/ask", `{"StringEquals": {"iot:Connection.Thing.ThingTypeName": "camera"}}`)
	site := allow("Ask", "iot:Publish", arn+"topic/t/${iot:Connection.Thing.Attributes[site]}/ask", "")
	for _, c := range []struct {
		what, statement, operation string
		change                     func(*explain.Identity)
		reason, advice             string
	}{
		{"client id", publish, "publish t/cam1/ask", func(i *explain.Identity) { i.ClientID = "esp" },
			`client id "esp" is not the thing's name, "cam1"`, `connect with client id "cam1"`},
		{"not attached", publish, "publish t/cam1/ask", func(i *explain.Identity) { i.Who.Thing, i.ClientID = nil, "cam1" },
			"attached to no thing", "attach the certificate to thing cam1"},
		{"HTTP", publish, "publish t/cam1/ask", func(i *explain.Identity) { i.HTTP = true }, "over HTTPS", "come over MQTT"},
		{"another's", publish, "publish t/cam10/ask", nil, `differs at "cam10/ask"`, "nothing in the policy: t/cam10/ask belongs to cam10"},
		{"type", typed, "publish t/cam1/ask", nil, "it is absent: thing cam1 has no type", `give thing cam1 the type "camera"`},
		{"other type", typed, "publish t/cam1/ask", func(i *explain.Identity) { i.Who.Thing.Type = "door" }, `but it is "door"`, `the type "camera"`},
		{"attribute", site, "publish t/north/ask", nil, `thing cam1 has no attribute "site"`, "add a statement"},
		{"misspelt", allow("A", "iot:Publish", arn+"topic/${iot:Connection.Thing.Thingname2}", ""), "publish x", nil, "look at its spelling", "add a statement"},
		{"wrong kind", allow("A", "iot:Subscribe", arn+"topic/t/a", ""), "subscribe t/a", nil, "is a topic, but the action is asked with a topicfilter", "write " + arn + "topicfilter/t/a instead of"},
		{"wrong region", allow("A", "iot:Publish", "arn:aws:iot:eu-west-1:123456789012:topic/t/a", ""), "publish t/a", nil, `region "eu-west-1" is not this server's`, "write " + arn + "topic/t/a instead of"},
		{"MQTT wildcard", allow("A", "iot:Publish", arn+"topic/t/#", ""), "publish t/a", nil, "plain characters", `topic/t/a"}`},
		{"literal filter", allow("A", "iot:Subscribe", arn+"topicfilter/t/+", ""), "subscribe t/a", nil, "the same string", `topicfilter/t/a"}`},
		{"wider filter", allow("A", "iot:Subscribe", arn+"topicfilter/t/a", ""), "subscribe t/#", nil, `differs at "#"`, "subscribe to t/a instead"},
		{"persistent", allow("C", "iot:Connect", arn+"client/cam1", `{"ForAllValues:StringEquals": {"iot:ConnectAttributes": ["LastWill"]}}`), "connect",
			func(i *explain.Identity) { i.Persistent = true }, `but it is "PersistentConnect"`, "connect without a persistent session"},
		{"retain", publish, "retain t/cam1/ask", nil, "speaks of iot:Publish", "publish without RETAIN, or add iot:RetainPublish to Ask (p.json:1:41)"},
		{"denied", statement("Deny", "No", "iot:Publish", arn+"topic/t/*", ""), "publish t/cam1/ask", nil, "denies it", "No (p.json:1:41) denies it"},
		{"wrong world", allow("A", "s3:PutObject", "arn:aws:s3:::photos/"+name+"/*", ""), "s3:PutObject cam1/a.jpg", nil,
			"does not resolve", `arn:aws:s3:::photos/${credentials-iot:ThingName}/a.jpg"}`},
		{"other action", publish, "receive t/cam1/ask", nil, "speaks of iot:Publish", `"Action": "iot:Receive", "Resource": "` + arn + "topic/t/" + name + `/ask"}`},
		{"shared topic", publish, "publish news", nil, "differs at \"news\"", "every client with this policy could do it"},
	} {
		id := identity(&policies.Thing{Name: "cam1"}, parse(t, c.statement))
		if c.change != nil {
			c.change(&id)
		}
		b, a := ask(t, id, c.operation)
		if a.Allowed() {
			t.Errorf("%s: allowed", c.what)
			continue
		}
		var reasons strings.Builder
		for _, r := range b.Reasons(a) {
			reasons.WriteString(strings.Join(r.Lines, "\n") + "\n")
		}
		if !strings.Contains(reasons.String(), c.reason) {
			t.Errorf("%s: reasons lack %q:\n%s", c.what, c.reason, &reasons)
		}
		if advice := strings.Join(b.Advice(a), "\n"); !strings.Contains(advice, c.advice) {
			t.Errorf("%s: advice lacks %q:\n%s", c.what, c.advice, advice)
		}
	}
}

func TestSubscribedButSilent(t *testing.T) {
	t.Parallel()
	subscribe := allow("S", "iot:Subscribe", arn+"topicfilter/t/*", "")
	for _, c := range []struct {
		what, receive, filter, note, advice string
	}{
		{"no Receive", "topic/other", "t/a", "subscribed but silent", `"iot:Receive", "Resource": "` + arn + `topic/t/a"`},
		{"the filter's text is no topic", "topic/t/+", "t/+", "subscribed but silent", "allow iot:Receive for the topics of t/+"},
		{"some topics", "topic/t/a", "t/+", "partly silent: iot:Receive allows t/a, but not t/", ""},
		{"all topics", "topic/t/*", "t/#", "", ""},
		{"behind a shared subscription", "topic/x/*", "$share/g/t/+", "", ""},
	} {
		docs := parse(t, subscribe, allow("Share", "iot:Subscribe", arn+"topicfilter/$share/g/t/+", ""), allow("R", "iot:Receive", arn+c.receive, ""))
		b, a := ask(t, identity(&cam1, docs), "subscribe "+c.filter)
		if c.filter[0] == '$' {
			c.note = "subscribed but silent"
		}
		got := strings.Join(a.Notes, "\n")
		if !a.Allowed() || !strings.Contains(got, c.note) || (c.note == "") != (got == "") {
			t.Errorf("%s: %v, notes %q", c.what, a.Decision, got)
		}
		if advice := strings.Join(b.Advice(a), "\n"); !strings.Contains(advice, c.advice) {
			t.Errorf("%s: advice %q", c.what, advice)
		}
	}
}

func TestAWillThatCannotBePublishedRefusesTheConnection(t *testing.T) {
	t.Parallel()
	id := identity(&cam1, parse(t, allow("C", "iot:Connect", arn+"client/cam1", "")))
	id.Will = "t/gone"
	b, a := ask(t, id, "connect")
	if a.Allowed() || b.Decide(a.Operation).Allowed() || len(a.Notes) != 1 || !strings.Contains(a.Notes[0], "t/gone is denied") || b.Advice(a)[0] != "connect without a will" {
		t.Errorf("%v, notes %q, advice %q", a.Decision, a.Notes, b.Advice(a))
	}
}

// No suggestion may have a wildcard that nobody asked for.
func TestNoAdviceOpensMoreThanWasAsked(t *testing.T) {
	t.Parallel()
	docs := parse(t, allow("Ask", "iot:Publish", arn+"topic/t/"+name+"/ask", ""))
	for _, o := range []string{"publish a", "publish a/b*", "publish a/?", "publish ${x}", "subscribe #", "subscribe t/*", "receive a", "retain a", "connect",
		"assume r", "s3:PutObject a*", "iot:ListRetainedMessages x", "s3:GetObject arn:aws:s3:::*"} {
		b, a := ask(t, identity(&cam1, docs), o)
		for _, line := range b.Advice(a) {
			if strings.ContainsAny(line, "*?") {
				t.Errorf("%s: %s", o, line)
			}
		}
	}
}

func TestTheShapeOfTestAuthorization(t *testing.T) {
	t.Parallel()
	docs := parse(t, allow("Ask", "iot:Publish", arn+"topic/t/"+name+"/ask", ""), statement("Deny", "No", "iot:Publish", arn+"topic/no", ""))
	b := explain.New(identity(&cam1, docs))
	var answers []explain.Answer
	for _, topic := range []string{"t/cam1/ask", "no", "other"} {
		answers = append(answers, b.Ask(explain.Operation{Verb: explain.Publish, Name: topic}))
	}
	var out bytes.Buffer
	if err := b.PrintJSON(&out, answers); err != nil {
		t.Fatal(err)
	}
	var got struct {
		AuthResults []struct {
			AuthInfo     struct{ ActionType string }
			AuthDecision string
			Allowed      *struct {
				Policies []struct{ PolicyName, PolicyArn string }
			}
			Denied    *struct{ ImplicitDeny, ExplicitDeny *struct{ Policies []any } }
			DecidedBy *struct {
				Statement string
				Line      int
			}
			MissingContextValues []string
		}
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || len(got.AuthResults) != 3 {
		t.Fatal(err, out.String())
	}
	yes, no, other := got.AuthResults[0], got.AuthResults[1], got.AuthResults[2]
	if yes.AuthInfo.ActionType != "PUBLISH" || yes.AuthDecision != "ALLOWED" || yes.Allowed.Policies[0].PolicyArn != arn+"policy/p" || yes.DecidedBy.Statement != "Ask" {
		t.Errorf("allowed: %+v", yes)
	}
	if no.AuthDecision != "EXPLICIT_DENY" || no.Denied.ExplicitDeny == nil || no.DecidedBy.Line != 2 {
		t.Errorf("denied: %+v", no)
	}
	if other.AuthDecision != "IMPLICIT_DENY" || other.Denied.ImplicitDeny == nil || other.DecidedBy != nil || other.MissingContextValues == nil {
		t.Errorf("implicit: %+v", other)
	}
}

func TestOperationsAreReadStrictly(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"publish":              "f:1: publish needs a topic",
		"\npublsh a":           `f:2: there is no operation "publsh"`,
		"connect cam1":         "f:1: connect takes no name",
		"iot:Publsh a":         `f:1: AWS IoT's policies have no action "iot:Publsh"`,
		"s3:* a":               "there is no operation",
		"subscribe a\nassume ": "f:2: assume needs a role alias",
	} {
		if got, err := explain.ReadAll("f", strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) || got != nil {
			t.Errorf("%q: %v %v", text, got, err)
		}
	}
	ops, err := explain.ReadAll("f", strings.NewReader("# all\npublish a topic with spaces\n\nsubscribe #\n"))
	if err != nil || len(ops) != 2 || ops[0].Name != "a topic with spaces" || ops[1].Name != "#" {
		t.Errorf("%v %v", ops, err)
	}
}

func TestTheAddressCounts(t *testing.T) {
	t.Parallel()
	id := identity(&cam1, parse(t, allow("A", "iot:Publish", arn+"topic/a", `{"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}`)))
	b, a := ask(t, id, "publish a")
	if a.Allowed() || !strings.Contains(strings.Join(b.Reasons(a)[0].Lines, "\n"), "give it with --ip") {
		t.Errorf("%v %v", a.Decision, b.Reasons(a))
	}
	id.IP = netip.MustParseAddr("192.0.2.9")
	if _, a := ask(t, id, "publish a"); !a.Allowed() {
		t.Errorf("%v", a.Decision)
	}
}
