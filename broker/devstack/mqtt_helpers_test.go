// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"

	"thingpass/broker/devstack"
	"thingpass/policies/registry"
	"thingpass/policies/templates"
)

const brokerName = devstack.DefaultBroker

// testMQTT is a running MQTT server and the CA that it trusts.
type testMQTT struct {
	*devstack.MQTT
	t   testing.TB
	ca  *authority
	log *syncBuffer
}

func startMQTT(t testing.TB, change ...func(*devstack.MQTTOptions)) *testMQTT {
	t.Helper()
	ca, log := newAuthority(t), new(syncBuffer)
	o := devstack.MQTTOptions{
		Certificate: ca.server(t),
		ClientCAs:   ca.pool(),
		Registry:    lab(t),
		Log:         slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, f := range change {
		f(&o)
	}
	m, err := devstack.StartMQTT(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return &testMQTT{MQTT: m, t: t, ca: ca, log: log}
}

// lab is a registry as the stack has it without a file, but that brokers may
// subscribe outside their group, too, which shows more of the server.
func lab(t testing.TB, more ...string) *registry.Store {
	t.Helper()
	text := registry.Default(templates.Values{})
	pairs := append([]string{
		"policies:\n", "policies:\n  lab: {file: testdata/lab.json}\n  will: {file: testdata/will.json}\n  keys: {file: testdata/keys.json}\n",
		"policies: [broker, broker-commands]", "policies: [broker, lab]",
	}, more...)
	for i := 0; i+1 < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("%q is not in\n%s", pairs[i], text)
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	s, err := registry.InMemory(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// shipped is the registry that the stack has without a file.
func shipped(o *devstack.MQTTOptions) { o.Registry = nil }

// syncBuffer is a log that may be read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// logged waits for a line that holds all of these.
func (m *testMQTT) logged(parts ...string) {
	m.t.Helper()
	within(m.t, "a line of the log with "+strings.Join(parts, " and "), func() bool {
		for line := range strings.Lines(m.log.String()) {
			found := 0
			for _, part := range parts {
				if strings.Contains(line, part) {
					found++
				}
			}
			if found == len(parts) {
				return true
			}
		}
		return false
	})
}

// tls opens a connection as the holder of cert; nil is a client without one.
func (m *testMQTT) tls(cert *tls.Certificate) (*tls.Conn, error) {
	config := &tls.Config{RootCAs: m.ca.pool(), ServerName: "localhost"}
	if cert != nil {
		config.Certificates = []tls.Certificate{*cert}
	}
	return tls.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}, "tcp", m.Addr().String(), config)
}

// v5 is a client of MQTT 5.
type v5 struct {
	*paho.Client
	t        testing.TB
	received chan *paho.Publish
	said     chan byte // the reason of a DISCONNECT by the server
}

type connectOption func(*paho.ClientConfig, *paho.Connect)

// connect returns CONNACK's reason when the server says no.
func (m *testMQTT) connect(cert tls.Certificate, id string, options ...connectOption) (*v5, *paho.Connack, error) {
	m.t.Helper()
	conn, err := m.tls(&cert)
	if err != nil {
		return nil, nil, err
	}
	m.t.Cleanup(func() { conn.Close() })
	c := &v5{t: m.t, received: make(chan *paho.Publish, 100_000), said: make(chan byte, 1)}
	config := paho.ClientConfig{
		Conn: packets.NewThreadSafeConn(conn),
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){func(p paho.PublishReceived) (bool, error) {
			c.received <- p.Packet
			return true, nil
		}},
		OnServerDisconnect: func(d *paho.Disconnect) { c.said <- d.ReasonCode },
		PacketTimeout:      5 * time.Second,
	}
	hello := &paho.Connect{ClientID: id, KeepAlive: 30, CleanStart: true}
	for _, option := range options {
		option(&config, hello)
	}
	c.Client = paho.NewClient(config)
	ctx, cancel := context.WithTimeout(m.t.Context(), 5*time.Second)
	defer cancel()
	ack, err := c.Connect(ctx, hello)
	return c, ack, err
}

func (m *testMQTT) must(cert tls.Certificate, id string, options ...connectOption) *v5 {
	m.t.Helper()
	c, ack, err := m.connect(cert, id, options...)
	if err != nil {
		m.t.Fatalf("connect as %s: %v %+v", id, err, ack)
	}
	return c
}

func (m *testMQTT) thing(name string, options ...connectOption) *v5 {
	m.t.Helper()
	return m.must(m.ca.thing(m.t, name), name, options...)
}

func (m *testMQTT) broker(options ...connectOption) *v5 {
	m.t.Helper()
	return m.must(m.ca.service(m.t, brokerName), brokerName, options...)
}

// subscribe returns SUBACK's reason.
func (c *v5) subscribe(filter string) byte {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 5*time.Second)
	defer cancel()
	ack, err := c.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: filter, QoS: 1}}})
	if ack == nil {
		c.t.Fatalf("subscribe to %s: %v", filter, err)
	}
	return ack.Reasons[0]
}

// publish returns PUBACK's reason.
func (c *v5) publish(topic, payload string) byte {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 5*time.Second)
	defer cancel()
	ack, err := c.Publish(ctx, &paho.Publish{Topic: topic, QoS: 1, Payload: []byte(payload)})
	if ack == nil {
		c.t.Fatalf("publish to %s: %v", topic, err)
	}
	return ack.ReasonCode
}

// next is the next message, or "" if there is none.
func (c *v5) next() string {
	select {
	case p := <-c.received:
		return p.Topic + " " + string(p.Payload)
	case <-time.After(5 * time.Second):
		return ""
	}
}

// closed fails unless the server ends the connection, with the reason.
func (c *v5) closed(reason byte) {
	c.t.Helper()
	select {
	case got := <-c.said:
		if got != reason {
			c.t.Errorf("the server disconnects with %#x, want %#x", got, reason)
		}
	case <-time.After(5 * time.Second):
		c.t.Error("the connection stays open")
	}
	select {
	case <-c.Done():
	case <-time.After(5 * time.Second):
		c.t.Error("the client never ended")
	}
}
