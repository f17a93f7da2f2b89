// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mosquitto_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"thingpass/policies"
	"thingpass/policies/mosquitto"
	"thingpass/policies/templates"
)

var place = policies.Place{Partition: "aws", Region: "eu-central-1", Account: "123456789012"}

func values(tb testing.TB) templates.Values {
	tb.Helper()
	v, err := templates.FromMap(map[string]string{"account": place.Account, "region": place.Region})
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func ours(tb testing.TB, name string) *policies.Document {
	tb.Helper()
	text, err := templates.Render(name, values(tb))
	if err != nil {
		tb.Fatal(err)
	}
	return parse(tb, name, string(text))
}

func parse(tb testing.TB, name, text string) *policies.Document {
	tb.Helper()
	doc, err := policies.Parse(name, []byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	return doc
}

// The file in policies is what comes out for the default values.
func TestTheFileIsCompiled(t *testing.T) {
	t.Parallel()
	want := mosquitto.Compile(mosquitto.Input{
		Place: place, Levels: 3, Things: []*policies.Document{ours(t, "thing")},
		Services: []mosquitto.Service{
			{Name: "thingpass-broker", Policies: []*policies.Document{ours(t, "broker"), ours(t, "broker-commands"), ours(t, "broker-watch")}},
			{Name: "thingpass-observer", Policies: []*policies.Document{ours(t, "observer")}},
		},
	}).String()
	path := "../mosquitto.acl"
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("%v: %s is not what comes out (UPDATE=1 writes it):\n%s", err, path, want)
	}
}

// statement makes a policy of one statement, whose resources begin with the ARN
// of place, or are as they are if they begin with = .
func statement(effect, actions string, more string, resources ...string) string {
	for i, r := range resources {
		if rest, found := strings.CutPrefix(r, "="); found {
			resources[i] = `"` + rest + `"`
		} else {
			resources[i] = `"` + place.ARN(r) + `"`
		}
	}
	return `{"Effect": "` + effect + `", "Action": [` + actions + `], ` + more + `"Resource": [` + strings.Join(resources, ",") + `]}`
}

func policy(statements ...string) string {
	return `{"Version": "2012-10-17", "Statement": [` + strings.Join(statements, ",") + `]}`
}

const (
	pub  = `"iot:Publish"`
	recv = `"iot:Receive"`
	both = pub + "," + recv
	name = "${iot:Connection.Thing.ThingName}"
)

var everything = statement("Allow", `"iot:Subscribe"`, "", "topicfilter/*")

// all are the lines of topic/*.
func all(begin string) string {
	var out []string
	for n := range 8 {
		rest := strings.Repeat("/+", n)
		out = append(out, begin+"+"+rest, begin+"$aws"+rest)
	}
	return strings.Join(out, "|")
}

// deniedA are those of a denial of topic/*/a, beside a topic that begins with $x.
var deniedA = func() string {
	var out []string
	for n := range 7 {
		for _, first := range []string{"+", "$x", "$aws"} {
			out = append(out, "pattern deny "+first+strings.Repeat("/+", n)+"/a")
		}
	}
	return strings.Join(out, "|")
}()

func TestStatementsBecomeLines(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what     string
		text     string
		lines    string
		fidelity mosquitto.Fidelity
	}{
		{"a topic", policy(statement("Allow", pub, "", "topic/a/b")), "pattern write a/b", mosquitto.Exact},
		{"own topic", policy(statement("Allow", pub, "", "topic/a/"+name+"/b")), "pattern write a/%u/b", mosquitto.Exact},
		{"client id", policy(statement("Allow", pub, "", "topic/a/${iot:ClientId}")), "pattern write a/%c", mosquitto.Exact},
		{"both ways", policy(statement("Allow", both, "", "topic/a"), everything), "pattern readwrite a", mosquitto.Exact},
		{"receive without subscribe", policy(statement("Allow", recv, "", "topic/a")), "", mosquitto.Exact},
		{"a star at the end", policy(statement("Allow", pub, "", "topic/1/2/3/4/5/*")),
			"pattern write 1/2/3/4/5/+|pattern write 1/2/3/4/5/+/+|pattern write 1/2/3/4/5/+/+/+", mosquitto.Exact},
		{"a star within", policy(statement("Allow", pub, "", "topic/1/2/3/4/5/*/7")), "pattern write 1/2/3/4/5/+/7|pattern write 1/2/3/4/5/+/+/7", mosquitto.Exact},
		{"nine levels", policy(statement("Allow", pub, "", "topic/1/2/3/4/5/6/7/8/9")), "", mosquitto.Exact},
		{"part of a level", policy(statement("Allow", pub, "", "topic/a*")), "", mosquitto.Stricter},
		{"a variable as a part", policy(statement("Allow", pub, "", "topic/x-"+name)), "", mosquitto.Stricter},
		{"a neighbour by prefix", policy(statement("Allow", pub, "", "topic/"+name+"*")), "", mosquitto.Stricter},
		{"one character", policy(statement("Allow", pub, "", "topic/a/?")), "", mosquitto.Stricter},
		{"an attribute", policy(statement("Allow", pub, "", "topic/${iot:Connection.Thing.Attributes[site]}/a")), "", mosquitto.Stricter},
		{"an escaped star", policy(statement("Allow", pub, "", "topic/a/${*}")), "pattern write a/*", mosquitto.Exact},
		{"a filter for a topic", policy(statement("Allow", pub, "", "topic/a/+")), "", mosquitto.Exact},
		{"percent", policy(statement("Allow", pub, "", "topic/a/%u")), "", mosquitto.Stricter},
		{"a space at the end", policy(statement("Allow", pub, "", "topic/a/b ")), "", mosquitto.Stricter},
		{"a newline", policy(statement("Allow", pub, "", `topic/a\nuser x/b`)), "", mosquitto.Stricter},
		{"another region", policy(statement("Allow", pub, "", "=arn:aws:iot:us-east-1:123456789012:topic/a")), "", mosquitto.Exact},
		{"another account", policy(statement("Allow", pub, "", "=arn:aws:iot:eu-central-1:123456789013:topic/a")), "", mosquitto.Exact},
		{"any region", policy(statement("Allow", pub, "", "=arn:aws:iot:*:123456789012:topic/a")), "pattern write a", mosquitto.Stricter}, // it also covers x:123456789012:topic/a
		{"another region by a wildcard", policy(statement("Allow", pub, "", "=arn:aws:iot:us-*-1:123456789012:topic/a")), "", mosquitto.Exact},
		{"a region in part", policy(statement("Allow", pub, "", "=arn:aws:iot:eu-central-?:123456789012:topic/a")), "pattern write a", mosquitto.Exact},
		{"all of the account", policy(statement("Allow", pub, "", "=arn:aws:iot:eu-central-1:123456789012:*"), statement("Deny", both, "", "=arn:*")),
			all("pattern deny ") + "|" + all("pattern write "), mosquitto.Exact},
		{"a variable before the topic", policy(statement("Deny", both, "", "=arn:aws:iot:${aws:RequestedRegion}:123456789012:topic/a")),
			"pattern deny #|pattern deny $aws/#", mosquitto.Stricter},
		{"a denial of any region", policy(statement("Deny", both, "", "=arn:aws:iot:*:topic/a")), "pattern deny #|pattern deny $aws/#|pattern deny a", mosquitto.Stricter},
		{"a denial of a region in part", policy(statement("Deny", both, "", "=arn:aws:iot:eu-*-1:123456789012:topic/a/b")),
			"pattern deny #|pattern deny $aws/#|pattern deny a/b", mosquitto.Stricter},
		{"a denial of a wildcard as kind", policy(statement("Deny", both, "", "topi?/a")), "pattern deny a", mosquitto.Exact},
		{"a denial of topics with $", policy(statement("Allow", pub, "", "topic/$x/a"), statement("Deny", both, "", "topic/*/a")),
			deniedA + "|pattern write $x/a", mosquitto.Exact},
		{"a client", policy(statement("Allow", pub, "", "client/a")), "", mosquitto.Exact},
		{"a wildcard as kind", policy(statement("Allow", pub, "", "to*c/a")), "pattern write a", mosquitto.Stricter},
		{"connect", policy(statement("Allow", `"iot:Connect"`, "", "client/a")), "", mosquitto.NotEnforceable},
		{"a condition", policy(statement("Allow", pub, `"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, `, "topic/a")), "", mosquitto.Stricter},
		{"attached", policy(statement("Allow", pub, `"Condition": {"Bool": {"iot:Connection.Thing.IsAttached": "true"}}, `, "topic/a")), "pattern write a", mosquitto.Exact},
		{"not attached", policy(statement("Allow", pub, `"Condition": {"Bool": {"iot:Connection.Thing.IsAttached": "false"}}, `, "topic/a")), "", mosquitto.Stricter},
		{"a denial", policy(statement("Deny", both, "", "topic/a")), "pattern deny a", mosquitto.Exact},
		{"a denial of one way", policy(statement("Deny", pub, "", "topic/a")), "pattern deny a", mosquitto.Stricter},
		{"a denial with a condition", policy(statement("Deny", both, `"Condition": {"Bool": {"x": "true"}}, `, "topic/a")), "pattern deny a", mosquitto.Stricter},
		{"a denial of a part", policy(statement("Deny", both, "", "topic/a/b*/c")), "pattern deny a/#", mosquitto.Stricter},
		{"a denial of a part at the top", policy(statement("Deny", both, "", "topic/b*")), "pattern deny #|pattern deny $aws/#", mosquitto.Stricter},
		{"a denial of all but", `{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "iot:Publish", "NotResource": "x"}}`,
			"pattern deny #|pattern deny $aws/#", mosquitto.Stricter},
		{"an allow of all but", `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iot:Publish", "NotResource": "x"}}`, "", mosquitto.Stricter},
		{"old version", `{"Version": "2008-10-17", "Statement": ` + statement("Allow", pub, "", "topic/"+name) + `}`, "pattern write " + name, mosquitto.Exact},
		{"a shared topic", policy(statement("Allow", both, "", "topic/$share/g/a")), "", mosquitto.Exact},
	} {
		list := mosquitto.Compile(mosquitto.Input{Place: place, Things: []*policies.Document{parse(t, "p", c.text)}})
		want := []string{}
		if c.lines != "" {
			want = strings.Split(c.lines, "|")
		}
		if !slices.Equal(list.Things, want) || list.Verdicts[0].Fidelity != c.fidelity {
			t.Errorf("%s: %q, want %q; %+v", c.what, list.Things, want, list.Verdicts[0])
		}
	}
}

func TestWhatASubscriptionBrings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ filter, topic, lines string }{
		{"topicfilter/a/+/c", "topic/a/*", "pattern read a/+/c"},
		{"topicfilter/a/#", "topic/a/b/*", "pattern read a/b/+|pattern read a/b/+/+|pattern read a/b/+/+/+|pattern read a/b/+/+/+/+|pattern read a/b/+/+/+/+/+|pattern read a/b/+/+/+/+/+/+"},
		{"topicfilter/$share/g/a/+", "topic/a/b", "pattern read a/b"},
		{"topicfilter/a", "topic/b", ""},
		{"topicfilter/a*", "topic/a", ""},
		{"topicfilter/+/b", "topic/$aws/b", ""},
	} {
		text := policy(statement("Allow", recv, "", c.topic), statement("Allow", `"iot:Subscribe"`, "", c.filter))
		if got := readLines(t, text); got != c.lines {
			t.Errorf("%s, %s: %s", c.filter, c.topic, got)
		}
	}
}

func readLines(t *testing.T, text string) string {
	t.Helper()
	return strings.Join(mosquitto.Compile(mosquitto.Input{Place: place, Things: []*policies.Document{parse(t, "p", text)}}).Things, "|")
}

// A filter that a Deny may cover brings nothing: Mosquitto would let it be
// subscribed to.
func TestADeniedSubscriptionBringsNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ denied, lines string }{
		{"topicfilter/b", "pattern read a/%u/c"},
		{"topicfilter/a/" + name + "/c", ""},
		{"topicfilter/a/cam1/c", ""}, // this thing's, and who that is is not known here
		{"topicfilter/a/?am1/*", ""},
		{"topicfilter/a/*/d", "pattern read a/%u/c"},
		{"topicfilter/*", ""},
		{"topic/a/*", "pattern read a/%u/c"},
		{"*", ""},
	} {
		text := policy(statement("Allow", recv, "", "topic/*"), statement("Allow", `"iot:Subscribe"`, "", "topicfilter/a/"+name+"/c"),
			statement("Deny", `"iot:Subscribe"`, "", strings.Split(c.denied, " ")...))
		if c.denied == "*" {
			text = strings.Replace(text, place.ARN("*"), "*", 1)
		}
		if got := readLines(t, text); got != c.lines {
			t.Errorf("%s: %s", c.denied, got)
		}
	}
}

// A service gets nothing that patterns give to everybody.
func TestAServiceIsNoThing(t *testing.T) {
	t.Parallel()
	list := mosquitto.Compile(mosquitto.Input{
		Place: place, Things: []*policies.Document{ours(t, "thing")},
		Services: []mosquitto.Service{{Name: "svc", Policies: []*policies.Document{parse(t, "p", policy(
			statement("Allow", pub, "", "topic/a"), statement("Allow", pub, "", "topic/"+name)))}}},
	})
	lines := list.Services[0].Lines
	if !slices.Contains(lines, "topic deny thingpass/svc/upload-request") || !slices.Contains(lines, "topic write a") {
		t.Errorf("%q", lines)
	}
	for _, line := range lines {
		if strings.Contains(line, "%") || strings.Contains(line, "$") {
			t.Errorf("a variable in the lines of a user: %s", line)
		}
	}
	if !strings.Contains(list.Report(), "stricter         p: statement 2 (user svc)") {
		t.Error(list.Report())
	}
}

// What a service has in one direction, a pattern would give it in the other.
func TestAServiceIsNoThingInEitherDirection(t *testing.T) {
	t.Parallel()
	things := parse(t, "things", policy(statement("Allow", pub, "", "topic/a/"+name, "topic/b/${iot:ClientId}/c", "topic/c"), everything))
	service := parse(t, "service", policy(statement("Allow", recv, "", "topic/a/*"), statement("Allow", pub, "", "topic/c"), everything))
	list := mosquitto.Compile(mosquitto.Input{Place: place, Levels: 2, Things: []*policies.Document{things},
		Services: []mosquitto.Service{{Name: "svc", Policies: []*policies.Document{service}}}})
	want := []string{"topic deny a/svc", "topic deny b/+/c", "topic read a/+", "topic write c"}
	if got := list.Services[0].Lines; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if !strings.Contains(list.Report(), "without a/svc, which things have in another way") {
		t.Error(list.Report())
	}
}

// The report names the lines of the file.
func TestTheReportNamesLines(t *testing.T) {
	t.Parallel()
	docs := []*policies.Document{parse(t, "p", policy(statement("Allow", pub, "", "topic/b", "topic/c"), statement("Allow", pub, "", "topic/a"), statement("Deny", both, "", "topic/x")))}
	list := mosquitto.Compile(mosquitto.Input{Place: place, Things: docs, Services: []mosquitto.Service{{Name: "svc", Policies: docs}}})
	lines := strings.Split(list.String(), "\n")
	for _, v := range list.Verdicts {
		var got []string
		for _, n := range v.Numbers {
			got = append(got, lines[n-1])
		}
		if len(got) == 0 || !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(v.Lines))) {
			t.Errorf("%s of %q: %q, want %q", v.Statement, v.User, got, v.Lines)
		}
	}
	for _, want := range []string{"statement 1: lines ", " to ", "statement 3: line "} {
		if !strings.Contains(list.Report(), want) {
			t.Errorf("no %q in\n%s", want, list.Report())
		}
	}
}

func FuzzCompile(f *testing.F) {
	f.Add("topic/a/*/b", "Allow")
	f.Add("topic/${iot:ClientId}*", "Deny")
	f.Fuzz(func(t *testing.T, resource, effect string) {
		doc, err := policies.Parse("p", []byte(`{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}`))
		if err != nil {
			t.Fatal(err)
		}
		doc.Version.Value = policies.VersionVariables
		doc.Statements[0].Effect.Value = effect
		doc.Statements[0].Resources = []policies.Text{{Value: place.ARN(resource)}}
		list := mosquitto.Compile(mosquitto.Input{Place: place, Things: []*policies.Document{doc}})
		for _, line := range list.Things {
			if strings.ContainsAny(line, "\n\r\x00") || strings.Count(line, "%") > strings.Count(line, "%u")+strings.Count(line, "%c") {
				t.Errorf("%q", line)
			}
		}
	})
}
