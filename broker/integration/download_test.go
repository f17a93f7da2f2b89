// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/eclipse/paho.golang/paho"
)

// publishFile puts something there to fetch, as an operator does.
func (s *stack) publishFile(key string, body []byte) {
	s.tb.Helper()
	var access struct{ AccessKeyID, SecretAccessKey string }
	text, err := os.ReadFile(s.ready.S3.KeyFile)
	if err == nil {
		err = json.Unmarshal(text, &access)
	}
	if err != nil {
		s.tb.Fatal(err)
	}
	client := s3.New(s3.Options{Region: s.ready.S3.Region, BaseEndpoint: aws.String(s.ready.S3.Endpoint), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(access.AccessKeyID, access.SecretAccessKey, ""), HTTPClient: s.s3Client()})
	if _, err := client.PutObject(s.tb.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String(key), Body: bytes.NewReader(body),
		ContentType: aws.String("application/octet-stream"), Metadata: map[string]string{"sha256": sum(body)}}); err != nil {
		s.tb.Fatal(err)
	}
}

// fetch downloads as the grant says, from the byte first on.
func (s *stack) fetch(g grant, first int) (int, []byte) {
	s.tb.Helper()
	req, err := http.NewRequestWithContext(s.tb.Context(), http.MethodGet, g.DownloadURL, nil)
	if err != nil {
		s.tb.Fatal(err)
	}
	for name, value := range g.Headers {
		req.Header.Set(name, value)
	}
	if first > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", first))
	}
	return s.do(req)
}

// TestThingFetchesItsFirmware is an update that breaks off, goes on, and is
// overtaken by the next one.
func TestThingFetchesItsFirmware(t *testing.T) {
	s := newStack(t)
	first, second := bytes.Repeat([]byte("one!"), 50_000), bytes.Repeat([]byte("two!"), 50_000)
	s.publishFile("firmware/cams/latest.bin", first)
	s.publishFile("firmware/bells/latest.bin", []byte("for bells"))
	camera := s.connect("cam1")
	g := camera.ask("download-request", []byte(`{"id":"g1","kind":"firmware"}`))
	if g.Status != "success" || g.Mode != "get" || g.ObjectKey != "firmware/cams/latest.bin" || g.Size != int64(len(first)) || g.SHA256 != sum(first) {
		t.Fatalf("no grant: %+v", g)
	}
	if status, body := s.fetch(g, 0); status != http.StatusOK || sum(body) != g.SHA256 {
		t.Errorf("whole: %d with %d bytes", status, len(body))
	}
	if status, rest := s.fetch(g, 123_456); status != http.StatusPartialContent || !bytes.Equal(rest, first[123_456:]) {
		t.Errorf("the rest: %d with %d bytes", status, len(rest))
	}
	if r := camera.ask("download-request", []byte(`{"id":"g2","kind":"firmware","etag":`+quote(g.ETag)+`}`)); !r.Unchanged || r.DownloadURL != "" {
		t.Errorf("it has it already: %+v", r)
	}
	s.publishFile("firmware/cams/latest.bin", second)
	if status, body := s.fetch(g, 123_456); status != http.StatusPreconditionFailed || bytes.Contains(body, []byte("two!")) {
		t.Errorf("after the next update: %d with %d bytes", status, len(body))
	}
	again := camera.ask("download-request", []byte(`{"id":"g3","kind":"firmware","sha256":"`+sum(first)+`"}`))
	if again.Unchanged || again.ETag == g.ETag {
		t.Errorf("the next update: %+v", again)
	}
	if status, body := s.fetch(again, 0); status != http.StatusOK || !bytes.Equal(body, second) {
		t.Errorf("the next update: %d with %d bytes", status, len(body))
	}
	s.downloadsHaveLimits(t, camera)
}

// downloadsHaveLimits tries what is others' to fetch.
func (s *stack) downloadsHaveLimits(t *testing.T, camera *device) {
	other := s.connect("cam2")
	photo := jpeg("mine", 1000)
	g := other.granted(photo, true)
	if status, code := s.put(g, photo.body, nil); status != http.StatusOK {
		t.Fatalf("PUT: %d %s", status, code)
	}
	own := `{"id":"g4","kind":"photo","objectKey":` + quote(g.ObjectKey) + `}`
	mine := other.ask("download-request", []byte(own))
	if status, body := s.fetch(mine, 0); status != http.StatusOK || !bytes.Equal(body, photo.body) {
		t.Errorf("its own photo: %d with %d bytes, %+v", status, len(body), mine)
	}
	stranger, named := s.connect("cam9"), s.connect("firmware")
	for name, test := range map[string]struct {
		from    *device
		request string
		code    string
	}{
		"a neighbour's photo":       {camera, own, "key-not-allowed"},
		"firmware of another group": {camera, `{"id":"g","kind":"firmware","group":"bells"}`, "key-not-allowed"},
		"a name that climbs":        {camera, `{"id":"g","kind":"firmware","name":"../bells/latest"}`, "bad-request"},
		"nothing there":             {camera, `{"id":"g","kind":"firmware","name":"9.9.9"}`, "not-found"},
		"a kind for uploads only":   {camera, `{"id":"g","kind":"brief","objectKey":"cam1/brief/a.jpg"}`, "mode-not-allowed"},
		"a thing in no group":       {stranger, `{"id":"g","kind":"firmware"}`, "key-not-allowed"},
		"a thing called firmware":   {named, `{"id":"g","kind":"photo","objectKey":"firmware/cams/latest.bin"}`, "key-not-allowed"},
	} {
		if r := test.from.ask("download-request", []byte(test.request)); r.Code != test.code || r.DownloadURL != "" {
			t.Errorf("%s: %+v, want %s", name, r, test.code)
		}
	}
	if r := named.ask("upload-request", photo.request(true)); r.Code != "key-not-allowed" {
		t.Errorf("a thing called firmware may store: %+v", r)
	}
	if code := other.publish(&paho.Publish{Topic: "thingpass/cam1/download-request", Payload: []byte(own)}); code != 0x87 {
		t.Errorf("publishing on a neighbour's topic: 0x%x, want 0x87 (not authorized)", code)
	}
}
