// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package testmosquitto_test

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"time"

	"thingpass/broker/internal/testmosquitto"
	"thingpass/certs"
)

const acl = "user svc\ntopic readwrite #\n"

// connect does what an MQTT 3.1.1 client does first, and returns the return
// code of the server's CONNACK.
func connect(t *testing.T, address string, conf *tls.Config) (byte, error) {
	t.Helper()
	c, err := tls.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}, "tcp", address, conf)
	if err != nil {
		return 0, err
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := c.Write([]byte("\x10\x0d\x00\x04MQTT\x04\x02\x00\x0a\x00\x01x")); err != nil {
		return 0, err
	}
	var ack [4]byte
	if _, err := c.Read(ack[:]); err != nil {
		return 0, err
	}
	return ack[3], nil
}

func TestServerAsksForACertificateOfItsCA(t *testing.T) {
	s := testmosquitto.Start(t, testmosquitto.Options{ACL: acl})
	other, err := certs.NewCA("another CA")
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := other.Thing("cam1")
	if err != nil {
		t.Fatal(err)
	}
	nobody := s.ThingTLS("nobody")
	nobody.Certificates = nil
	for name, conf := range map[string]*tls.Config{"no certificate": nobody, "foreign certificate": s.ClientTLS(foreign)} {
		for _, address := range []string{s.Things, s.Services} {
			if _, err := connect(t, address, conf); err == nil {
				t.Errorf("%s was let in at %s", name, address)
			}
		}
	}
	for address, conf := range map[string]*tls.Config{s.Things: s.ThingTLS("cam1"), s.Services: s.ServiceTLS("svc")} {
		if code, err := connect(t, address, conf); err != nil || code != 0 {
			t.Errorf("connect to %s: return code %d, %v", address, code, err)
		}
	}
}

func TestServerReturnsOnTheSamePorts(t *testing.T) {
	s := testmosquitto.Start(t, testmosquitto.Options{ACL: acl})
	conf := s.ThingTLS("cam1")
	for _, end := range []func(){s.Kill9, s.Stop} {
		end()
		if _, err := connect(t, s.Things, conf); err == nil {
			t.Fatal("the server still answers")
		}
		s.Restart()
		if code, err := connect(t, s.Things, conf); err != nil || code != 0 {
			t.Fatalf("connect again: return code %d, %v", code, err)
		}
	}
}

func TestThingsGetTheirNameAsClientID(t *testing.T) {
	s := testmosquitto.Start(t, testmosquitto.Options{ACL: acl})
	if _, err := connect(t, s.Things, s.ThingTLS("cam1")); err != nil {
		t.Fatal(err)
	}
	if _, err := connect(t, s.Services, s.ServiceTLS("svc")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"as cam1 (", "as x ("} {
		if !strings.Contains(s.Log(), want) {
			t.Errorf("the server did not log %q:\n%s", want, s.Log())
		}
	}
}
