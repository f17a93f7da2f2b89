// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"thingpass/broker"
)

// A world is what a broker needs, with faults that a test can switch on.
type world struct {
	mu       sync.Mutex
	now      time.Time
	signed   []broker.Put
	entries  []broker.Entry
	objects  map[string]broker.Object
	signErr  error
	headErr  error
	auditErr error
}

func (w *world) SignPut(_ context.Context, p broker.Put) (broker.Grant, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.signErr != nil {
		return broker.Grant{}, w.signErr
	}
	w.signed = append(w.signed, p)
	return broker.Grant{URL: "https://s3.test/" + p.Key + "?a=1&b=2", Headers: map[string]string{"Content-Type": p.ContentType},
		Expires: p.Now.Add(p.TTL)}, nil
}

func (w *world) Head(_ context.Context, key string) (broker.Object, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.headErr != nil {
		return broker.Object{}, w.headErr
	}
	o, ok := w.objects[key]
	if !ok {
		return o, broker.ErrNotFound
	}
	return o, nil
}

func (w *world) Record(entries ...broker.Entry) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.auditErr != nil {
		return w.auditErr
	}
	w.entries = append(w.entries, entries...)
	return nil
}

func photo() broker.Kind {
	return broker.Kind{Name: "photo", Types: []broker.ContentType{{Name: "image/jpeg", Ext: "jpg"}}, MaxSize: 8 << 20}
}

func logs() broker.Kind {
	return broker.Kind{Name: "log", Types: []broker.ContentType{{Name: "text/plain", Ext: "txt"}, {Name: "application/gzip", Ext: "gz"}},
		MinSize: 10, MaxSize: 16 << 20, TTL: time.Hour, Metadata: []string{"fw"}}
}

func newWorld(tb testing.TB) (*world, *broker.Broker) {
	tb.Helper()
	w := &world{now: time.Unix(1795424400, 0), objects: map[string]broker.Object{}}
	b, err := broker.New(broker.Config{Kinds: []broker.Kind{photo(), logs()}, Signer: w, Store: w, Audit: w,
		Now: func() time.Time { return w.now }})
	if err != nil {
		tb.Fatal(err)
	}
	return w, b
}

// answer is the JSON of a reply as a thing reads it.
type answer struct {
	ID, Status, Mode, ObjectKey, UploadURL, Code, Error string
	Time, ExpiresAt, RetryAfter                         int64
	Headers                                             map[string]string
	Objects                                             []answer
}

// ask sends a request as cam1 and returns the reply, which must be the only one.
func ask(tb testing.TB, b *broker.Broker, verb, payload string) answer {
	tb.Helper()
	out, _ := b.Handle(tb.Context(), broker.Message{Topic: "thingpass/cam1/" + verb, Payload: []byte(payload)})
	if len(out) == 0 {
		tb.Fatalf("no reply to %s", payload)
	}
	if out[0].Topic != "thingpass/cam1/response" || out[0].QoS != 1 {
		tb.Fatalf("the reply went to %s with QoS %d", out[0].Topic, out[0].QoS)
	}
	return decode(tb, out[0].Payload)
}

func decode(tb testing.TB, payload []byte) (a answer) {
	tb.Helper()
	if err := json.Unmarshal(payload, &a); err != nil {
		tb.Fatalf("reply %s: %v", payload, err)
	}
	if a.Status != "success" && a.Status != "error" || (a.Code == "") != (a.Status == "success") {
		tb.Fatalf("reply %s: status and code disagree", payload)
	}
	return a
}

// onePhoto is a good request, with fields replaced or added ("" removes).
func onePhoto(change map[string]any) string {
	fields := map[string]any{"id": "a1", "kind": "photo", "contentType": "image/jpeg", "size": 1000}
	for name, value := range change {
		if value == "" {
			delete(fields, name)
		} else {
			fields[name] = value
		}
	}
	text, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return string(text)
}

var errTest = errors.New("the test broke it")

func mustContain(tb testing.TB, text, part string) {
	tb.Helper()
	if !strings.Contains(text, part) {
		tb.Errorf("%q does not say %q", text, part)
	}
}
