// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn_test

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"thingpass/broker/mqttconn"
	"thingpass/certs"
)

// pemFiles writes a file for each content and returns their paths.
func pemFiles(t *testing.T, contents map[string][]byte) func(name string) string {
	t.Helper()
	dir := t.TempDir()
	for name, c := range contents {
		if err := os.WriteFile(filepath.Join(dir, name), c, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return func(name string) string {
		if name == "" {
			return ""
		}
		return filepath.Join(dir, name)
	}
}

func TestLoadTLSErrors(t *testing.T) {
	now := time.Now()
	past := certs.Between(now.Add(-48*time.Hour), now.Add(-24*time.Hour))
	future := certs.Between(now.Add(24*time.Hour), now.Add(48*time.Hour))
	ca, old := must(certs.NewCA("test CA"))(t), must(certs.NewCA("old CA", past))(t)
	svc, other := must(ca.Service("svc"))(t), must(ca.Service("other"))(t)
	expired, early := must(ca.Service("svc", past))(t), must(ca.Service("svc", future))(t)
	server := must(ca.Server([]string{"localhost"}))(t)
	path := pemFiles(t, map[string][]byte{
		"ca": ca.CertPEM(), "oldca": old.CertPEM(), "bundle": append(old.CertPEM(), ca.CertPEM()...),
		"crt": svc.CertPEM(), "key": svc.KeyPEM(), "otherkey": other.KeyPEM(),
		"expired": expired.CertPEM(), "expiredkey": expired.KeyPEM(),
		"early": early.CertPEM(), "earlykey": early.KeyPEM(),
		"server": server.CertPEM(), "serverkey": server.KeyPEM(),
		"empty": nil, "cut": svc.CertPEM()[:200],
		"locked": []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"),
		"broken": []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
	})
	for _, tc := range []struct{ ca, crt, key, want string }{
		{"ca", "crt", "key", ""},
		{"bundle", "crt", "key", ""},
		{"", "crt", "key", ""},
		{"none", "crt", "key", "read the server's CA: open "},
		{"empty", "crt", "key", "empty: no PEM certificate in it"},
		{"key", "crt", "key", "key: no PEM certificate in it"},
		{"broken", "crt", "key", "read the server's CA: "},
		{"server", "crt", "key", `the certificate of "CN=localhost,OU=server" is not a CA's`},
		{"oldca", "crt", "key", "oldca: the CA expired on "},
		{"ca", "none", "key", "read the client certificate: open "},
		{"ca", "crt", "none", "read the client certificate's key: open "},
		{"ca", "key", "crt", "key: no PEM certificate in it"},
		{"ca", "crt", "crt", "crt: no PEM key in it"},
		{"ca", "crt", "empty", "empty: no PEM key in it"},
		{"ca", "cut", "key", "cut and "},
		{"ca", "crt", "otherkey", "otherkey does not belong to the certificate "},
		{"ca", "crt", "locked", "the key wants a passphrase"},
		{"ca", "expired", "expiredkey", `the certificate of "CN=svc,OU=service" expired on `},
		{"ca", "early", "earlykey", `the certificate of "CN=svc,OU=service" is not valid before `},
		{"ca", "server", "serverkey", `the certificate of "CN=localhost,OU=server" is not for TLS clients`},
	} {
		conf, err := mqttconn.LoadTLS(path(tc.ca), path(tc.crt), path(tc.key))
		switch {
		case tc.want == "" && (err != nil || conf == nil):
			t.Errorf("LoadTLS(%s, %s, %s): %v", tc.ca, tc.crt, tc.key, err)
		case tc.want != "" && (err == nil || conf != nil || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("LoadTLS(%s, %s, %s): %v, want %q", tc.ca, tc.crt, tc.key, err, tc.want)
		case err != nil && strings.Contains(err.Error(), "AAAA"):
			t.Errorf("the error holds a key: %v", err)
		}
	}
}

// A renewed certificate is used by the next connection, without a restart.
func TestRenewedCertificateIsPickedUp(t *testing.T) {
	s := startMosquitto(t)
	short := must(s.CA.Service("svc", certs.Days(1)))(t)
	path := pemFiles(t, map[string][]byte{"ca": s.CA.CertPEM(), "crt": short.CertPEM(), "key": short.KeyPEM()})
	conf := config(s.Services, must(mqttconn.LoadTLS(path("ca"), path("crt"), path("key")))(t))
	p := startProxy(t, s.Services)
	conf.Server = "mqtts://" + p.address
	r := runUp(t, conf, handler{})

	if err := os.WriteFile(path("crt"), must(s.CA.Service("svc"))(t).CertPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	p.cut()
	r.awaitLog(t, "does not belong to the certificate") // half of the pair is new
	if err := os.WriteFile(path("crt"), short.CertPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	r.awaitUp(t)
}

// A renewed CA is used by the next connection as well, if it is asked for.
func TestRenewedCAIsPickedUp(t *testing.T) {
	s := startMosquitto(t)
	other := must(certs.NewCA("another CA"))(t)
	svc := must(s.CA.Service("svc"))(t)
	path := pemFiles(t, map[string][]byte{"ca": other.CertPEM(), "crt": svc.CertPEM(), "key": svc.KeyPEM()})
	conf := config(s.Services, must(mqttconn.LoadTLS(path("ca"), path("crt"), path("key")))(t))
	conf.ReloadTLS = func() (*tls.Config, error) { return mqttconn.LoadTLS(path("ca"), path("crt"), path("key")) }
	r := run(t, conf, handler{})
	r.awaitLog(t, "CA")
	if r.Stats().Connects != 0 {
		t.Fatal("let in by a server of another CA")
	}
	if err := os.WriteFile(path("ca"), s.CA.CertPEM()[:100], 0o600); err != nil {
		t.Fatal(err)
	}
	r.awaitLog(t, "no PEM certificate in it") // half written
	if err := os.WriteFile(path("ca"), s.CA.CertPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	r.awaitUp(t)
}
