// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Each probe is an upload that S3 refuses. Nothing may be stored by it.
func TestAlteredUploadIsRefused(t *testing.T) {
	s := startS3(t)
	body := photo(5000, "good")
	full := map[string]string{
		"Content-Type":          "image/jpeg",
		"If-None-Match":         "*",
		"X-Amz-Checksum-Sha256": sum(body),
		"X-Amz-Meta-Fw":         "1.4.2",
	}
	setHeader := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	dropHeader := func(name string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Del(name) }
	}
	inQuery := func(old, new string) func(*http.Request) {
		return func(r *http.Request) {
			if !strings.Contains(r.URL.RawQuery, old) {
				t.Fatalf("no %q in the query", old)
			}
			r.URL.RawQuery = strings.Replace(r.URL.RawQuery, old, new, 1)
		}
	}
	withBody := func(b []byte) func(*http.Request) {
		return func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
		}
	}
	for _, probe := range []struct {
		name   string
		alter  func(*http.Request)
		status int
		code   string
	}{
		{"an unsigned x-amz-meta header", setHeader("X-Amz-Meta-Extra", "1"), 403, "AccessDenied"},
		{"an unsigned x-amz-acl header", setHeader("X-Amz-Acl", "public-read"), 403, "AccessDenied"},
		{"an unsigned x-amz-copy-source header", setHeader("X-Amz-Copy-Source", "/photos/other"), 403, "AccessDenied"},
		{"another content type", setHeader("Content-Type", "text/html"), 403, "SignatureDoesNotMatch"},
		{"another value of metadata", setHeader("X-Amz-Meta-Fw", "6.6.6"), 403, "SignatureDoesNotMatch"},
		{"another checksum", setHeader("X-Amz-Checksum-Sha256", sum([]byte("x"))), 403, "SignatureDoesNotMatch"},
		{"metadata dropped", dropHeader("X-Amz-Meta-Fw"), 403, "SignatureDoesNotMatch"},
		{"the checksum dropped", dropHeader("X-Amz-Checksum-Sha256"), 403, "SignatureDoesNotMatch"},
		{"If-None-Match dropped", dropHeader("If-None-Match"), 403, "SignatureDoesNotMatch"},
		{"the content type dropped", dropHeader("Content-Type"), 403, "SignatureDoesNotMatch"},
		{"one byte more", withBody(append(bytes.Clone(body), 'x')), 403, "SignatureDoesNotMatch"},
		{"one byte less", withBody(body[:len(body)-1]), 403, "SignatureDoesNotMatch"},
		{"other bytes of the same length", withBody(photo(5000, "evil")), 400, "BadDigest"},
		{"another key", func(r *http.Request) { r.URL.Path = "/photos/cam2/x.jpg" }, 403, "SignatureDoesNotMatch"},
		{"another bucket", func(r *http.Request) { r.URL.Path = "/others/cam1/x.jpg" }, 403, "SignatureDoesNotMatch"},
		{"a longer life", inQuery("X-Amz-Expires=300", "X-Amz-Expires=3000"), 403, "SignatureDoesNotMatch"},
		{"a life of more than a week", inQuery("X-Amz-Expires=300", "X-Amz-Expires=604801"), 400, "AuthorizationQueryParametersError"},
		{"no life", inQuery("X-Amz-Expires=300", "X=300"), 400, "AuthorizationQueryParametersError"},
		{"another signature", inQuery("X-Amz-Signature=", "X-Amz-Signature=0"), 403, "SignatureDoesNotMatch"},
		{"an extra query parameter", inQuery("X-Amz-Expires", "a=b&X-Amz-Expires"), 403, "SignatureDoesNotMatch"},
		{"no signature at all", func(r *http.Request) { r.URL.RawQuery = "" }, 403, "AccessDenied"},
		{"another access key", inQuery("AKIA", "AKIB"), 403, "InvalidAccessKeyId"},
		{"DELETE instead", func(r *http.Request) { r.Method = "DELETE" }, 403, "SignatureDoesNotMatch"},
		{"POST instead", func(r *http.Request) { r.Method = "POST" }, 405, "MethodNotAllowed"},
		{"a bogus session token", inQuery("X-Amz-Expires", "X-Amz-Security-Token=x&X-Amz-Expires"), 400, "InvalidToken"},
		{"another host name", func(r *http.Request) { r.Host = "localhost" }, 403, "SignatureDoesNotMatch"},
	} {
		t.Run(probe.name, func(t *testing.T) {
			r := s.put("cam1/x.jpg", body)
			r.header = full
			req := s.presign(r)
			probe.alter(req)
			got := s.do(req)
			want(t, req.Method, got, probe.status, probe.code)
			s.absent("cam1/x.jpg")
			s.absent("cam2/x.jpg")
		})
	}
	r := s.put("cam1/x.jpg", body)
	r.header = full
	want(t, "the same upload, unaltered", s.do(s.presign(r)), 200, "")
	s.holds("cam1/x.jpg", body)
}

func TestSignatureOutsideItsTimeOrPlaceIsRefused(t *testing.T) {
	s := startS3(t)
	body := photo(100, "t")
	for _, probe := range []struct {
		name   string
		change func(*request)
		status int
		code   string
	}{
		{"expired", func(r *request) { r.at = time.Now().Add(-10 * time.Minute) }, 403, "AccessDenied"},
		{"dated in an hour", func(r *request) { r.at = time.Now().Add(time.Hour); r.expires = 7200 }, 403, "AccessDenied"},
		{"dated in 16 minutes", func(r *request) { r.at = time.Now().Add(16 * time.Minute) }, 403, "AccessDenied"},
		{"another region", func(r *request) { r.region = "eu-west-1" }, 400, "AuthorizationQueryParametersError"},
		{"another secret", func(r *request) {
			r.key = aws.Credentials{AccessKeyID: s.key.ID, SecretAccessKey: "guess"}
		}, 403, "SignatureDoesNotMatch"},
		{"an unknown key", func(r *request) {
			r.key = aws.Credentials{AccessKeyID: "AKIAUNKNOWNUNKNOWN00", SecretAccessKey: "guess"}
		}, 403, "InvalidAccessKeyId"},
		{"a session that was never given", func(r *request) {
			r.key = aws.Credentials{AccessKeyID: "ASIAUNKNOWNUNKNOWN00", SecretAccessKey: "guess", SessionToken: "guess"}
		}, 400, "InvalidToken"},
	} {
		t.Run(probe.name, func(t *testing.T) {
			r := s.put("cam1/t.jpg", body)
			probe.change(&r)
			want(t, "PUT", s.do(s.presign(r)), probe.status, probe.code)
			s.absent("cam1/t.jpg")
		})
	}
	r := s.put("cam1/t.jpg", body)
	r.at = time.Now().Add(14 * time.Minute) // a broker's clock may be a little fast
	want(t, "dated in 14 minutes", s.do(s.presign(r)), 200, "")
}

func TestGetURLIsGoodForGetOnly(t *testing.T) {
	s := startS3(t)
	body := photo(100, "g")
	want(t, "PUT", s.do(s.presign(s.put("cam1/g.jpg", body))), 200, "")
	for _, method := range []string{"PUT", "DELETE", "HEAD"} {
		req := s.presign(s.get("cam1/g.jpg"))
		req.Method = method
		got := s.do(req)
		if got.status != 403 {
			t.Errorf("%s by a GET URL: %v, want 403", method, got)
		}
	}
	s.holds("cam1/g.jpg", body)
	list := s.presign(request{method: "GET", url: s.endpoint() + "/" + bucket})
	list.URL.Path = "/"
	if got := s.do(list); got.status != 403 {
		t.Errorf("the list of buckets by the URL of one: %v, want 403", got)
	}
}

func TestNobodyReadsWithoutSignature(t *testing.T) {
	s := startS3(t)
	want(t, "PUT", s.do(s.presign(s.put("cam1/secret.jpg", photo(100, "s")))), 200, "")
	for _, path := range []string{"/", "/photos", "/photos/", "/photos?list-type=2", "/photos/cam1/secret.jpg", "/photos?acl", "/photos?policy"} {
		req, err := http.NewRequest("GET", s.endpoint()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		want(t, "GET "+path, s.do(req), 403, "AccessDenied")
	}
}

func TestCreateOnlyNeverOverwrites(t *testing.T) {
	s := startS3(t)
	r := s.put("cam1/once.jpg", photo(1000, "first"))
	r.header = map[string]string{"If-None-Match": "*"}
	want(t, "first", s.do(s.presign(r)), 200, "")
	want(t, "replay", s.do(s.presign(r)), 412, "PreconditionFailed")
	r.body = photo(1000, "other")
	want(t, "other bytes", s.do(s.presign(r)), 412, "PreconditionFailed")
	s.holds("cam1/once.jpg", photo(1000, "first"))
}

func TestOneOfSixteenWritersWins(t *testing.T) {
	s := startS3(t)
	for round := range 4 {
		key := "cam1/race" + string(rune('0'+round)) + ".jpg"
		statuses := make(chan reply, 16)
		for i := range 16 {
			r := s.put(key, photo(20000, string(rune('a'+i))))
			r.header = map[string]string{"If-None-Match": "*"}
			req := s.presign(r)
			go func() {
				response, err := s.http.Do(req)
				if err != nil {
					t.Error(err)
					statuses <- reply{}
					return
				}
				response.Body.Close()
				statuses <- reply{status: response.StatusCode}
			}()
		}
		won, lost := 0, 0
		for range 16 {
			switch (<-statuses).status {
			case 200:
				won++
			case 412, 409:
				lost++
			}
		}
		if won != 1 || lost != 15 {
			t.Errorf("%s: %d won and %d lost, want 1 and 15", key, won, lost)
		}
	}
}
