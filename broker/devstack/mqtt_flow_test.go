// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"

	"thingpass/broker/devstack"
)

func receiveMaximum(n uint16) connectOption {
	return func(_ *paho.ClientConfig, hello *paho.Connect) {
		hello.Properties = &paho.ConnectProperties{ReceiveMaximum: &n}
	}
}

// A broker that takes few messages at a time still gets them all.
func TestNothingIsLostBehindASmallWindow(t *testing.T) {
	m := startMQTT(t)
	broker := m.broker(receiveMaximum(10))
	if got := broker.subscribe("thingpass/+/upload-request"); got != 1 {
		t.Fatalf("SUBACK %#x", got)
	}
	const things, each = 8, 250
	var all sync.WaitGroup
	for i := range things {
		name := fmt.Sprintf("cam%d", i)
		thing := m.thing(name)
		all.Go(func() {
			for n := range each {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				_, err := thing.Publish(ctx, &paho.Publish{Topic: "thingpass/" + name + "/upload-request", QoS: 1, Payload: fmt.Appendf(nil, "%d", n)})
				cancel()
				if err != nil {
					t.Errorf("%s %d: %v", name, n, err)
					return
				}
			}
		})
	}
	all.Wait()
	seen := make(map[string]int)
	for range things * each {
		text := broker.next()
		if text == "" {
			t.Fatalf("only %d of %d messages arrived", len(seen), things*each)
		}
		seen[text]++
	}
	if len(seen) != things*each {
		t.Errorf("%d different messages, want %d", len(seen), things*each)
	}
}

func session(seconds uint32, window uint16) connectOption {
	return func(_ *paho.ClientConfig, hello *paho.Connect) {
		hello.CleanStart = false
		hello.Properties = &paho.ConnectProperties{SessionExpiryInterval: &seconds, ReceiveMaximum: &window}
	}
}

// A broker that is killed finds everything again: what it had not acknowledged,
// and what came while it was away.
func TestSessionOutlivesTheBroker(t *testing.T) {
	m := startMQTT(t)
	const group = "$share/thingpass/thingpass/+/upload-request"
	seen := make(map[string]bool)
	var mu sync.Mutex
	acknowledge := func(n int) connectOption { // only the first n
		return func(config *paho.ClientConfig, _ *paho.Connect) {
			config.EnableManualAcknowledgment = true
			config.SendAcksInterval = 2 * time.Millisecond
			config.OnPublishReceived = []func(paho.PublishReceived) (bool, error){func(p paho.PublishReceived) (bool, error) {
				mu.Lock()
				defer mu.Unlock()
				if n > 0 {
					n--
					seen[string(p.Packet.Payload)] = true
					return true, p.Client.Ack(p.Packet)
				}
				return true, nil
			}}
		}
	}
	first := m.broker(session(300, 20), acknowledge(50))
	first.subscribe(group)
	thing := m.thing("cam1")
	publish := func(from, to int) {
		for n := from; n < to; n++ {
			thing.publish("thingpass/cam1/upload-request", strconv.Itoa(n))
		}
	}
	publish(0, 200)
	within(t, "50 messages are acknowledged", func() bool { mu.Lock(); defer mu.Unlock(); return len(seen) == 50 })
	first.TerminateConnectionForTest()
	m.logged("mqtt disconnected", `who="service thingpass-broker"`)
	publish(200, 400)
	second, ack, err := m.connect(m.ca.service(t, brokerName), brokerName, session(300, 20), acknowledge(1000))
	if err != nil || !ack.SessionPresent {
		t.Fatalf("%+v %v", ack, err)
	}
	publish(400, 600) // no new SUBSCRIBE
	t.Cleanup(func() {
		for n := range 600 {
			if !seen[strconv.Itoa(n)] {
				t.Logf("message %d never came", n)
			}
		}
	})
	within(t, "600 messages have come", func() bool { mu.Lock(); defer mu.Unlock(); return len(seen) == 600 })
	second.Disconnect(&paho.Disconnect{})
}

func TestExpiredSessionLeavesTheGroup(t *testing.T) {
	m := startMQTT(t)
	const group = "$share/thingpass/thingpass/+/upload-request"
	gone := m.must(m.ca.service(t, brokerName), brokerName+"-gone", session(1, 20))
	stays := m.broker()
	gone.subscribe(group)
	stays.subscribe(group)
	gone.TerminateConnectionForTest()
	thing := m.thing("cam1")
	within(t, "all of 20 requests reach the living member", func() bool {
		for range 20 {
			thing.publish("thingpass/cam1/upload-request", "r")
		}
		for n := range 20 {
			select {
			case <-stays.received:
			case <-time.After(100 * time.Millisecond):
				return n == 20
			}
		}
		return true
	})
}

func TestRequestsAreSharedBetweenBrokers(t *testing.T) {
	m := startMQTT(t)
	one, two := m.must(m.ca.service(t, brokerName), brokerName+"-1"), m.must(m.ca.service(t, brokerName), brokerName+"-2")
	for _, b := range []*v5{one, two} {
		b.subscribe("$share/thingpass/thingpass/+/upload-request")
	}
	thing := m.thing("cam1")
	for range 200 {
		thing.publish("thingpass/cam1/upload-request", "r")
	}
	within(t, "200 requests are dealt", func() bool { return len(one.received)+len(two.received) == 200 })
	if len(one.received) < 20 || len(two.received) < 20 {
		t.Errorf("%d and %d: not shared", len(one.received), len(two.received))
	}
}

// A burst of QoS 0 is not dropped while the consumer is reading.
func TestBurstIsNotDropped(t *testing.T) {
	m := startMQTT(t)
	broker := m.broker()
	broker.subscribe("thingpass/+/upload-request")
	thing := m.raw("cam1", 4)
	for range 20_000 {
		thing.publish(0, "thingpass/cam1/upload-request", []byte("burst"))
	}
	within(t, "20,000 messages", func() bool { return len(broker.received) == 20_000 })
	if strings.Contains(m.log.String(), "dropped") {
		t.Errorf("something was dropped")
	}
}

func TestMessageTooLargeForAClientBlocksNobody(t *testing.T) {
	m := startMQTT(t)
	small := uint32(512)
	thing := m.thing("cam1", receiveMaximum(2), func(_ *paho.ClientConfig, hello *paho.Connect) {
		hello.Properties.MaximumPacketSize = &small
	})
	thing.subscribe("thingpass/cam1/response")
	broker := m.broker()
	for range 5 {
		broker.publish("thingpass/cam1/response", strings.Repeat("large", 200))
	}
	broker.publish("thingpass/cam1/response", "small")
	if got := thing.next(); got != "thingpass/cam1/response small" {
		t.Errorf("%.40q", got)
	}
	m.logged("larger than the client allows", "cam1")
}

// stuck connects as cam2, subscribes, and reads nothing from then on.
func (m *testMQTT) stuck() {
	m.t.Helper()
	r := m.raw("cam2", 4)
	r.send(0x82, append(append([]byte{0, 9}, text("thingpass/cam2/response")...), 1))
	if kind, _ := r.receive(); kind != 0x90 {
		m.t.Fatalf("SUBACK %#x", kind)
	}
}

// flood publishes more to cam2 than all buffers on the way hold.
func flood(c *v5) {
	for range 200 {
		c.publish("thingpass/cam2/response", strings.Repeat("x", 100_000))
	}
}

func TestStuckThingHoldsUpNobody(t *testing.T) {
	m := startMQTT(t, func(o *devstack.MQTTOptions) { o.WriteTimeout = 50 * time.Millisecond })
	m.stuck()
	thing, broker := m.thing("cam1"), m.broker()
	thing.subscribe("thingpass/cam1/response")
	flood(broker)
	broker.publish("thingpass/cam1/response", "x")
	if got := thing.next(); got != "thingpass/cam1/response x" {
		t.Errorf("%q", got)
	}
	m.logged("mqtt disconnected", `who="thing cam2"`)
}

func TestCloseIsBounded(t *testing.T) {
	m := startMQTT(t)
	polite := m.thing("cam1")
	m.stuck()
	broker := m.broker()
	go func() { // until the server is gone
		for {
			_, err := broker.Publish(t.Context(), &paho.Publish{Topic: "thingpass/cam2/response", Payload: make([]byte, 100_000)})
			if err != nil {
				return
			}
		}
	}()
	silent, err := net.Dial("tcp", m.Addr().String()) // says nothing at all
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	cert := m.ca.thing(t, "cam3")
	quiet, err := m.tls(&cert) // and this one nothing after TLS
	if err != nil {
		t.Fatal(err)
	}
	defer quiet.Close()
	time.Sleep(100 * time.Millisecond) // let the stuck one's buffers fill; nothing shows that from outside
	start := time.Now()
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("Close took %v", took)
	}
	polite.closed(0x8b) // server shutting down
	if _, err := net.Dial("tcp", m.Addr().String()); err == nil {
		t.Error("the port still answers")
	}
}

// Clients that leave at the very moment of Close must not stop it for ever.
func TestCloseWhileClientsLeave(t *testing.T) {
	for range 20 {
		m := startMQTT(t)
		var conns []net.Conn
		for i := range 12 {
			conns = append(conns, m.raw(fmt.Sprintf("cam%d", i), 4))
		}
		var leaving sync.WaitGroup
		for _, conn := range conns {
			leaving.Go(func() { conn.Close() })
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		leaving.Wait()
	}
}

// A thing that comes back while its old connection still stands hears replies.
func TestReconnectedThingIsHeard(t *testing.T) {
	m := startMQTT(t)
	broker := m.broker()
	cert := m.ca.thing(t, "cam1")
	var thing *v5
	for i := range 200 {
		old := thing
		thing = m.must(cert, "cam1")
		if got := thing.subscribe("thingpass/cam1/response"); got != 1 {
			t.Fatalf("SUBACK %#x", got)
		}
		broker.publish("thingpass/cam1/response", strconv.Itoa(i))
		if got, want := thing.next(), fmt.Sprintf("thingpass/cam1/response %d", i); got != want {
			t.Fatalf("received %q, want %q", got, want)
		}
		if old != nil {
			old.closed(0x8e) // session taken over
		}
	}
}

// However many connections a client opens at once, the last one is served.
func TestManyConnectionsOfOneClient(t *testing.T) {
	m := startMQTT(t)
	cert := m.ca.thing(t, "cam1")
	for range 5 {
		var all sync.WaitGroup
		for range 10 {
			conn, err := m.tls(&cert)
			if err != nil {
				t.Fatal(err)
			}
			all.Go(func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(5 * time.Second))
				r := &raw{Conn: conn, t: t, version: 4}
				r.send(0x10, append(append(text("MQTT"), 4, 2, 0, 30), text("cam1")...))
				if _, err := conn.Read(make([]byte, 4)); err != nil && errors.Is(err, os.ErrDeadlineExceeded) {
					t.Error("the server neither answers nor hangs up")
				}
			})
		}
		all.Wait()
		thing := m.must(cert, "cam1")
		if got := thing.publish("thingpass/cam1/upload-request", "x"); got > 0x10 {
			t.Errorf("PUBACK %#x", got)
		}
	}
}

func TestLogHoldsNoPayload(t *testing.T) {
	m := startMQTT(t)
	thing, broker := m.thing("cam1"), m.broker()
	thing.subscribe("thingpass/cam1/response")
	broker.publish("thingpass/cam1/response", "X-Amz-Signature=secret")
	thing.next()
	thing.publish("thingpass/cam2/response", "X-Amz-Signature=secret")
	thing.closed(notAuthorized)
	r := m.raw("cam1", 5)
	alias := []byte{3, 0x23, 0, 1} // a topic alias, which mochi complains of itself
	r.send(0x30, append(append(text("thingpass/cam1/upload-request"), alias...), "X-Amz-Signature=secret"...))
	if kind, _ := r.receive(); kind != 0xe0 {
		t.Errorf("packet %#x, want DISCONNECT", kind)
	}
	m.logged("mqtt error processing packet")
	m.Close()
	for _, secret := range []string{"X-Amz", "88 45 65 109 122"} { // as text, and as a Go slice
		if strings.Contains(m.log.String(), secret) {
			t.Errorf("the log tells secrets:\n%s", m.log)
		}
	}
}

func TestStartMQTTRefusesWhatCannotWork(t *testing.T) {
	m := startMQTT(t)
	for name, probe := range map[string]struct {
		change func(*devstack.MQTTOptions)
		want   string
	}{
		"a port in use":      {func(o *devstack.MQTTOptions) { o.Listen = m.Addr().String() }, "another program listens on "},
		"a wildcard as root": {func(o *devstack.MQTTOptions) { o.Root = "a/+" }, "levels of letters"},
		"an empty level":     {func(o *devstack.MQTTOptions) { o.Root = "a//b" }, "levels of letters"},
		"a system topic":     {func(o *devstack.MQTTOptions) { o.Root = "$SYS" }, "levels of letters"},
		"a bad group":        {func(o *devstack.MQTTOptions) { o.Group = "a/b" }, "group "},
		"no CA":              {func(o *devstack.MQTTOptions) { o.ClientCAs = nil }, "a CA for client certificates is needed"},
		"no certificate":     {func(o *devstack.MQTTOptions) { o.Certificate.Certificate = nil }, "a server certificate is needed"},
	} {
		o := devstack.MQTTOptions{Certificate: m.ca.server(t), ClientCAs: m.ca.pool()}
		probe.change(&o)
		other, err := devstack.StartMQTT(t.Context(), o)
		if err == nil {
			other.Close()
		}
		if err == nil || !strings.Contains(err.Error(), probe.want) || !strings.HasPrefix(err.Error(), "start MQTT: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Mosquitto's own clients are the independent opinion.
func TestMosquittoClientsWork(t *testing.T) {
	pub, err := exec.LookPath("mosquitto_pub")
	if err != nil {
		t.Skip("mosquitto_pub is not installed (Debian: mosquitto-clients)")
	}
	m := startMQTT(t)
	dir := t.TempDir()
	cert := m.ca.thing(t, "cam1")
	writePEM(t, dir, m.ca, cert)
	broker := m.broker()
	broker.subscribe("thingpass/+/upload-request")
	_, port, _ := net.SplitHostPort(m.Addr().String())
	for _, version := range []string{"mqttv311", "mqttv5"} {
		for topic, ok := range map[string]bool{"thingpass/cam1/upload-request": true, "thingpass/cam2/upload-request": false} {
			out, err := exec.Command(pub, "-V", version, "-h", "localhost", "-p", port, "-i", "cam1", "-q", "1", "-t", topic, "-m", version,
				"--cafile", filepath.Join(dir, "ca.crt"), "--cert", filepath.Join(dir, "cert.crt"), "--key", filepath.Join(dir, "cert.key")).CombinedOutput()
			if refused := err != nil || strings.Contains(string(out), "Not authorized"); refused == ok {
				t.Errorf("%s to %s: %v %s", version, topic, err, out)
			}
		}
		if got := broker.next(); got != "thingpass/cam1/upload-request "+version {
			t.Errorf("%s: the broker received %q", version, got)
		}
	}
}
