// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"

	"thingpass/broker/devstack"
)

const notAuthorized = 0x87

func TestThingPublishesToItsOwnTopicsOnly(t *testing.T) {
	m := startMQTT(t, shipped)
	broker := m.broker()
	for _, last := range []string{"upload-request", "upload-complete", "download-request", "credentials-request", "command-result"} {
		if got := broker.subscribe("$share/thingpass/thingpass/+/" + last); got != 1 {
			t.Fatalf("broker subscribes to %s: %#x", last, got)
		}
	}
	observer := m.must(m.ca.service(t, devstack.DefaultObserver), devstack.DefaultObserver)
	observer.subscribe("thingpass/+/uploaded")
	for _, topic := range []string{
		"thingpass/cam2/upload-request",
		"thingpass/cam2/upload-complete",
		"thingpass/cam11/upload-request",
		"thingpass/cam/upload-request",
		"thingpass/CAM1/upload-request",
		"thingpass/cam2/response",
		"thingpass/cam1/response",
		"thingpass/cam1/uploaded",
		"thingpass/cam1/command",
		"thingpass/cam2/command",
		"thingpass/cam2/command-result",
		"thingpass/cam1/other",
		"thingpass/cam1/upload-request/x",
		"thingpass/cam1/upload-request/",
		"thingpass/cam1",
		"thingpass/cam1/",
		"thingpass//upload-request",
		"thingpass/../cam1/upload-request",
		"thingpass",
		"/thingpass/cam1/upload-request",
		"thingpass2/cam1/upload-request",
		"cam1/upload-request",
		"$SYS/broker/version",
		"$share/thingpass/thingpass/cam1/upload-request",
		"$aws/things/cam1/shadow/update",
	} {
		t.Run(topic, func(t *testing.T) {
			for _, qos := range []byte{1, 0} {
				thing := m.thing("cam1")
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				ack, _ := thing.Publish(ctx, &paho.Publish{Topic: topic, QoS: qos, Payload: []byte("forged")})
				if qos == 1 && (ack == nil || ack.ReasonCode != notAuthorized) {
					t.Errorf("PUBACK %+v, want %#x", ack, notAuthorized)
				}
				thing.closed(notAuthorized)
			}
			m.logged("mqtt refused", `who="thing cam1"`, "what=PUBLISH", topic)
		})
	}
	thing := m.thing("cam1")
	for _, last := range []string{"upload-request", "upload-complete", "download-request", "credentials-request", "command-result"} {
		if got := thing.publish("thingpass/cam1/"+last, last); got > 0x10 {
			t.Errorf("own %s: PUBACK %#x", last, got)
		}
		if got := broker.next(); got != "thingpass/cam1/"+last+" "+last { // and nothing forged came before
			t.Errorf("the broker received %q", got)
		}
	}
	broker.publish("thingpass/cam1/uploaded", "x")
	if got := observer.next(); got != "thingpass/cam1/uploaded x" {
		t.Errorf("the observer received %q", got)
	}
}

func TestThingSubscribesToItsOwnTopicOnly(t *testing.T) {
	m := startMQTT(t, shipped)
	thing, broker := m.thing("cam1"), m.broker()
	for _, filter := range []string{
		"#", "+/#", "thingpass/#", "thingpass/+/response", "thingpass/cam1/#", "thingpass/cam1/+", "+/cam1/response",
		"thingpass/cam2/response", "thingpass/cam2/command", "thingpass/+/command", "thingpass/cam1/command-result", "thingpass/cam1/uploaded", "thingpass/+/uploaded", "thingpass/cam1/upload-request",
		"$share/thingpass/thingpass/+/upload-request", "$share/thingpass/thingpass/cam1/response",
		"$share/mine/thingpass/cam1/response", "$SHARE/thingpass/thingpass/+/upload-request", "$share/thingpass/#",
		"$SYS/#", "$SYS/broker/version", "/thingpass/cam1/response", "thingpass/cam1/response/", "thingpass/cam1/response/#",
	} {
		if got := thing.subscribe(filter); got != notAuthorized {
			t.Errorf("%s: SUBACK %#x, want %#x", filter, got, notAuthorized)
		}
		m.logged("mqtt refused", `who="thing cam1"`, "what=SUBSCRIBE", filter)
	}
	if got := thing.subscribe("thingpass/cam1/response"); got != 1 {
		t.Fatalf("own response: SUBACK %#x", got)
	}
	if got := thing.subscribe("thingpass/cam1/command"); got != 1 {
		t.Fatalf("own command: SUBACK %#x", got)
	}
	for _, topic := range []string{"thingpass/cam2/response", "thingpass/cam2/command", "thingpass/cam2/uploaded", "thingpass/cam1/uploaded", "thingpass/cam1/response", "thingpass/cam1/command"} {
		if got := broker.publish(topic, "x"); got > 0x10 {
			t.Fatalf("broker publishes to %s: %#x", topic, got)
		}
	}
	if got := thing.next(); got != "thingpass/cam1/response x" {
		t.Errorf("the thing received %q", got)
	}
	if got := thing.next(); got != "thingpass/cam1/command x" {
		t.Errorf("the thing received %q", got)
	}
}

func TestThingCannotSwallowRequests(t *testing.T) {
	m := startMQTT(t, shipped)
	broker, thief, thing := m.broker(), m.thing("thief"), m.thing("cam1")
	if got := broker.subscribe("$share/thingpass/thingpass/+/upload-request"); got != 1 {
		t.Fatalf("broker: %#x", got)
	}
	if got := thief.subscribe("$share/thingpass/thingpass/+/upload-request"); got != notAuthorized {
		t.Errorf("thief: %#x", got)
	}
	for range 50 {
		thing.publish("thingpass/cam1/upload-request", "r")
	}
	for i := range 50 {
		if broker.next() == "" {
			t.Fatalf("request %d never came", i)
		}
	}
}

func TestServicesReachWhatTheyAreNamedFor(t *testing.T) {
	m := startMQTT(t, shipped)
	const observer = devstack.DefaultObserver
	watcher := m.must(m.ca.service(t, observer), observer+"-1")
	broker := m.must(m.ca.service(t, brokerName), brokerName+"-2")
	for filter, want := range map[string]struct{ broker, watcher byte }{
		"$share/thingpass/thingpass/+/upload-request":       {1, notAuthorized},
		"$share/thingpass/thingpass/+/upload-complete":      {1, notAuthorized},
		"$share/others/thingpass/+/upload-request":          {notAuthorized, notAuthorized},
		"$share/thingpass/#":                                {notAuthorized, notAuthorized},
		"$share/thingpass-check/thingpass/+/upload-request": {1, notAuthorized},
		"thingpass/+/upload-request":                        {notAuthorized, notAuthorized},
		"thingpass/cam1/upload-request":                     {notAuthorized, notAuthorized},
		"thingpass/+/uploaded":                              {notAuthorized, 1},
		"thingpass/cam1/uploaded":                           {notAuthorized, 1},
		"$share/thingpass/thingpass/+/uploaded":             {notAuthorized, notAuthorized},
		"thingpass/+/response":                              {notAuthorized, notAuthorized},
		"thingpass/#":                                       {notAuthorized, notAuthorized},
		"#":                                                 {notAuthorized, notAuthorized},
		"+/+/upload-request":                                {notAuthorized, notAuthorized},
		"$SYS/#":                                            {notAuthorized, notAuthorized},
	} {
		if got := broker.subscribe(filter); got != want.broker {
			t.Errorf("broker, %s: %#x, want %#x", filter, got, want.broker)
		}
		if got := watcher.subscribe(filter); got != want.watcher {
			t.Errorf("watcher, %s: %#x, want %#x", filter, got, want.watcher)
		}
	}
	for _, topic := range []string{"thingpass/cam1/uploaded", "thingpass/cam1/response", "thingpass/" + observer + "/upload-request"} {
		c := m.must(m.ca.service(t, observer), observer)
		if got := c.publish(topic, "x"); got != notAuthorized {
			t.Errorf("watcher publishes to %s: %#x", topic, got)
		}
	}
	for _, topic := range []string{"thingpass/cam1/upload-request", "thingpass/cam1/response/x", "thingpass/response", "thingpassx/cam1/response"} {
		c := m.broker()
		if got := c.publish(topic, "x"); got != notAuthorized {
			t.Errorf("broker publishes to %s: %#x", topic, got)
		}
	}
}

func TestRootAndNamesAreAnOption(t *testing.T) {
	m := startMQTT(t, func(o *devstack.MQTTOptions) {
		o.Registry, o.Root, o.Group = nil, "acme/v1", "g"
	})
	broker := m.broker()
	if got := broker.subscribe("$share/g/acme/v1/+/upload-request"); got != 1 {
		t.Errorf("%#x", got)
	}
	if got := broker.subscribe("$share/g/thingpass/+/upload-request"); got != notAuthorized {
		t.Errorf("the default root: %#x", got)
	}
	m.thing("cam1").publish("acme/v1/cam1/upload-request", "r")
	if got := broker.next(); got != "acme/v1/cam1/upload-request r" {
		t.Errorf("%q", got)
	}
	thing := m.thing("cam1")
	if got := thing.publish("thingpass/cam1/upload-request", "r"); got != notAuthorized {
		t.Errorf("the default root: %#x", got)
	}
}

func TestClientIDMustBelongToTheCertificate(t *testing.T) {
	m := startMQTT(t, func(o *devstack.MQTTOptions) {
		o.Registry = lab(t, "policies:\n", "policies:\n  svc: {builtin: broker, values: {broker: svc}}\n",
			"certificates:\n", "certificates:\n  - {commonName: svc, policies: [svc]}\n")
	})
	victim := m.thing("cam1")
	thing, broker, svc := m.ca.thing(t, "cam2"), m.ca.service(t, brokerName), m.ca.service(t, "svc")
	for _, probe := range []struct {
		what string
		id   string
		ok   bool
		cert func() (*v5, *paho.Connack, error)
	}{
		{what: "another thing's id", id: "cam1"},
		{what: "a longer id", id: "cam2-1"},
		{what: "a shorter id", id: "cam"},
		{what: "no id", id: ""},
		{what: "a wildcard", id: "+"},
		{what: "a wildcard within", id: "cam2/+"},
		{what: "everything", id: "#"},
		{what: "the broker's id", id: brokerName},
		{what: "one of the broker's ids", id: brokerName + "-1"},
		{what: "its own", id: "cam2", ok: true},
	} {
		_, ack, err := m.connect(thing, probe.id)
		if probe.ok != (err == nil) || !probe.ok && (ack == nil || ack.ReasonCode != notAuthorized) {
			t.Errorf("thing with %s: %+v %v", probe.what, ack, err)
		}
	}
	for id, ok := range map[string]bool{
		brokerName: true, brokerName + "-1": true, brokerName + "-": true,
		brokerName + "1": false, "cam1": false, "": false, "svc": false,
	} {
		if _, _, err := m.connect(broker, id); ok != (err == nil) {
			t.Errorf("broker with %q: %v", id, err)
		}
	}
	for id, ok := range map[string]bool{"svc": true, "svc-1": true, "svc2": false, brokerName: false} {
		if _, _, err := m.connect(svc, id); ok != (err == nil) {
			t.Errorf("svc with %q: %v", id, err)
		}
	}
	select {
	case <-victim.Done():
		t.Error("the victim was thrown out")
	default:
	}
	victim.publish("thingpass/cam1/upload-request", "still here")
}

func TestThingCannotPassAsService(t *testing.T) {
	m := startMQTT(t)
	for what, l := range map[string]leaf{
		"a thing with the broker's name":        {name: brokerName, units: []string{"thing"}},
		"a thing with a name like its sessions": {name: brokerName + "-1", units: []string{"thing"}},
		"a service that nobody named":           {name: "intruder", units: []string{"service"}},
	} {
		_, ack, err := m.connect(m.ca.issue(t, l), l.name)
		if err == nil || ack == nil || ack.ReasonCode != notAuthorized {
			t.Errorf("%s: %+v %v, want CONNACK %#x", what, ack, err, notAuthorized)
		}
		m.logged("mqtt refused", "what=CONNECT", l.name)
	}
}

func TestConnectionNeedsAGoodCertificate(t *testing.T) {
	m := startMQTT(t)
	other := newAuthority(t)
	for what, l := range map[string]leaf{
		"expired":               {name: "cam1", units: []string{"thing"}, expires: time.Now().Add(-time.Minute)},
		"no unit":               {name: "cam1"},
		"an unknown unit":       {name: "cam1", units: []string{"admin"}},
		"two units":             {name: "cam1", units: []string{"thing", "service"}},
		"no name":               {units: []string{"thing"}},
		"a wildcard for a name": {name: "+", units: []string{"thing"}},
		"everything for a name": {name: "#", units: []string{"thing"}},
		"a slash in the name":   {name: "cam1/response", units: []string{"thing"}},
		"a server's":            {name: "cam1", units: []string{"thing"}, usage: 1},
	} {
		cert := m.ca.issue(t, l)
		if c, ack, err := m.connect(cert, or(l.name, "cam1")); err == nil {
			t.Errorf("%s: connected, %+v", what, ack)
			c.Disconnect(&paho.Disconnect{})
		}
	}
	if _, _, err := m.connect(other.thing(t, "cam1"), "cam1"); err == nil {
		t.Error("another CA's: connected")
	}
	conn, err := m.tls(nil)
	if err == nil { // TLS 1.3 tells it with the first read
		_, err = conn.Read(make([]byte, 1))
	}
	if err == nil || !strings.Contains(err.Error(), "certificate required") {
		t.Errorf("no certificate: %v", err)
	}
	if !slices.Contains([]int{0}, strings.Count(m.log.String(), "mqtt connected")) {
		t.Errorf("somebody connected:\n%s", m.log)
	}
	m.thing("cam1").publish("thingpass/cam1/upload-request", "the good one")
}

func TestWillStaysWithinTheThingsTopics(t *testing.T) {
	m := startMQTT(t, func(o *devstack.MQTTOptions) { o.Registry = lab(t, "policies: [thing]", "policies: [thing, will]") })
	broker := m.broker()
	broker.subscribe("thingpass/+/upload-request")
	will := func(topic string, retain bool) connectOption {
		return func(_ *paho.ClientConfig, hello *paho.Connect) {
			hello.WillMessage = &paho.WillMessage{Topic: topic, Payload: []byte("gone"), QoS: 1, Retain: retain}
		}
	}
	for _, topic := range []string{"thingpass/cam2/upload-request", "thingpass/cam1/response", "thingpass/cam2/response", "$SYS/x"} {
		_, ack, err := m.connect(m.ca.thing(t, "cam1"), "cam1", will(topic, false))
		if err == nil || ack == nil || ack.ReasonCode != notAuthorized {
			t.Errorf("%s: %+v %v", topic, ack, err)
		}
	}
	_, ack, err := m.connect(m.ca.thing(t, "cam1"), "cam1", will("thingpass/cam1/upload-request", true))
	if err == nil || ack == nil {
		t.Errorf("a retained will: %+v %v", ack, err)
	}
	m.thing("cam1", will("thingpass/cam1/upload-request", false)).TerminateConnectionForTest()
	if got := broker.next(); got != "thingpass/cam1/upload-request gone" {
		t.Errorf("own will: %q", got)
	}
	m = startMQTT(t, shipped)
	if _, ack, err := m.connect(m.ca.thing(t, "cam1"), "cam1", will("thingpass/cam1/upload-request", false)); err == nil || ack == nil {
		t.Errorf("our own policy gives no will: %+v %v", ack, err)
	}
	m.logged("mqtt refused", "what=CONNECT", "iot:ConnectAttributes", "connect without a will")
}
