// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package certs_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"thingpass/certs"
)

// OpenSSL judges for Mosquitto and libmosquitto, and as an outside opinion.
func TestOpenSSLAgrees(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("no openssl")
	}
	dir := newDir(t)
	must(dir.Thing("Cam:1_a"))(t)
	must(dir.Service("broker"))(t)
	must(dir.Server([]string{"localhost", "127.0.0.1", "::1"}))(t)
	foreign := filepath.Join(newDir(t).Path(), "ca", "ca.crt")
	own := dir.Files(certs.Authority, "").Cert
	thing, service, server := dir.Files(certs.Thing, "Cam:1_a"), dir.Files(certs.Service, "broker"), dir.Files(certs.Server, "localhost")

	for _, tc := range []struct {
		name, ca, cert string
		args           string
		ok             bool
	}{
		{"thing", own, thing.Cert, "-purpose sslclient", true},
		{"service", own, service.Cert, "-purpose sslclient", true},
		{"server by name", own, server.Cert, "-purpose sslserver -verify_hostname localhost", true},
		{"server by address", own, server.Cert, "-purpose sslserver -verify_ip 127.0.0.1", true},
		{"server by IPv6 address", own, server.Cert, "-purpose sslserver -verify_ip ::1", true},
		{"the CA beside the thing", thing.CA, thing.Cert, "-purpose sslclient", true},

		{"thing as server", own, thing.Cert, "-purpose sslserver", false},
		{"service as server", own, service.Cert, "-purpose sslserver", false},
		{"server as client", own, server.Cert, "-purpose sslclient", false},
		{"server under another name", own, server.Cert, "-purpose sslserver -verify_hostname other", false},
		{"server under another address", own, server.Cert, "-purpose sslserver -verify_ip 127.0.0.2", false},
		{"thing of another CA", foreign, thing.Cert, "-purpose sslclient", false},
		{"thing after its end", own, thing.Cert, "-purpose sslclient -attime 4102444800", false},
	} {
		args := append([]string{"verify", "-x509_strict", "-CAfile", tc.ca}, strings.Fields(tc.args)...)
		out, err := exec.Command(openssl, append(args, tc.cert)...).CombinedOutput()
		if (err == nil) != tc.ok {
			t.Errorf("%s: %v, want accepted = %v\n%s", tc.name, err, tc.ok, out)
		}
	}
}
