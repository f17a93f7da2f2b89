// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"thingpass/broker/console/access"
)

// ca makes certificates in memory.
type ca struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	n    int64
}

func newCA(t *testing.T) *ca {
	t.Helper()
	c := &ca{t: t}
	pair := c.issue(&x509.Certificate{Subject: pkix.Name{CommonName: "people"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	c.cert, c.key = pair.Leaf, pair.PrivateKey.(*ecdsa.PrivateKey)
	return c
}

func (c *ca) issue(template *x509.Certificate) tls.Certificate {
	c.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		c.t.Fatal(err)
	}
	c.n++
	template.SerialNumber = big.NewInt(c.n)
	template.NotBefore = time.Now().Add(-time.Hour)
	if template.NotAfter.IsZero() {
		template.NotAfter = time.Now().Add(time.Hour)
	}
	parent, signer := c.cert, c.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		c.t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		c.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func (c *ca) person(name string, units ...string) tls.Certificate {
	return c.issue(&x509.Certificate{Subject: pkix.Name{CommonName: name, OrganizationalUnit: units}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
}

func (c *ca) server() tls.Certificate {
	return c.issue(&x509.Certificate{Subject: pkix.Name{CommonName: "console"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
}

func (c *ca) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(c.cert)
	return p
}

// files writes a certificate and its key as PEM.
func (w *world) files(pair tls.Certificate) (cert, key string) {
	w.t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		w.t.Fatal(err)
	}
	cert, key = filepath.Join(w.dir, "cert.pem"), filepath.Join(w.dir, "key.pem")
	w.write(cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})))
	w.write(key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	return cert, key
}

func (w *world) serve(c access.ServerConfig) *access.Server {
	w.t.Helper()
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	c.Guard = w.guard
	if c.Handler == nil {
		c.Handler = http.HandlerFunc(w.page)
	}
	s, err := access.Listen(context.Background(), c)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			w.t.Error(err)
		}
	})
	return s
}

// client is a browser with TLS and, perhaps, a certificate of its own.
func (c *ca) client(own ...tls.Certificate) *http.Client {
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: c.pool(), Certificates: own}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func fetch(t *testing.T, c *http.Client, url string) (int, string) {
	t.Helper()
	defer c.CloseIdleConnections()
	answer, err := c.Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func TestCertificatesLetInPeopleOnly(t *testing.T) {
	t.Parallel()
	people, others := newCA(t), newCA(t)
	revoked := people.person("rita")
	config := &access.Certificates{CAs: people.pool(), Operators: []string{"otto"}, Revoked: func(c *x509.Certificate) error {
		if c.SerialNumber.Cmp(revoked.Leaf.SerialNumber) == 0 {
			return errors.New("revoked")
		}
		return nil
	}}
	w := newWorld(t, func(c *access.Config) { c.Users, c.Certificates = "", config })
	cert, key := w.files(people.server())
	url := w.serve(access.ServerConfig{Cert: cert, Key: key}).URL()
	for name, c := range map[string]struct {
		cert tls.Certificate
		want string
	}{
		"operator": {people.person("otto"), "certificate operator otto"},
		"viewer":   {people.person("vera"), "certificate viewer vera"},
	} {
		if status, body := fetch(t, people.client(c.cert), url); status != http.StatusOK || !strings.HasPrefix(body, c.want+" ") {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	server := people.server()
	for name, c := range map[string]tls.Certificate{
		"another CA's":     others.person("otto"),
		"a server's":       server,
		"a thing's":        people.person("otto", "thing"),
		"revoked":          revoked,
		"nameless":         people.person(""),
		"a name of bytes":  people.person("otto\r\nX: y"),
		"expired":          people.issue(&x509.Certificate{Subject: pkix.Name{CommonName: "otto"}, NotAfter: time.Now().Add(-time.Minute), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}),
		"the other's self": {Certificate: others.person("otto").Certificate, PrivateKey: people.key},
	} {
		if status, body := fetch(t, people.client(c), url); status == http.StatusOK {
			t.Errorf("%s came in: %s", name, body)
		}
	}
	if status, _ := fetch(t, people.client(), url); status != 0 {
		t.Errorf("none at all: %d", status)
	}
	if n := len(w.audit.all()); n != 2 {
		t.Errorf("%d lines in the audit", n)
	}
}

func TestCertificatesMayBeOneWayOfTwo(t *testing.T) {
	t.Parallel()
	people := newCA(t)
	w := newWorld(t, func(c *access.Config) {
		c.Certificates = &access.Certificates{CAs: people.pool(), Viewers: []string{"vera"}}
	})
	cert, key := w.files(people.server())
	url := w.serve(access.ServerConfig{Cert: cert, Key: key}).URL()
	if status, body := fetch(t, people.client(people.person("vera")), url); status != http.StatusOK {
		t.Errorf("vera: %d %s", status, body)
	}
	for name, c := range map[string]*http.Client{"none": people.client(), "a stranger's": people.client(people.person("stan"))} {
		if status, _ := fetch(t, c, url); status != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, status)
		}
		if status, body := fetch(t, c, url+"sign-in"); status != http.StatusOK || !strings.Contains(body, "password") {
			t.Errorf("%s at /sign-in: %d", name, status)
		}
	}
}

func TestNewCertificatesAreServed(t *testing.T) {
	t.Parallel()
	one, two := newCA(t), newCA(t)
	w := newWorld(t)
	cert, key := w.files(one.server())
	url := w.serve(access.ServerConfig{Cert: cert, Key: key}).URL() + "sign-in"
	if status, body := fetch(t, one.client(), url); status != http.StatusOK {
		t.Fatal(body)
	}
	w.files(two.server())
	deadline := time.Now().Add(10 * time.Second)
	for status := 0; status != http.StatusOK; status, _ = fetch(t, two.client(), url) {
		if time.Now().After(deadline) {
			t.Fatal("the old certificate is still served")
		}
	}
	w.write(key, "broken")
	if status, body := fetch(t, two.client(), url); status != http.StatusOK {
		t.Errorf("a broken key file: %s", body)
	}
	old := two.client()
	old.Transport.(*http.Transport).TLSClientConfig.MaxVersion = tls.VersionTLS11
	if status, _ := fetch(t, old, url); status != 0 {
		t.Error("TLS 1.1 is spoken")
	}
}

func TestServersThatLetTheWrongOnesInAreRefused(t *testing.T) {
	t.Parallel()
	people := newCA(t)
	password, loopback := newWorld(t), newWorld(t, onLoopback)
	plain := newWorld(t, func(c *access.Config) { c.HTTPS = false })
	certificates := newWorld(t, func(c *access.Config) { c.Certificates = &access.Certificates{CAs: people.pool()} })
	cert, key := password.files(people.server())
	page := http.HandlerFunc(password.page)
	for want, c := range map[string]access.ServerConfig{
		"access loopback listens on 127.0.0.1":     {Listen: "0.0.0.0:0", Guard: loopback.guard, Handler: page},
		"without a certificate and key it listens": {Listen: "0.0.0.0:0", Guard: plain.guard, Handler: page},
		"needs its key":                                  {Listen: "127.0.0.1:0", Guard: password.guard, Handler: page, Cert: cert},
		"not set up for HTTPS":                           {Listen: "127.0.0.1:0", Guard: plain.guard, Handler: page, Cert: cert, Key: key},
		"needs a certificate and key":                    {Listen: "127.0.0.1:0", Guard: certificates.guard, Handler: page},
		"a guard and a handler":                          {Listen: "127.0.0.1:0"},
		"console: tls: failed to find any PEM data in c": {Listen: "127.0.0.1:0", Guard: password.guard, Handler: page, Cert: password.users, Key: key},
		"listen on 256.0.0.1":                            {Listen: "256.0.0.1:0", Guard: password.guard, Handler: page},
	} {
		s, err := access.Listen(context.Background(), c)
		if err == nil {
			_ = s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// stream sends a line, then waits for its end.
func stream(ended chan<- struct{}) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "data: hello\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		ended <- struct{}{}
	})
}

func (w *world) open(s *access.Server, b *browser) *http.Response {
	w.t.Helper()
	r, err := http.NewRequest(http.MethodGet, s.URL()+"events", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	for _, c := range b.cookies {
		r.AddCookie(c)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { answer.Body.Close() })
	if line, err := bufio.NewReader(answer.Body).ReadString('\n'); answer.StatusCode != http.StatusOK || line != "data: hello\n" {
		w.t.Fatalf("%d %q %v", answer.StatusCode, line, err)
	}
	return answer
}

func await(t *testing.T, ended <-chan struct{}) {
	t.Helper()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the stream goes on")
	}
}

func overHTTP(c *access.Config) { c.HTTPS = false }

func TestStreamsEndWithTheirSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, overHTTP)
	w.guard.SetStream(time.Hour, time.Millisecond)
	ended := make(chan struct{}, 1)
	s := w.serve(access.ServerConfig{Handler: stream(ended)})
	b := w.browser().in("vera")
	w.open(s, b)
	w.write(w.users, line("otto", access.Operator, right))
	w.clock.pass(access.WatchEvery)
	await(t, ended)
}

func TestStreamsEndWithTheirTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, overHTTP)
	w.guard.SetStream(time.Millisecond, time.Hour)
	ended := make(chan struct{}, 1)
	s := w.serve(access.ServerConfig{Handler: stream(ended)})
	w.open(s, w.browser().in("vera"))
	await(t, ended)
}

func TestStreamsEndWithTheServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, overHTTP)
	ended := make(chan struct{}, 1)
	s := w.serve(access.ServerConfig{Handler: stream(ended)})
	w.open(s, w.browser().in("vera"))
	began := time.Now()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	await(t, ended)
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
	if _, err := http.Get(s.URL()); err == nil {
		t.Error("it still answers")
	}
}

func TestLoopbackOverARealConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, onLoopback)
	s := w.serve(access.ServerConfig{})
	if status, body := fetch(t, http.DefaultClient, s.URL()); status != http.StatusOK || !strings.HasPrefix(body, "loopback operator loopback") {
		t.Errorf("%d %s", status, body)
	}
	r, err := http.NewRequest(http.MethodGet, s.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "rebind.evil.example"
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusForbidden {
		t.Errorf("a rebound name: %d", answer.StatusCode)
	}
}
