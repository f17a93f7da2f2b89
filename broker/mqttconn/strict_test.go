// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn_test

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"thingpass/broker/devstack"
	"thingpass/broker/mqttconn"
	"thingpass/certs"
	"thingpass/policies/registry"
	"thingpass/policies/templates"
)

// A strictServer is a server with AWS's quotas.
type strictServer struct {
	*devstack.MQTT
	ca      *certs.CA
	address string
}

func startStrict(t *testing.T, o devstack.Strict) *strictServer {
	t.Helper()
	ca := must(certs.NewCA("test CA"))(t)
	id := must(ca.Server([]string{"127.0.0.1", "localhost"}))(t)
	m := must(devstack.StartMQTT(t.Context(), devstack.MQTTOptions{
		Certificate: id.TLSCertificate(), ClientCAs: ca.Pool(), Registry: strictRegistry(t), Strict: &o,
	}))(t)
	t.Cleanup(func() { _ = m.Close() })
	return &strictServer{m, ca, m.Addr().String()}
}

// strictRegistry is the dev stack's own, but that things may have sessions that
// outlive their connections.
func strictRegistry(t *testing.T) *registry.Store {
	t.Helper()
	const document = `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iot:Connect",
		"Resource": "arn:aws:iot:eu-central-1:123456789012:client/${iot:Connection.Thing.ThingName}"}}`
	file := filepath.Join(t.TempDir(), "persistent.json")
	if err := os.WriteFile(file, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	values := must(templates.FromMap(map[string]string{"group": "brokers", "broker": "broker"}))(t)
	text := strings.NewReplacer("policies:\n", "policies:\n  persistent: {file: '"+file+"'}\n", "policies: [thing]", "policies: [thing, persistent]").
		Replace(registry.Default(values))
	return must(registry.InMemory(text))(t)
}

func (s *strictServer) tls(id certs.Identity) *tls.Config {
	return &tls.Config{RootCAs: s.ca.Pool(), Certificates: []tls.Certificate{id.TLSCertificate()}}
}

// config is that of a broker which keeps AWS's limits.
func (s *strictServer) config(t *testing.T) mqttconn.Config {
	t.Helper()
	conf := config(s.address, s.tls(must(s.ca.Service("broker"))(t)))
	conf.Profile = mqttconn.ProfileAWS
	conf.ReconnectMin, conf.ReconnectMax = 2*time.Second, 2*time.Second
	return conf
}

func (s *strictServer) thing(t *testing.T, name string) *thing {
	t.Helper()
	th := &thing{name: name, got: make(map[string]int), subs: make(chan struct{}, 100)}
	th.connect(t, s.address, s.tls(must(s.ca.Thing(name))(t)))
	select {
	case <-th.subs:
	case <-time.After(patience):
		t.Fatalf("%s does not get connected", name)
	}
	return th
}

// askAll has things ask, each well within its own quota, and returns how long it
// takes until all requests are answered, or until patience ends.
func askAll(t *testing.T, s *strictServer, things, each int) (answered int, took time.Duration) {
	t.Helper()
	list := make([]*thing, things)
	for i := range list {
		list[i] = s.thing(t, fmt.Sprint("cam", i))
	}
	began := time.Now()
	var all sync.WaitGroup
	for _, th := range list {
		all.Go(func() {
			for n := range each {
				_ = th.send(strconv.Itoa(n))
				time.Sleep(25 * time.Millisecond) // 40 a second
			}
		})
	}
	all.Wait()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		answered = 0
		for _, th := range list {
			for n := range each {
				answered += min(1, th.answers(strconv.Itoa(n)))
			}
		}
		if answered == things*each {
			break
		}
	}
	return answered, time.Since(began)
}

// In either reading of AWS's quota, nothing of a load above the pace is discarded
// or left unanswered; and each connection adds its share.
func TestNothingIsDiscardedByAWSsQuota(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		mode        mqttconn.PaceMode
		connections int
		least       float64 // requests a second
	}{
		{mqttconn.PaceBoth, 1, 38},
		{mqttconn.PaceEach, 1, 75},
		{mqttconn.PaceBoth, 3, 100},
	} {
		t.Run(fmt.Sprint(test.mode, ", ", test.connections), func(t *testing.T) {
			t.Parallel()
			// The server counts by the clock: on a machine that stands still for a
			// moment, what was sent in two seconds can arrive in one.
			for attempt := 1; ; attempt++ {
				fault := paced(t, test.mode, test.connections, test.least)
				if fault == "" {
					return
				}
				if attempt == 3 {
					t.Fatal(fault)
				}
				t.Logf("once more: %s", fault)
			}
		})
	}
}

// paced asks a strict server for a while, and returns what was not as it should be.
func paced(t *testing.T, mode mqttconn.PaceMode, connections int, least float64) (fault string) {
	t.Helper()
	s := startStrict(t, devstack.Strict{OneQuota: mode == mqttconn.PaceBoth})
	conf := s.config(t)
	conf.Pace.Mode, conf.Connections = mode, connections
	r := runUp(t, conf, handler{})
	const things, each = 8, 50
	answered, took := askAll(t, s, things, each)
	rate, stats := float64(answered)/took.Seconds(), r.Stats()
	t.Logf("%d requests answered in %v: %.0f a second", answered, took, rate)
	switch {
	case answered != things*each || s.Discarded() != 0:
		return fmt.Sprintf("%d of %d answered, %d publishes discarded", answered, things*each, s.Discarded())
	case stats.Connects != int64(connections) || stats.Shed != 0 || stats.Replies != things*each:
		return fmt.Sprintf("stats are %+v", stats)
	case rate < least:
		return fmt.Sprintf("%.0f requests a second, want at least %.0f", rate, least)
	}
	return ""
}

// The test above has teeth: without a pace, much is discarded.
func TestWithoutAPaceAWSDiscards(t *testing.T) {
	t.Parallel()
	s := startStrict(t, devstack.Strict{OneQuota: true})
	conf := s.config(t)
	conf.Pace.Mode, conf.PublishTimeout = mqttconn.PaceOff, time.Second
	runUp(t, conf, handler{})
	things := make([]*thing, 8)
	for i := range things {
		things[i] = s.thing(t, fmt.Sprint("cam", i))
	}
	sendAll(t, things, 200) // 25 of each
	eventually(t, "something is discarded", func() bool { return s.Discarded() > 0 })
}
