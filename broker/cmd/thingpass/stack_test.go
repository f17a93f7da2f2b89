// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"

	"thingpass/broker/devstack"
	"thingpass/broker/internal/leak"
	"thingpass/certs"
)

const patience = 10 * time.Second

// stack is an MQTT server, an S3, and the files that a broker needs to use them.
type stack struct {
	t    *testing.T
	dir  string
	ca   *certs.CA
	mqtt *devstack.MQTT
	s3   *devstack.S3
}

func newStack(t *testing.T, change ...func(*devstack.MQTTOptions)) *stack {
	t.Helper()
	s := &stack{t: t, dir: t.TempDir()}
	t.Cleanup(func() { s.judgeAudits(t) })
	ca, err := certs.NewCA("test CA")
	s.must(err)
	s.ca = ca
	server, err := ca.Server([]string{"127.0.0.1", "localhost"})
	s.must(err)
	options := devstack.MQTTOptions{Certificate: server.TLSCertificate(), ClientCAs: ca.Pool()}
	for _, f := range change {
		f(&options)
	}
	s.mqtt, err = devstack.StartMQTT(t.Context(), options)
	s.must(err)
	t.Cleanup(func() { s.mqtt.Close() })
	key := devstack.NewAccessKey()
	s.s3, err = devstack.StartS3(t.Context(), devstack.S3Options{
		Dir: filepath.Join(s.dir, "s3"), Bucket: "photos", Certificate: server.TLSCertificate(), AccessKey: key})
	s.must(err)
	t.Cleanup(func() { s.s3.Close() })
	id, err := ca.Service("thingpass-broker")
	s.must(err)
	s.write("ca.crt", ca.CertPEM())
	s.write("broker.crt", id.CertPEM())
	s.write("broker.key", id.KeyPEM())
	text, err := json.Marshal(key)
	s.must(err)
	s.write("s3-credentials.json", text)
	secrets.LearnPEM("the broker's key", id.KeyPEM())
	s.must(secrets.LearnAccessKey(s.path("s3-credentials.json")))
	return s
}

// secrets are those of all stacks. Everything that the program prints and audits
// is searched for them, and for signatures, tokens and keys of any value.
var secrets leak.Watch

func mustNotLeak(t *testing.T, what, text string) {
	t.Helper()
	for _, found := range secrets.Find(text) {
		t.Errorf("%s gives away %s", what, found)
	}
}

// judgeAudits searches all audits, those that were put aside too.
func (s *stack) judgeAudits(t *testing.T) {
	files, err := filepath.Glob(s.path("*.jsonl*"))
	if err != nil {
		t.Error(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
		}
		mustNotLeak(t, file, string(text))
	}
}

func (s *stack) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stack) path(name string) string { return filepath.Join(s.dir, name) }

func (s *stack) write(name string, text []byte) {
	s.t.Helper()
	s.must(os.WriteFile(s.path(name), text, 0o600))
}

// config writes the example with the stack's addresses, changed by pairs of old
// and new, and returns its path.
func (s *stack) config(changes ...string) string {
	s.t.Helper()
	text, err := os.ReadFile(exampleFile(s.t))
	s.must(err)
	replaced := string(text)
	pairs := append([]string{"127.0.0.1:8883", s.mqtt.Addr().String(), "127.0.0.1:9000", s.s3.Addr().String()}, changes...)
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(replaced, pairs[i]) {
			s.t.Fatalf("the example does not contain %q", pairs[i])
		}
		replaced = strings.ReplaceAll(replaced, pairs[i], pairs[i+1])
	}
	s.write("broker.yaml", []byte(replaced))
	return s.path("broker.yaml")
}

// exampleFile finds the example from wherever the embedded S3 has taken us.
func exampleFile(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("PWD")
	for _, candidate := range []string{"broker.example.yaml", filepath.Join(dir, "broker.example.yaml")} {
		if _, err := os.Stat(candidate); err == nil {
			return candidate
		}
	}
	t.Fatal("broker.example.yaml is not found")
	return ""
}

// program is `thingpass …` in this process.
type program struct {
	t              *testing.T
	stop           context.CancelFunc
	stdout, stderr *lockedText
	code           chan int
}

func startProgram(t *testing.T, args ...string) *program {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	p := &program{t: t, stop: stop, stdout: &lockedText{}, stderr: &lockedText{}, code: make(chan int, 1)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.code <- run(ctx, args, p.stdout, p.stderr)
	}()
	t.Cleanup(func() {
		stop()
		<-ended
		mustNotLeak(t, "the program", p.stdout.String()+p.stderr.String())
	})
	return p
}

// end waits for the program to end and returns its exit code.
func (p *program) end() int {
	p.t.Helper()
	select {
	case code := <-p.code:
		return code
	case <-time.After(2 * patience):
		p.t.Fatalf("still running; it said:\n%s", p.stderr)
		return -1
	}
}

func (p *program) awaitReady() {
	p.t.Helper()
	await(p.t, "the broker to be ready", func() bool {
		select {
		case code := <-p.code:
			p.t.Fatalf("ended with %d:\n%s", code, p.stderr)
		default:
		}
		return strings.Contains(p.stderr.String(), "thingpass: ready: ")
	})
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("waited %v for %s", patience, what)
}

type lockedText struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// thing is a device that is connected.
type thing struct {
	t       *testing.T
	name    string
	client  *paho.Client
	replies chan map[string]any
}

func (s *stack) thing(name string) *thing {
	s.t.Helper()
	id, err := s.ca.Thing(name)
	s.must(err)
	conn, err := tls.Dial("tcp", s.mqtt.Addr().String(), &tls.Config{RootCAs: s.ca.Pool(), Certificates: []tls.Certificate{id.TLSCertificate()}})
	s.must(err)
	th := &thing{t: s.t, name: name, replies: make(chan map[string]any, 16)}
	th.client = paho.NewClient(paho.ClientConfig{Conn: packets.NewThreadSafeConn(conn), OnPublishReceived: []func(paho.PublishReceived) (bool, error){
		func(p paho.PublishReceived) (bool, error) {
			reply := map[string]any{}
			if err := json.Unmarshal(p.Packet.Payload, &reply); err != nil {
				return false, fmt.Errorf("reply %q: %w", p.Packet.Payload, err)
			}
			th.replies <- reply
			return true, nil
		}}})
	_, err = th.client.Connect(s.t.Context(), &paho.Connect{ClientID: name, KeepAlive: 30, CleanStart: true})
	s.must(err)
	s.t.Cleanup(func() { _ = th.client.Disconnect(&paho.Disconnect{}) })
	_, err = th.client.Subscribe(s.t.Context(), &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: "thingpass/" + name + "/response", QoS: 1}}})
	s.must(err)
	return th
}

// tell publishes a request.
func (th *thing) tell(verb, payload string) {
	_, err := th.client.Publish(th.t.Context(), &paho.Publish{Topic: "thingpass/" + th.name + "/" + verb, QoS: 1, Payload: []byte(payload)})
	if err != nil {
		th.t.Error(err)
	}
}

// ask publishes a request and returns the reply.
func (th *thing) ask(verb, payload string) map[string]any {
	th.t.Helper()
	th.tell(verb, payload)
	select {
	case reply := <-th.replies:
		return reply
	case <-time.After(patience):
		th.t.Fatalf("no reply to %s", payload)
		return nil
	}
}
