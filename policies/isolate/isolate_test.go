// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package isolate_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"thingpass/policies"
	"thingpass/policies/contract"
	"thingpass/policies/isolate"
	"thingpass/policies/templates"
)

var (
	place  = policies.Place{Partition: "aws", Region: "eu-central-1", Account: "123456789012"}
	values = templates.Values{Account: "123456789012", Region: "eu-central-1", Bucket: "photos"}
)

const arn = "arn:aws:iot:eu-central-1:123456789012:"

func claim(tb testing.TB) isolate.Claim {
	tb.Helper()
	c, err := contract.Ours(values)
	if err != nil {
		tb.Fatal(err)
	}
	return isolate.Ours(c)
}

func own(tb testing.TB, names ...string) []*policies.Document {
	tb.Helper()
	var out []*policies.Document
	for _, name := range names {
		text, err := templates.Render(name, values)
		if err != nil {
			tb.Fatal(err)
		}
		d, err := policies.Parse(name+".json", text)
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, d)
	}
	return out
}

// document has one statement for each line: action, resource, perhaps a condition.
func document(tb testing.TB, effect string, statements ...[]string) []*policies.Document {
	tb.Helper()
	var list []string
	for _, s := range statements {
		one := fmt.Sprintf(`{"Effect": %q, "Action": %q, "Resource": %q`, effect, s[0], s[1])
		if len(s) > 2 {
			one += `, "Condition": ` + s[2]
		}
		list = append(list, one+"}")
	}
	text := `{"Version": "2012-10-17", "Statement": [` + strings.Join(list, ",\n") + "]}"
	text = strings.NewReplacer("@", arn, "${T}", "${iot:Connection.Thing.ThingName}").Replace(text)
	d, err := policies.Parse("p.json", []byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	return []*policies.Document{d}
}

func TestOurOwnPoliciesIsolate(t *testing.T) {
	t.Parallel()
	p := isolate.Documents(claim(t), own(t, "thing", "thing-credentials", "credentials-role"), place, "photos")
	if len(p.Leaks) > 0 || len(p.Limits) > 0 || p.Names < 30 || p.Decisions < 10_000 {
		t.Errorf("%+v", p)
	}
	for _, want := range []isolate.Fact{
		{Action: "iot:Connect", Own: "A"}, {Action: "iot:Publish", Own: "thingpass/A/*"}, {Action: "iot:Subscribe", Own: "thingpass/A/*"},
		{Action: "iot:RetainPublish", Own: "nothing"}, {Action: "s3:PutObject", Own: "photos/A/*"},
	} {
		if !slices.Contains(p.Actions, want) {
			t.Errorf("%+v is not among %+v", want, p.Actions)
		}
	}
}

func TestLeaksAreFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what, action, resource, condition, example, why string
	}{
		{"no name", "iot:Publish", "@topic/thingpass/*/response", "", "thingpass/B/response", "a wildcard covers every other's"},
		{"the neighbour", "iot:Publish", "@topic/thingpass/${T}*", "", "thingpass/AB", "what begins alike"},
		{"the neighbour before", "iot:Receive", "@topic/thingpass/x${T}/y", "", "thingpass/xA/y", "something stands before it"},
		{"one more character", "iot:Publish", "@topic/thingpass/${T}?/x", "", "thingpass/Ax/x", "what begins alike"},
		{"two levels in one", "iot:Publish", "@topic/thingpass/*/${T}/x", "", "thingpass/B/A/x", "a wildcard stands before the name"},
		{"the name at another place", "iot:Publish", "@topic/${T}/thingpass/x", "", "A/thingpass/x", "not where the contract has it"},
		{"a topic of all", "iot:Receive", "@topic/news", "", "news", "does not call it shared"},
		{"any client id", "iot:Connect", "@client/*", "", "B", "a wildcard covers every other's"},
		{"a client id of one's own choice", "iot:Connect", "@client/${iot:ClientId}", "", "", "the client id is in it"},
		{"topics of the client id", "iot:Publish", "@topic/thingpass/${iot:ClientId}/x", "", "", "the client id is in it"},
		{"a filter over all", "iot:Subscribe", "@topicfilter/thingpass/+/response", "", "thingpass/+/response", "does not call it shared"},
		{"a filter over everything", "iot:Subscribe", "@topicfilter/*", "", "B", "a wildcard"},
		{"the brokers' group", "iot:Subscribe", "@topicfilter/$share/thingpass/thingpass/+/upload-request", "", "$share/thingpass/thingpass/+/upload-request", "does not call it shared"},
		{"all shadows", "iot:GetThingShadow", "@thing/*", "", "B", "a wildcard"},
		{"all retained messages", "iot:ListRetainedMessages", "*", "", "*", "tells of all things"},
		{"retained", "iot:RetainPublish", "@topic/thingpass/*", "", "thingpass/B", "a wildcard"},
		{"all actions", "iot:*", "*", "", "", ""},
		{"keys", "s3:PutObject", "arn:aws:s3:::photos/*", "", "photos/B", "a wildcard"},
		{"keys of the neighbour", "s3:PutObject", "arn:aws:s3:::photos/${credentials-iot:ThingName}*", "", "photos/AB", "what begins alike"},
		{"the bucket", "s3:ListBucket", "arn:aws:s3:::photos", "", "photos", "does not call it shared"},
		{"another bucket", "s3:PutObject", "arn:aws:s3:::other/${credentials-iot:ThingName}/*", "", "other/A/", "not where the contract has it"},
		{"only for cameras", "iot:Publish", "@topic/thingpass/*", `{"StringEquals": {"iot:Connection.Thing.ThingTypeName": "camera"}}`, "thingpass/B", "a wildcard"},
		{"only from home", "iot:Publish", "@topic/thingpass/*", `{"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}`, "thingpass/B", "a wildcard"},
		{"only for one", "iot:Publish", "@topic/thingpass/*", `{"StringEquals": {"iot:Connection.Thing.ThingName": "boss"}}`, "thingpass/boss0", "a wildcard"},
	} {
		s := []string{c.action, c.resource}
		if c.condition != "" {
			s = append(s, c.condition)
		}
		p := isolate.Documents(claim(t), document(t, "Allow", s), place, "photos")
		if len(p.Leaks) == 0 {
			t.Errorf("%s: no leak", c.what)
			continue
		}
		if l := p.Leaks[0]; !strings.HasPrefix(l.Example, c.example) || !strings.Contains(l.Why, c.why) || l.Fix == "" || l.Statement != "statement 1 (p.json:1:41)" {
			t.Errorf("%s: %+v", c.what, l)
		}
	}
}

func TestWhatIsNoLeak(t *testing.T) {
	t.Parallel()
	for what, docs := range map[string][]*policies.Document{
		"below one's own":    document(t, "Allow", []string{"iot:Publish", "@topic/thingpass/${T}/*"}, []string{"iot:Subscribe", "@topicfilter/thingpass/${T}/+/x"}),
		"one's own shadow":   document(t, "Allow", []string{"iot:GetThingShadow", "@thing/${T}"}, []string{"iot:Publish", "@topic/$aws/things/${T}/shadow/update"}),
		"the wrong kind":     document(t, "Allow", []string{"iot:Publish", "@topicfilter/thingpass/*"}),
		"no topic has a +":   document(t, "Allow", []string{"iot:Publish", "@topic/thingpass/+/x"}),
		"nothing resolves":   document(t, "Allow", []string{"iot:Publish", "@topic/thingpass/${credentials-iot:ThingName}*"}),
		"only denials":       document(t, "Deny", []string{"iot:*", "*"}),
		"denied again":       append(document(t, "Allow", []string{"iot:Publish", "@topic/*"}), document(t, "Deny", []string{"iot:Publish", "*"})...),
		"one's own, by keys": document(t, "Allow", []string{"s3:PutObject", "arn:aws:s3:::photos/${credentials-iot:ThingName}/*"}),
	} {
		if p := isolate.Documents(claim(t), docs, place, "photos"); len(p.Leaks) > 0 {
			t.Errorf("%s: %+v", what, p.Leaks)
		}
	}
}

func TestADenyOfAllButOnesOwn(t *testing.T) {
	t.Parallel()
	text := strings.NewReplacer("@", arn).Replace(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:Publish", "Resource": "@topic/*"},
 {"Effect": "Deny", "Action": "iot:Publish", "NotResource": "@topic/thingpass/${iot:Connection.Thing.ThingName}/*"}]}`)
	d, err := policies.Parse("p.json", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	p := isolate.Documents(claim(t), []*policies.Document{d}, place, "photos")
	if len(p.Leaks) > 0 { // where the name does not resolve, the Deny excepts nothing
		t.Errorf("%+v", p.Leaks)
	}
	if !slices.ContainsFunc(p.Limits, func(l string) bool { return strings.Contains(l, "NotResource") }) {
		t.Errorf("limits %q", p.Limits)
	}
}

// A broker's session policy has the name written out.
func TestAPolicyForOneThing(t *testing.T) {
	t.Parallel()
	for resource, leaks := range map[string]bool{"arn:aws:s3:::photos/cam1/*": false, "arn:aws:s3:::photos/cam1*": true, "arn:aws:s3:::photos/cam10/*": true} {
		p := isolate.Named(claim(t), "cam1", document(t, "Allow", []string{"s3:PutObject", resource}), place, "photos")
		if (len(p.Leaks) > 0) != leaks {
			t.Errorf("%s: %+v", resource, p.Leaks)
		}
		if leaks && resource == "arn:aws:s3:::photos/cam1*" && p.Leaks[0].Other != "cam10" {
			t.Errorf("%s: %+v", resource, p.Leaks[0])
		}
	}
}

func TestClaimsByHand(t *testing.T) {
	t.Parallel()
	for topic, want := range map[string]string{
		"devices/#": "{thing} must be a whole level", "devices/x{thing}/#": "{thing} must be a whole level", "+/{thing}/#": "a + before {thing}",
		"{thing}/{thing}/x": "twice", "devices/{thing}/#": "",
	} {
		err := isolate.Claim{Topics: []string{topic}}.Check()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", topic, err)
		}
	}
	c := isolate.Claim{Clients: []string{"{thing}"}, Topics: []string{"devices/{thing}/#"}, Shared: []string{"news/#"}}
	docs := document(t, "Allow", []string{"iot:Publish", "@topic/devices/${T}/up"}, []string{"iot:Receive", "@topic/news/*"}, []string{"iot:Subscribe", "@topicfilter/news/#"})
	if p := isolate.Documents(c, docs, place, "photos"); len(p.Leaks) > 0 {
		t.Errorf("%+v", p.Leaks)
	}
}

func TestLookAlikesAreNames(t *testing.T) {
	t.Parallel()
	names := isolate.LookAlikes(claim(t))
	for _, want := range []string{"cam1", "cam10", "CAM1", "response", "upload-request", "thingpass-broker", strings.Repeat("a", 127) + "b"} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is not among %q", want, names)
		}
	}
	for _, n := range names {
		if !policies.IsThingName(n) {
			t.Errorf("%q is no name", n)
		}
	}
}

func BenchmarkOwnPolicies(b *testing.B) {
	docs, c := own(b, "thing", "thing-credentials", "credentials-role"), claim(b)
	for b.Loop() {
		if p := isolate.Documents(c, docs, place, "photos"); len(p.Leaks) > 0 {
			b.Fatal(p.Leaks)
		}
	}
}
