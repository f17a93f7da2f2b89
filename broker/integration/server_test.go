// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"crypto/tls"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"thingpass/broker/internal/testmosquitto"
	"thingpass/certs"
)

// serverVariable selects the MQTT server of the tests: Mosquitto with an ACL file;
// with "plugin", Mosquitto with our plugin; with "strict" the embedded one, which
// refuses and discards what AWS IoT Core does. A publish that it discards fails
// the test. (The broker would take a name that begins with THINGPASS_ for a
// setting.)
const serverVariable = "TEST_MQTT_SERVER"

var (
	strict    = os.Getenv(serverVariable) == "strict"
	plugin    = os.Getenv(serverVariable) == "plugin"
	enforcing = strict || plugin // a denied publish ends the connection, a denied subscription is refused
)

// needsMosquitto skips a test that is about Mosquitto, or about no server, and
// runs with the first of the servers.
func needsMosquitto(tb testing.TB) {
	tb.Helper()
	if enforcing {
		tb.Skip("it has run at Mosquitto with an ACL file")
	}
}

// server is the MQTT server of a stack.
type server struct {
	ca               *certs.CA
	things, services string // host:port
	kill9, restart   func()
	settings         string // more lines of the broker's mqtt section
	logs             string // the folder of its log; "": it prints it
}

func startServer(tb testing.TB, dir string) *server {
	tb.Helper()
	if strict {
		return startStrict(tb, dir)
	}
	// The CA of the dev stack, where there is one: its credential provider knows
	// things by their certificates as well.
	var ca *certs.CA
	if d, err := certs.Open(filepath.Join(dir, "dev", "certs")); err == nil {
		ca = d.CA()
	}
	o := testmosquitto.Options{CA: ca, ACLFile: filepath.Join("..", "..", "policies", "mosquitto.acl")}
	if plugin {
		o = testmosquitto.Options{CA: ca, Registry: defaultRegistry(tb), Plugin: program(tb, pluginFile)}
	}
	m := testmosquitto.Start(tb, o)
	return &server{ca: m.CA, things: m.Things, services: m.Services, kill9: m.Kill9, restart: m.Restart, logs: m.Dir}
}

// startStrict starts the embedded server, which counts both ways together, as
// the narrower reading of AWS's quota does.
func startStrict(tb testing.TB, dir string) *server {
	tb.Helper()
	port, running := "0", (*child)(nil)
	s := &server{settings: "profile: aws\n  pace: both\n  connections: 3\n"}
	s.restart = func() {
		tb.Helper()
		file := filepath.Join(dir, "mqtt.json")
		_ = os.Remove(file) // of the run before
		running = start(tb, "thingpass-dev", "run", "--only", "mqtt", "--dir", filepath.Join(dir, "mqtt"), "--aws-strict=both",
			"--mqtt-port", port, "--ready-file", file)
		var ready struct {
			MQTT     struct{ Port int }
			CertsDir string
		}
		await(tb, "the MQTT server", func() bool {
			text, err := os.ReadFile(file)
			return err == nil && json.Unmarshal(text, &ready) == nil
		})
		port = strconv.Itoa(ready.MQTT.Port)
		s.things, s.services = "127.0.0.1:"+port, "127.0.0.1:"+port
		d, err := certs.Open(ready.CertsDir)
		if err != nil {
			tb.Fatal(err)
		}
		s.ca = d.CA()
		tb.Cleanup(func() { // before the child's own
			if strings.Contains(running.text(), "publish discarded") {
				tb.Error("a publish was above AWS's quota")
			}
		})
	}
	s.kill9 = func() { running.kill9() }
	s.restart()
	return s
}

// thingTLS is what a new thing of that name needs to connect.
func (s *server) thingTLS(tb testing.TB, name string) *tls.Config {
	tb.Helper()
	id, err := s.ca.Thing(name)
	if err != nil {
		tb.Fatal(err)
	}
	return s.clientTLS(id)
}

func (s *server) clientTLS(id certs.Identity) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: s.ca.Pool(), Certificates: []tls.Certificate{id.TLSCertificate()}}
}

// A metronome keeps a device within its own quota: 40 requests and their answers
// a second.
type metronome struct{ next time.Time }

func (m *metronome) wait() {
	if strict {
		time.Sleep(time.Until(m.next))
		m.next = time.Now().Add(25 * time.Millisecond)
	}
}

// interval is a pause between photos, in ms, that keeps a thing within its own
// quota: each photo is four messages.
func interval(ms string) string {
	if strict {
		return "60"
	}
	return ms
}
