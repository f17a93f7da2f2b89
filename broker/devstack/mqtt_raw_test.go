// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack_test

import (
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// raw speaks MQTT by hand, for what no decent client sends.
type raw struct {
	net.Conn
	t       testing.TB
	version byte
}

func (m *testMQTT) raw(name string, version byte) *raw {
	m.t.Helper()
	cert := m.ca.thing(m.t, name)
	conn, err := m.tls(&cert)
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	r := &raw{conn, m.t, version}
	hello := append(text("MQTT"), version, 2, 0, 30) // clean, 30 s
	if version == 5 {
		hello = append(hello, 0)
	}
	r.send(0x10, append(hello, text(name)...))
	if kind, body := r.receive(); kind != 0x20 || body[1] != 0 {
		m.t.Fatalf("CONNACK %#x %v", kind, body)
	}
	return r
}

func text(s string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(s))), s...)
}

func (r *raw) send(first byte, body []byte) {
	head := []byte{first}
	n := len(body)
	for {
		b := byte(n % 128)
		if n /= 128; n > 0 {
			head = append(head, b|128)
			continue
		}
		head = append(head, b)
		break
	}
	_, _ = r.Write(append(head, body...)) // the server may have hung up: the answer tells
}

// publish sends flags, topic, an identifier where the QoS asks for one, payload.
func (r *raw) publish(flags byte, topic string, payload []byte) {
	body := text(topic)
	if flags&6 != 0 {
		body = append(body, 0, 7)
	}
	if r.version == 5 {
		body = append(body, 0)
	}
	r.send(0x30|flags, append(body, payload...))
}

// receive is the next packet; 0 is the end of the connection.
func (r *raw) receive() (first byte, body []byte) {
	r.t.Helper()
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
			r.t.Fatal("the server neither answers nor hangs up")
		}
		return 0, nil
	}
	body = make([]byte, head[1]) // answers are short
	if _, err := io.ReadFull(r, body); err != nil {
		return 0, nil
	}
	return head[0], body
}

func TestWhatTheServerNeverTakes(t *testing.T) {
	m := startMQTT(t)
	own := "thingpass/cam1/upload-request"
	for _, probe := range []struct {
		name    string
		flags   byte
		topic   string
		payload []byte
		reason  byte // of MQTT 5's DISCONNECT, 0 where the server just hangs up
	}{
		{"retained", 1, own, []byte("x"), 0x9a},
		{"retained and empty", 1, own, nil, 0x9a},
		{"retained with QoS 1", 3, own, []byte("x"), 0x9a},
		{"QoS 2", 4, own, []byte("x"), 0x9b},
		{"QoS 3", 6, own, []byte("x"), 0},
		{"a neighbour's topic", 0, "thingpass/cam2/upload-request", []byte("x"), 0x87},
		{"a neighbour's topic, QoS 2", 4, "thingpass/cam2/upload-request", []byte("x"), 0x87},
		{"a wildcard", 0, "thingpass/+/upload-request", []byte("x"), 0x87},
		{"no topic", 0, "", []byte("x"), 0x87},
		{"a NUL in the topic", 0, own + "\x00", []byte("x"), 0},
		{"bad UTF-8 in the topic", 0, "thingpass/\xff/upload-request", []byte("x"), 0},
		{"128 KiB and a byte", 0, own, make([]byte, 128<<10+1), 0x95},
		{"128 KiB and a byte with QoS 1", 2, own, make([]byte, 128<<10+1), 0x95},
		{"200 KB", 0, own, make([]byte, 200_000), 0},
		{"200 KB with QoS 1", 2, own, make([]byte, 200_000), 0},
	} {
		for _, version := range []byte{4, 5} {
			t.Run(probe.name+map[byte]string{4: ", 3.1.1", 5: ", 5"}[version], func(t *testing.T) {
				broker := m.broker()
				broker.subscribe("thingpass/+/upload-request")
				r := m.raw("cam1", version)
				r.publish(probe.flags, probe.topic, probe.payload)
				kind, body := r.receive()
				if kind == 0x40 && version == 5 { // PUBACK says it first
					if body[2] != probe.reason {
						t.Errorf("PUBACK %v, want %#x", body, probe.reason)
					}
					kind, body = r.receive()
				}
				if version == 5 && probe.reason != 0 {
					if kind != 0xe0 || len(body) < 1 || body[0] != probe.reason {
						t.Errorf("%#x %v, want DISCONNECT %#x", kind, body, probe.reason)
					}
					kind, _ = r.receive()
				}
				if kind != 0 && !(kind == 0xe0 && version == 5 && probe.reason == 0) {
					t.Errorf("packet %#x, want the end of the connection", kind)
				}
				// the next good message is the first that the broker sees
				m.raw("cam1", version).publish(2, own, []byte("good"))
				if got := broker.next(); got != own+" good" {
					t.Errorf("the broker received %.60q", got)
				}
			})
		}
	}
}

func TestLargestPayloadArrives(t *testing.T) {
	m := startMQTT(t)
	broker := m.broker()
	broker.subscribe("thingpass/+/upload-request")
	m.raw("cam1", 4).publish(2, "thingpass/cam1/upload-request", []byte(strings.Repeat("a", 128<<10)))
	if got := broker.next(); len(got) != 128<<10+len("thingpass/cam1/upload-request ") {
		t.Errorf("%d bytes", len(got))
	}
}

func TestSubscriptionIsRefusedInOldWordsToo(t *testing.T) {
	m := startMQTT(t)
	r := m.raw("cam1", 4)
	for filter, want := range map[string]byte{
		"$share/thingpass/thingpass/+/upload-request": 0x80, "#": 0x80, "thingpass/cam2/response": 0x80, "thingpass/cam1/response": 1,
	} {
		r.send(0x82, append(append([]byte{0, 9}, text(filter)...), 1))
		if kind, body := r.receive(); kind != 0x90 || body[2] != want {
			t.Errorf("%s: %#x %v, want SUBACK %#x", filter, kind, body, want)
		}
	}
}

func TestNothingHappensBeforeConnect(t *testing.T) {
	m := startMQTT(t)
	broker := m.broker()
	broker.subscribe("thingpass/+/upload-request")
	cert := m.ca.thing(t, "cam1")
	conn, err := m.tls(&cert)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	r := &raw{conn, t, 4}
	r.publish(0, "thingpass/cam1/upload-request", []byte("early"))
	if kind, _ := r.receive(); kind != 0 {
		t.Errorf("packet %#x, want the end of the connection", kind)
	}
	m.raw("cam1", 4).publish(0, "thingpass/cam1/upload-request", []byte("good"))
	if got := broker.next(); got != "thingpass/cam1/upload-request good" {
		t.Errorf("the broker received %q", got)
	}
}
