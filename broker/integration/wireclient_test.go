// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"crypto/tls"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"

	"thingpass/policies"
	"thingpass/policies/templates"
)

// policyPlace is where the policies of these tests are.
var policyPlace = policies.Place{Partition: "aws", Region: "eu-central-1", Account: "123456789012"}

func ourPolicy(t testing.TB, name string) *policies.Document {
	t.Helper()
	v, err := templates.FromMap(map[string]string{"account": policyPlace.Account, "region": policyPlace.Region})
	if err != nil {
		t.Fatal(err)
	}
	text, err := templates.Render(name, v)
	if err != nil {
		t.Fatal(err)
	}
	return parsePolicy(t, name, string(text))
}

func parsePolicy(t testing.TB, name, text string) *policies.Document {
	t.Helper()
	doc, err := policies.Parse(name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// sessionOf is what AWS would make of the client: a thing under its own name.
func sessionOf(t testing.TB, c aclCase) *policies.Session {
	t.Helper()
	who := policies.Principal{}
	if !c.service {
		who.Thing = &policies.Thing{Name: c.client}
	}
	session, _ := policies.Compile(policies.IoT, c.docs()...).Connect(policyPlace, who, policies.ConnectRequest{ClientID: c.client})
	return session
}

// wireClient is an MQTT 5 client that remembers what it received.
type wireClient struct {
	tb       testing.TB
	client   *paho.Client
	received chan string
}

type tlsConfig = tls.Config

// rawDial is a client that has not said CONNECT yet.
func rawDial(tb testing.TB, address string, config *tlsConfig) (*paho.Client, error) {
	tb.Helper()
	conn, err := tls.Dial("tcp", address, config)
	if err != nil {
		return nil, err
	}
	return paho.NewClient(paho.ClientConfig{Conn: packets.NewThreadSafeConn(conn)}), nil
}

func dialWire(tb testing.TB, address string, config *tls.Config, id string) *wireClient {
	tb.Helper()
	conn, err := tls.Dial("tcp", address, config)
	if err != nil {
		tb.Fatal(err)
	}
	w := &wireClient{tb: tb, received: make(chan string, 4096)}
	w.client = paho.NewClient(paho.ClientConfig{
		Conn: packets.NewThreadSafeConn(conn), // a bare tls.Conn mixes packets of several writers
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){func(p paho.PublishReceived) (bool, error) {
			w.received <- p.Packet.Topic
			return true, nil
		}},
	})
	_, err = w.client.Connect(tb.Context(), &paho.Connect{ClientID: id, KeepAlive: 60, CleanStart: true})
	if err != nil {
		tb.Fatalf("connect as %s: %v", id, err)
	}
	tb.Cleanup(func() { _ = w.client.Disconnect(&paho.Disconnect{}) })
	return w
}

func (w *wireClient) subscribe(filters ...string) {
	w.tb.Helper()
	request := &paho.Subscribe{}
	for _, f := range filters {
		request.Subscriptions = append(request.Subscriptions, paho.SubscribeOptions{Topic: f, QoS: 1})
	}
	if _, err := w.client.Subscribe(w.tb.Context(), request); err != nil {
		w.tb.Fatalf("subscribe: %v", err)
	}
}

func (w *wireClient) unsubscribe(filters ...string) {
	w.tb.Helper()
	if _, err := w.client.Unsubscribe(w.tb.Context(), &paho.Unsubscribe{Topics: filters}); err != nil {
		w.tb.Fatalf("unsubscribe: %v", err)
	}
}

// publish waits for the answer, which may be a refusal.
func (w *wireClient) publish(topic, payload string) {
	w.tb.Helper()
	r, err := w.client.Publish(w.tb.Context(), &paho.Publish{Topic: topic, QoS: 1, Payload: []byte(payload)})
	if err != nil && r == nil {
		w.tb.Fatalf("publish %s: %v", topic, err)
	}
}

// until collects what is received before a marker.
func (w *wireClient) until(marker string) map[string]bool {
	w.tb.Helper()
	out := map[string]bool{}
	patience := time.NewTimer(30 * time.Second)
	defer patience.Stop()
	for {
		select {
		case topic := <-w.received:
			if topic == marker {
				return out
			}
			out[topic] = true
		case <-patience.C:
			w.tb.Fatalf("the marker did not come; %d messages did", len(out))
		}
	}
}
