// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"thingpass/broker/cmd/thingpass/crlserver"
	"thingpass/broker/internal/testmosquitto"
	"thingpass/certs"
)

// A real Mosquitto refuses who was revoked once it has read the list, whether the
// root or an intermediate issued the certificate; who is connected, stays.
func TestMosquittoRefusesWhoIsRevoked(t *testing.T) {
	for _, how := range []string{"", "--intermediate"} {
		t.Run("init "+how, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "certs")
			in := func(args string) string { return mustCerts(t, append(strings.Fields(args), "--dir", path)...) }
			in("init " + how)
			in("thing cam1")
			in("thing cam2")
			in("crl")
			dir, err := certs.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			server := testmosquitto.Start(t, testmosquitto.Options{CA: dir.CA(), ACL: "topic readwrite #\n", Listener: "crlfile " + dir.CRLBundle()})
			cam1, cam2 := server.ClientTLS(loadCert(t, dir, certs.Thing, "cam1")), server.ClientTLS(loadCert(t, dir, certs.Thing, "cam2"))
			open := openMQTT(t, server.Things, cam1)
			in("revoke cam1 --reason key-compromise")
			in("crl")
			if err := connectMQTT(server.Services, cam1); err != nil {
				t.Errorf("before Mosquitto read the list: %v", err)
			}
			server.Reload("Reloading config.")
			refused := func() bool { return connectMQTT(server.Services, cam1) != nil }
			for deadline := time.Now().Add(10 * time.Second); !refused(); time.Sleep(10 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("who was revoked still gets in")
				}
			}
			if err := connectMQTT(server.Things, cam2); err != nil {
				t.Errorf("who was not revoked is refused: %v", err)
			}
			if _, err := open.Write([]byte{0xc0, 0}); err != nil { // PINGREQ
				t.Fatal(err)
			}
			var pong [2]byte
			if _, err := io.ReadFull(open, pong[:]); err != nil || pong != [2]byte{0xd0, 0} {
				t.Errorf("the open session has ended (%v): the README says otherwise", err)
			}
		})
	}
}

// openMQTT connects and stays.
func openMQTT(t *testing.T, address string, config *tls.Config) *tls.Conn {
	t.Helper()
	conn, err := tls.Dial("tcp", address, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	var reply [4]byte
	if _, err := fmt.Fprintf(conn, "\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04cam1"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, reply[:]); err != nil || reply != [4]byte{0x20, 2, 0, 0} {
		t.Fatalf("CONNACK %x, %v", reply, err)
	}
	return conn
}

func TestCRLServer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "certs")
	dir, err := certs.InitIntermediate(path, "x", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(crlserver.New(dir))
	defer s.Close()
	get := func(method, path string, header ...string) (*http.Response, []byte) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		resp, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, body
	}
	first, body := get("GET", "/intermediate-1.crl")
	list, err := x509.ParseRevocationList(body)
	if err != nil || first.Header.Get("Content-Type") != "application/pkix-crl" || list.CheckSignatureFrom(dir.CA().Certificate()) != nil {
		t.Errorf("%v, %v", first.Header, err)
	}
	if all, text := get("GET", "/crl.pem"); strings.Count(string(text), "BEGIN X509 CRL") != 2 || all.Header.Get("Content-Type") != "application/x-pem-file" {
		t.Errorf("%v\n%s", all.Header, text)
	}
	etag, made := first.Header.Get("ETag"), first.Header.Get("Last-Modified")
	for _, tc := range []struct {
		method, path string
		header       []string
		want         int
	}{
		{"GET", "/intermediate-1.crl", []string{"If-None-Match", etag}, 304},
		{"GET", "/intermediate-1.crl", []string{"If-Modified-Since", made}, 304},
		{"HEAD", "/ca.crl", nil, 200},
		{"GET", "/intermediate-1.crl", []string{"If-None-Match", `"other"`}, 200},
		{"POST", "/ca.crl", nil, 405},
		{"GET", "/ca.key", nil, 404},
		{"GET", "/../ca/ca.key", nil, 404},
		{"GET", "/", nil, 404},
	} {
		if resp, _ := get(tc.method, tc.path, tc.header...); resp.StatusCode != tc.want {
			t.Errorf("%s %s %q: %d, want %d", tc.method, tc.path, tc.header, resp.StatusCode, tc.want)
		}
	}
	if _, err := dir.WriteCRLs(time.Now(), 30); err != nil { // as another process would
		t.Fatal(err)
	}
	again, body := get("GET", "/intermediate-1.crl", "If-None-Match", etag)
	if list, err := x509.ParseRevocationList(body); again.StatusCode != 200 || err != nil || list.Number.Int64() != 2 {
		t.Errorf("a newer list is not served: %d, %v", again.StatusCode, err)
	}
}

func TestCertsCRLServeEndsWithItsContext(t *testing.T) {
	dir, err := certs.Init(filepath.Join(t.TempDir(), "certs"), "x")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- serveCRLs(ctx, w, "127.0.0.1:0", dir) }()
	line := make([]byte, 200)
	n, err := r.Read(line)
	if err != nil || !strings.HasPrefix(string(line[:n]), "serving http://127.0.0.1:") {
		t.Fatalf("%q, %v", line[:n], err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
