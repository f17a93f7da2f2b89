// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"thingpass/broker"
)

// FuzzHandle checks the two properties that everything else rests on: never a
// signature outside the requester's prefix, never a message outside its topics.
// For uploads in parts that is: no part, upload, completion or abort of a key
// that is not the requester's.
func FuzzHandle(f *testing.F) {
	for _, payload := range []string{onePhoto(nil), onePhoto(map[string]any{"objectKey": storedKey, "sha256": sumHex, "metadata": map[string]any{"a": "b"}}),
		`{"id":"b","kind":"log","objects":[{"id":"x","size":100},{"id":"y","size":100,"capturedAt":1795424398}]}`, report(storedKey, 1000, sumHex),
		`{"id":"r","objects":[{"objectKey":"` + storedKey + `","size":1000}]}`, `{"id":"\ud800"}`, "[[[[",
		oneClip(nil), oneClip(map[string]any{"uploadId": "mine", "fromPart": 2, "count": 20, "checksum": "crc64nvme"}), clipReport(nil),
		oneClip(map[string]any{"objectKey": clipKey, "uploadId": "theirs"}), clipReport(map[string]any{"uploadId": "theirs", "objectKey": "cam2/clip/2026/11/23/a1.mp4"}),
		`{"id":"r","objectKey":"` + clipKey + `","uploadId":"mine","abort":true}`} {
		f.Add("thingpass/cam1/upload-request", []byte(payload))
		f.Add("thingpass/cam1/upload-complete", []byte(payload))
		f.Add("thingpass/cam1/credentials-request", []byte(payload))
	}
	f.Add("thingpass/cam1/upload-request", []byte(onePass(`"metadata":{"fw":"1"},"metadataNames":["captured-at","rssi"],"checksum":"sha256","capturedAt":1795424398`)))
	for _, more := range []string{`"kind":"firmware","group":"cams","name":"v2"`, `"kind":"settings","etag":"\"e\""`, `"kind":"notice","name":"../x"`,
		`"kind":"log","objectKey":"cam1/log/2026/11/23/a.txt","versionId":"v","sha256":"` + sumHex + `"`, `"kind":"log","objectKey":"cam2/log/2026/11/23/a.txt"`} {
		f.Add("thingpass/cam1/download-request", []byte(`{"id":"g",`+more+`}`))
		f.Add("thingpass/cam2/download-request", []byte(`{"id":"g",`+more+`}`))
	}
	f.Add("thingpass/firmware/upload-request", []byte(onePhoto(nil)))
	f.Add("thingpass/cam1/credentials-request", []byte(`{"id":"c1"}`))
	f.Add("thingpass/firmware/credentials-request", []byte(`{"id":"c1"}`))
	f.Add("thingpass/Room:7_b-c/credentials-request", []byte(`{"id":"c1","mode":"provider"}`))
	f.Add("thingpass/cam1/../cam2/upload-request", []byte(onePhoto(nil)))
	f.Fuzz(func(t *testing.T, topic string, payload []byte) {
		w, b := newWorld(t)
		w.everything = strings.HasSuffix(topic, "/download-request") // what is there is not sent in parts
		stored(w)
		stored3(w, 1, 2, 3)
		w.begin("cam2/clip/2026/11/23/a1.mp4", "theirs", w.now, broker.ChecksumCRC32)
		out, _ := b.Handle(t.Context(), broker.Message{Topic: topic, Payload: payload})
		parts := strings.Split(topic, "/")
		if len(parts) != 3 || parts[0] != "thingpass" || !broker.ValidThing(parts[1]) {
			if len(out) != 0 || w.granted()+len(w.issued)+len(w.touched()) != 0 {
				t.Fatalf("topic %q got %d messages and %d signatures", topic, len(out), w.granted()+len(w.issued))
			}
			return
		}
		onlyTheRequestersCredentials(t, w, parts[1], out)
		for _, key := range w.touched() {
			if !strings.HasPrefix(key, parts[1]+"/clip/") || strings.Contains(key, "..") || strings.Contains(key, "//") || len(key) > 1024 {
				t.Fatalf("%s touched %q", topic, key)
			}
		}
		for _, part := range w.signedParts {
			if part.Number < 1 || part.Number > 13 || part.Size < 1 || part.Size > 5<<20 || part.UploadID == "theirs" && parts[1] != "cam2" {
				t.Fatalf("%s got a signature for part %+v", topic, part)
			}
		}
		for _, put := range w.signed {
			if !strings.HasPrefix(put.Key, parts[1]+"/") || strings.Contains(put.Key, "..") || strings.Contains(put.Key, "//") || len(put.Key) > 1024 {
				t.Fatalf("%s got a signature for %q", topic, put.Key)
			}
			if put.Size < 1 || put.Size > 64<<20 {
				t.Fatalf("%s got a signature for %d bytes", topic, put.Size)
			}
		}
		checkPasses(t, parts[1], w.passes)
		checkGets(t, parts[1], w.gets)
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

func checkPasses(t *testing.T, thing string, passes []broker.Pass) {
	for _, p := range passes {
		if !strings.HasPrefix(p.KeyPrefix, thing+"/photo/") || !strings.HasSuffix(p.KeyPrefix, "/") || strings.Contains(p.KeyPrefix, "..") || strings.Contains(p.KeyPrefix, "//") {
			t.Fatalf("%s got a pass for %q", thing, p.KeyPrefix)
		}
		if p.MinSize != 1 || p.MaxSize != 8<<20 || p.TTL > time.Hour || p.ContentType != "image/jpeg" {
			t.Fatalf("%s got the pass %+v", thing, p)
		}
	}
}

// checkGets knows by itself what shared() allows.
func checkGets(t *testing.T, thing string, gets []broker.Get) {
	for _, g := range gets {
		folder, rest, _ := strings.Cut(g.Key, "/")
		group, name, _ := strings.Cut(rest, "/")
		allowed := false
		switch folder {
		case thing:
			allowed = group == "log"
		case "firmware":
			allowed = slices.Contains(groups()[group], thing) && strings.HasSuffix(name, ".bin") && !strings.Contains(name, "/")
		case "settings":
			allowed = rest == thing+".json"
		case "bells":
			allowed = thing == "bell1" && name == ""
		case "notice":
			allowed = strings.HasSuffix(rest, ".txt") && name == ""
		}
		if !allowed || strings.Contains(g.Key, "..") && folder == thing || strings.Contains(g.Key, "//") || strings.Contains(g.Key, "/.") {
			t.Fatalf("%s may fetch %q", thing, g.Key)
		}
		if g.ETag == "" && g.VersionID == "" {
			t.Fatalf("%s got any version of %q", thing, g.Key)
		}
	}
}

// onlyTheRequestersCredentials fails if a session was made for another thing, or
// an answer points beyond the requester's prefix.
func onlyTheRequestersCredentials(t *testing.T, w *world, thing string, out []broker.Message) {
	t.Helper()
	for _, issued := range w.issued {
		if issued != thing || slices.Contains([]string{"firmware", "settings", "bells", "notice"}, issued) {
			t.Fatalf("%s got credentials of %s", thing, issued)
		}
	}
	for _, m := range out {
		var got answer
		if json.Unmarshal(m.Payload, &got) != nil || got.Mode != broker.ModeCredentials {
			continue
		}
		if got.Prefix != thing+"/" || got.AccessKeyID != "" && got.AccessKeyID != "ASIAFOR"+thing {
			t.Fatalf("%s was told prefix %q and key %q", thing, got.Prefix, got.AccessKeyID)
		}
		if got.Provider != nil && got.Provider.Headers[broker.ThingNameHeader] != thing {
			t.Fatalf("%s is to name itself %q", thing, got.Provider.Headers)
		}
	}
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
