// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package credprovider_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// serve answers one request without a network.
func serve(tb testing.TB, w *world, method, path string, names []string, state *tls.ConnectionState) *httptest.ResponseRecorder {
	tb.Helper()
	u, err := url.ParseRequestURI(path)
	if err != nil {
		u = &url.URL{Path: path}
	}
	r := &http.Request{Method: method, URL: u, Header: http.Header{}, TLS: state, RequestURI: path}
	for _, name := range names {
		r.Header.Add("x-amzn-iot-thingname", name)
	}
	got := httptest.NewRecorder()
	w.handler().ServeHTTP(got, r.WithContext(tb.Context()))
	return got
}

// FuzzHandler checks that nobody gets anything but the credentials of the thing
// that the certificate names, and that every answer is JSON and audited.
func FuzzHandler(f *testing.F) {
	f.Add("GET", goodPath, "cam1", "")
	f.Add("GET", "/role-aliases/%74hingpass/credentials", "cam1", "")
	f.Add("GET", "/role-aliases/thingpass/credentials?x=/../", "cam1", "cam2")
	f.Add("HEAD", goodPath, "cam1", "")
	f.Add("GET", "//role-aliases/thingpass/credentials", "CAM1", "")
	base := newWorld(f)
	leaf, err := x509.ParseCertificate(base.thing("cam1").Certificate[0])
	if err != nil {
		f.Fatal(err)
	}
	state := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}, VerifiedChains: [][]*x509.Certificate{{leaf}}}
	f.Fuzz(func(t *testing.T, method, path, first, second string) {
		w := &world{t: t, life: time.Hour, now: time.Now}
		names := []string{first}
		if second != "" {
			names = append(names, second)
		}
		got := serve(t, w, method, path, names, state)
		if !json.Valid(got.Body.Bytes()) || len(w.entries) != 1 || w.entries[0].Thing != "cam1" {
			t.Fatalf("%d %q, audit %+v", got.Code, got.Body, w.entries)
		}
		for _, thing := range w.issued {
			if thing != "cam1" {
				t.Fatalf("issued for %q", thing)
			}
		}
		given := strings.Contains(got.Body.String(), "accessKeyId")
		if given != (got.Code == 200) || given && (first != "cam1" || second != "" || method != "GET" || len(w.issued) != 1) {
			t.Fatalf("%s %s as %q, %q: %d %s", method, path, first, second, got.Code, got.Body)
		}
	})
}
