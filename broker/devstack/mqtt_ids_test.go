// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack_test

import (
	"encoding/binary"
	"testing"
)

// numbered publishes with an identifier of the client's choice.
func (r *raw) numbered(id uint16, topic string) {
	body := binary.BigEndian.AppendUint16(text(topic), id)
	if r.version == 5 {
		body = append(body, 0)
	}
	r.send(0x32, append(body, 'x'))
}

// A client's identifiers and the server's have nothing to do with each other: a
// request that was not acknowledged is given again, whatever the broker has
// published and subscribed to meanwhile under the same identifier.
func TestIdentifiersOfBothSidesAreKeptApart(t *testing.T) {
	m := startMQTT(t)
	persistent := hello{alive: 30, session: 60, keep: true}
	cert := m.ca.service(t, brokerName)
	r, _, _ := m.greet(cert, brokerName, 5, persistent)
	r.subscribePacket(nil, 1, "thingpass/+/upload-request")
	r.receive()
	m.raw("cam1", 5).publish(2, "thingpass/cam1/upload-request", []byte("x"))
	kind, body := r.receive()
	if kind != 0x32 {
		t.Fatalf("%#x %v, want the request", kind, body)
	}
	topic := int(binary.BigEndian.Uint16(body))
	id := binary.BigEndian.Uint16(body[2+topic:])
	for _, own := range []uint16{id, 1 << 15, 1<<16 - 1} {
		r.numbered(own, "thingpass/cam1/response")
		if kind, body := r.receive(); kind != 0x40 || binary.BigEndian.Uint16(body) != own {
			t.Errorf("%#x %v, want PUBACK %d", kind, body, own)
		}
	}
	r.Close()
	within(t, "the server to notice", func() bool { m.logged("mqtt disconnected", "client="+brokerName); return true })
	r, kind, body = m.greet(cert, brokerName, 5, persistent)
	if kind != 0x20 || body[0] != 1 {
		t.Fatalf("CONNACK %v, want the session", body)
	}
	r.send(0x82, append(append([]byte{byte(id >> 8), byte(id), 0}, text("$share/thingpass/thingpass/+/upload-complete")...), 1))
	seen := map[byte][]byte{}
	for range 2 {
		kind, body := r.receive()
		seen[kind&0xf0] = body
	}
	if seen[0x30] == nil || binary.BigEndian.Uint16(seen[0x30][2+topic:]) != id {
		t.Errorf("the request was not given again: %v", seen)
	}
	if ack := seen[0x90]; ack == nil || binary.BigEndian.Uint16(ack) != id || ack[len(ack)-1] != 1 {
		t.Errorf("SUBACK %v", ack)
	}
}
