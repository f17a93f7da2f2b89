// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"
)

// An intake takes the packets that come with every request out of the stream
// before paho reads it: PUBLISH and PUBACK. paho would make some twenty
// allocations, two goroutine switches and a copy into its session of each, which
// is half of what a request costs; the rest of MQTT stays paho's.
//
// Its functions are called where paho reads, one after the other, and must not
// block.
type intake struct {
	published    func(*paho.Publish)
	acknowledged func(puback)
}

// puback is the server's answer to a reply of ours.
type puback struct {
	id     uint16
	code   byte
	reason string
}

const (
	qos2Flag   = 0x04
	oneReading = 1 << 20 // bytes of a packet that are asked of memory before they are there
)

// wants tells whether a packet with that first byte is ours. QoS 2 has a dance of
// four packets, which we never ask for.
func (in *intake) wants(first byte) bool {
	switch first >> 4 {
	case packets.PUBLISH:
		return first&qos2Flag == 0
	case packets.PUBACK:
		return true
	}
	return false
}

// take reads the rest of a packet, which is ours.
func (in *intake) take(first byte, size int, r io.Reader) error {
	body, err := readBody(r, size)
	if err != nil {
		return err
	}
	if first>>4 == packets.PUBACK {
		ack, err := parsePuback(body)
		if err == nil {
			in.acknowledged(ack)
		}
		return err
	}
	p, err := parsePublish(first, body)
	if err == nil {
		in.published(p)
	}
	return err
}

// readBody does not believe a length that is beyond all reason before it sees the
// bytes.
func readBody(r io.Reader, size int) ([]byte, error) {
	if size <= oneReading {
		body := make([]byte, size)
		_, err := io.ReadFull(r, body)
		return body, err
	}
	var body bytes.Buffer
	_, err := io.CopyN(&body, r, int64(size))
	return body.Bytes(), err
}

// request is what is allocated for a PUBLISH besides its bytes.
type request struct {
	paho.Publish
	properties paho.PublishProperties
	expiry     uint32
}

// parsePublish reads a PUBLISH [MQTT-3.3]. What it returns points into body. Of
// the properties it keeps those that we use.
func parsePublish(first byte, body []byte) (*paho.Publish, error) {
	f := fields{rest: body}
	p := &request{Publish: paho.Publish{QoS: first >> 1 & 3, Retain: first&1 != 0, Topic: string(f.bytes())}}
	if p.QoS > 0 {
		if p.PacketID = f.uint16(); p.PacketID == 0 {
			f.fail(errors.New("a PUBLISH without a packet identifier"))
		}
	}
	p.Properties = &p.properties
	properties := fields{rest: f.take(f.varint())}
	for len(properties.rest) > 0 {
		switch id := properties.byte(); id {
		case packets.PropMessageExpiry:
			p.expiry = properties.uint32()
			p.properties.MessageExpiry = &p.expiry
		case packets.PropCorrelationData:
			p.properties.CorrelationData = properties.bytes()
		default:
			properties.skip(id)
		}
	}
	p.Payload = f.rest
	if err := errors.Join(f.err, properties.err); err != nil {
		return nil, fmt.Errorf("the server sent a malformed PUBLISH: %w", err)
	}
	return &p.Publish, nil
}

// parsePuback reads a PUBACK [MQTT-3.4].
func parsePuback(body []byte) (ack puback, err error) {
	f := fields{rest: body}
	ack.id = f.uint16()
	if len(f.rest) > 0 {
		ack.code = f.byte()
	}
	if len(f.rest) > 0 {
		properties := fields{rest: f.take(f.varint())}
		for len(properties.rest) > 0 {
			if id := properties.byte(); id == packets.PropReasonString {
				ack.reason = string(properties.bytes())
			} else {
				properties.skip(id)
			}
		}
		f.fail(properties.err)
	}
	if f.err != nil {
		return ack, fmt.Errorf("the server sent a malformed PUBACK: %w", f.err)
	}
	return ack, nil
}

var errShort = errors.New("it is too short")

// fields reads a packet's fields one after the other. After an error everything
// is zero, and nothing is left.
type fields struct {
	rest []byte
	err  error
}

func (f *fields) fail(err error) {
	if err != nil && f.err == nil {
		f.rest, f.err = nil, err
	}
}

func (f *fields) take(n int) []byte {
	if n > len(f.rest) {
		f.fail(errShort)
		return nil
	}
	b := f.rest[:n:n]
	f.rest = f.rest[n:]
	return b
}

func (f *fields) byte() byte {
	if b := f.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (f *fields) uint16() uint16 {
	if b := f.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (f *fields) uint32() uint32 {
	if b := f.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// bytes reads text or binary data, with its length before it.
func (f *fields) bytes() []byte { return f.take(int(f.uint16())) }

func (f *fields) varint() int {
	n, size := binary.Uvarint(f.rest[:min(4, len(f.rest))])
	if size <= 0 {
		f.fail(errShort)
		return 0
	}
	f.take(size)
	return int(n)
}

// skip reads the value of a property that nobody asked for [MQTT-2.2.2.2].
func (f *fields) skip(property byte) {
	switch property {
	case packets.PropPayloadFormat:
		f.byte()
	case packets.PropTopicAlias:
		f.fail(errors.New("it has a topic alias, and we allow none"))
	case packets.PropSubscriptionIdentifier:
		f.varint()
	case packets.PropContentType, packets.PropResponseTopic, packets.PropReasonString:
		f.bytes()
	case packets.PropUser:
		f.bytes()
		f.bytes()
	default:
		f.fail(fmt.Errorf("it has the property %#x, which does not belong there", property))
	}
}
