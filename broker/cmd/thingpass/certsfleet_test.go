// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"strings"
	"testing"

	"thingpass/certs"
	"thingpass/certs/amazon"
	"thingpass/policies/registry"
)

func readText(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestCertsFleetErrorsAreOneLineThatHelps(t *testing.T) {
	t.Chdir(t.TempDir())
	prepareReadme(t)
	for _, args := range []string{"init", "thing cam1", "thing cam2", "rotate cam2", "server localhost", "sign cam2.csr --thing cam3"} {
		mustCerts(t, strings.Fields(args)...)
	}
	if err := errors.Join(os.WriteFile("bad.yaml", []byte("thinks: {}\n"), 0o600), os.WriteFile("there.pem", nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ args, why string }{
		{"init --intermediate", "path length 0"},
		{"sign cam2.csr", "needs --thing NAME"},
		{"sign nowhere.csr --thing cam9", "no such file"},
		{"sign certs-dev/clients/cam1/thing.key --thing cam9", "that is a private key"},
		{"sign certs-dev/clients/cam1/thing.crt --thing cam9", "that is a certificate already"},
		{"sign cam2.csr --thing cam1", "has a certificate until"},
		{"sign cam2.csr --thing cam+", "an MQTT wildcard"},
		{"thing cam9 --registry nowhere.yaml", "nowhere.yaml"},
		{"renew cam9", "there is no thing, service or server"},
		{"renew cam2", "is being rotated"},
		{"rotate cam2", "is being rotated"},
		{"rotate cam1 --finish", "is not being rotated"},
		{"rotate cam1 --finish --abandon", "exclude each other"},
		{"rotate cam1 --revoke-after 7d", "goes with --finish"},
		{"rotate localhost --csr cam2.csr", "only things bring requests"},
		{"revoke cam1", "needs --reason: one of affiliation-changed"},
		{"revoke cam1 --reason anger", `no reason "anger"`},
		{"revoke cam9 --reason superseded", "nothing was issued under"},
		{"crl --days 0", "use 1 to 36500"},
		{"crl --serve nowhere", "nowhere"},
		{"bundle cam1", "needs --server"},
		{"bundle cam1 --format zip", `no format "zip"`},
		{"bundle cam1 --server x --format header --out -", "add --print-key"},
		{"bundle cam1 --server mqtts://x", "without mqtts://"},
		{"bundle cam1 --server x --s3-ca nowhere.pem", "no such file"},
		{"bundle cam1 --server x --s3-ca cam2.csr", "is not PEM"},
		{"bundle cam1 --next --server x", "is not being rotated"},
		{"check", "at least one file"},
		{"check nowhere.crt", "no such file"},
		{"check there.pem --kind camera", `no kind "camera"`},
		{"check there.pem --ca there.pem", "there is no certificate in it"},
		{"check there.pem --crl there.pem", "there is no list in it"},
		{"check there.pem --dir elsewhere", "make one with"},
		{"roots", "needs an endpoint"},
		{"roots a1.iot.eu-central-1.amazonaws.com", "use the one with -ats"},
		{"roots x --chain there.pem", "there is no certificate in it"},
		{"roots --chain certs-dev/clients/cam1/thing.crt", "none of Amazon's roots"},
		{"roots x --ca certs-dev/clients/cam1/thing.crt", "certificate 1 (CN=cam1,OU=thing) is a device's certificate"},
		{"roots x --ca a --out b", "leave one out"},
	} {
		out, err := thingpassCerts(t, strings.Fields(tc.args)...)
		if err == nil || !strings.Contains(err.Error(), tc.why) || strings.Contains(err.Error(), "\n") {
			t.Errorf("certs %s: %v, want one line with %q", tc.args, err, tc.why)
		}
		if strings.Contains(out, "PRIVATE KEY") {
			t.Errorf("certs %s printed a key", tc.args)
		}
	}
}

func TestCertsBundleWritesWhatIsFlashed(t *testing.T) {
	t.Chdir(t.TempDir())
	prepareReadme(t)
	for _, args := range []string{"init --intermediate", "thing cam1", "sign cam2.csr --thing cam2"} {
		mustCerts(t, strings.Fields(args)...)
	}
	key := readText(t, "certs-dev/clients/cam1/thing.key")
	var printed string
	for _, args := range []string{"--format nvs-csv --server x", "--format header --server x", "--format pem", "--format der"} {
		printed += mustCerts(t, strings.Fields("bundle cam1 --out out "+args)...)
	}
	mustCerts(t, strings.Fields("bundle cam2 --out own --format der")...)
	for file, mode := range map[string]os.FileMode{"out/cam1.csv": 0o644, "out/cam1.h": 0o600, "out/thing.key": 0o600, "out/thing.crt": 0o644,
		"out/ca.crt": 0o644, "out/thing.der": 0o644, "out/intermediate.der": 0o644, "out/thing-key.der": 0o600, "own/thing.der": 0o644} {
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v, want mode %v", file, info, err, mode)
		}
	}
	if _, err := os.Stat("own/thing-key.der"); err == nil {
		t.Error("there is a key of a thing that keeps its own")
	}
	block, _ := pem.Decode([]byte(key))
	if readText(t, "out/thing-key.der") != string(block.Bytes) || readText(t, "out/thing.key") != key {
		t.Error("another key was written")
	}
	if strings.Contains(printed, "PRIVATE KEY") {
		t.Error("a key was printed")
	}
	if out := mustCerts(t, strings.Fields("bundle cam1 --server x --format header --out - --print-key")...); !strings.Contains(out, "BEGIN PRIVATE KEY") {
		t.Error("asked for, the key is not printed")
	}
	if _, err := thingpassCerts(t, strings.Fields("bundle cam1 --out out --format pem")...); err == nil || !strings.Contains(err.Error(), "never overwritten") {
		t.Errorf("written twice: %v", err)
	}
}

func TestCertsKeepTheRegistryInStep(t *testing.T) {
	t.Chdir(t.TempDir())
	prepareReadme(t)
	state := func() string {
		r, err := registry.Load("registry.yaml")
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, c := range r.Certificates() {
			all = append(all, strings.Join(c.Things, ",")+" "+string(c.Status))
		}
		return strings.Join(all, "; ")
	}
	mustCerts(t, "init")
	for _, step := range []struct{ args, want string }{
		{"thing cam1", "cam1 ACTIVE"},
		{"sign cam2.csr --thing cam2", "cam1 ACTIVE; cam2 ACTIVE"},
		{"rotate cam1", "cam1 ACTIVE; cam2 ACTIVE; cam1 ACTIVE"},
		{"rotate --finish cam1", "cam1 REVOKED; cam2 ACTIVE; cam1 ACTIVE"},
		{"renew cam2", "cam1 REVOKED; cam2 ACTIVE; cam1 ACTIVE; cam2 ACTIVE"},
		{"revoke cam2 --reason key-compromise", "cam1 REVOKED; cam2 REVOKED; cam1 ACTIVE; cam2 REVOKED"},
		{"rotate cam1", "cam1 REVOKED; cam2 REVOKED; cam1 ACTIVE; cam2 REVOKED; cam1 ACTIVE"},
		{"rotate --abandon cam1", "cam1 REVOKED; cam2 REVOKED; cam1 ACTIVE; cam2 REVOKED; cam1 REVOKED"},
	} {
		mustCerts(t, append(strings.Fields(step.args), "--registry", "registry.yaml")...)
		if got := state(); got != step.want {
			t.Errorf("after certs %s: %s, want %s", step.args, got, step.want)
		}
	}
	dir, err := certs.Open(defaultCertsDir)
	if err != nil {
		t.Fatal(err)
	}
	r, err := registry.Load("registry.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if who, err := r.Find(loadCert(t, dir, certs.Thing, "cam1").Leaf); err != nil || who == nil {
		t.Errorf("the registry does not let cam1 in: %v", err)
	}
	if _, err := r.Find(loadCert(t, dir, certs.Thing, "cam2").Leaf); err == nil {
		t.Error("the registry lets in who was revoked")
	}
}

// Who was issued without the registry, and is let in by jitp alone, is kept out
// once he is revoked.
func TestCertsRevokeForTheRegistryToo(t *testing.T) {
	t.Chdir(t.TempDir())
	prepareReadme(t)
	mustCerts(t, "init")
	mustCerts(t, "thing", "cam1")
	dir, err := certs.Open(defaultCertsDir)
	if err != nil {
		t.Fatal(err)
	}
	leaf := loadCert(t, dir, certs.Thing, "cam1").Leaf
	for _, want := range []bool{true, false} {
		r, err := registry.Load("registry.yaml")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Find(leaf); (err == nil) != want {
			t.Errorf("let in: %v, want %v", err, want)
		}
		mustCerts(t, "revoke", "cam1", "--registry", "registry.yaml", "--reason", "key-compromise")
	}
}

func TestCertsListFailsIfSomethingWantsAttention(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, args := range []string{"init", "thing cam1 --days 40", "rotate cam1", "list --fail", "list --expiring 30d --fail"} {
		mustCerts(t, strings.Fields(args)...)
	}
	mustCerts(t, "revoke", "cam1", "--reason", "superseded")
	out, err := thingpassCerts(t, "list", "--fail")
	if err == nil || !strings.Contains(err.Error(), "2 of the certificates") || strings.Count(out, " revoked ") != 2 || !strings.Contains(out, "cam1 (next)") {
		t.Errorf("%v after\n%s", err, out)
	}
	if out := mustCerts(t, "list", "--issued"); strings.Count(out, "revoked") != 2 {
		t.Errorf("on record:\n%s", out)
	}
}

func TestCertsCheckTellsWhatIsWrong(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, args := range []string{"init", "thing cam1", "thing cam2", "crl", "check certs-dev/clients/cam1/thing.crt certs-dev/clients/cam1/thing.key --crl certs-dev/crl.pem --kind thing"} {
		mustCerts(t, strings.Fields(args)...)
	}
	mustCerts(t, "revoke", "cam1", "--reason", "key-compromise")
	mustCerts(t, "crl")
	out, err := thingpassCerts(t, strings.Fields("check certs-dev/clients/cam1/thing.crt certs-dev/clients/cam2/thing.key --crl certs-dev/crl.pem --ca certs-dev/ca/ca.crt")...)
	if err == nil || !strings.Contains(out, `thing.crt: block 1 ("cam1"): revoked on`) || !strings.Contains(out, "thing.key: block 1: this key is not that of cam1") {
		t.Errorf("%v after\n%s", err, out)
	}
	if out := mustCerts(t, strings.Fields("check certs-dev/clients/cam2/thing.crt --json")...); out != "[]\n" {
		t.Errorf("printed %q", out)
	}
}

// An endpoint that shows a chain to one of our own roots: no network is needed.
func TestCertsRootsAsksTheEndpoint(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, args := range []string{"init --intermediate", "server localhost"} {
		mustCerts(t, strings.Fields(args)...)
	}
	dir, err := certs.Open(defaultCertsDir)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{ClientAuth: tls.RequireAnyClientCert,
		Certificates: []tls.Certificate{loadCert(t, dir, certs.Server, "localhost").TLSCertificate()}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.(*tls.Conn).Handshake()
			_ = conn.Close()
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	out := mustCerts(t, "roots", "localhost:"+port, "--ca", "certs-dev/ca/ca.crt")
	if !strings.Contains(out, "chain for ECDSA:\n  1  CN=localhost") || !strings.Contains(out, "leads to thingpass development CA: flash certs-dev/ca/ca.crt") {
		t.Errorf("printed\n%s", out)
	}
	if _, err := thingpassCerts(t, "roots", "localhost:"+port); err == nil || !strings.Contains(err.Error(), "none of Amazon's roots") {
		t.Errorf("Amazon's roots: %v", err)
	}
	roots, err := amazon.Roots()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("chain.pem", roots[2].PEM, 0o600); err != nil {
		t.Fatal(err)
	}
	if out := mustCerts(t, "roots", "--chain", "chain.pem", "--json"); !strings.HasPrefix(out, "[\n") || !strings.Contains(out, `"file": "AmazonRootCA3.pem"`) {
		t.Errorf("for programs: %s", out)
	}
	if out := mustCerts(t, "roots", "--chain", "chain.pem", "--out", "anchor.pem"); !strings.Contains(out, "flash AmazonRootCA3.pem") || readText(t, "anchor.pem") != string(roots[2].PEM) {
		t.Errorf("printed\n%s", out)
	}
}
