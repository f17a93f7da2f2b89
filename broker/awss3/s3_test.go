// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"maps"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"thingpass/broker"
	"thingpass/broker/awss3"
	"thingpass/broker/devstack"
	"thingpass/certs"
)

// realS3 is a server that verifies what S3 verifies, and a bucket on it.
type realS3 struct {
	t      *testing.T
	config awss3.Config
	bucket *awss3.Bucket
	http   *http.Client
}

func startS3(t *testing.T, change ...func(*devstack.S3Options)) *realS3 {
	t.Helper()
	ca, err := certs.NewCA("test CA")
	if err != nil {
		t.Fatal(err)
	}
	server, err := ca.Server([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	key := devstack.NewAccessKey()
	o := devstack.S3Options{
		Dir: filepath.Join(t.TempDir(), "s3"), Bucket: "photos", Certificate: server.TLSCertificate(), AccessKey: key}
	for _, f := range change {
		f(&o)
	}
	s, err := devstack.StartS3(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	c := awss3.Config{
		Endpoint:    "https://" + s.Addr().String(),
		Region:      devstack.DefaultRegion,
		Bucket:      "photos",
		PathStyle:   true,
		RootCAs:     ca.Pool(),
		Credentials: fixed(aws.Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret}),
		GrantTTL:    15 * time.Minute,
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.Pool()}}
	t.Cleanup(transport.CloseIdleConnections)
	return &realS3{t, c, open(t, c), &http.Client{Transport: transport}}
}

// put sends body as a thing does, with the grant's headers changed as told, and
// returns the status and S3's code.
func (s *realS3) put(grant broker.Grant, body []byte, changed map[string]string) (int, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPut, grant.URL, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	headers := maps.Clone(grant.Headers)
	maps.Copy(headers, changed)
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	resp, err := s.http.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.outcome(resp)
}

// outcome is the status of an answer and S3's code for what went wrong, or "".
func (s *realS3) outcome(resp *http.Response) (status int, code string) {
	s.t.Helper()
	defer resp.Body.Close()
	var fault struct{ Code string }
	if resp.StatusCode >= 300 {
		if err := xml.NewDecoder(resp.Body).Decode(&fault); err != nil {
			s.t.Fatalf("%d with a body that is no S3 error: %v", resp.StatusCode, err)
		}
	}
	return resp.StatusCode, fault.Code
}

func (s *realS3) sign(put broker.Put) broker.Grant {
	s.t.Helper()
	grant, err := s.bucket.SignPut(s.t.Context(), put)
	if err != nil {
		s.t.Fatal(err)
	}
	return grant
}

func picture(key string) (broker.Put, []byte) {
	body := bytes.Repeat([]byte("\xff\xd8"+key), 1000)
	sum := sha256.Sum256(body)
	return broker.Put{
		Key:         key,
		ContentType: "image/jpeg",
		Size:        int64(len(body)),
		SHA256:      base64.StdEncoding.EncodeToString(sum[:]),
		Metadata:    map[string]string{"fw": "1.4.2", "captured-at": "1795424398"},
		Now:         time.Now(),
		TTL:         time.Minute,
	}, body
}

func TestRealS3TakesWhatWasGrantedAndNothingElse(t *testing.T) {
	s := startS3(t)
	for name, test := range map[string]struct {
		change  func(put broker.Put, body []byte) (broker.Put, []byte)
		headers map[string]string
		status  int
		code    string
	}{
		"as granted":         {nil, nil, 200, ""},
		"longer":             {func(p broker.Put, b []byte) (broker.Put, []byte) { return p, append(b, 'x') }, nil, 403, "SignatureDoesNotMatch"},
		"shorter":            {func(p broker.Put, b []byte) (broker.Put, []byte) { return p, b[1:] }, nil, 403, "SignatureDoesNotMatch"},
		"other bytes":        {func(p broker.Put, b []byte) (broker.Put, []byte) { b[0]++; return p, b }, nil, 400, "BadDigest"},
		"another type":       {nil, map[string]string{"Content-Type": "text/html"}, 403, "SignatureDoesNotMatch"},
		"another name of it": {nil, map[string]string{"x-amz-meta-fw": "9"}, 403, "SignatureDoesNotMatch"},
		"expired": {func(p broker.Put, b []byte) (broker.Put, []byte) {
			p.Now = p.Now.Add(-2 * time.Minute)
			return p, b
		}, nil, 403, "AccessDenied"},
	} {
		t.Run(name, func(t *testing.T) {
			put, body := picture("cam1/photo/" + filepath.Base(t.Name()) + ".jpg")
			if test.change != nil {
				put, body = test.change(put, body)
			}
			status, code := s.put(s.sign(put), body, test.headers)
			if status != test.status || code != test.code {
				t.Errorf("got %d %s, want %d %s", status, code, test.status, test.code)
			}
			_, err := s.bucket.Head(t.Context(), put.Key)
			if absent := errors.Is(err, broker.ErrNotFound); absent != (test.status != 200) {
				t.Errorf("head: %v", err)
			}
		})
	}
}

func TestRealS3KeepsTheFirstUpload(t *testing.T) {
	s := startS3(t)
	first, body := picture("cam1/photo/a.jpg")
	if status, code := s.put(s.sign(first), body, nil); status != 200 {
		t.Fatalf("first: %d %s", status, code)
	}
	if status, code := s.put(s.sign(first), body, nil); status != 412 || code != "PreconditionFailed" {
		t.Errorf("second: %d %s", status, code)
	}
	second, other := picture("cam1/photo/b.jpg")
	second.Key = first.Key
	if status, code := s.put(s.sign(second), other, nil); status != 412 || code != "PreconditionFailed" {
		t.Errorf("other bytes: %d %s", status, code)
	}
	got, err := s.bucket.Head(t.Context(), first.Key)
	if err != nil || got.SHA256 != first.SHA256 {
		t.Errorf("stored: %+v, %v", got, err)
	}
}

func TestHeadOfRealS3TellsAllThatWasSigned(t *testing.T) {
	s := startS3(t)
	for _, key := range []string{"cam1/photo/2026/11/23/a.jpg", "Room:7_b-c/photo/x y+z=&~!'()*%41.jpg"} {
		put, body := picture(key)
		if status, code := s.put(s.sign(put), body, nil); status != 200 {
			t.Fatalf("%s: %d %s", key, status, code)
		}
		got, err := s.bucket.Head(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if got.Size != put.Size || got.ContentType != put.ContentType || got.SHA256 != put.SHA256 || got.ETag == "" || !maps.Equal(got.Metadata, put.Metadata) {
			t.Errorf("%s: got %+v, want %+v", key, got, put)
		}
	}
}

func TestProbeOfRealS3StoresNothing(t *testing.T) {
	s := startS3(t)
	for range 2 {
		for _, f := range s.bucket.Probe(t.Context()) {
			if f.Level != awss3.OK {
				t.Errorf("%s: %s: %s", f.Subject, f.Level, f.Text)
			}
		}
	}
	if _, err := s.bucket.Head(t.Context(), "thingpass-check/never-stored"); !errors.Is(err, broker.ErrNotFound) {
		t.Errorf("the probe's object: %v", err)
	}
}

func TestHeadOfRealS3WithAWrongSecretIsNoAnswer(t *testing.T) {
	s := startS3(t)
	s.config.Credentials = fixed(aws.Credentials{AccessKeyID: "AKIAUNKNOWN", SecretAccessKey: "secret"})
	if _, err := open(t, s.config).Head(t.Context(), "cam1/photo/a.jpg"); err == nil || errors.Is(err, broker.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}
