// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"maps"
	"mime/multipart"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"thingpass/broker"
)

func somePass(prefix string) broker.Pass {
	return broker.Pass{
		KeyPrefix:     prefix,
		ContentType:   "image/jpeg",
		MinSize:       2,
		MaxSize:       5000,
		Metadata:      map[string]string{"fw": "1.4.2", "note": `a&b "c" \ $d <e>`},
		MetadataNames: []string{"captured-at"},
		SHA256:        true,
		Now:           time.Now(),
		TTL:           time.Minute,
	}
}

// An upload is what a thing sends by a pass.
type upload struct {
	fields   map[string]string
	filename string
	body     []byte
}

func uploadBy(pass broker.PassGrant, key string, body []byte) upload {
	u := upload{fields: maps.Clone(pass.Fields), filename: "photo", body: body}
	sum := sha256.Sum256(body)
	u.fields["key"] = key
	u.fields["x-amz-checksum-sha256"] = base64.StdEncoding.EncodeToString(sum[:])
	u.fields["x-amz-meta-captured-at"] = "1795424398"
	return u
}

// post sends the form and returns the status and S3's code.
func (s *realS3) post(url string, u upload) (int, string) {
	s.t.Helper()
	var text bytes.Buffer
	w := multipart.NewWriter(&text)
	for name, value := range u.fields {
		if err := w.WriteField(name, value); err != nil {
			s.t.Fatal(err)
		}
	}
	file, err := w.CreateFormFile("file", u.filename)
	if err != nil {
		s.t.Fatal(err)
	}
	file.Write(u.body)
	w.Close()
	resp, err := s.http.Post(url, w.FormDataContentType(), &text)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.outcome(resp)
}

func (s *realS3) pass(p broker.Pass) broker.PassGrant {
	s.t.Helper()
	grant, err := s.bucket.SignPass(s.t.Context(), p)
	if err != nil {
		s.t.Fatal(err)
	}
	return grant
}

func TestRealS3TakesManyObjectsByOnePass(t *testing.T) {
	s := startS3(t)
	pass := s.pass(somePass("cam1/photo/2026/11/23/"))
	for _, id := range []string{"a", "b", "c"} {
		key, body := "cam1/photo/2026/11/23/"+id+".jpg", bytes.Repeat([]byte(id), 100)
		if status, code := s.post(pass.URL, uploadBy(pass, key, body)); status != 204 {
			t.Fatalf("%s: %d %s", key, status, code)
		}
		got, err := s.bucket.Head(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"fw": "1.4.2", "note": `a&b "c" \ $d <e>`, "captured-at": "1795424398"}
		sum := sha256.Sum256(body)
		if got.Size != 100 || got.ContentType != "image/jpeg" || !maps.Equal(got.Metadata, want) || got.SHA256 != base64.StdEncoding.EncodeToString(sum[:]) {
			t.Errorf("%s: stored %+v", key, got)
		}
	}
}

func TestRealS3TakesNothingThatThePassDoesNotSay(t *testing.T) {
	s := startS3(t)
	set := func(name, value string) func(*upload) { return func(u *upload) { u.fields[name] = value } }
	drop := func(name string) func(*upload) { return func(u *upload) { delete(u.fields, name) } }
	body := func(b []byte) func(*upload) {
		return func(u *upload) {
			sum := sha256.Sum256(b)
			u.body, u.fields["x-amz-checksum-sha256"] = b, base64.StdEncoding.EncodeToString(sum[:])
		}
	}
	const key = "cam1/photo/2026/11/23/a.jpg"
	for name, test := range map[string]struct {
		change func(*upload)
		status int
		code   string
	}{
		"a neighbour's prefix":         {set("key", "cam2/photo/2026/11/23/a.jpg"), 403, "AccessDenied"},
		"a look-alike's prefix":        {set("key", "cam10/photo/2026/11/23/a.jpg"), 403, "AccessDenied"},
		"its own, of another kind":     {set("key", "cam1/log/2026/11/23/a.jpg"), 403, "AccessDenied"},
		"its own, of another day":      {set("key", "cam1/photo/2026/11/24/a.jpg"), 403, "AccessDenied"},
		"climbing out":                 {set("key", "cam1/photo/2026/11/23/../../../../../cam2/photo/a.jpg"), 400, "InvalidArgument"},
		"the variable and a climb":     {func(u *upload) { u.fields["key"], u.filename = "${filename}/a.jpg", "cam2" }, 403, "AccessDenied"},
		"larger":                       {body(make([]byte, 5001)), 400, "EntityTooLarge"},
		"smaller":                      {body(make([]byte, 1)), 400, "EntityTooSmall"},
		"another type":                 {set("Content-Type", "text/html"), 403, "AccessDenied"},
		"without a type":               {drop("Content-Type"), 403, "AccessDenied"},
		"other fixed metadata":         {set("x-amz-meta-fw", "9"), 403, "AccessDenied"},
		"without fixed metadata":       {drop("x-amz-meta-fw"), 403, "AccessDenied"},
		"without its own metadata":     {drop("x-amz-meta-captured-at"), 403, "AccessDenied"},
		"metadata that is not allowed": {set("x-amz-meta-rssi", "1"), 403, "AccessDenied"},
		"without a checksum":           {drop("x-amz-checksum-sha256"), 403, "AccessDenied"},
		"a checksum of other bytes":    {set("x-amz-checksum-sha256", sumOfNothing), 400, "BadDigest"},
		"an acl":                       {set("acl", "public-read"), 403, "AccessDenied"},
		"an altered policy":            {func(u *upload) { u.fields["policy"] = alter(u.fields["policy"], "cam1/", "cam2/") }, 403, "SignatureDoesNotMatch"},
		"a policy without end": {func(u *upload) {
			u.fields["policy"] = alter(u.fields["policy"], `"expiration":"20`, `"expiration":"90`)
		}, 403, "SignatureDoesNotMatch"},
		"another date":        {set("x-amz-date", "20261123T090000Z"), 403, "AccessDenied"},
		"without a signature": {drop("x-amz-signature"), 400, "InvalidArgument"},
	} {
		t.Run(name, func(t *testing.T) {
			pass := s.pass(somePass("cam1/photo/2026/11/23/"))
			u := uploadBy(pass, key, []byte("photo"))
			test.change(&u)
			if status, code := s.post(pass.URL, u); status != test.status || code != test.code {
				t.Errorf("got %d %s, want %d %s", status, code, test.status, test.code)
			}
			for _, key := range []string{key, "cam2/photo/a.jpg", u.fields["key"]} {
				if _, err := s.bucket.Head(t.Context(), key); err == nil {
					t.Errorf("%s is stored", key)
				}
			}
		})
	}
	old := somePass("cam1/photo/2026/11/23/")
	old.Now = old.Now.Add(-2 * time.Minute)
	pass := s.pass(old)
	if status, code := s.post(pass.URL, uploadBy(pass, key, []byte("photo"))); status != 403 || code != "AccessDenied" {
		t.Errorf("expired: %d %s", status, code)
	}
	if _, err := s.bucket.Head(t.Context(), key); !errors.Is(err, broker.ErrNotFound) {
		t.Errorf("an expired pass stored: %v", err)
	}
}

func alter(policy, old, new string) string {
	text, err := base64.StdEncoding.DecodeString(policy)
	if err != nil || !bytes.Contains(text, []byte(old)) {
		panic("the test alters nothing")
	}
	return base64.StdEncoding.EncodeToString(bytes.Replace(text, []byte(old), []byte(new), 1))
}

func TestPassTellsAllThatHasToBeSent(t *testing.T) {
	b := open(t, onAWS(fixed(aws.Credentials{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "secret", SessionToken: "token", CanExpire: true, Expires: time.Now().Add(5 * time.Minute)})))
	p := somePass("cam1/photo/")
	p.TTL = time.Hour
	got, err := b.SignPass(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if got.URL != "https://photos.s3.eu-central-1.amazonaws.com/" {
		t.Errorf("URL %s", got.URL)
	}
	for name, want := range map[string]string{"Content-Type": "image/jpeg", "x-amz-meta-fw": "1.4.2", "x-amz-algorithm": "AWS4-HMAC-SHA256", "x-amz-security-token": "token"} {
		if got.Fields[name] != want {
			t.Errorf("%s is %q, want %q", name, got.Fields[name], want)
		}
	}
	if len(got.Fields) != 9 { // and x-amz-meta-note, policy, credential, date, signature
		t.Errorf("%d fields: %v", len(got.Fields), got.Fields)
	}
	if left := time.Until(got.Expires); left > 5*time.Minute {
		t.Errorf("it outlives the credentials: %v", left)
	}
	again, err := b.SignPass(t.Context(), p)
	if err != nil || !maps.Equal(got.Fields, again.Fields) {
		t.Errorf("the same pass has other bytes: %v", err)
	}
	p.KeyPrefix = "cam1"
	if got, err := b.SignPass(t.Context(), p); err == nil || got.Fields != nil || !strings.Contains(err.Error(), "slash") {
		t.Errorf("half a name was signed: %v", err)
	}
}
