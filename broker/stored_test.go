// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"thingpass/broker"
)

func TestWhatTheBucketSaysIsVerifiedNotBelieved(t *testing.T) {
	for name, test := range map[string]struct {
		key   string
		code  broker.Code // "" for an event
		again bool
		world func(w *world)
	}{
		"as stored":             {key: storedKey},
		"deleted meanwhile":     {key: "cam1/photo/2026/11/23/gone.jpg", code: broker.CodeNotFound},
		"outside the layouts":   {key: "cam1/secret.txt", code: broker.CodeKeyNotAllowed},
		"of an unknown kind":    {key: "cam1/video/2026/11/23/a1.mp4", code: broker.CodeKeyNotAllowed},
		"of nobody":             {key: "/photo/2026/11/23/a1.jpg", code: broker.CodeKeyNotAllowed},
		"of no thing":           {key: "cam 1/photo/2026/11/23/a1.jpg", code: broker.CodeKeyNotAllowed},
		"of a wildcard":         {key: "+/photo/2026/11/23/a1.jpg", code: broker.CodeKeyNotAllowed},
		"of somebody else's":    {key: "photo/cam1/2026/11/23/a1.jpg", code: broker.CodeKeyNotAllowed},
		"empty":                 {key: "", code: broker.CodeKeyNotAllowed},
		"endless":               {key: strings.Repeat("a/", 5000), code: broker.CodeKeyNotAllowed},
		"too small for its log": {key: "cam1/log/2026/11/23/a1.txt", code: broker.CodeSizeNotAllowed},
		"too large":             {key: "cam1/photo/2026/11/23/huge.jpg", code: broker.CodeSizeNotAllowed},
		"when S3 is away":       {key: storedKey, code: broker.CodeUnavailable, again: true, world: func(w *world) { w.headErr = errTest }},
		"when there is no audit": {key: storedKey, code: broker.CodeUnavailable, again: true,
			world: func(w *world) { w.auditErr = errTest }},
		"a refusal without an audit": {key: "cam1/secret.txt", code: broker.CodeUnavailable, again: true,
			world: func(w *world) { w.auditErr = errTest }},
	} {
		t.Run(name, func(t *testing.T) {
			w, b := newWorld(t)
			stored(w)
			w.objects["cam1/log/2026/11/23/a1.txt"] = broker.Object{Size: 9}
			w.objects["cam1/photo/2026/11/23/huge.jpg"] = broker.Object{Size: 8<<20 + 1}
			if test.world != nil {
				test.world(w)
			}
			out, err := b.Stored(t.Context(), test.key)
			var refusal *broker.Refusal
			if (err == nil) != (test.code == "") || err != nil && (!errors.As(err, &refusal) || refusal.Code != test.code) {
				t.Fatalf("%v, want %q", err, test.code)
			}
			if err != nil && (refusal.RetryAfter() > 0) != test.again {
				t.Errorf("to be tried again: %v", !test.again)
			}
			if (len(out) == 1) != (err == nil) {
				t.Errorf("%d events", len(out))
			}
			if w.auditErr == nil && (len(w.entries) != 1 || w.entries[0].Request != "stored" || err != nil && w.entries[0].Code != test.code) {
				t.Errorf("audit %+v", w.entries)
			}
		})
	}
}

func TestAnEventOfTheBucketIsThatOfAReport(t *testing.T) {
	w, b := newWorld(t)
	stored(w)
	reported, err := b.Handle(t.Context(), broker.Message{Topic: "thingpass/cam1/upload-complete", Payload: []byte(report(storedKey, 1000, sumHex))})
	if err != nil || len(reported) != 2 {
		t.Fatal(err)
	}
	for range 2 { // at least once
		told, err := b.Stored(t.Context(), storedKey)
		if err != nil || len(told) != 1 || told[0].Topic != reported[1].Topic || told[0].QoS != 1 || string(told[0].Payload) != string(reported[1].Payload) {
			t.Errorf("%v, %+v; want %s", err, told, reported[1].Payload)
		}
	}
	if e := w.entries[1]; e.Thing != "cam1" || e.Kind != "photo" || e.Key != storedKey || e.Size != 1000 || e.SHA256 != sumHex || e.Code != broker.CodeVerified {
		t.Errorf("audit %+v", e)
	}
}

// FuzzStored checks that a key gives an event of the thing that it begins with,
// and of nobody else.
func FuzzStored(f *testing.F) {
	for _, key := range []string{storedKey, "cam1/log/2026/02/30/a.txt", "a/b/../c", "cam1%2Fphoto/x", "//", "$SYS/photo/2026/11/23/a.jpg"} {
		f.Add(key, int64(1000))
	}
	f.Fuzz(func(t *testing.T, key string, size int64) {
		w, b := newWorld(t)
		w.objects[key] = broker.Object{Size: size}
		out, err := b.Stored(t.Context(), key)
		if len(w.entries) != 1 {
			t.Fatalf("%d audit lines", len(w.entries))
		}
		if err != nil {
			return
		}
		thing, _, _ := strings.Cut(key, "/")
		var e struct{ Thing, ObjectKey string }
		if len(out) != 1 || !broker.ValidThing(thing) || out[0].Topic != "thingpass/"+thing+"/uploaded" ||
			json.Unmarshal(out[0].Payload, &e) != nil || e.Thing != thing || e.ObjectKey != key {
			t.Fatalf("%q gave %+v", key, out)
		}
	})
}
