// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package policies_test

import (
	"net/netip"
	"testing"

	"thingpass/policies"
)

var place = policies.Place{Partition: "aws", Region: "eu-central-1", Account: "123456789012"}

const thing = `{"Version": "2012-10-17", "Statement": [
  {"Sid": "Connect", "Effect": "Allow", "Action": "iot:Connect",
   "Resource": "arn:aws:iot:eu-central-1:123456789012:client/${iot:Connection.Thing.ThingName}",
   "Condition": {"Bool": {"iot:Connection.Thing.IsAttached": "true"}}},
  {"Sid": "Own", "Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"],
   "Resource": "arn:aws:iot:eu-central-1:123456789012:topic/${iot:Connection.Thing.ThingName}/*"},
  {"Sid": "Listen", "Effect": "Allow", "Action": "iot:Subscribe",
   "Resource": ["arn:aws:iot:eu-central-1:123456789012:topicfilter/${iot:Connection.Thing.ThingName}/room",
                "arn:aws:iot:eu-central-1:123456789012:topicfilter/some/+/topic"]},
  {"Sid": "NotBar", "Effect": "Deny", "Action": "iot:Publish",
   "Resource": "arn:aws:iot:eu-central-1:123456789012:topic/${iot:Connection.Thing.ThingName}/bar"}
]}`

func compile(tb testing.TB, text string) *policies.Set {
	tb.Helper()
	doc, err := policies.Parse("test.json", []byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	return policies.Compile(policies.IoT, doc)
}

func TestAThingReachesItsOwnTopics(t *testing.T) {
	t.Parallel()
	who := policies.Principal{Thing: &policies.Thing{Name: "thing1"}}
	session, connected := compile(t, thing).Connect(place, who, policies.ConnectRequest{ClientID: "thing1", SourceIP: netip.MustParseAddr("192.0.2.1")})
	for _, c := range []struct {
		what string
		got  policies.Result
		want policies.Decision
	}{
		{"connect", connected, policies.Allowed},
		{"publish own", session.Publish("thing1/a/b", false), policies.Allowed},
		{"publish own, retained", session.Publish("thing1/a/b", true), policies.ImplicitDeny},
		{"publish neighbour", session.Publish("thing10/a", false), policies.ImplicitDeny},
		{"publish parent", session.Publish("thing1", false), policies.ImplicitDeny},
		{"publish denied", session.Publish("thing1/bar", false), policies.ExplicitDeny},
		{"publish below denied", session.Publish("thing1/bar/x", false), policies.Allowed},
		{"receive denied for publish only", session.Receive("thing1/bar"), policies.Allowed},
		{"subscribe", session.Subscribe("thing1/room"), policies.Allowed},
		{"subscribe wildcard", session.Subscribe("thing1/+"), policies.ImplicitDeny},
		{"literal plus", session.Subscribe("some/+/topic"), policies.Allowed},
		{"plus is no wildcard", session.Subscribe("some/a/topic"), policies.ImplicitDeny},
		{"wrong kind", session.Decide("iot:Publish", place.ARN("topicfilter/thing1/room")), policies.ImplicitDeny},
	} {
		if c.got.Decision != c.want {
			t.Errorf("%s: %v, want %v", c.what, c.got, c.want)
		}
	}
}

func TestAnotherClientIDLosesTheThing(t *testing.T) {
	t.Parallel()
	who := policies.Principal{Thing: &policies.Thing{Name: "thing1"}}
	session, connected := compile(t, thing).Connect(place, who, policies.ConnectRequest{ClientID: "thing2"})
	if connected.Allowed() || session.Publish("thing1/a", false).Allowed() || session.Publish("/a", false).Allowed() {
		t.Error("an unresolved variable opened something")
	}
	x := session.Explain("iot:Publish", place.ARN("topic/thing1/a"))
	if len(x.Missing) != 1 || x.Missing[0] != "${iot:Connection.Thing.ThingName}" {
		t.Errorf("missing: %q", x.Missing)
	}
}

func BenchmarkDecide(b *testing.B) {
	who := policies.Principal{Thing: &policies.Thing{Name: "thing1"}}
	session, _ := compile(b, thing).Connect(place, who, policies.ConnectRequest{ClientID: "thing1"})
	b.ReportAllocs()
	for b.Loop() {
		if !session.Publish("thing1/upload-request", false).Allowed() {
			b.Fatal("denied")
		}
	}
}
