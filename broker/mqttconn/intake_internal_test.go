// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn

import (
	"bytes"
	"io"
	"net"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"

	"thingpass/broker"
)

// encoded is a packet as paho writes it.
func encoded(t *testing.T, c io.WriterTo) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func ptr[T any](v T) *T { return &v }

// everyPublish are packets that a server may send.
func everyPublish() map[string]*packets.Publish {
	return map[string]*packets.Publish{
		"bare":  {Topic: "thingpass/cam1/upload-request", Payload: []byte("{}")},
		"QoS 1": {Topic: "t", QoS: 1, PacketID: 0xfffe, Payload: []byte("x"), Duplicate: true},
		"long":  {Topic: "t", QoS: 1, PacketID: 1, Payload: bytes.Repeat([]byte("long "), 40_000)},
		"empty": {Topic: "t", QoS: 1, PacketID: 1},
		"every property": {Topic: "t", QoS: 1, PacketID: 7, Payload: []byte("p"), Properties: &packets.Properties{
			PayloadFormat: ptr(byte(1)), MessageExpiry: ptr(uint32(70_000)), ContentType: "application/json", ResponseTopic: "r/t",
			CorrelationData: []byte{0, 1, 2}, SubscriptionIdentifier: ptr(300), User: []packets.User{{Key: "k", Value: "v"}, {Key: "k"}}}},
	}
}

// TestRequestsAreReadAsPahoReadsThem compares what paho passes on.
func TestRequestsAreReadAsPahoReadsThem(t *testing.T) {
	t.Parallel()
	for name, packet := range everyPublish() {
		t.Run(name, func(t *testing.T) {
			wire := encoded(t, packet)
			c, err := packets.ReadPacket(bytes.NewReader(wire))
			if err != nil {
				t.Fatal(err)
			}
			want := paho.PublishFromPacketPublish(c.Content.(*packets.Publish))
			_, header := wire[0], 1
			for wire[header]&0x80 != 0 {
				header++
			}
			got, err := parsePublish(wire[0], wire[header+1:])
			if err != nil {
				t.Fatal(err)
			}
			if got.Topic != want.Topic || got.QoS != want.QoS || got.PacketID != want.PacketID || !bytes.Equal(got.Payload, want.Payload) ||
				!bytes.Equal(got.Properties.CorrelationData, want.Properties.CorrelationData) ||
				!reflect.DeepEqual(got.Properties.MessageExpiry, want.Properties.MessageExpiry) {
				t.Errorf("got %+v %+v, want %+v %+v", got, got.Properties, want, want.Properties)
			}
		})
	}
}

func TestRepliesAreWrittenAsPahoReadsThem(t *testing.T) {
	t.Parallel()
	for name, out := range map[string]outgoing{
		"QoS 0": {Message: broker.Message{Topic: "thingpass/cam1/response", Payload: []byte("{}")}},
		"QoS 1": {Message: broker.Message{Topic: "t", Payload: bytes.Repeat([]byte("x"), 20_000), Correlation: []byte("c")}, qos: 1, life: time.Minute},
		"long":  {Message: broker.Message{Topic: strings.Repeat("t", 300), Correlation: bytes.Repeat([]byte("c"), 200)}, qos: 1},
	} {
		t.Run(name, func(t *testing.T) {
			wire := out.append(nil, 0xff01)
			if len(wire) != out.size() {
				t.Errorf("%d bytes, said to be %d", len(wire), out.size())
			}
			c, err := packets.ReadPacket(bytes.NewReader(wire))
			if err != nil {
				t.Fatal(err)
			}
			p := c.Content.(*packets.Publish)
			if p.Topic != out.Topic || !bytes.Equal(p.Payload, out.Payload) || p.QoS != out.qos || (p.PacketID == 0xff01) != (out.qos == 1) ||
				p.Properties.ContentType != contentType || !bytes.Equal(p.Properties.CorrelationData, out.Correlation) ||
				(p.Properties.MessageExpiry != nil) != (out.life > 0) || out.life > 0 && *p.Properties.MessageExpiry != 60 {
				t.Errorf("paho reads %+v %+v", p, p.Properties)
			}
		})
	}
}

// stream is what a server sends, for FuzzIntake and for paho's share of it.
func stream(t *testing.T) (all, pahos []byte) {
	t.Helper()
	ping := encoded(t, packets.NewControlPacket(packets.PINGRESP))
	suback := encoded(t, &packets.Suback{PacketID: 1, Reasons: []byte{1}, Properties: &packets.Properties{}})
	exact := encoded(t, &packets.Publish{Topic: "t", QoS: 2, PacketID: 9})
	for _, part := range [][]byte{
		ping, encoded(t, everyPublish()["every property"]), suback,
		encoded(t, &packets.Puback{PacketID: 5, ReasonCode: 0x87, Properties: &packets.Properties{ReasonString: "no", User: []packets.User{{Key: "a", Value: "b"}}}}),
		{0x40, 2, 0, 6}, encoded(t, everyPublish()["long"]), exact, ping,
	} {
		all = append(all, part...)
	}
	return all, slices.Concat(ping, suback, exact, ping)
}

func TestPahoGetsWhatTheIntakeDoesNotWant(t *testing.T) {
	t.Parallel()
	all, pahos := stream(t)
	near, far := net.Pipe()
	go func() {
		_, _ = far.Write(all)
		_ = far.Close()
	}()
	w := newWire(near)
	defer w.fail(io.EOF)
	var topics []string
	var acks []puback
	w.intake = &intake{published: func(p *paho.Publish) { topics = append(topics, p.Topic) }, acknowledged: func(a puback) { acks = append(acks, a) }}
	got, err := io.ReadAll(io.MultiReader(&oneByte{w}))
	if err != nil || !bytes.Equal(got, pahos) {
		t.Errorf("paho got % x, %v, want % x", got, err, pahos)
	}
	if len(topics) != 2 || !slices.Equal(acks, []puback{{5, 0x87, "no"}, {6, 0, ""}}) {
		t.Errorf("%q, %+v", topics, acks)
	}
}

// oneByte reads as paho does where it reads a header.
type oneByte struct{ r io.Reader }

func (o *oneByte) Read(b []byte) (int, error) { return o.r.Read(b[:1]) }

func TestAMalformedPacketEndsTheConnection(t *testing.T) {
	t.Parallel()
	for name, packet := range map[string]string{
		"a topic longer than the packet": "\x30\x05\x00\x09abc",
		"no packet identifier":           "\x32\x04\x00\x01t\x00",
		"packet identifier 0":            "\x32\x06\x00\x01t\x00\x00\x00",
		"properties beyond the end":      "\x30\x04\x00\x01t\x7f",
		"a property of another packet":   "\x30\x07\x00\x01t\x03\x21\x00\x01",
		"a topic alias":                  "\x30\x07\x00\x01t\x03\x23\x00\x01",
		"half a PUBACK":                  "\x40\x01\x00",
		"an endless length":              "\x40\xff\xff\xff\xff\x01",
	} {
		t.Run(name, func(t *testing.T) {
			near, far := net.Pipe()
			go func() {
				_, _ = far.Write([]byte(packet))
				_ = far.Close()
			}()
			w := newWire(near)
			defer w.fail(io.EOF)
			w.intake = &intake{published: func(p *paho.Publish) { t.Errorf("got %+v", p) }, acknowledged: func(a puback) { t.Errorf("got %+v", a) }}
			if c, err := packets.ReadPacket(w); err == nil {
				t.Errorf("paho got %+v", c)
			}
		})
	}
}

// FuzzIntake sees to it that no bytes of a server make us panic, and that what we
// take for a PUBLISH is one for paho too.
func FuzzIntake(f *testing.F) {
	for _, body := range []string{"\x00\x01t\x00\x07\x00x", "\x00\x01t\x00\x07\x05\x02\x00\x00\x00\x01x", "\x00\x00", "\x00\x01t\x00\x07\x04\x26\x00\x00\x00\x00"} {
		f.Add(byte(0x32), []byte(body))
	}
	f.Add(byte(0x40), []byte("\x00\x05\x87\x05\x1f\x00\x02no"))
	f.Fuzz(func(t *testing.T, first byte, body []byte) {
		if first>>4 == packets.PUBACK {
			_, _ = parsePuback(body)
			return
		}
		first = packets.PUBLISH<<4 | first&0x0b
		got, err := parsePublish(first, body)
		if err != nil {
			return
		}
		wire := append([]byte{first}, appendVarint(nil, len(body))...)
		c, err := packets.ReadPacket(bytes.NewReader(append(wire, body...)))
		if err != nil {
			t.Skip() // paho refuses a doubled property, for example
		}
		if want := c.Content.(*packets.Publish); got.Topic != want.Topic || !bytes.Equal(got.Payload, want.Payload) || got.PacketID != want.PacketID {
			t.Fatalf("% x: got %+v, want %+v", body, got, want)
		}
	})
}

func appendVarint(b []byte, n int) []byte {
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}
