// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack_test

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thingpass/broker/devstack"
	"thingpass/policies/registry"
)

// closedRegistry lets in nobody who is not named.
func closedRegistry(t testing.TB, values string) string {
	t.Helper()
	text, _, found := strings.Cut(registryText(), "jitp:")
	if !found {
		t.Fatal("the default registry has no jitp")
	}
	return strings.Replace(text, "root: thingpass, group: thingpass", values, 1)
}

func writeText(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+"~", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+"~", path); err != nil {
		t.Fatal(err)
	}
}

// clients makes a testMQTT of a stack.
func clients(t testing.TB, s *devstack.Stack, log *syncBuffer) *testMQTT {
	t.Helper()
	m := &testMQTT{MQTT: s.MQTT, t: t, ca: &authority{}, log: log}
	var err error
	if m.ca.cert, err = x509.ParseCertificate(pemBytes(t, s.Ready().CAFile)); err != nil {
		t.Fatal(err)
	}
	return m
}

func keyPair(t testing.TB, dir, name string) tls.Certificate {
	t.Helper()
	files, err := devstack.Thing(dir, name)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func TestTheFolderMayHaveARegistry(t *testing.T) {
	dir, log := t.TempDir(), new(syncBuffer)
	file := filepath.Join(dir, "registry.yaml")
	writeText(t, file, closedRegistry(t, "root: acme, group: g"))
	s := startStack(t, devstack.Options{Dir: dir, Only: devstack.OnlyMQTT, Log: slog.New(slog.NewTextHandler(log, nil))})
	if r := s.Ready().MQTT; r.Root != "acme" || r.Group != "g" || r.Registry != file {
		t.Errorf("%+v", r)
	}
	if got := readBrokerYAML(t, s.Ready().BrokerConfig).MQTT; got["root"] != "acme" || got["group"] != "g" {
		t.Errorf("broker.yaml: %v", got)
	}
	m := clients(t, s, log)
	cert := keyPair(t, dir, "cam1")
	if _, ack, err := m.connect(cert, "cam1"); err == nil || ack == nil || ack.ReasonCode != notAuthorized {
		t.Fatalf("who is not named is let in: %+v", ack)
	}
	m.logged("mqtt refused", "is not registered", "cam1")
	if got, err := devstack.RegisterThing(dir, "", "cam1", nil); err != nil || got != file {
		t.Fatal(got, err)
	}
	m.logged("registry read again")
	thing := m.must(cert, "cam1")
	thing.publish("acme/cam1/upload-request", "x")

	writeText(t, file, "thigns: {}\n")
	m.logged("the registry is not read", "registry.yaml:1:1")
	thing.publish("acme/cam1/upload-request", "what was before still counts")

	writeText(t, file, closedRegistry(t, "root: acme, group: g")+"things: {cam1: {groups: [things], blocked: true}}\n")
	thing.closed(notAuthorized)
	m.logged("registry", "have no certificate and cannot connect: cam1")
}

func TestAThingIsEnteredOnce(t *testing.T) {
	dir := t.TempDir()
	keyPair(t, dir, "cam1")
	if got, err := devstack.RegisterThing(dir, "", "cam1", nil); got != "" || err != nil {
		t.Errorf("without a file: %q %v", got, err)
	}
	file := filepath.Join(t.TempDir(), "r.yaml")
	text := strings.Replace(registryText(), "groups:\n", "groups:\n  cameras: {policies: [thing]} # mine\n", 1)
	for _, probe := range []struct {
		text    string
		groups  []string
		want    string // group
		problem string
	}{
		{text: text, want: "things"}, // jitp's
		{text: text, groups: []string{"cameras"}, want: "cameras"},
		{text: text, groups: []string{"camera"}, problem: `no group "camera"`},
		{text: strings.Split(text, "jitp:")[0], problem: "with --group"},
		{text: closedRegistry(t, "root: thingpass, group: thingpass"), want: "things"}, // the only one
		{text: "things: [", problem: "not YAML"},
	} {
		writeText(t, file, probe.text)
		for range 2 { // the second time changes nothing
			_, err := devstack.RegisterThing(dir, file, "cam1", probe.groups)
			if probe.problem != "" {
				if err == nil || !strings.Contains(err.Error(), probe.problem) || contents(t, file) != probe.text {
					t.Errorf("%q: %v", probe.problem, err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			r, err := registry.Load(file)
			if err != nil || len(r.Thing("cam1").Groups) != 1 || r.Thing("cam1").Groups[0] != probe.want {
				t.Errorf("%v: %v", r.Thing("cam1"), err)
			}
			if who, err := r.Find(keyPairLeaf(t, dir)); err != nil || who.Thing == nil {
				t.Error(who, err)
			}
		}
	}
}

func keyPairLeaf(t testing.TB, dir string) *x509.Certificate {
	t.Helper()
	leaf, err := x509.ParseCertificate(pemBytes(t, filepath.Join(dir, "certs", "clients", "cam1", "thing.crt")))
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

func TestARegistryThatCannotWorkIsRefused(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "r.yaml")
	writeText(t, file, registryText())
	for name, probe := range map[string]struct {
		o    devstack.Options
		want string
	}{
		"another root": {devstack.Options{Registry: file, Root: "acme"}, "values: {root: thingpass}"},
		"no file":      {devstack.Options{Registry: file + "x"}, "no such file"},
		"no group": {devstack.Options{Registry: file, Templates: []devstack.Template{{Name: "fleet", Group: "cameras"}}},
			"the registry has no group cameras"},
	} {
		probe.o.Dir = t.TempDir()
		s, err := devstack.Start(t.Context(), probe.o)
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), probe.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
