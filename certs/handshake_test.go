// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package certs_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"thingpass/certs"
)

func newCA(t *testing.T, opts ...certs.Option) *certs.CA {
	t.Helper()
	return must(certs.NewCA("test CA", opts...))(t)
}

// must returns a function so that a call with two results can be its argument.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// handshake runs mutual TLS in memory and returns what each side says of it.
// With TLS 1.3 the client learns of a refusal by its first read only, so it
// reads; the server writes a byte if it is content.
func handshake(t *testing.T, server, client *tls.Config) (serverErr, clientErr error) {
	t.Helper()
	cc, sc := net.Pipe()
	deadline := time.Now().Add(10 * time.Second)
	_, _ = cc.SetDeadline(deadline), sc.SetDeadline(deadline)
	done := make(chan error, 1)
	go func() {
		s := tls.Server(sc, server)
		err := s.Handshake()
		if err == nil {
			_, err = s.Write([]byte{1})
		}
		done <- err
		sc.Close()
	}()
	c := tls.Client(cc, client)
	_, clientErr = c.Read(make([]byte, 1))
	cc.Close()
	return <-done, clientErr
}

func serverConfig(id certs.Identity, clients *x509.CertPool) *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{id.TLSCertificate()},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    clients,
	}
}

// clientConfig sends id's certificate whatever the server's list of CAs says:
// an attacker does not play by it.
func clientConfig(id certs.Identity, servers *x509.CertPool, host string) *tls.Config {
	cert := id.TLSCertificate()
	return &tls.Config{RootCAs: servers, ServerName: host,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }}
}

func TestThingAndServerAcceptEachOther(t *testing.T) {
	ca := newCA(t)
	server := must(ca.Server([]string{"localhost", "127.0.0.1", "::1", "*.s3.test"}))(t)
	for _, client := range []certs.Identity{must(ca.Thing("cam1"))(t), must(ca.Service("broker"))(t)} {
		for _, host := range []string{"localhost", "127.0.0.1", "::1", "bucket.s3.test"} {
			se, ce := handshake(t, serverConfig(server, ca.Pool()), clientConfig(client, ca.Pool(), host))
			if se != nil || ce != nil {
				t.Errorf("%s %s to %s: server says %v, client says %v", client.Kind, client.Name, host, se, ce)
			}
		}
	}
}

func TestHandshakeIsRefused(t *testing.T) {
	now := time.Now()
	past := certs.Between(now.Add(-48*time.Hour), now.Add(-24*time.Hour))
	future := certs.Between(now.Add(24*time.Hour), now.Add(48*time.Hour))
	always := certs.Between(now.Add(-96*time.Hour), now.Add(96*time.Hour))

	ca, other := newCA(t), newCA(t) // same name, different keys
	expiredCA := newCA(t, past)
	server, thing := must(ca.Server([]string{"localhost"}))(t), must(ca.Thing("cam1"))(t)

	for _, tc := range []struct {
		name           string
		server, client certs.Identity
		clients        *x509.CertPool // whom the server trusts
		servers        *x509.CertPool // whom the client trusts
		host           string
		byServer       bool
		why            string
	}{
		{"thing of another CA", server, must(other.Thing("cam1"))(t), ca.Pool(), ca.Pool(), "localhost", true, "unknown authority"},
		{"service of another CA", server, must(other.Service("broker"))(t), ca.Pool(), ca.Pool(), "localhost", true, "unknown authority"},
		{"expired thing", server, must(ca.Thing("cam1", past))(t), ca.Pool(), ca.Pool(), "localhost", true, "expired or is not yet valid"},
		{"thing not valid yet", server, must(ca.Thing("cam1", future))(t), ca.Pool(), ca.Pool(), "localhost", true, "expired or is not yet valid"},
		{"thing of an expired CA", server, must(expiredCA.Thing("cam1", always))(t), expiredCA.Pool(), ca.Pool(), "localhost", true, "expired or is not yet valid"},
		{"server as client", server, must(ca.Server([]string{"cam1"}))(t), ca.Pool(), ca.Pool(), "localhost", true, "incompatible key usage"},

		{"server of another CA", must(other.Server([]string{"localhost"}))(t), thing, ca.Pool(), ca.Pool(), "localhost", false, "unknown authority"},
		{"expired server", must(ca.Server([]string{"localhost"}, past))(t), thing, ca.Pool(), ca.Pool(), "localhost", false, "expired or is not yet valid"},
		{"server not valid yet", must(ca.Server([]string{"localhost"}, future))(t), thing, ca.Pool(), ca.Pool(), "localhost", false, "expired or is not yet valid"},
		{"server under another name", server, thing, ca.Pool(), ca.Pool(), "localhost.evil.test", false, "not localhost.evil.test"},
		{"server under an address it does not have", server, thing, ca.Pool(), ca.Pool(), "127.0.0.1", false, "127.0.0.1"},
		{"thing as server", must(ca.Thing("localhost"))(t), thing, ca.Pool(), ca.Pool(), "localhost", false, "x509: "},
		{"service as server", must(ca.Service("localhost"))(t), thing, ca.Pool(), ca.Pool(), "localhost", false, "x509: "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			se, ce := handshake(t, serverConfig(tc.server, tc.clients), clientConfig(tc.client, tc.servers, tc.host))
			judge := ce
			if tc.byServer {
				judge = se
			}
			if se == nil || ce == nil {
				t.Fatalf("handshake went through: server says %v, client says %v", se, ce)
			}
			if !strings.Contains(judge.Error(), tc.why) {
				t.Errorf("refused for another reason: %v, want %q", judge, tc.why)
			}
		})
	}
}

// Without a SAN the name check alone would refuse a thing as a server; the
// extended key usage must do so by itself.
func TestExtendedKeyUsageSeparatesClientsFromServers(t *testing.T) {
	ca := newCA(t)
	for _, tc := range []struct {
		id    certs.Identity
		usage x509.ExtKeyUsage
	}{
		{must(ca.Thing("cam1"))(t), x509.ExtKeyUsageServerAuth},
		{must(ca.Service("broker"))(t), x509.ExtKeyUsageServerAuth},
		{must(ca.Server([]string{"localhost"}))(t), x509.ExtKeyUsageClientAuth},
	} {
		_, err := tc.id.Leaf.Verify(x509.VerifyOptions{Roots: ca.Pool(), KeyUsages: []x509.ExtKeyUsage{tc.usage}})
		var invalid x509.CertificateInvalidError
		if !errors.As(err, &invalid) || invalid.Reason != x509.IncompatibleUsage {
			t.Errorf("%s used as %v: %v, want incompatible usage", tc.id.Kind, tc.usage, err)
		}
	}
}

// A leaf must not be able to sign certificates, nor an intermediate to exist.
func TestNoOneButTheCASigns(t *testing.T) {
	ca := newCA(t)
	thing := must(ca.Thing("cam1"))(t)
	forged := forge(t, thing, "broker", "service")
	pool := x509.NewCertPool()
	pool.AddCert(thing.Leaf)
	_, err := forged.Verify(x509.VerifyOptions{Roots: ca.Pool(), Intermediates: pool,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	if err == nil {
		t.Error("a certificate that a thing signed was accepted")
	}
	if c := ca.Certificate(); c.MaxPathLen != 0 || !c.MaxPathLenZero {
		t.Errorf("CA allows intermediates: MaxPathLen %d", c.MaxPathLen)
	}
}
