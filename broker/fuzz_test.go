// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker_test

import (
	"encoding/json"
	"strings"
	"testing"

	"thingpass/broker"
)

// FuzzHandle checks the two properties that everything else rests on: never a
// signature outside the requester's prefix, never a message outside its topics.
func FuzzHandle(f *testing.F) {
	for _, payload := range []string{onePhoto(nil), onePhoto(map[string]any{"objectKey": storedKey, "sha256": sumHex, "metadata": map[string]any{"a": "b"}}),
		`{"id":"b","kind":"log","objects":[{"id":"x","size":100},{"id":"y","size":100,"capturedAt":1795424398}]}`, report(storedKey, 1000, sumHex),
		`{"id":"r","objects":[{"objectKey":"` + storedKey + `","size":1000}]}`, `{"id":"\ud800"}`, "[[[["} {
		f.Add("thingpass/cam1/upload-request", []byte(payload))
		f.Add("thingpass/cam1/upload-complete", []byte(payload))
	}
	f.Add("thingpass/cam1/../cam2/upload-request", []byte(onePhoto(nil)))
	f.Fuzz(func(t *testing.T, topic string, payload []byte) {
		w, b := newWorld(t)
		stored(w)
		out, _ := b.Handle(t.Context(), broker.Message{Topic: topic, Payload: payload})
		parts := strings.Split(topic, "/")
		if len(parts) != 3 || parts[0] != "thingpass" || !broker.ValidThing(parts[1]) {
			if len(out) != 0 || len(w.signed) != 0 {
				t.Fatalf("topic %q got %d messages and %d signatures", topic, len(out), len(w.signed))
			}
			return
		}
		for _, put := range w.signed {
			if !strings.HasPrefix(put.Key, parts[1]+"/") || strings.Contains(put.Key, "..") || strings.Contains(put.Key, "//") || len(put.Key) > 1024 {
				t.Fatalf("%s got a signature for %q", topic, put.Key)
			}
			if put.Size < 1 || put.Size > 16<<20 {
				t.Fatalf("%s got a signature for %d bytes", topic, put.Size)
			}
		}
		for i, m := range out {
			want := "thingpass/" + parts[1] + "/response"
			if i > 0 {
				want = "thingpass/" + parts[1] + "/uploaded"
			}
			if m.Topic != want || !json.Valid(m.Payload) {
				t.Fatalf("message %d to %q: %s", i, m.Topic, m.Payload)
			}
		}
		if busy, err := b.Busy(broker.Message{Topic: topic, Payload: payload}); err == nil && !json.Valid(busy[0].Payload) {
			t.Fatalf("busy is not JSON: %s", busy[0].Payload)
		}
	})
}

// FuzzLayout checks that taking a key apart is the inverse of making it.
func FuzzLayout(f *testing.F) {
	f.Add(storedKey)
	f.Add("cam1/photo/2026/02/30/a1.jpg")
	f.Add("cam1/photo/0000/00/00/a.jpg")
	f.Fuzz(func(t *testing.T, key string) {
		w, b := newWorld(t)
		w.objects[key] = broker.Object{Size: 1}
		text, _ := json.Marshal(map[string]any{"id": "a1", "objectKey": key, "size": 1})
		if got := ask(t, b, "upload-complete", string(text)); got.Status != "success" {
			return
		}
		kind, id := strings.Split(key, "/")[1], strings.Split(key[strings.LastIndexByte(key, '/')+1:], ".")[0]
		for _, contentType := range []string{"image/jpeg", "text/plain", "application/gzip"} {
			text, _ := json.Marshal(map[string]any{"id": id, "kind": kind, "size": 100, "contentType": contentType, "objectKey": key})
			if ask(t, b, "upload-request", string(text)).ObjectKey == key {
				return
			}
		}
		t.Fatalf("key %q can be reported, but never be granted", key)
	})
}
