// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/autopaho"
	"github.com/eclipse/paho.golang/paho"

	"thingpass/broker/internal/testmosquitto"
)

// A thing asks with unique payloads, and knows which of them came back.
type thing struct {
	name string
	conn *autopaho.ConnectionManager
	mu   sync.Mutex
	got  map[string]int // answers, by payload
	subs chan struct{}  // one for each subscription granted
}

// newThing connects a thing that returns whenever it loses the server.
func newThing(t *testing.T, s *testmosquitto.Server, name string) *thing {
	t.Helper()
	th := &thing{name: name, got: make(map[string]int), subs: make(chan struct{}, 100)}
	th.connect(t, s.Things, s.ThingTLS(name))
	select {
	case <-th.subs:
	case <-time.After(patience):
		t.Fatalf("%s does not get connected", name)
	}
	return th
}

func (th *thing) connect(t *testing.T, address string, conf *tls.Config) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c, err := autopaho.NewConnection(ctx, autopaho.ClientConfig{
		ServerUrls:            []*url.URL{must(url.Parse("mqtts://" + address))(t)},
		TlsCfg:                conf,
		KeepAlive:             30,
		SessionExpiryInterval: 60,
		ReconnectBackoff:      autopaho.NewConstantBackoff(50 * time.Millisecond),
		OnConnectionUp:        func(c *autopaho.ConnectionManager, _ *paho.Connack) { go th.subscribe(ctx, c) },
		ClientConfig: paho.ClientConfig{
			ClientID:          th.name,
			OnPublishReceived: []func(paho.PublishReceived) (bool, error){th.receive},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	th.conn = c
	t.Cleanup(func() {
		cancel()
		<-c.Done()
	})
}

func (th *thing) subscribe(ctx context.Context, c *autopaho.ConnectionManager) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	filter := paho.SubscribeOptions{Topic: "thingpass/" + th.name + "/response", QoS: 1}
	if _, err := c.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{filter}}); err == nil {
		select {
		case th.subs <- struct{}{}:
		default:
		}
	}
}

func (th *thing) receive(r paho.PublishReceived) (bool, error) {
	th.mu.Lock()
	defer th.mu.Unlock()
	payload := string(r.Packet.Payload)
	if string(r.Packet.Properties.CorrelationData) != payload && payload != "busy" {
		payload = fmt.Sprintf("%q with the correlation data of %q", payload, r.Packet.Properties.CorrelationData)
	}
	th.got[payload]++
	return true, nil
}

func (th *thing) answers(payload string) int {
	th.mu.Lock()
	defer th.mu.Unlock()
	return th.got[payload]
}

// send publishes one request; the error is nil if the server has taken it.
func (th *thing) send(payload string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return th.sendWithin(ctx, payload)
}

func (th *thing) sendWithin(ctx context.Context, payload string) error {
	_, err := th.conn.Publish(ctx, &paho.Publish{
		QoS:        1,
		Topic:      "thingpass/" + th.name + "/upload-request",
		Payload:    []byte(payload),
		Properties: &paho.PublishProperties{CorrelationData: []byte(payload), ResponseTopic: "thingpass/other/response"},
	})
	return err
}

// ask sends a request and waits for its answer, without asking again.
func (th *thing) ask(t *testing.T, payload string) {
	t.Helper()
	if err := th.send(payload); err != nil {
		t.Fatalf("%s asks: %v", th.name, err)
	}
	eventually(t, th.name+" is answered "+payload, func() bool { return th.answers(payload) > 0 })
}

// insist asks again and again until it is answered, as a real thing does
// [P-9.1]. It reports whether it was.
func (th *thing) insist(payload string, every time.Duration) bool {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		ctx, cancel := context.WithTimeout(context.Background(), every)
		if th.conn.AwaitConnection(ctx) == nil {
			_ = th.sendWithin(ctx, payload)
			for ctx.Err() == nil && th.answers(payload) == 0 {
				time.Sleep(2 * time.Millisecond)
			}
		}
		cancel()
		if th.answers(payload) > 0 {
			return true
		}
	}
	return false
}
