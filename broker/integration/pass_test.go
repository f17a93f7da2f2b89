// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
	"testing"
)

// post uploads body by a pass, under a key, after change had a look at the form.
func (s *stack) post(pass grant, key string, body []byte, change func(map[string]string)) (int, string) {
	s.tb.Helper()
	digest := sha256.Sum256(body)
	fields := map[string]string{"key": key, "x-amz-checksum-sha256": base64.StdEncoding.EncodeToString(digest[:]), "x-amz-meta-captured-at": "1795424398"}
	for name, value := range pass.Fields {
		fields[name] = value
	}
	if change != nil {
		change(fields)
	}
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	for name, value := range fields {
		if err := w.WriteField(name, value); err != nil {
			s.tb.Fatal(err)
		}
	}
	file, err := w.CreateFormFile("file", "photo.jpg")
	if err == nil {
		_, err = file.Write(body)
	}
	if err != nil {
		s.tb.Fatal(err)
	}
	_ = w.Close()
	req, err := http.NewRequestWithContext(s.tb.Context(), http.MethodPost, pass.UploadURL, &form)
	if err != nil {
		s.tb.Fatal(err)
	}
	req.Header.Set("Content-Type", w.FormDataContentType())
	status, text := s.do(req)
	return status, codeOf(text)
}

const passRequest = `{"id":"boot-12","kind":"photo","mode":"pass","contentType":"image/jpeg","metadata":{"fw":"1.4.2"},"metadataNames":["captured-at"],"checksum":"sha256"}`

// TestOnePassStoresManyPhotos is a camera's hour: one request, some uploads, one
// report.
func TestOnePassStoresManyPhotos(t *testing.T) {
	s := newStack(t)
	camera, watcher := s.connect("cam1"), s.observer()
	pass := camera.ask("upload-request", []byte(passRequest))
	if pass.Status != "success" || pass.Mode != "pass" || !strings.HasPrefix(pass.KeyPrefix, "cam1/photo/") || pass.MaxSize != 8<<20 {
		t.Fatalf("no pass: %+v", pass)
	}
	var report []map[string]any
	bodies := map[string][]byte{}
	for i, size := range []int{4, 1000, 100_000, 2 << 20} {
		photo := jpeg(fmt.Sprintf("boot-12-%d", i), size)
		key := pass.KeyPrefix + photo.id + pass.KeySuffix
		if status, code := s.post(pass, key, photo.body, nil); status != http.StatusNoContent {
			t.Fatalf("photo of %d bytes: %d %s", size, status, code)
		}
		bodies[key] = photo.body
		report = append(report, map[string]any{"objectKey": key, "size": len(photo.body), "sha256": sum(photo.body)})
	}
	report = append(report, map[string]any{"objectKey": pass.KeyPrefix + "never.jpg", "size": 5})
	text, err := json.Marshal(map[string]any{"id": "done", "objects": report})
	if err != nil {
		t.Fatal(err)
	}
	r := camera.ask("upload-complete", text)
	if r.Status != "success" || len(r.Objects) != 5 || r.Objects[4].Code != "not-found" {
		t.Fatalf("report: %+v", r)
	}
	stored := s.stored()
	for i, o := range r.Objects[:4] {
		if o.Status != "success" {
			t.Errorf("photo %d: %+v", i, o)
		}
		text, err := os.ReadFile(stored[o.ObjectKey])
		if err != nil || !bytes.Equal(text, bodies[o.ObjectKey]) {
			t.Errorf("%s differs (%v)", o.ObjectKey, err)
		}
		var event struct{ Thing, ObjectKey, SHA256 string }
		if p := watcher.next(); p == nil || json.Unmarshal(p.Payload, &event) != nil || event.Thing != "cam1" || event.SHA256 != sum(bodies[event.ObjectKey]) {
			t.Errorf("event %d: %+v", i, event)
		}
	}
	s.passHasLimits(t, camera, pass)
}

// passHasLimits tries what a pass does not say, and what is not its thing's.
func (s *stack) passHasLimits(t *testing.T, camera *device, pass grant) {
	before := len(s.stored())
	neighbour := strings.Replace(pass.KeyPrefix, "cam1/", "cam2/", 1)
	for name, test := range map[string]struct {
		key    string
		size   int
		change func(map[string]string)
		status int
	}{
		"a neighbour's prefix":    {neighbour + "a.jpg", 10, nil, 403},
		"climbing to a neighbour": {pass.KeyPrefix + "../../../../../cam2/a.jpg", 10, nil, 400},
		"where firmware is":       {"firmware/cams/latest.bin", 10, nil, 403},
		"larger":                  {pass.KeyPrefix + "b.jpg", 8<<20 + 1, nil, 400},
		"another type":            {pass.KeyPrefix + "c.jpg", 10, func(f map[string]string) { f["Content-Type"] = "text/html" }, 403},
		"without its checksum":    {pass.KeyPrefix + "d.jpg", 10, func(f map[string]string) { delete(f, "x-amz-checksum-sha256") }, 403},
		"more metadata":           {pass.KeyPrefix + "e.jpg", 10, func(f map[string]string) { f["x-amz-meta-x"] = "1" }, 403},
	} {
		if status, code := s.post(pass, test.key, jpeg("x", test.size).body, test.change); status != test.status {
			t.Errorf("%s: %d %s, want %d", name, status, code, test.status)
		}
	}
	if after := len(s.stored()); after != before {
		t.Errorf("%d objects are stored, %d before", after, before)
	}
	thief := s.connect("cam2")
	report := fmt.Sprintf(`{"id":"mine","objectKey":%q,"size":4}`, pass.KeyPrefix+"boot-12-0.jpg")
	if r := thief.ask("upload-complete", []byte(report)); r.Code != "key-not-allowed" {
		t.Errorf("a neighbour's report: %+v", r)
	}
	for field, code := range map[string]string{`"objectKey":"cam2/photo/2026/11/23/a.jpg"`: "bad-request", `"contentType":"text/html"`: "type-not-allowed", `"metadataNames":["a","a"]`: "metadata-not-allowed"} {
		if r := camera.ask("upload-request", []byte(`{"id":"p","kind":"photo","mode":"pass",`+field+`}`)); r.Code != code || r.Fields != nil {
			t.Errorf("%s: %+v, want %s", field, r, code)
		}
	}
	if r := camera.ask("upload-request", []byte(`{"id":"p","kind":"brief","mode":"pass"}`)); r.Code != "mode-not-allowed" {
		t.Errorf("a kind that offers no pass: %+v", r)
	}
}
