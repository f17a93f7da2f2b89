// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"

	"thingpass/broker/internal/testmosquitto"
	"thingpass/certs"
	"thingpass/policies"
	"thingpass/policies/registry"
	"thingpass/policies/templates"
)

// The plugin is held to the evaluator, topic by topic, in a real Mosquitto.

const pluginFile = "thingpass-mosquitto.so"

// pluginServer runs Mosquitto with the plugin and that registry.
func pluginServer(t *testing.T, registryText string) *testmosquitto.Server {
	t.Helper()
	needsMosquitto(t)
	return testmosquitto.Start(t, testmosquitto.Options{Registry: registryText, Plugin: program(t, pluginFile)})
}

func registryHead(more string) string {
	return "account: \"123456789012\"\nregion: eu-central-1\n" + more
}

// oneThing is a registry in which dev-1 has the document beside it, and everybody
// called god has everything.
const oneThing = `
policies: {it: {file: it.json}, all: {file: all.json}}
groups: {g: {policies: [it]}}
things: {dev-1: {groups: [g]}}
certificates:
  - {commonName: dev-1, things: [dev-1]}
  - {commonName: thingpass-broker, policies: [it]}
  - {commonName: thingpass-observer, policies: [it]}
  - {commonName: thingpass-claim-1, policies: [it]}
  - {commonName: god, policies: [all]}
`

const allowAll = `{"Version": "2012-10-17", "Statement": {"Sid": "All", "Effect": "Allow", "Action": "iot:*", "Resource": "*"}}`

// TestThePluginIsExact compares publish, subscribe and receive for each policy
// and each topic with the evaluator's word.
func TestThePluginIsExact(t *testing.T) {
	topics := everySecond(aclTopics()) // each denied publish costs a connection
	if len(topics) < 500 {
		t.Fatalf("only %d topics", len(topics))
	}
	for _, c := range aclCases(t) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			session := sessionOf(t, c)
			m := startWithDocument(t, c)
			god := dialWire(t, m.Services, m.ServiceTLS("god"), "god")
			differing := 0
			compare := func(what, topic string, got, want bool) {
				if got != want {
					differing++
					t.Errorf("%s %s: %v, the evaluator says %v", what, topic, got, want)
				}
			}
			subscribed := tryAll(t, m, c.client, topics)
			for _, topic := range topics {
				compare("subscribe", topic, subscribed[topic], session.Subscribe(topic).Allowed())
			}
			published := publishAllAs(t, m, god, c.client, topics)
			for _, topic := range topics {
				compare("publish", topic, published[topic], session.Publish(topic, false).Allowed())
			}
			t.Logf("%d topics, publish and subscribe: %d differ", len(topics), differing)
		})
	}
}

func everySecond(all []string) []string {
	var out []string
	for i := 0; i < len(all); i += 2 {
		out = append(out, all[i])
	}
	return out
}

// startWithDocument adds to the document what the test itself needs: leave to
// connect, and markers.
func startWithDocument(t *testing.T, c aclCase) *testmosquitto.Server {
	t.Helper()
	dir := t.TempDir()
	lab := fmt.Sprintf(`{"Version": "2012-10-17", "Statement": [
	  {"Sid": "LabConnect", "Effect": "Allow", "Action": "iot:Connect", "Resource": "*"},
	  {"Sid": "LabMarker", "Effect": "Allow", "Action": ["iot:Publish", "iot:Subscribe", "iot:Receive"], "Resource": [%q, %q]}]}`,
		policyPlace.ARN("topic/"+aclMarker), policyPlace.ARN("topicfilter/"+aclMarker))
	for name, text := range map[string]string{"it.json": documentText(t, c), "all.json": allowAll, "lab.json": lab} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text := strings.NewReplacer("it.json", dir+"/it.json", "all.json", dir+"/all.json",
		"policies: {it:", "policies: {lab: {file: "+dir+"/lab.json}, it:", "policies: [it]", "policies: [it, lab]").Replace(oneThing)
	return pluginServer(t, registryHead(text))
}

// tryAll returns which filters the server lets the client subscribe to, and ends
// each at once.
func tryAll(t *testing.T, m *testmosquitto.Server, id string, filters []string) map[string]bool {
	t.Helper()
	w := dialWire(t, m.Services, clientTLS(t, m, id), id)
	out := map[string]bool{}
	for chunk := 0; chunk < len(filters); chunk += 50 {
		some := filters[chunk:min(chunk+50, len(filters))]
		request := &paho.Subscribe{}
		for _, f := range some {
			request.Subscriptions = append(request.Subscriptions, paho.SubscribeOptions{Topic: f})
		}
		ack, err := w.client.Subscribe(t.Context(), request)
		if ack == nil {
			t.Fatalf("subscribe: %v", err)
		}
		for i, code := range ack.Reasons {
			if out[some[i]] = code < 0x80; code >= 0x80 && code != 0x87 {
				t.Errorf("subscribe %s: reason 0x%x", some[i], code)
			}
		}
		if _, err := w.client.Unsubscribe(t.Context(), &paho.Unsubscribe{Topics: some}); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// publishAllAs returns what came through. Since a denied publish ends the
// connection, there is one for each that is denied.
func publishAllAs(t *testing.T, m *testmosquitto.Server, god *wireClient, id string, topics []string) map[string]bool {
	t.Helper()
	god.subscribe("#", "$aws/#")
	config := clientTLS(t, m, id)
	w := dialWire(t, m.Services, config, id)
	for _, topic := range topics {
		ack, err := w.client.Publish(t.Context(), &paho.Publish{Topic: topic, QoS: 1, Payload: []byte("x")})
		if ack == nil {
			t.Fatalf("publish %s: %v", topic, err)
		}
		if ack.ReasonCode == 0x87 {
			select {
			case <-w.client.Done(): // as on AWS
			case <-time.After(patience):
				t.Fatalf("publish %s was denied, and the connection lives on", topic)
			}
			w = dialWire(t, m.Services, config, id)
		}
	}
	w.publish(aclMarker, "end")
	return god.until(aclMarker)
}

// services are those clients of the cases that are no things.
var services = map[string]bool{"thingpass-broker": true, "thingpass-observer": true, "thingpass-claim-1": true}

func clientTLS(t *testing.T, m *testmosquitto.Server, name string) *tlsConfig {
	t.Helper()
	if services[name] {
		return m.ServiceTLS(name)
	}
	return m.ThingTLS(name)
}

func documentText(t *testing.T, c aclCase) string {
	t.Helper()
	if c.text != "" {
		return c.text
	}
	v, err := templates.FromMap(map[string]string{"account": policyPlace.Account, "region": policyPlace.Region})
	if err != nil {
		t.Fatal(err)
	}
	text, err := templates.Render(c.name, v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestThePluginWithholds: deliveries are judged one by one, whatever was
// subscribed to before.
func TestThePluginWithholds(t *testing.T) {
	topics := aclTopics()
	m := startWithDocument(t, aclCase{name: "x", text: `{"Version": "2012-10-17", "Statement": [
	  {"Sid": "Listen", "Effect": "Allow", "Action": "iot:Subscribe", "Resource": "*"},
	  {"Sid": "Hear", "Effect": "Allow", "Action": "iot:Receive", "Resource": "` + policyPlace.ARN("topic/devices/*/up") + `"},
	  {"Sid": "NotMe", "Effect": "Deny", "Action": "iot:Receive", "Resource": "` + policyPlace.ARN("topic/devices/${iot:Connection.Thing.ThingName}/*") + `"}]}`})
	god := dialWire(t, m.Services, m.ServiceTLS("god"), "god")
	w := dialWire(t, m.Services, m.ThingTLS("dev-1"), "dev-1")
	w.subscribe("#", "$aws/#")
	for _, topic := range topics {
		god.publish(topic, topic)
	}
	god.publish(aclMarker, "end")
	got := w.until(aclMarker)
	for _, topic := range topics {
		want := strings.HasPrefix(topic, "devices/") && strings.HasSuffix(topic, "/up") && topic != "devices/up" && !strings.HasPrefix(topic, "devices/dev-1/")
		if got[topic] != want {
			t.Errorf("%s: delivered %v", topic, got[topic])
		}
	}
}

// refusedConnect is the reason code of a CONNECT.
func refusedConnect(t *testing.T, address string, config *tlsConfig, packet *paho.Connect) byte {
	t.Helper()
	w, err := rawDial(t, address, config)
	if err != nil {
		t.Fatal(err)
	}
	ack, err := w.Connect(t.Context(), packet)
	if ack == nil {
		t.Fatalf("no CONNACK: %v", err)
	}
	_ = w.Disconnect(&paho.Disconnect{})
	return ack.ReasonCode
}

func defaultRegistry(t testing.TB) string {
	t.Helper()
	return registry.Default(templates.Values{})
}

func TestWhoThePluginLetsIn(t *testing.T) {
	m := pluginServer(t, defaultRegistry(t)+"things: {cam9: {blocked: true}}\n")
	for _, c := range []struct {
		what   string
		config *tlsConfig
		packet paho.Connect
		want   byte
	}{
		{"a thing as itself", m.ThingTLS("cam1"), paho.Connect{ClientID: "cam1", CleanStart: true}, 0},
		{"a thing as another", m.ThingTLS("cam1"), paho.Connect{ClientID: "cam2", CleanStart: true}, 0x87},
		{"a thing as a neighbour in name", m.ThingTLS("cam1"), paho.Connect{ClientID: "cam10", CleanStart: true}, 0x87},
		{"a thing as the broker", m.ThingTLS("cam1"), paho.Connect{ClientID: "thingpass-broker", CleanStart: true}, 0x87},
		{"with wildcards", m.ThingTLS("cam1"), paho.Connect{ClientID: "+", CleanStart: true}, 0x87},
		{"with a kilobyte", m.ThingTLS("cam1"), paho.Connect{ClientID: strings.Repeat("c", 1024), CleanStart: true}, 0x87},
		{"with a space and quotes", m.ThingTLS("cam1"), paho.Connect{ClientID: `cam1" who="cam2`, CleanStart: true}, 0x87},
		{"a persistent session", m.ThingTLS("cam1"), paho.Connect{ClientID: "cam1"}, 0x87},
		{"blocked", m.ThingTLS("cam9"), paho.Connect{ClientID: "cam9", CleanStart: true}, 0x87},
		{"the broker", m.ServiceTLS("thingpass-broker"), paho.Connect{ClientID: "thingpass-broker-1", CleanStart: true}, 0},
		{"the broker, persistent", m.ServiceTLS("thingpass-broker"), paho.Connect{ClientID: "thingpass-broker"}, 0},
		{"the broker as a thing", m.ServiceTLS("thingpass-broker"), paho.Connect{ClientID: "cam1", CleanStart: true}, 0x87},
	} {
		if got := refusedConnect(t, m.Services, c.config, &c.packet); got != c.want {
			t.Errorf("%s: reason 0x%x, want 0x%x", c.what, got, c.want)
		}
	}
	if log := m.Log(); !strings.Contains(log, `what=CONNECT why="IMPLICIT_DENY iot:Connect client/cam2: no statement allows it; the policies of thing cam1's groups count under client id cam1 alone" client=cam2`) ||
		!strings.Contains(log, "thing cam9 is blocked") || !strings.Contains(log, `client="cam1\" who=\"cam2"`) {
		t.Errorf("the log:\n%s", log)
	}
}

func TestThePluginRefusesTheBrokersGroup(t *testing.T) {
	m := pluginServer(t, defaultRegistry(t))
	w := dialWire(t, m.Services, m.ThingTLS("cam1"), "cam1")
	for _, filter := range []string{"$share/thingpass/thingpass/+/upload-request", "$share/thingpass/thingpass/cam1/response", "#", "thingpass/+/response", "thingpass/cam2/response", "$SYS/#"} {
		ack, _ := w.client.Subscribe(t.Context(), &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: filter, QoS: 1}}})
		if ack == nil || ack.Reasons[0] != 0x87 {
			t.Errorf("%s: %+v", filter, ack)
		}
	}
	if !strings.Contains(m.Log(), `what=SUBSCRIBE why="IMPLICIT_DENY iot:Subscribe topicfilter/$share/thingpass/thingpass/+/upload-request: no statement allows it"`) {
		t.Errorf("the log:\n%s", m.Log())
	}
	w.subscribe("thingpass/cam1/response")
	ack, _ := w.client.Publish(t.Context(), &paho.Publish{Topic: "thingpass/cam1/upload-request", QoS: 1, Retain: true})
	if ack == nil || ack.ReasonCode != 0x87 {
		t.Errorf("retained: %+v", ack)
	}
	if !strings.Contains(m.Log(), "IMPLICIT_DENY iot:RetainPublish topic/thingpass/cam1/upload-request") {
		t.Errorf("the log:\n%s", m.Log())
	}
}

func TestThePluginTakesANewRegistry(t *testing.T) {
	text := defaultRegistry(t)
	m := pluginServer(t, text)
	path := filepath.Join(m.Dir, "registry.yaml")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config := m.ThingTLS("cam1")
	w, other := dialWire(t, m.Services, config, "cam1"), dialWire(t, m.Services, m.ThingTLS("cam2"), "cam2")

	write(text + "thigns: {}\n") // a mistake changes nothing
	m.Reload("the registry stays as it was")
	w.publish("thingpass/cam1/upload-request", "x")

	write(text + "things: {cam1: {blocked: true}}\n")
	m.Reload("is read again")
	select {
	case <-w.client.Done():
	case <-time.After(patience):
		t.Fatal("a blocked thing stays connected")
	}
	if got := refusedConnect(t, m.Services, config, &paho.Connect{ClientID: "cam1", CleanStart: true}); got != 0x87 {
		t.Errorf("a blocked thing comes back: 0x%x", got)
	}
	other.publish("thingpass/cam2/upload-request", "x")

	write(text) // by itself, a second later at most
	m.Await("is read again", 2)
	dialWire(t, m.Services, config, "cam1").publish("thingpass/cam1/upload-request", "x")
}

func TestThePluginKicksWhoIsRevoked(t *testing.T) {
	ca, err := certs.NewCA("test CA")
	if err != nil {
		t.Fatal(err)
	}
	id, err := ca.Thing("cam1")
	if err != nil {
		t.Fatal(err)
	}
	text := registryHead("policies: {thing: {builtin: thing}}\ngroups: {g: {policies: [thing]}}\nthings: {cam1: {groups: [g]}}\n" +
		"certificates: [{id: " + policies.CertificateID(id.Leaf) + ", status: ACTIVE, things: [cam1]}]\n")
	needsMosquitto(t)
	m := testmosquitto.Start(t, testmosquitto.Options{CA: ca, Registry: text, Plugin: program(t, pluginFile)})
	w := dialWire(t, m.Services, m.ClientTLS(id), "cam1")
	w.publish("thingpass/cam1/upload-request", "x")
	if got := refusedConnect(t, m.Services, m.ThingTLS("cam1"), &paho.Connect{ClientID: "cam1", CleanStart: true}); got != 0x87 {
		t.Errorf("another certificate of the same name is let in: 0x%x", got)
	}
	if err := os.WriteFile(filepath.Join(m.Dir, "registry.yaml"), []byte(strings.Replace(text, "ACTIVE", "REVOKED", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	m.Reload("is read again")
	select {
	case <-w.client.Done():
	case <-time.After(patience):
		t.Fatal("who is revoked stays connected")
	}
	if !strings.Contains(m.Log(), "is REVOKED") {
		t.Errorf("the log:\n%s", m.Log())
	}
	m.Stop() // SIGTERM ends it, Go's runtime or not
	if !m.Exited() {
		t.Error("it does not end")
	}
}
