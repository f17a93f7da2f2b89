// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack_test

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"

	"thingpass/broker/devstack"
)

func strict(o *devstack.MQTTOptions) { o.Strict = &devstack.Strict{} }

// hello is a CONNECT. The zero value of a field is the usual one.
type hello struct {
	keep    bool // the session, if there is one
	alive   uint16
	session uint32 // expiry, seconds
	packet  uint32 // Maximum Packet Size
	willQoS byte
	will    string // its topic
	payload int    // of the will, bytes
}

func (h hello) packetFor(id string, version byte) []byte {
	flags := byte(2)
	if h.keep {
		flags = 0
	}
	if h.will != "" {
		flags |= 4 | h.willQoS<<3
	}
	b := append(text("MQTT"), version, flags)
	b = binary.BigEndian.AppendUint16(b, h.alive)
	if version == 5 {
		var props []byte
		if h.session > 0 {
			props = binary.BigEndian.AppendUint32(append(props, 0x11), h.session)
		}
		if h.packet > 0 {
			props = binary.BigEndian.AppendUint32(append(props, 0x27), h.packet)
		}
		b = append(append(b, byte(len(props))), props...)
	}
	b = append(b, text(id)...)
	if h.will != "" {
		if version == 5 {
			b = append(b, 0)
		}
		b = append(b, text(h.will)...)
		b = append(binary.BigEndian.AppendUint16(b, uint16(h.payload)), make([]byte, h.payload)...)
	}
	return b
}

// greet sends a CONNECT and returns the answer.
func (m *testMQTT) greet(cert tls.Certificate, id string, version byte, h hello) (r *raw, kind byte, body []byte) {
	m.t.Helper()
	conn, err := m.tls(&cert)
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	r = &raw{conn, m.t, version}
	r.send(0x10, h.packetFor(id, version))
	kind, body = r.receive()
	return r, kind, body
}

func (m *testMQTT) rawBroker(version byte) *raw {
	m.t.Helper()
	r, kind, body := m.greet(m.ca.service(m.t, brokerName), brokerName, version, hello{alive: 30})
	if kind != 0x20 || body[1] != 0 {
		m.t.Fatalf("CONNACK %#x %v", kind, body)
	}
	return r
}

// property finds a property of four, two or one bytes in a CONNACK.
func property(body []byte, id byte) (value uint32, found bool) {
	size := map[byte]int{0x11: 4, 0x21: 2, 0x13: 2, 0x24: 1, 0x25: 1, 0x27: 4, 0x28: 1, 0x29: 1, 0x2a: 1, 0x22: 2}
	for rest := body[3:]; len(rest) > 0; {
		n, known := size[rest[0]]
		if !known {
			return 0, false
		}
		for _, b := range rest[1 : 1+n] {
			value = value<<8 | uint32(b)
		}
		if rest[0] == id {
			return value, true
		}
		value, rest = 0, rest[1+n:]
	}
	return 0, false
}

func TestStrictServerSaysInCONNACKWhatAWSSays(t *testing.T) {
	m := startMQTT(t, strict)
	_, _, body := m.greet(m.ca.service(t, brokerName), brokerName, 5, hello{alive: 5, session: 86_400})
	for name, want := range map[string]struct {
		id    byte
		value uint32
	}{
		"Maximum QoS":              {0x24, 1},
		"Receive Maximum":          {0x21, 100},
		"Subscription Identifiers": {0x29, 0},
		"Server Keep Alive":        {0x13, 30},
		"Session Expiry":           {0x11, 3600},
		"Retain Available":         {0x25, 0},
	} {
		if got, found := property(body, want.id); !found || got != want.value {
			t.Errorf("%s is %d (%v), want %d", name, got, found, want.value)
		}
	}
}

func TestStrictServerSetsTheKeepAlive(t *testing.T) {
	m := startMQTT(t, strict)
	for i, test := range []struct {
		asked uint16
		given uint32 // 0: what was asked for
	}{{0, 1200}, {1, 30}, {29, 30}, {30, 0}, {1200, 0}, {1201, 1200}, {65535, 1200}} {
		name := fmt.Sprint("cam", i)
		_, _, body := m.greet(m.ca.thing(t, name), name, 5, hello{alive: test.asked})
		got, found := property(body, 0x13)
		if found != (test.given > 0) || got != test.given {
			t.Errorf("keep-alive %d: the server says %d (%v)", test.asked, got, found)
		}
	}
}

func TestStrictServerRefusesConnects(t *testing.T) {
	m := startMQTT(t, strict)
	long := strings.Repeat("x", 129)
	for _, probe := range []struct {
		name     string
		id       string
		hello    hello
		old, new byte // return and reason code
	}{
		{"client id of 129 bytes", long, hello{alive: 30}, 2, 0x85},
		{"will with QoS 2", "", hello{alive: 30, will: "thingpass/cam1/upload-request", willQoS: 2, payload: 1}, 0, 0x9b},
		{"will of nine levels", "", hello{alive: 30, will: "1/2/3/4/5/6/7/8/9", payload: 1}, 5, 0x87}, // its policy comes first
		{"packets of 511 bytes", "", hello{alive: 30, packet: 511}, 0, 0x80},
	} {
		for _, version := range []byte{4, 5} {
			want := map[byte]byte{4: probe.old, 5: probe.new}[version]
			if want == 0 {
				continue // mochi answers a QoS 2 will of 3.1.1 with a code of MQTT 5, and nobody reads it
			}
			id := probe.id
			if id == "" {
				id = "cam1"
			}
			_, kind, body := m.greet(m.ca.thing(t, "cam1"), id, version, probe.hello)
			if kind != 0x20 || body[1] != want {
				t.Errorf("%s, version %d: %#x %v, want CONNACK %#x", probe.name, version, kind, body, want)
			}
		}
	}
}

func TestStrictServerTakesOneCONNECTASecondForAClientID(t *testing.T) {
	m := startMQTT(t, strict)
	cert := m.ca.thing(t, "cam1")
	first := time.Now()
	var codes []byte
	for range 3 {
		_, _, body := m.greet(cert, "cam1", 5, hello{alive: 30})
		codes = append(codes, body[1])
	}
	if time.Since(first) < time.Second && !slices.Equal(codes, []byte{0, 0x97, 0x97}) {
		t.Errorf("CONNACK %#x", codes)
	}
	within(t, "a connection a second later", func() bool {
		_, _, body := m.greet(cert, "cam1", 4, hello{alive: 30})
		return body[1] == 0
	})
}

// What AWS has no answer to is followed by a PINGREQ: its answer is the next.
func (r *raw) noAnswer(what string) {
	r.t.Helper()
	r.send(0xc0, nil)
	if kind, body := r.receive(); kind != 0xd0 {
		r.t.Errorf("%s: %#x %v, want no answer", what, kind, body)
	}
}

func TestStrictServerRefusesPublishes(t *testing.T) {
	own := "thingpass/cam1/upload-request"
	userProperty := append(append([]byte{0x26}, text("k")...), text(strings.Repeat("v", 9000))...)
	for _, probe := range []struct {
		name   string
		flags  byte
		topic  string
		props  []byte
		size   int
		reason byte // of DISCONNECT
	}{
		{"eight slashes", 2, "1/2/3/4/5/6/7/8/9", nil, 1, 0x90},
		{"257 bytes of topic", 2, strings.Repeat("x", 257), nil, 1, 0x90},
		{"seven slashes, but not allowed", 2, "1/2/3/4/5/6/7/8", nil, 1, 0x87},
		{"128 KiB and a byte", 2, own, nil, 128<<10 + 1, 0x95},
		{"QoS 2", 4, own, nil, 1, 0x9b},
		{"retained", 3, own, nil, 1, 0x9a},
		{"9000 bytes of user properties", 2, own, userProperty, 1, 0x97},
		{"9000 bytes of correlation data", 2, own, append([]byte{0x09}, text(strings.Repeat("c", 9000))...), 1, 0x97},
		{"257 bytes of content type", 2, own, append([]byte{0x03}, text(strings.Repeat("c", 257))...), 1, 0x97},
	} {
		t.Run(probe.name, func(t *testing.T) {
			m := startMQTT(t, strict)
			r := m.raw("cam1", 5)
			body := text(probe.topic)
			if probe.flags&6 != 0 {
				body = append(body, 0, 7)
			}
			if n := len(probe.props); n < 128 {
				body = append(body, byte(n))
			} else {
				body = append(body, byte(n%128)|128, byte(n/128))
			}
			body = append(body, probe.props...)
			r.send(0x30|probe.flags, append(body, make([]byte, probe.size)...))
			kind, answer := r.receive()
			if kind == 0x40 { // PUBACK says it first
				kind, answer = r.receive()
			}
			if kind != 0xe0 || answer[0] != probe.reason {
				t.Errorf("%#x %v, want DISCONNECT %#x", kind, answer, probe.reason)
			}
		})
	}
	t.Run("QoS 2 of 3.1.1 gets no answer", func(t *testing.T) {
		m := startMQTT(t, strict)
		broker := m.broker()
		broker.subscribe("thingpass/+/upload-request")
		r := m.raw("cam1", 4)
		r.publish(4, own, []byte("x"))
		r.noAnswer("QoS 2")
		r.publish(2, own, []byte("good"))
		if got := broker.next(); got != own+" good" {
			t.Errorf("the broker received %q", got)
		}
	})
}

// subscribePacket is a SUBSCRIBE for filters.
func (r *raw) subscribePacket(props []byte, qos byte, filters ...string) {
	body := []byte{0, 9}
	if r.version == 5 {
		body = append(append(body, byte(len(props))), props...)
	}
	for _, f := range filters {
		body = append(append(body, text(f)...), qos)
	}
	r.send(0x82, body)
}

func numbered(prefix string, from, n int) (filters []string) {
	for i := range n {
		filters = append(filters, fmt.Sprintf("%s/cam%d/upload-request", prefix, from+i))
	}
	return filters
}

func TestStrictServerRefusesSubscriptions(t *testing.T) {
	good := "thingpass/+/upload-request"
	share := func(name, filter string) []string { return []string{"$share/" + name + "/" + filter} }
	for _, probe := range []struct {
		name     string
		filters  []string
		old, new byte
	}{
		{"a good one", []string{good}, 1, 1},
		{"a good group", share("thingpass", good), 1, 1},
		{"eight slashes", []string{"1/2/3/4/5/6/7/8/9"}, 0x80, 0x8f},
		{"257 bytes", []string{strings.Repeat("x", 257)}, 0x80, 0x8f},
		{"seven slashes in a group, not allowed", share("thingpass", "1/2/3/4/5/6/7/8"), 0x80, 0x87},
		{"eight slashes in a group", share("thingpass", "1/2/3/4/5/6/7/8/9"), 0x80, 0x8f},
		{"a group without a name", share("", good), 0x80, 0x8f},
		{"a group with a wildcard", share("a+b", good), 0x80, 0x8f},
		{"a group of 129 characters", share(strings.Repeat("g", 129), good), 0x80, 0x8f},
		{"a group without a filter", []string{"$share/thingpass"}, 0x80, 0x8f},
		{"nine at once", numbered("thingpass", 0, 9), 0x80, 0x97},
	} {
		for _, version := range []byte{4, 5} {
			t.Run(fmt.Sprint(probe.name, ", ", version), func(t *testing.T) {
				m := startMQTT(t, strict)
				r := m.rawBroker(version)
				r.subscribePacket(nil, 1, probe.filters...)
				kind, body := r.receive()
				want := map[byte]byte{4: probe.old, 5: probe.new}[version]
				if kind != 0x90 || !bytes.Equal(body[len(body)-len(probe.filters):], bytes.Repeat([]byte{want}, len(probe.filters))) {
					t.Errorf("%#x %v, want SUBACK %#x", kind, body, want)
				}
			})
		}
	}
}

func TestStrictServerEndsTheConnectionForASubscriptionIdentifier(t *testing.T) {
	m := startMQTT(t, strict)
	r := m.rawBroker(5)
	r.subscribePacket([]byte{0x0b, 7}, 1, "thingpass/+/upload-request")
	if kind, body := r.receive(); kind != 0xe0 || body[0] != 0xa1 {
		t.Errorf("%#x %v, want DISCONNECT 0xa1", kind, body)
	}
	m = startMQTT(t)
	r = m.rawBroker(5)
	r.subscribePacket([]byte{0x0b, 7}, 1, "thingpass/+/upload-request")
	if kind, _ := r.receive(); kind != 0x90 {
		t.Errorf("%#x of a server that is not strict, want SUBACK", kind)
	}
}

func TestStrictServerDoesNotAnswerASubscriptionWithQoS2(t *testing.T) {
	m := startMQTT(t, strict)
	for _, version := range []byte{4, 5} {
		r, _, _ := m.greet(m.ca.service(t, brokerName), fmt.Sprint(brokerName, "-", version), version, hello{alive: 30})
		r.subscribePacket(nil, 2, "thingpass/+/upload-request")
		r.noAnswer("SUBSCRIBE with QoS 2")
	}
}

func TestStrictServerTakesFiftySubscriptions(t *testing.T) {
	m := startMQTT(t, strict)
	r := m.rawBroker(5)
	for i := range 6 {
		r.subscribePacket(nil, 1, numbered("thingpass", 8*i, 8)...)
		r.receive()
	}
	r.subscribePacket(nil, 1, numbered("thingpass", 48, 4)...)
	_, body := r.receive()
	if got := body[len(body)-4:]; !bytes.Equal(got, []byte{1, 1, 0x97, 0x97}) {
		t.Errorf("the 49th to 52nd: %#x", got)
	}
	r.subscribePacket(nil, 1, "thingpass/cam0/upload-request") // it has that one
	if _, body := r.receive(); body[len(body)-1] != 1 {
		t.Errorf("one that is there: %#x", body)
	}
}

func TestStrictServerDiscardsWhatIsAboveTheQuota(t *testing.T) {
	m := startMQTT(t, func(o *devstack.MQTTOptions) { o.Strict = &devstack.Strict{Publishes: 50} })
	broker := m.broker()
	broker.subscribe("thingpass/+/upload-request")
	r := m.raw("cam1", 5)
	began := time.Now()
	for range 80 {
		r.publish(2, "thingpass/cam1/upload-request", []byte("x"))
	}
	acked := 0
	r.send(0xc0, nil)
	for kind, _ := r.receive(); kind == 0x40; kind, _ = r.receive() {
		acked++
	}
	if time.Since(began) < time.Second && acked != 50 || int64(acked)+m.Discarded() != 80 {
		t.Errorf("%d acknowledged, %d discarded", acked, m.Discarded())
	}
	for range acked {
		if broker.next() == "" {
			t.Fatal("what was acknowledged did not arrive")
		}
	}
	m.logged("publish discarded", "inbound", "client=cam1")
}

// What exceeds the quota on its way to a client is discarded, too, unless a
// shared subscription keeps it.
func TestStrictServerDeliversWithinTheQuota(t *testing.T) {
	const sent = 120
	for name, test := range map[string]struct {
		filter  string
		session uint32
		all     bool
	}{
		"plain, persistent":  {"thingpass/+/upload-request", 60, false},
		"shared, clean":      {"$share/thingpass/thingpass/+/upload-request", 0, false},
		"shared, persistent": {"$share/thingpass/thingpass/+/upload-request", 60, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := startMQTT(t, func(o *devstack.MQTTOptions) { o.Strict = &devstack.Strict{Publishes: 40} })
			broker := m.broker(func(_ *paho.ClientConfig, c *paho.Connect) {
				c.Properties = &paho.ConnectProperties{SessionExpiryInterval: &test.session}
			})
			broker.subscribe(test.filter)
			began := time.Now()
			for i := range 4 { // 30 from each: within their own quotas
				r := m.raw(fmt.Sprint("cam", i), 5)
				for range sent / 4 {
					r.publish(2, fmt.Sprintf("thingpass/cam%d/upload-request", i), []byte("x"))
				}
			}
			got, want := 0, sent
			if !test.all {
				within(t, "some to be discarded", func() bool { return m.Discarded() > 0 && int64(len(broker.received))+m.Discarded() == sent })
				want = sent - int(m.Discarded())
			}
			for ; got < want && broker.next() != ""; got++ {
			}
			took := time.Since(began)
			if got != want || test.all && (m.Discarded() > 0 || took < 2*time.Second) {
				t.Errorf("%d delivered in %v, %d discarded", got, took, m.Discarded())
			}
		})
	}
}

func TestStrictServerCountsBothWaysIfToldTo(t *testing.T) {
	for _, one := range []bool{false, true} {
		m := startMQTT(t, func(o *devstack.MQTTOptions) { o.Strict = &devstack.Strict{Publishes: 40, OneQuota: one} })
		thing := m.thing("cam1")
		thing.subscribe("thingpass/cam1/response")
		broker := m.broker()
		for range 30 {
			broker.publish("thingpass/cam1/response", "x")
		}
		r := m.thing("cam2") // its 30 are its own
		for range 30 {
			r.publish("thingpass/cam2/upload-request", "x")
		}
		if n := m.Discarded(); n != 0 {
			t.Fatalf("%d discarded too early", n)
		}
		for range 20 {
			_, _ = thing.PublishWithOptions(t.Context(), &paho.Publish{Topic: "thingpass/cam1/upload-request", QoS: 1, Payload: []byte("x")},
				paho.PublishOptions{Method: paho.PublishMethod_AsyncSend})
		}
		if one {
			within(t, "half of them to be discarded", func() bool { return m.Discarded() > 5 })
		} else if thing.publish("thingpass/cam1/upload-request", "last"); m.Discarded() != 0 {
			t.Errorf("%d discarded", m.Discarded())
		}
	}
}

func TestStrictServerDelaysBytes(t *testing.T) {
	m := startMQTT(t, func(o *devstack.MQTTOptions) { o.Strict = &devstack.Strict{Bytes: 100_000} })
	r := m.raw("cam1", 5)
	began := time.Now()
	for range 3 {
		r.publish(2, "thingpass/cam1/upload-request", make([]byte, 80_000))
		if kind, _ := r.receive(); kind != 0x40 {
			t.Fatalf("packet %#x, want PUBACK", kind)
		}
	}
	if took := time.Since(began); took < 1200*time.Millisecond || took > 4*time.Second {
		t.Errorf("240 kB at 100 kB/s took %v; a second's worth may run ahead", took)
	}
}

func TestStrictServerSendsAHundredUnacknowledged(t *testing.T) {
	m := startMQTT(t, func(o *devstack.MQTTOptions) { o.Strict = &devstack.Strict{Publishes: 1000} })
	r := m.rawBroker(5) // which never acknowledges
	r.subscribePacket(nil, 1, "thingpass/+/upload-request")
	r.receive()
	thing := m.raw("cam1", 5)
	for range 130 {
		thing.publish(2, "thingpass/cam1/upload-request", []byte("x"))
	}
	got := 0
	r.SetReadDeadline(time.Now().Add(time.Second))
	for {
		var head [2]byte
		if _, err := r.Read(head[:1]); err != nil {
			break
		}
		r.Read(head[1:])
		rest := make([]byte, head[1])
		r.Read(rest)
		got++
	}
	if got != 100 {
		t.Errorf("%d messages came", got)
	}
}

func TestStrictServerDealsAtRandomToWhoIsThere(t *testing.T) {
	m := startMQTT(t, func(o *devstack.MQTTOptions) { o.Strict = &devstack.Strict{Publishes: 10_000} })
	cert := m.ca.service(t, brokerName)
	session := uint32(60)
	persistent := func(_ *paho.ClientConfig, c *paho.Connect) {
		c.Properties = &paho.ConnectProperties{SessionExpiryInterval: &session}
	}
	var members []*v5
	for i := range 4 {
		c := m.must(cert, fmt.Sprint(brokerName, "-", i), persistent)
		c.subscribe("$share/thingpass/thingpass/+/upload-request")
		members = append(members, c)
	}
	if err := members[3].Disconnect(&paho.Disconnect{}); err != nil { // its session stays
		t.Fatal(err)
	}
	within(t, "the server to notice", func() bool { return strings.Contains(m.log.String(), "mqtt disconnected") })
	const sent = 600
	thing := m.thing("cam1")
	for range sent {
		thing.publish("thingpass/cam1/upload-request", "x")
	}
	total := func() (n int) {
		for _, c := range members {
			n += len(c.received)
		}
		return n
	}
	within(t, "all to arrive", func() bool { return total() == sent })
	for i, c := range members {
		n := len(c.received)
		if i == 3 && n != 0 || i < 3 && (n < sent/3-80 || n > sent/3+80) {
			t.Errorf("member %d got %d of %d", i, n, sent)
		}
	}
}

func TestStrictServerDoesNotMatchTheParent(t *testing.T) {
	for name, isStrict := range map[string]bool{"strict": true, "not strict": false} {
		m := startMQTT(t, func(o *devstack.MQTTOptions) {
			if isStrict {
				o.Strict = &devstack.Strict{}
			}
		})
		if err := m.AllowSubscriptions(); err != nil {
			t.Fatal(err)
		}
		for filter, want := range map[string]bool{
			"thingpass/cam1/upload-request/#":          !isStrict,
			"$share/g/thingpass/cam1/upload-request/#": !isStrict,
			"thingpass/cam1/#":                         true,
			"$share/h/thingpass/#":                     true,
			"thingpass/+/upload-request":               true,
		} {
			broker := m.must(m.ca.service(t, brokerName), fmt.Sprint(brokerName, "-", len(filter)))
			broker.subscribe(filter)
			const thing = "cam1"
			r, _, _ := m.greet(m.ca.thing(t, thing), thing, 5, hello{alive: 30})
			within(t, "the thing to be let in", func() bool { // once a second
				r.publish(2, "thingpass/cam1/upload-request", []byte("x"))
				kind, _ := r.receive()
				if kind != 0x40 {
					r, _, _ = m.greet(m.ca.thing(t, thing), thing, 5, hello{alive: 30})
				}
				return kind == 0x40
			})
			r.send(0xc0, nil) // PINGRESP comes when the message is dealt with
			r.receive()
			if want {
				if got := broker.next(); got != "thingpass/cam1/upload-request x" {
					t.Errorf("%s, %s: %q", name, filter, got)
				}
			} else {
				broker.subscribe("thingpass/+/upload-request")
				r.publish(2, "thingpass/cam1/upload-request", []byte("marker"))
				if got := broker.next(); got != "thingpass/cam1/upload-request marker" {
					t.Errorf("%s, %s: %q", name, filter, got)
				}
			}
			_ = broker.Disconnect(&paho.Disconnect{})
		}
	}
}

func TestMatchingIsAWSs(t *testing.T) {
	for _, test := range []struct {
		filter, topic string
		want          bool
	}{
		{"a/#", "a", false}, {"a/#", "a/b", true}, {"a/#", "a/b/c", true}, {"a/#", "a/", true}, {"#", "a", true}, {"#", "a/b", true},
		{"+", "a", true}, {"+", "a/b", false}, {"+/b", "a/b", true}, {"a/+", "a", false}, {"a/+/c", "a/b/c", true}, {"a/+/c", "a/b/d", false},
		{"a/b", "a/b", true}, {"a/b", "a/b/c", false}, {"a/b/c", "a/b", false}, {"a/+/#", "a/b", false}, {"a/+/#", "a/b/c", true},
	} {
		if got := devstack.Matches(test.filter, test.topic); got != test.want {
			t.Errorf("%s, %s: %v", test.filter, test.topic, got)
		}
	}
}
