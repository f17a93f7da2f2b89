// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"testing"
	"time"

	"thingpass/broker"
)

// A thing311 speaks MQTT 3.1.1, as most of the world's microcontrollers do.
type thing311 struct {
	*tls.Conn
	in *bufio.Reader
}

func (c *thing311) send(t *testing.T, kind byte, parts ...any) {
	t.Helper()
	var body bytes.Buffer
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			_ = binary.Write(&body, binary.BigEndian, uint16(len(p)))
			body.WriteString(p)
		case []byte:
			body.Write(p)
		}
	}
	packet := append([]byte{kind, byte(body.Len())}, body.Bytes()...) // all are shorter than 128 bytes
	if _, err := c.Write(packet); err != nil {
		t.Fatal(err)
	}
}

// until returns the body of the next packet of that kind.
func (c *thing311) until(t *testing.T, kind byte) []byte {
	t.Helper()
	for {
		var head [2]byte
		if _, err := io.ReadFull(c.in, head[:]); err != nil {
			t.Fatal(err)
		}
		body := make([]byte, head[1])
		if _, err := io.ReadFull(c.in, body); err != nil {
			t.Fatal(err)
		}
		if head[0]&0xf0 == kind {
			return body
		}
	}
}

func TestThingWithMQTT311IsAnswered(t *testing.T) {
	s := startMosquitto(t)
	correlations := make(chan []byte, 1)
	runUp(t, config(s.Services, s.ServiceTLS("svc")), handler{handle: func(_ context.Context, m broker.Message) ([]broker.Message, error) {
		correlations <- m.Correlation
		return echo(m), nil
	}})
	conn := must(tls.Dial("tcp", s.Things, s.ThingTLS("cam1")))(t)
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	c := &thing311{conn, bufio.NewReader(conn)}
	c.send(t, 0x10, "MQTT", []byte{4, 2, 0, 30}, "cam1")
	if ack := c.until(t, 0x20); ack[1] != 0 {
		t.Fatalf("CONNACK %x", ack)
	}
	const topic = "thingpass/cam1/response"
	c.send(t, 0x82, []byte{0, 1}, topic, []byte{1})
	c.until(t, 0x90)
	c.send(t, 0x32, "thingpass/cam1/upload-request", []byte{0, 2}, []byte("hello"))
	if got := c.until(t, 0x30); string(got[2:2+len(topic)]) != topic || string(got[4+len(topic):]) != "hello" {
		t.Errorf("got %q", got)
	}
	if got := <-correlations; got != nil {
		t.Errorf("the handler was given correlation data %q", got)
	}
}
