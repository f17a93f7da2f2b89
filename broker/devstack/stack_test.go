// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"thingpass/broker/devstack"
)

func startStack(t *testing.T, o devstack.Options) *devstack.Stack {
	t.Helper()
	s, err := devstack.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// serverName connects to addr by the CA of the ready stack and checks the
// certificate for each host.
func checkCertificate(t *testing.T, addr net.Addr, caFile string, hosts ...string) {
	t.Helper()
	ca, err := os.ReadFile(caFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		t.Fatalf("%s holds no certificate", caFile)
	}
	_, port, _ := net.SplitHostPort(addr.String())
	for _, host := range hosts {
		conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}, "tcp", net.JoinHostPort("127.0.0.1", port),
			&tls.Config{RootCAs: pool, ServerName: host})
		if err != nil {
			t.Errorf("as %s: %v", host, err)
			continue
		}
		conn.Close()
	}
}

func TestFirstStartMakesEverythingAndTheSecondKeepsIt(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dev")
	s := startStack(t, devstack.Options{Dir: dir})
	first := s.Ready()
	for _, path := range []string{first.CAFile, first.Broker.Cert, first.Broker.Key, first.S3.KeyFile, first.BrokerConfig,
		filepath.Join(first.S3.DataDir, first.S3.Bucket)} {
		if _, err := os.Stat(path); err != nil || !filepath.IsAbs(path) {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, path := range []string{dir, first.Broker.Key, first.S3.KeyFile, first.BrokerConfig} {
		if info, err := os.Stat(path); err != nil || info.Mode()&0o077 != 0 {
			t.Errorf("%s is open to others: %v %v", path, info.Mode(), err)
		}
	}
	checkCertificate(t, s.S3.Addr(), first.CAFile, "127.0.0.1", "localhost", "photos.localhost")
	s.Close()
	before := contents(t, first.CAFile, first.Broker.Cert, first.Broker.Key, first.S3.KeyFile)
	again := startStack(t, devstack.Options{Dir: dir})
	if after := contents(t, first.CAFile, first.Broker.Cert, first.Broker.Key, first.S3.KeyFile); after != before {
		t.Error("an identity or a key changed with the second start")
	}
	checkCertificate(t, again.MQTT.Addr(), first.CAFile, "127.0.0.1", "localhost")
}

func contents(t *testing.T, paths ...string) string {
	t.Helper()
	var all strings.Builder
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

func TestCertificateFollowsTheAddress(t *testing.T) {
	dir := t.TempDir()
	startStack(t, devstack.Options{Dir: dir}).Close()
	ca := contents(t, filepath.Join(dir, "certs", "ca", "ca.crt"))
	for _, probe := range []struct {
		listen, advertise string
		host              string   // in the URLs; "" is any that is not 0.0.0.0
		names             []string // the certificate's
	}{
		{"127.0.0.2", "", "127.0.0.2", []string{"127.0.0.2", "localhost"}},
		{"127.0.0.1", "camera-hub.lan", "camera-hub.lan", []string{"camera-hub.lan", "photos.camera-hub.lan", "127.0.0.1"}},
		{"localhost", "", "localhost", []string{"localhost", "photos.localhost"}},
		{"0.0.0.0", "", "", []string{"127.0.0.1", "localhost"}},
		{"0.0.0.0", "192.0.2.7", "192.0.2.7", []string{"192.0.2.7"}},
	} {
		s := startStack(t, devstack.Options{Dir: dir, Listen: probe.listen, Advertise: probe.advertise})
		r := s.Ready()
		u, err := url.Parse(r.S3.Endpoint)
		if err != nil {
			t.Fatal(err)
		}
		if got := u.Hostname(); got != r.Host || got != r.MQTT.Host || probe.host != "" && got != probe.host || net.ParseIP(got).IsUnspecified() {
			t.Errorf("%s, advertise %q: S3 at %s, MQTT at %s, host %s", probe.listen, probe.advertise, got, r.MQTT.Host, r.Host)
		}
		if probe.listen != "127.0.0.2" {
			checkCertificate(t, s.S3.Addr(), r.CAFile, append(probe.names, r.Host)...)
		}
		s.Close()
	}
	if contents(t, filepath.Join(dir, "certs", "ca", "ca.crt")) != ca {
		t.Error("the CA changed: things would have to be flashed again")
	}
}

// brokerYAML is what the broker reads.
type brokerYAML struct {
	MQTT map[string]string         `yaml:"mqtt"`
	S3   map[string]any            `yaml:"s3"`
	Rest map[string]map[string]any `yaml:",inline"`
}

func readBrokerYAML(t *testing.T, path string) brokerYAML {
	t.Helper()
	var out brokerYAML
	if err := yaml.Unmarshal([]byte(contents(t, path)), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestBrokerConfigFollowsAddressesAndKeepsTheRest(t *testing.T) {
	dir := t.TempDir()
	s := startStack(t, devstack.Options{Dir: dir, Bucket: "pictures"})
	r := s.Ready()
	got := readBrokerYAML(t, r.BrokerConfig)
	for key, want := range map[string]string{"server": r.MQTT.Server, "ca": r.CAFile, "cert": r.Broker.Cert, "key": r.Broker.Key,
		"client_id": devstack.DefaultBroker, "root": "thingpass", "group": "thingpass"} {
		if got.MQTT[key] != want {
			t.Errorf("mqtt.%s: %q, want %q", key, got.MQTT[key], want)
		}
	}
	for key, want := range map[string]any{"endpoint": r.S3.Endpoint, "region": "us-east-1", "bucket": "pictures", "path_style": true,
		"ca": r.CAFile, "access_key_file": r.S3.KeyFile} {
		if got.S3[key] != want {
			t.Errorf("s3.%s: %v, want %v", key, got.S3[key], want)
		}
	}
	if got.Rest["audit"]["file"] != "-" || got.Rest["kinds"]["photo"] == nil {
		t.Errorf("the rest: %v", got.Rest)
	}
	s.Close()
	edited := strings.Replace(contents(t, r.BrokerConfig), "max_size: 8MiB", "max_size: 1MiB # small", 1)
	if err := os.WriteFile(r.BrokerConfig, []byte(edited+"log:\n  level: debug\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	again := startStack(t, devstack.Options{Dir: dir, Bucket: "pictures", Listen: "127.0.0.2"}).Ready()
	text := contents(t, r.BrokerConfig)
	for _, part := range []string{"max_size: 1MiB # small", "level: debug", "server: " + again.MQTT.Server, "endpoint: " + again.S3.Endpoint, "# Made by"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in\n%s", part, text)
		}
	}
	if strings.Contains(text, r.MQTT.Server) {
		t.Errorf("the old address is still in\n%s", text)
	}
}

func TestBrokenBrokerConfigIsNotOverwritten(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "broker.yaml")
	for _, text := range []string{"mqtt: [", "- a\n", "mqtt: 5\n", "mqtt:\n  server: [a]\n", ""} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := devstack.Start(t.Context(), devstack.Options{Dir: dir})
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "or delete it, and a new one is made") {
			t.Errorf("%q: %v", text, err)
		}
		if contents(t, path) != text {
			t.Errorf("%q was overwritten", text)
		}
	}
}

func TestPartsRunAlone(t *testing.T) {
	dir := t.TempDir()
	mqtt := startStack(t, devstack.Options{Dir: dir, Only: devstack.OnlyMQTT})
	s3 := startStack(t, devstack.Options{Dir: dir, Only: devstack.OnlyS3})
	if mqtt.S3 != nil || s3.MQTT != nil || mqtt.Ready().S3 != nil || s3.Ready().MQTT != nil {
		t.Error("a part runs that was not asked for")
	}
	got := readBrokerYAML(t, s3.Ready().BrokerConfig)
	if got.MQTT["server"] != mqtt.Ready().MQTT.Server || got.S3["endpoint"] != s3.Ready().S3.Endpoint {
		t.Errorf("broker.yaml: %v %v, want the addresses of both", got.MQTT["server"], got.S3["endpoint"])
	}
	alone := startStack(t, devstack.Options{Dir: t.TempDir(), Only: devstack.OnlyMQTT, S3Port: 9123})
	if got := readBrokerYAML(t, alone.Ready().BrokerConfig).S3["endpoint"]; got != "https://127.0.0.1:9123" {
		t.Errorf("the other part is said to be at %v", got)
	}
}

// What a device holds is a folder of files: it works on the running servers.
func TestThingOfTheFolderConnects(t *testing.T) {
	dir := t.TempDir()
	files, err := devstack.Thing(dir, "cam1") // before the stack ever ran
	if err != nil {
		t.Fatal(err)
	}
	s := startStack(t, devstack.Options{Dir: dir})
	cert, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		t.Fatal(err)
	}
	ca := x509.NewCertPool()
	ca.AppendCertsFromPEM([]byte(contents(t, files.CA)))
	m := &testMQTT{MQTT: s.MQTT, t: t, ca: &authority{}}
	m.ca.cert, err = x509.ParseCertificate(pemBytes(t, files.CA))
	if err != nil {
		t.Fatal(err)
	}
	thing := m.must(cert, "cam1")
	if got := thing.subscribe("thingpass/cam1/response"); got != 1 {
		t.Errorf("SUBACK %#x", got)
	}
	brokerCert, err := tls.LoadX509KeyPair(s.Ready().Broker.Cert, s.Ready().Broker.Key)
	if err != nil {
		t.Fatal(err)
	}
	broker := m.must(brokerCert, devstack.DefaultBroker)
	broker.publish("thingpass/cam1/response", "hello")
	if got := thing.next(); got != "thingpass/cam1/response hello" {
		t.Errorf("%q", got)
	}
	again, err := devstack.Thing(dir, "cam1")
	if !errors.Is(err, fs.ErrExist) || again != files {
		t.Errorf("a second time: %v %+v", err, again)
	}
	for _, name := range []string{"", "a/b", "+", devstack.DefaultBroker, devstack.DefaultBroker + "-2", devstack.DefaultObserver} {
		if _, err := devstack.Thing(dir, name); err == nil {
			t.Errorf("a thing is called %q", name)
		}
	}
}

func TestStartRefusesWhatCannotWork(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	port := busy.Addr().(*net.TCPAddr).Port
	for name, probe := range map[string]struct {
		o    devstack.Options
		want string
	}{
		"no folder":         {devstack.Options{}, "a folder is needed"},
		"a port as well":    {devstack.Options{Listen: "127.0.0.1:80"}, "without port"},
		"a foreign address": {devstack.Options{Listen: "192.0.2.1"}, "this machine has no address 192.0.2.1:"},
		"a bad advertise":   {devstack.Options{Advertise: "https://x"}, "without port or brackets"},
		"a bad part":        {devstack.Options{Only: "s4"}, `only "s4": want mqtt or s3`},
		"a bad bucket":      {devstack.Options{Bucket: "UPPER"}, `bucket "UPPER"`},
		"a bad root":        {devstack.Options{Root: "#"}, "root"},
		"MQTT's port":       {devstack.Options{MQTTPort: port}, fmt.Sprintf("another program listens on 127.0.0.1:%d already", port)},
		"S3's port":         {devstack.Options{S3Port: port}, fmt.Sprintf("another program listens on 127.0.0.1:%d already", port)},
	} {
		if name != "no folder" {
			probe.o.Dir = t.TempDir()
		}
		s, err := devstack.Start(t.Context(), probe.o)
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), probe.want) {
			t.Errorf("%s: %v, want %q", name, err, probe.want)
		}
		var taken *devstack.PortError
		if strings.HasSuffix(name, "port") != errors.As(err, &taken) || taken != nil && taken.Part+"'s port" != name {
			t.Errorf("%s: %+v", name, taken)
		}
	}
	// nothing is left over of all that: the process can still run an S3
	startStack(t, devstack.Options{Dir: t.TempDir()})
}

func TestStartGivesUpWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s, err := devstack.Start(ctx, devstack.Options{Dir: t.TempDir()})
	if err == nil {
		s.Close()
		t.Error("started, although it was told to give up")
	}
}

func TestReadyFileIsWholeAndHoldsNoSecret(t *testing.T) {
	s := startStack(t, devstack.Options{Dir: t.TempDir()})
	path := filepath.Join(t.TempDir(), "ready.json")
	if err := s.Ready().WriteFile(path); err != nil {
		t.Fatal(err)
	}
	var got devstack.Ready
	text := contents(t, path)
	if err := json.Unmarshal([]byte(text), &got); err != nil || *got.MQTT != *s.Ready().MQTT || *got.S3 != *s.Ready().S3 || got.CAFile != s.Ready().CAFile {
		t.Errorf("%v %s", err, text)
	}
	key, err := devstack.LoadAccessKey(got.S3.KeyFile)
	if err != nil || strings.Contains(text, key.Secret) {
		t.Errorf("%v, or the secret is in it", err)
	}
}
