// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/encoding/httpbinding"

	"thingpass/broker/devstack"
)

const bucket = "photos"

// testS3 is a running S3 and a client that trusts it.
type testS3 struct {
	*devstack.S3
	t    testing.TB
	dir  string
	key  devstack.AccessKey
	ca   *authority
	http *http.Client
	now  func() time.Time
}

func startS3(t testing.TB, change ...func(*devstack.S3Options)) *testS3 {
	t.Helper()
	ca := newAuthority(t)
	o := devstack.S3Options{
		Dir:         filepath.Join(t.TempDir(), "s3"),
		Bucket:      bucket,
		Certificate: ca.server(t),
		AccessKey:   devstack.NewAccessKey(),
	}
	for _, f := range change {
		f(&o)
	}
	s, err := devstack.StartS3(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	out := &testS3{S3: s, t: t, dir: o.Dir, key: o.AccessKey, ca: ca, now: time.Now}
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: ca.pool()},
		// buckets are hosts too: every name is this server
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", s.Addr().String())
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	out.http = &http.Client{Transport: transport}
	return out
}

func (s *testS3) endpoint() string { return "https://" + s.Addr().String() }

func (s *testS3) credentials() aws.Credentials {
	return aws.Credentials{AccessKeyID: s.key.ID, SecretAccessKey: s.key.Secret}
}

// sdk is the official client.
func (s *testS3) sdk() *s3.Client {
	return s3.New(s3.Options{
		Region:       devstack.DefaultRegion,
		BaseEndpoint: aws.String(s.endpoint()),
		UsePathStyle: true,
		Credentials:  credentials.StaticCredentialsProvider{Value: s.credentials()},
		HTTPClient:   s.http,
	})
}

// request is a presigned request under construction.
type request struct {
	method  string
	url     string // without the signature
	header  map[string]string
	body    []byte
	length  int64 // signed Content-Length; 0 means that of the body, -1 none
	expires int   // seconds
	region  string
	key     aws.Credentials
	at      time.Time
}

func (s *testS3) objectURL(key string) string {
	return s.endpoint() + "/" + bucket + "/" + httpbinding.EscapePath(key, false)
}

func (s *testS3) put(key string, body []byte) request {
	return request{method: "PUT", url: s.objectURL(key), body: body}
}

func (s *testS3) get(key string) request { return request{method: "GET", url: s.objectURL(key)} }

// presign signs r by the official signer, with every header under the signature.
func (s *testS3) presign(r request) *http.Request {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), r.method, r.url, bytes.NewReader(r.body))
	if err != nil {
		s.t.Fatal(err)
	}
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	query := req.URL.Query()
	query.Set("X-Amz-Expires", strconv.Itoa(or(r.expires, 300)))
	req.URL.RawQuery = query.Encode()
	switch {
	case r.length > 0:
		req.ContentLength = r.length
	case r.length < 0:
		req.ContentLength = 0
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) {
		o.DisableURIPathEscaping = true
		o.DisableHeaderHoisting = true
	})
	signed, header, err := signer.PresignHTTP(s.t.Context(), or(r.key, s.credentials()), req,
		"UNSIGNED-PAYLOAD", "s3", or(r.region, devstack.DefaultRegion), or(r.at, s.now()))
	if err != nil {
		s.t.Fatal(err)
	}
	out, err := http.NewRequestWithContext(s.t.Context(), r.method, signed, bytes.NewReader(r.body))
	if err != nil {
		s.t.Fatal(err)
	}
	out.Header = header.Clone()
	out.Header.Del("Host")
	out.Header.Del("Content-Length")
	return out
}

// reply is what came back.
type reply struct {
	status int
	code   string // of S3's XML error
	header http.Header
	body   []byte
}

func (r reply) String() string { return fmt.Sprintf("%d %s", r.status, r.code) }

func (s *testS3) do(req *http.Request) reply {
	s.t.Helper()
	response, err := s.http.Do(req)
	if err != nil {
		s.t.Fatalf("%s %s: %v", req.Method, req.URL.Path, err)
	}
	return readReply(s.t, response)
}

func readReply(t testing.TB, response *http.Response) reply {
	t.Helper()
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var failure struct{ Code string }
	if response.StatusCode >= 300 && len(body) > 0 {
		if err := xml.Unmarshal(body, &failure); err != nil {
			t.Fatalf("%d with a body that is no S3 error: %q", response.StatusCode, body)
		}
	}
	return reply{response.StatusCode, failure.Code, response.Header, body}
}

// absent fails if the key holds an object, or any file is where it would be.
func (s *testS3) absent(key string) {
	s.t.Helper()
	if got := s.do(s.presign(request{method: "HEAD", url: s.objectURL(key)})); got.status != 404 {
		s.t.Errorf("HEAD %s: %d, want 404", key, got.status)
	}
	if _, err := os.Stat(filepath.Join(s.dir, bucket, key)); err == nil {
		s.t.Errorf("a file exists for %s", key)
	}
}

// holds fails unless the key's object, and its plain file, have these bytes.
func (s *testS3) holds(key string, want []byte) {
	s.t.Helper()
	got := s.do(s.presign(s.get(key)))
	if got.status != 200 || !bytes.Equal(got.body, want) {
		s.t.Errorf("GET %s: %v with %d bytes, want 200 with %d", key, got, len(got.body), len(want))
	}
	file, err := os.ReadFile(filepath.Join(s.dir, bucket, key))
	if err != nil || !bytes.Equal(file, want) {
		s.t.Errorf("file of %s: %d bytes (%v), want %d", key, len(file), err, len(want))
	}
}

func want(t testing.TB, what string, got reply, status int, code string) {
	t.Helper()
	if got.status != status || got.code != code {
		t.Errorf("%s: got %v, want %d %s", what, got, status, code)
	}
}

func sum(b []byte) string {
	digest := sha256.Sum256(b)
	return base64.StdEncoding.EncodeToString(digest[:])
}

func or[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

// photo is n bytes that look like no other photo's.
func photo(n int, seed string) []byte {
	return []byte(strings.Repeat(seed+"\xff\xd8", n/(len(seed)+2)+1)[:n])
}
