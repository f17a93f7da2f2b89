// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn_test

import (
	"crypto/tls"
	"log/slog"
	"strings"
	"testing"
	"time"

	"thingpass/broker/internal/testmosquitto"
	"thingpass/broker/mqttconn"
	"thingpass/certs"
)

// strangers are the ways not to be let in, and the words for each.
func strangers(t *testing.T, s *testmosquitto.Server) map[string]struct {
	conf *tls.Config
	want string
} {
	t.Helper()
	now := time.Now()
	other := must(certs.NewCA("another CA"))(t)
	expired := must(s.CA.Service("svc", certs.Between(now.Add(-48*time.Hour), now.Add(-24*time.Hour))))(t)
	foreign := must(other.Service("svc"))(t)
	nobody := s.ServiceTLS("svc")
	nobody.Certificates = nil
	nobody.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &tls.Certificate{}, nil }
	// Send it whatever CAs the server asks for: crypto/tls would send none.
	insist := s.ServiceTLS("svc")
	insist.Certificates = nil
	insist.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		c := foreign.TLSCertificate()
		return &c, nil
	}
	distrust := s.ServiceTLS("svc")
	distrust.RootCAs = other.Pool()
	elsewhere := s.ServiceTLS("svc")
	elsewhere.ServerName = "mqtt.example.org"
	type stranger = struct {
		conf *tls.Config
		want string
	}
	return map[string]stranger{
		"expired certificate":    {s.ClientTLS(expired), "the server refuses our certificate: remote error: tls: expired certificate"},
		"no certificate":         {nobody, "the server refuses our certificate: remote error: tls: certificate required"},
		"certificate of another": {insist, "the server refuses our certificate: remote error: tls: "},
		"server of another CA":   {distrust, "the server's certificate was not signed by our CA"},
		"server of another name": {elsewhere, "the server's certificate is for another host"},
	}
}

func TestTLSRefusalsAreSaidInWords(t *testing.T) {
	s := startMosquitto(t)
	for name, tc := range strangers(t, s) {
		t.Run(name, func(t *testing.T) {
			r := run(t, config(s.Services, tc.conf), handler{})
			r.awaitLog(t, tc.want)
			if n := r.Stats().Connects; n != 0 {
				t.Errorf("%d connections were made", n)
			}
			if got := worst(mqttconn.Probe(t.Context(), config(s.Services, tc.conf))); got.Level != slog.LevelError || !strings.Contains(got.Text, tc.want) {
				t.Errorf("Probe finds %v, want %q", got, tc.want)
			}
		})
	}
}

// worst is the finding that matters most.
func worst(findings []mqttconn.Finding) mqttconn.Finding {
	var w mqttconn.Finding
	for i, f := range findings {
		if i == 0 || f.Level > w.Level {
			w = f
		}
	}
	return w
}

func TestPortWithoutTLSIsNamed(t *testing.T) {
	s := startMosquitto(t)
	p := startProxy(t, plainServer(t))
	r := run(t, config(p.address, s.ServiceTLS("svc")), handler{})
	r.awaitLog(t, "there is no TLS at this port")
}
