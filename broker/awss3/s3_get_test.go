// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3_test

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"thingpass/broker"
	"thingpass/broker/devstack"
)

// store puts an object there as an operator does, over what is there.
func (s *realS3) store(key string, body []byte, metadata map[string]string) {
	s.t.Helper()
	_, err := s.operator().PutObject(s.t.Context(), &s3.PutObjectInput{Bucket: aws.String("photos"), Key: aws.String(key),
		Body: bytes.NewReader(body), Metadata: metadata, ContentType: aws.String("application/octet-stream")})
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *realS3) operator() *s3.Client {
	key, err := s.config.Credentials.Retrieve(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return s3.New(s3.Options{Region: devstack.DefaultRegion, BaseEndpoint: aws.String(s.config.Endpoint), UsePathStyle: true,
		Credentials: credentials.StaticCredentialsProvider{Value: key}, HTTPClient: s.http})
}

// grantGet signs for what is there now.
func (s *realS3) grantGet(key string) broker.Grant {
	s.t.Helper()
	found, err := s.bucket.Head(s.t.Context(), key)
	if err != nil {
		s.t.Fatal(err)
	}
	grant, err := s.bucket.SignGet(s.t.Context(), broker.Get{Key: key, VersionID: found.VersionID, ETag: found.ETag, Now: time.Now(), TTL: time.Minute})
	if err != nil {
		s.t.Fatal(err)
	}
	return grant
}

func (s *realS3) get(grant broker.Grant, change func(*http.Request)) (int, []byte) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, grant.URL, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for name, value := range grant.Headers {
		req.Header.Set(name, value)
	}
	if change != nil {
		change(req)
	}
	resp, err := s.http.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, body
}

func from(first string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Range", "bytes="+first+"-") }
}

func TestRealS3GoesOnWithADownloadUntilTheObjectChanges(t *testing.T) {
	s := startS3(t)
	const key = "firmware/cams/latest.bin"
	first, second := bytes.Repeat([]byte("one "), 1000), bytes.Repeat([]byte("two "), 1000)
	s.store(key, first, map[string]string{"version": "1"})
	grant := s.grantGet(key)
	if grant.Headers["If-Match"] == "" || strings.Contains(grant.URL, "versionId") {
		t.Errorf("pinned by %v", grant.Headers)
	}
	if status, body := s.get(grant, nil); status != 200 || !bytes.Equal(body, first) {
		t.Errorf("whole: %d with %d bytes", status, len(body))
	}
	if status, body := s.get(grant, from("1000")); status != 206 || !bytes.Equal(body, first[1000:]) {
		t.Errorf("the rest: %d with %d bytes", status, len(body))
	}
	if status, _ := s.get(grant, from("4000")); status != 416 {
		t.Errorf("beyond the end: %d", status)
	}
	s.store(key, second, nil)
	for _, change := range []func(*http.Request){nil, from("1000")} {
		if status, body := s.get(grant, change); status != 412 || bytes.Contains(body, []byte("two ")) {
			t.Errorf("after a change: %d with %q", status, body)
		}
	}
	if status, body := s.get(s.grantGet(key), from("1000")); status != 206 || !bytes.Equal(body, second[1000:]) {
		t.Errorf("asked again: %d with %d bytes", status, len(body))
	}
}

func TestRealS3GivesNothingBesideTheDownload(t *testing.T) {
	s := startS3(t)
	for _, key := range []string{"firmware/cams/latest.bin", "firmware/beta/latest.bin", "cam2/log/a.txt"} {
		s.store(key, []byte("secret of "+key), nil)
	}
	grant := s.grantGet("firmware/cams/latest.bin")
	path := func(old, new string) func(*http.Request) {
		return func(r *http.Request) { r.URL.Path = strings.Replace(r.URL.Path, old, new, 1) }
	}
	for name, change := range map[string]func(*http.Request){
		"another group's":        path("cams", "beta"),
		"a neighbour's":          path("firmware/cams/latest.bin", "cam2/log/a.txt"),
		"the list of the bucket": path("firmware/cams/latest.bin", ""),
		"any version":            func(r *http.Request) { r.Header.Del("If-Match") },
		"another version":        func(r *http.Request) { r.Header.Set("If-Match", "*") },
		"a version in the query": func(r *http.Request) { r.URL.RawQuery += "&versionId=1" },
		"a longer life": func(r *http.Request) {
			r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "X-Amz-Expires=60", "X-Amz-Expires=600", 1)
		},
		"an upload": func(r *http.Request) { r.Method = http.MethodPut; r.Body = http.NoBody },
		"deletion":  func(r *http.Request) { r.Method = http.MethodDelete },
	} {
		if status, body := s.get(grant, change); status < 400 || bytes.Contains(body, []byte("secret")) {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	old, err := s.bucket.SignGet(t.Context(), broker.Get{Key: "firmware/cams/latest.bin", ETag: grant.Headers["If-Match"], Now: time.Now().Add(-2 * time.Minute), TTL: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if status, body := s.get(old, nil); status != 403 || bytes.Contains(body, []byte("secret")) {
		t.Errorf("expired: %d %s", status, body)
	}
}

func TestRealS3GoesOnWithAVersionThatWasOverwritten(t *testing.T) {
	s := startS3(t, func(o *devstack.S3Options) { o.VersionsDir = filepath.Join(filepath.Dir(o.Dir), "versions") })
	_, err := s.operator().PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: aws.String("photos"),
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}})
	if err != nil {
		t.Fatal(err)
	}
	const key = "firmware/cams/latest.bin"
	first, second := bytes.Repeat([]byte("one "), 1000), bytes.Repeat([]byte("two "), 1000)
	s.store(key, first, nil)
	grant := s.grantGet(key)
	if len(grant.Headers) != 0 || !strings.Contains(grant.URL, "versionId=") {
		t.Fatalf("not pinned by its version: %v", grant.Headers)
	}
	s.store(key, second, nil)
	if status, body := s.get(grant, from("1000")); status != 206 || !bytes.Equal(body, first[1000:]) {
		t.Errorf("after a change: %d with %.20q", status, body)
	}
	if status, body := s.get(s.grantGet(key), nil); status != 200 || !bytes.Equal(body, second) {
		t.Errorf("asked again: %d with %.20q", status, body)
	}
}

func TestDownloadIsPinnedOrNotSigned(t *testing.T) {
	b := open(t, onAWS(fixed(aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"})))
	for name, test := range map[string]struct {
		get     broker.Get
		signed  string
		version string
		headers map[string]string
	}{
		"by ETag":    {broker.Get{Key: "a/b", ETag: `"5d41"`}, "host;if-match", "", map[string]string{"If-Match": `"5d41"`}},
		"by version": {broker.Get{Key: "a/b", ETag: `"5d41"`, VersionID: "v/1+=&"}, "host", "v/1+=&", nil},
	} {
		test.get.Now, test.get.TTL = time.Now(), time.Minute
		got, err := b.SignGet(t.Context(), test.get)
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(got.URL)
		if err != nil {
			t.Fatal(err)
		}
		if q := u.Query(); q.Get("X-Amz-SignedHeaders") != test.signed || q.Get("versionId") != test.version || !maps.Equal(got.Headers, test.headers) {
			t.Errorf("%s: %s, %v", name, got.URL, got.Headers)
		}
	}
	if got, err := b.SignGet(t.Context(), broker.Get{Key: "a/b", Now: time.Now(), TTL: time.Minute}); err == nil || got.URL != "" {
		t.Errorf("any version was signed: %v", got)
	}
}

func TestHeadTellsVersionAndChecksums(t *testing.T) {
	for name, test := range map[string]struct {
		headers map[string]string
		want    broker.Object
	}{
		"all": {map[string]string{"ETag": `"25F9E794323B453885F5181F1B624D0B"`, "x-amz-version-id": "v1", "x-amz-checksum-crc32": "y/Q5Jg==",
			"x-amz-checksum-crc64nvme": "rosUhgqIlpE=", "x-amz-checksum-type": "FULL_OBJECT", "x-amz-server-side-encryption": "AES256"},
			broker.Object{MD5: "25f9e794323b453885f5181f1b624d0b", VersionID: "v1", CRC32: "y/Q5Jg==", CRC64NVME: "rosUhgqIlpE="}},
		"versions are switched off": {map[string]string{"x-amz-version-id": "null"}, broker.Object{}},
		"of parts": {map[string]string{"ETag": `"25f9e794323b453885f5181f1b624d0b-2"`, "x-amz-checksum-crc32": "y/Q5Jg==-2",
			"x-amz-checksum-type": "COMPOSITE"}, broker.Object{}},
		"a CRC of parts that looks whole":          {map[string]string{"x-amz-checksum-crc64nvme": "rosUhgqIlpE=", "x-amz-checksum-type": "COMPOSITE"}, broker.Object{}},
		"of another length":                        {map[string]string{"x-amz-checksum-crc32": "rosUhgqIlpE=", "x-amz-checksum-crc64nvme": "y/Q5Jg=="}, broker.Object{}},
		"encrypted with KMS, the ETag is no MD5":   {map[string]string{"ETag": `"25f9e794323b453885f5181f1b624d0b"`, "x-amz-server-side-encryption": "aws:kms"}, broker.Object{}},
		"encrypted with the thing's key, likewise": {map[string]string{"ETag": `"25f9e794323b453885f5181f1b624d0b"`, "x-amz-server-side-encryption-customer-algorithm": "AES256"}, broker.Object{}},
	} {
		f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			for name, value := range test.headers {
				w.Header().Set(name, value)
			}
		})
		got, err := open(t, f.config()).Head(t.Context(), testKey)
		if err != nil || got.MD5 != test.want.MD5 || got.VersionID != test.want.VersionID || got.CRC32 != test.want.CRC32 || got.CRC64NVME != test.want.CRC64NVME {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}
