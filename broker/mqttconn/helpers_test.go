// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"thingpass/broker"
	"thingpass/broker/internal/testmosquitto"
	"thingpass/broker/mqttconn"
)

// patience is how long a test waits for what must happen.
const patience = 10 * time.Second

const acl = `user svc
topic read thingpass/+/upload-request
topic write thingpass/+/response
pattern write thingpass/%u/upload-request
pattern read thingpass/%u/response
`

func startMosquitto(t *testing.T) *testmosquitto.Server {
	t.Helper()
	return testmosquitto.Start(t, testmosquitto.Options{ACL: acl})
}

// must returns a function so that a call with two results can be its argument.
func must[T any](v T, err error) func(testing.TB) T {
	return func(tb testing.TB) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

// eventually waits until it is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !so(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not so after %v: %s", patience, what)
		}
	}
}

// A handler made of functions. Without them it echoes, and refuses with `busy`.
type handler struct {
	handle func(ctx context.Context, m broker.Message) ([]broker.Message, error)
	busy   func(m broker.Message) ([]broker.Message, error)
}

func (h handler) Handle(ctx context.Context, m broker.Message) ([]broker.Message, error) {
	if h.handle == nil {
		return echo(m), nil
	}
	return h.handle(ctx, m)
}

func (h handler) Busy(m broker.Message) ([]broker.Message, error) {
	if h.busy == nil {
		reply := answer(m, "busy")
		reply[0].QoS = 0
		return reply, nil
	}
	return h.busy(m)
}

// echo answers a request with its own payload.
func echo(m broker.Message) []broker.Message { return answer(m, string(m.Payload)) }

func answer(m broker.Message, payload string) []broker.Message {
	thing := strings.Split(m.Topic, "/")[1]
	return []broker.Message{{Topic: "thingpass/" + thing + "/response", Payload: []byte(payload), Correlation: m.Correlation, QoS: 1}}
}

// config is that of a broker at address, with short pauses.
func config(address string, conf *tls.Config) mqttconn.Config {
	return mqttconn.Config{
		Server:        "mqtts://" + address,
		TLS:           conf,
		ClientID:      "broker",
		Group:         "brokers",
		Filters:       []string{"thingpass/+/upload-request"},
		ReconnectMin:  10 * time.Millisecond,
		ReconnectMax:  100 * time.Millisecond,
		TakenOverWait: time.Hour,
	}
}

// A running is a Client and what a test wants to know of it.
type running struct {
	*mqttconn.Client
	log   *logBuffer
	ups   chan string
	downs chan error
	stop  context.CancelFunc
	ended chan error
}

// run starts a Client, which ends with the test at the latest.
func run(t *testing.T, conf mqttconn.Config, h mqttconn.Handler) *running {
	t.Helper()
	r := &running{log: &logBuffer{}, ups: make(chan string, 1000), downs: make(chan error, 1000), ended: make(chan error, 1)}
	conf.OnUp = func(id string) { r.ups <- id }
	conf.OnDown = func(_ string, err error) { r.downs <- err }
	r.Client = must(mqttconn.New(conf, h, slog.New(slog.NewTextHandler(r.log, nil))))(t)
	ctx, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.ended <- r.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		if t.Failed() {
			log := r.log.String()
			t.Logf("end of the log of %s:\n%s", conf.ClientID, log[max(0, len(log)-4000):])
		}
	})
	return r
}

// runUp is run, and waits until all connections are subscribed.
func runUp(t *testing.T, conf mqttconn.Config, h mqttconn.Handler) *running {
	t.Helper()
	r := run(t, conf, h)
	for range max(conf.Connections, 1) {
		r.awaitUp(t)
	}
	return r
}

func (r *running) awaitUp(t *testing.T) {
	t.Helper()
	select {
	case <-r.ups:
	case <-time.After(patience):
		t.Fatalf("not up after %v:\n%s", patience, r.log)
	}
}

func (r *running) awaitLog(t *testing.T, want string) {
	t.Helper()
	eventually(t, "the log says "+want, func() bool { return strings.Contains(r.log.String(), want) })
}

// end stops the Client and returns what Run said.
func (r *running) end(t *testing.T) error {
	t.Helper()
	r.stop()
	select {
	case err := <-r.ended:
		return err
	case <-time.After(patience):
		t.Fatal("Run does not return")
		return nil
	}
}

// logBuffer collects a log that is written and read concurrently.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
