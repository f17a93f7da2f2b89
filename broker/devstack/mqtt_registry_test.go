// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/eclipse/paho.golang/paho"

	"thingpass/broker/devstack"
	"thingpass/policies"
	"thingpass/policies/registry"
)

func idOf(t testing.TB, cert tls.Certificate) string {
	t.Helper()
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return policies.CertificateID(leaf)
}

// edit changes the registry of a server that runs.
func edit(t testing.TB, s *registry.Store, changes ...func(*registry.Draft) error) {
	t.Helper()
	err := s.Edit(func(d *registry.Draft) error {
		var problems []error
		for _, change := range changes {
			problems = append(problems, change(d))
		}
		return errors.Join(problems...)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// with starts a server with a registry that stays at hand.
func with(t testing.TB, store *registry.Store) *testMQTT {
	t.Helper()
	return startMQTT(t, func(o *devstack.MQTTOptions) { o.Registry = store })
}

// A certificate that AWS, or anybody, has issued says nothing of ours in its
// subject: the registry alone knows whose it is.
func TestACertificateIsWhatTheRegistrySays(t *testing.T) {
	store := lab(t)
	m := with(t, store)
	cert := m.ca.issue(t, leaf{name: "AWS IoT Certificate"})
	if _, ack, err := m.connect(cert, "cam1"); err == nil || ack != nil {
		t.Errorf("let in although nobody knows it: %+v", ack)
	}
	id := idOf(t, cert)
	edit(t, store,
		func(d *registry.Draft) error {
			return d.AddThing(registry.Thing{Name: "cam1", Groups: []string{registry.ThingGroup}})
		},
		func(d *registry.Draft) error { return d.AddCertificate(registry.Certificate{ID: id}) })
	refusedWith := func(why string) {
		t.Helper()
		if _, ack, err := m.connect(cert, "cam1"); err == nil || ack == nil || ack.ReasonCode != notAuthorized {
			t.Errorf("%s: %+v %v", why, ack, err)
		}
		m.logged("mqtt refused", "what=CONNECT", why)
	}
	refusedWith("attached to no thing")
	edit(t, store, func(d *registry.Draft) error { return d.Attach(id, "cam1") })
	thing := m.must(cert, "cam1")
	if got := thing.publish("thingpass/cam1/upload-request", "x"); got > 0x10 {
		t.Errorf("PUBACK %#x", got)
	}
	if _, ack, err := m.connect(cert, "cam2"); err == nil || ack == nil {
		t.Errorf("let in as another: %+v", ack)
	}
	for _, status := range []registry.Status{registry.Inactive, registry.Active, registry.Revoked} {
		edit(t, store, func(d *registry.Draft) error { return d.SetStatus(id, status) })
		if status == registry.Active {
			thing = m.must(cert, "cam1")
			continue
		}
		thing.closed(notAuthorized)
		m.logged("mqtt refused", "what=STAY", "is "+string(status), "client=cam1")
		refusedWith("is " + string(status))
	}
}

func TestABlockedThingIsKickedAndNobodyElse(t *testing.T) {
	store := lab(t)
	m := with(t, store)
	old := m.raw("cam1", 4)
	thing, other, broker := m.thing("cam2"), m.thing("cam3"), m.broker()
	broker.subscribe("thingpass/+/upload-request")
	edit(t, store,
		func(d *registry.Draft) error { return d.SetBlocked("cam1", true) },
		func(d *registry.Draft) error { return d.SetBlocked("cam2", true) })
	thing.closed(notAuthorized)
	if _, err := old.Read(make([]byte, 1)); err == nil {
		t.Error("a client of MQTT 3.1.1 stays")
	}
	if got := other.publish("thingpass/cam3/upload-request", "x"); got > 0x10 || broker.next() == "" {
		t.Errorf("the others are disturbed: %#x", got)
	}
	edit(t, store, func(d *registry.Draft) error { return d.SetBlocked("cam2", false) })
	m.thing("cam2")
}

// While a blocked broker is away, nothing is kept for it; when it is back, it goes on
// with its session.
func TestARevokedSessionGetsNothing(t *testing.T) {
	store := lab(t)
	m := with(t, store)
	cert := m.ca.service(t, brokerName)
	id := idOf(t, cert)
	edit(t, store, func(d *registry.Draft) error {
		return d.AddCertificate(registry.Certificate{ID: id, Policies: []string{"broker"}})
	})
	first := m.must(cert, brokerName, session(300, 20))
	first.subscribe("$share/thingpass/thingpass/+/upload-request")
	thing := m.thing("cam1")
	send := func(payload string, status registry.Status) {
		t.Helper()
		edit(t, store, func(d *registry.Draft) error { return d.SetStatus(id, status) })
		thing.publish("thingpass/cam1/upload-request", payload)
	}
	send("inactive", registry.Inactive)
	first.closed(notAuthorized)
	send("active", registry.Active)
	second, ack, err := m.connect(cert, brokerName, session(300, 20))
	if err != nil || !ack.SessionPresent {
		t.Fatal(ack, err)
	}
	if got := second.next(); got != "thingpass/cam1/upload-request active" {
		t.Errorf("%q", got)
	}
}

// policyFile is a registry in a file, in which things have a policy that a test
// writes.
type policyFile struct {
	t     testing.TB
	dir   string
	store *registry.Store
}

const place = "arn:aws:iot:eu-central-1:123456789012:"

func writePolicy(t testing.TB, statements ...string) *policyFile {
	t.Helper()
	p := &policyFile{t: t, dir: t.TempDir()}
	p.write(statements...)
	text := strings.Replace(registryText(), "thing: {builtin: thing}", "thing: {file: thing.json}", 1)
	path := filepath.Join(p.dir, "registry.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if p.store, err = registry.Open(path); err != nil {
		t.Fatal(err)
	}
	return p
}

func registryText() string {
	text, err := devstack.DefaultRegistry("")
	if err != nil {
		panic(err)
	}
	return text
}

// statement allows an action on resources of the place.
func statement(action string, resources ...string) string {
	for i, r := range resources {
		resources[i] = fmt.Sprintf("%q", place+r)
	}
	return fmt.Sprintf(`{"Sid": %q, "Effect": "Allow", "Action": %q, "Resource": [%s]}`,
		"Sid"+strings.TrimPrefix(action, "iot:"), action, strings.Join(resources, ", "))
}

func (p *policyFile) write(statements ...string) {
	p.t.Helper()
	text := `{"Version": "2012-10-17", "Statement": [` + strings.Join(append(statements, statement("iot:Connect", "client/*")), ", ") + `]}`
	if err := os.WriteFile(filepath.Join(p.dir, "thing.json"), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *policyFile) change(statements ...string) {
	p.t.Helper()
	p.write(statements...)
	if changed, err := p.store.Reload(); err != nil || !changed {
		p.t.Fatal(changed, err)
	}
}

// To subscribe and to receive are two rights, also where topic and filter are the
// same text.
func TestSubscribeIsNotReceive(t *testing.T) {
	const topic = "thingpass/cam1/response"
	p := writePolicy(t, statement("iot:Subscribe", "topicfilter/"+topic, "topicfilter/thingpass/*"))
	m := with(t, p.store)
	thing, broker := m.thing("cam1"), m.broker()
	for _, filter := range []string{topic, "thingpass/#", "thingpass/+/response"} {
		if got := thing.subscribe(filter); got != 1 {
			t.Fatalf("SUBACK %#x", got)
		}
	}
	broker.publish(topic, "withheld")
	m.logged("mqtt message withheld", `who="thing cam1"`, "iot:Receive")
	p.change(statement("iot:Receive", "topic/"+topic))
	broker.publish(topic, "heard")
	if got := thing.next(); got != topic+" heard" {
		t.Errorf("%q", got)
	}
	if got := thing.subscribe(topic); got != notAuthorized {
		t.Errorf("may receive, but subscribed as well: SUBACK %#x", got)
	}
}

// However a SUBSCRIBE and deliveries of the same text meet, neither gets the
// other's answer.
func TestSubscribingInTheMidstOfDeliveries(t *testing.T) {
	const topic = "thingpass/cam1/response"
	p := writePolicy(t, statement("iot:Subscribe", "topicfilter/thingpass/*"))
	m := with(t, p.store)
	thing, broker := m.thing("cam1"), m.broker()
	thing.subscribe("thingpass/#")
	stop := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				broker.publish(topic, "withheld")
			}
		}
	})
	for range 300 {
		if got := thing.subscribe(topic); got != 1 {
			t.Errorf("SUBACK %#x", got)
		}
	}
	close(stop)
	all.Wait()
	broker.subscribe("$share/thingpass/thingpass/+/upload-request") // answered when what it published is dealt with
	p.change(statement("iot:Receive", "topic/thingpass/*"))
	broker.publish(topic, "last")
	if got := thing.next(); got != topic+" last" {
		t.Errorf("%q was delivered", got)
	}
}

// What a session has kept is delivered later: the policies of that moment count.
func TestWhatIsKeptIsJudgedWhenItIsDelivered(t *testing.T) {
	const topic = "thingpass/cam1/response"
	rights := []string{statement("iot:Subscribe", "topicfilter/thingpass/*"), statement("iot:Receive", "topic/thingpass/*")}
	p := writePolicy(t, rights...)
	m := with(t, p.store)
	cert, broker := m.ca.thing(t, "cam1"), m.broker()
	thing := m.must(cert, "cam1", session(300, 20))
	thing.subscribe("thingpass/cam1/+")
	thing.TerminateConnectionForTest()
	m.logged("mqtt disconnected", `who="thing cam1"`)
	broker.publish(topic, "kept")
	broker.publish("thingpass/cam1/uploaded", "kept, too")
	p.change(rights[0], statement("iot:Receive", "topic/thingpass/cam1/uploaded"))
	again, ack, err := m.connect(cert, "cam1", session(300, 20))
	if err != nil || !ack.SessionPresent {
		t.Fatal(ack, err)
	}
	if got := again.next(); got != "thingpass/cam1/uploaded kept, too" {
		t.Errorf("%q", got)
	}
}

func TestAPolicyThatChangesCountsAtOnce(t *testing.T) {
	own := statement("iot:Publish", "topic/thingpass/cam1/upload-request")
	p := writePolicy(t, own)
	m := with(t, p.store)
	thing := m.thing("cam1")
	if got := thing.publish("thingpass/cam1/upload-request", "x"); got > 0x10 {
		t.Errorf("%#x", got)
	}
	p.change(statement("iot:Publish", "topic/thingpass/cam1/elsewhere"))
	if got := thing.publish("thingpass/cam1/upload-request", "x"); got != notAuthorized {
		t.Errorf("%#x", got)
	}
	thing.closed(notAuthorized)
	m.logged("mqtt refused", "what=PUBLISH", "IMPLICIT_DENY", "thingpass/cam1/upload-request", "SidPublish", "thing.json:1:")
}

func TestRetainNeedsARightOfItsOwn(t *testing.T) {
	const topic = "thingpass/cam1/upload-request"
	p := writePolicy(t, statement("iot:Publish", "topic/"+topic))
	m := with(t, p.store)
	retain := func() {
		t.Helper()
		r := m.raw("cam1", 4)
		r.publish(1, topic, []byte("x"))
		if _, err := r.Read(make([]byte, 1)); err == nil {
			t.Error("the connection stays")
		}
	}
	retain()
	m.logged("mqtt refused", "what=PUBLISH", "iot:RetainPublish")
	p.change(statement("iot:Publish", "topic/"+topic), statement("iot:RetainPublish", "topic/"+topic))
	retain()
	m.logged("mqtt refused", "what=PUBLISH", "nothing is retained here")
}

// Our own policy gives things no session that outlives their connection.
func TestAPersistentSessionNeedsARight(t *testing.T) {
	m := startMQTT(t, shipped)
	if _, ack, err := m.connect(m.ca.thing(t, "cam1"), "cam1", session(60, 20)); err == nil || ack == nil || ack.ReasonCode != notAuthorized {
		t.Errorf("%+v %v", ack, err)
	}
	m.logged("mqtt refused", "what=CONNECT", "thing:", "connect without a persistent session")
	m.must(m.ca.service(t, brokerName), brokerName, session(60, 20))
}

// A will that may not be published any more is not, when its thing is thrown out.
func TestTheWillOfABlockedThingIsNotHeard(t *testing.T) {
	store := lab(t, "policies: [thing]", "policies: [thing, will]")
	m := with(t, store)
	broker := m.broker()
	broker.subscribe("thingpass/+/upload-request")
	thing := m.thing("cam1", func(_ *paho.ClientConfig, hello *paho.Connect) {
		hello.WillMessage = &paho.WillMessage{Topic: "thingpass/cam1/upload-request", Payload: []byte("gone")}
	})
	edit(t, store, func(d *registry.Draft) error { return d.SetBlocked("cam1", true) })
	thing.closed(notAuthorized)
	m.thing("cam2").publish("thingpass/cam2/upload-request", "x")
	if got := broker.next(); got != "thingpass/cam2/upload-request x" {
		t.Errorf("%q", got)
	}
}
