// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"thingpass/broker/devstack"
)

func TestOddKeysArriveAsTheyWereSigned(t *testing.T) {
	s := startS3(t)
	for i, key := range []string{
		"dir/sub/x y+z.jpg",
		"ümlaut/日本.bin",
		"a=b&c~d!(e)'*",
		"pct%20lit",
		"pct%2Flit",
		"semi;colon,comma",
		"t:2026-01-01T00:00:00Z.json",
		"back\\slash",
		"quote\"and'quote",
		"hash#and?question",
		"star*$@[]{}|^`<>",
		"dots..in...name",
		"..a/...b",
	} {
		body := photo(100+i, fmt.Sprint(i))
		want(t, "PUT "+key, s.do(s.presign(s.put(key, body))), 200, "")
		s.holds(key, body)
	}
	list, err := s.sdk().ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(bucket)})
	if err != nil || len(list.Contents) != 13 {
		t.Errorf("%d objects listed (%v), want 13", len(list.Contents), err)
	}
}

// A signature covers a request as it was sent, so that is how the inner server
// has to see it: many a proxy would drop or rewrite these.
func TestRequestLineIsForwardedAsItIs(t *testing.T) {
	s := startS3(t)
	body := photo(100, "line")
	r := s.put("cam1/l.jpg", body)
	r.header = map[string]string{"X-Amz-Meta-Fw": "1"}
	for what, alter := range map[string]func(string) string{
		"semicolons":     func(query string) string { return strings.ReplaceAll(query, "%3B", ";") },
		"slashes":        func(query string) string { return strings.ReplaceAll(query, "%2F", "/") },
		"lower case hex": func(query string) string { return strings.ReplaceAll(query, "%2F", "%2f") },
		"another order": func(query string) string {
			parts := strings.Split(query, "&")
			slices.Reverse(parts)
			return strings.Join(parts, "&")
		},
	} {
		req := s.presign(r)
		before := req.URL.RawQuery
		req.URL.RawQuery = alter(before)
		if req.URL.RawQuery == before {
			t.Fatalf("%s: nothing altered in %s", what, before)
		}
		want(t, what, s.do(req), 200, "")
	}
	bad := s.presign(r)
	bad.URL.RawQuery += "&a=b;c"
	want(t, "one parameter more", s.do(bad), 403, "SignatureDoesNotMatch")
}

// Whatever is in the path, nothing outside the bucket is read or written.
func TestNoKeyLeadsOutOfTheBucket(t *testing.T) {
	s := startS3(t)
	outside := filepath.Join(filepath.Dir(s.dir), "outside.txt")
	if err := os.WriteFile(outside, []byte("outside"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		"/photos/../../outside.txt",
		"/photos/%2e%2e/%2e%2e/outside.txt",
		"/photos/cam1/../../../outside.txt",
		"/photos/..%2f..%2foutside.txt",
		"/photos/%252e%252e/%252e%252e/outside.txt",
		"/../outside.txt",
		"/%2e%2e/outside.txt",
		"/..%2foutside.txt",
		"/photos//" + strings.TrimPrefix(outside, "/"),
	} {
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			r := request{method: method, url: s.endpoint() + path}
			if method == "PUT" {
				r.body = []byte("overwritten")
			}
			got := s.do(s.presign(r))
			if got.status == 200 && method == "GET" && string(got.body) == "outside" {
				t.Errorf("%s %s reads outside the bucket", method, path)
			}
			text, err := os.ReadFile(outside)
			if err != nil || string(text) != "outside" {
				t.Fatalf("%s %s: %v, and the file outside is now %q (%v)", method, path, got, text, err)
			}
		}
	}
}

func TestKeyBeyond1024BytesIsRefused(t *testing.T) {
	s := startS3(t)
	long := strings.Repeat("abcdefghi/", 102) + "abcd" // 1,024
	want(t, "1,024 bytes", s.do(s.presign(s.put(long, []byte("x")))), 200, "")
	want(t, "1,025 bytes", s.do(s.presign(s.put(long+"e", []byte("x")))), 400, "KeyTooLongError")
}

func TestHeadAndRangeTellWhatIsStored(t *testing.T) {
	s := startS3(t)
	body := photo(5000, "head")
	r := s.put("cam1/h.jpg", body)
	r.header = map[string]string{"Content-Type": "image/jpeg", "X-Amz-Meta-Fw": "1.4.2", "X-Amz-Checksum-Sha256": sum(body)}
	want(t, "PUT", s.do(s.presign(r)), 200, "")

	out, err := s.sdk().HeadObject(t.Context(), &s3.HeadObjectInput{
		Bucket: aws.String(bucket), Key: aws.String("cam1/h.jpg"), ChecksumMode: types.ChecksumModeEnabled})
	if err != nil {
		t.Fatal(err)
	}
	if *out.ContentLength != 5000 || *out.ContentType != "image/jpeg" || out.Metadata["fw"] != "1.4.2" || aws.ToString(out.ChecksumSHA256) != sum(body) {
		t.Errorf("HEAD: %d bytes, %s, %v, %s", *out.ContentLength, *out.ContentType, out.Metadata, aws.ToString(out.ChecksumSHA256))
	}
	out, err = s.sdk().HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String("cam1/h.jpg")})
	if err != nil || out.ChecksumSHA256 != nil {
		t.Errorf("HEAD without checksum mode: %v %v", out.ChecksumSHA256, err)
	}
	_, err = s.sdk().HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String("cam1/none.jpg")})
	var missing *types.NotFound
	if !errors.As(err, &missing) {
		t.Errorf("HEAD of nothing: %v, want NotFound", err)
	}

	part := s.get("cam1/h.jpg")
	part.header = map[string]string{"Range": "bytes=1000-1999"}
	got := s.do(s.presign(part))
	if got.status != 206 || !bytes.Equal(got.body, body[1000:2000]) || got.header.Get("Content-Range") != "bytes 1000-1999/5000" {
		t.Errorf("range: %v, %d bytes, %q", got, len(got.body), got.header.Get("Content-Range"))
	}
	part.header = map[string]string{"Range": "bytes=5000-"}
	want(t, "range beyond the end", s.do(s.presign(part)), 416, "InvalidRange")
}

func TestSDKUploadsAndVirtualHostsWork(t *testing.T) {
	s := startS3(t)
	body := photo(50_000, "sdk")
	// the SDK's default: aws-chunked with a trailing checksum
	_, err := s.sdk().PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String(bucket), Key: aws.String("cam1/sdk.jpg"), Body: bytes.NewReader(body)})
	if err != nil {
		t.Fatal(err)
	}
	s.holds("cam1/sdk.jpg", body)

	host := strings.Replace(s.endpoint(), "127.0.0.1", bucket+".localhost", 1)
	r := request{method: "PUT", url: host + "/cam1/host.jpg", body: body}
	want(t, "PUT by virtual host", s.do(s.presign(r)), 200, "")
	s.holds("cam1/host.jpg", body)
	tampered := s.presign(r)
	tampered.URL.Path = "/cam1/other.jpg"
	want(t, "another key by virtual host", s.do(tampered), 403, "SignatureDoesNotMatch")
	list := s.presign(request{method: "GET", url: host + "/"})
	if got := s.do(list); got.status != 200 || !bytes.Contains(got.body, []byte("cam1/host.jpg")) {
		t.Errorf("list by virtual host: %v", got)
	}
}

func TestMultipartUploadIsVerified(t *testing.T) {
	s := startS3(t)
	first, second := photo(5<<20, "one"), photo(1000, "two")
	c, key := s.sdk(), aws.String("cam1/log.bin")
	created, err := c.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: aws.String(bucket), Key: key})
	if err != nil {
		t.Fatal(err)
	}
	partURL := func(n int) string {
		return fmt.Sprintf("%s?partNumber=%d&uploadId=%s", s.objectURL(*key), n, url.QueryEscape(*created.UploadId))
	}
	var parts []types.CompletedPart
	for i, body := range [][]byte{first, second} {
		r := request{method: "PUT", url: partURL(i + 1), body: body, header: map[string]string{"X-Amz-Checksum-Sha256": sum(body)}}
		wrong := s.presign(r)
		bad := bytes.Clone(body)
		bad[0]++
		wrong.Body = http.NoBody
		wrong.Body = readCloser(bad)
		want(t, "a part with other bytes", s.do(wrong), 400, "BadDigest")
		got := s.do(s.presign(r))
		want(t, "a part", got, 200, "")
		parts = append(parts, types.CompletedPart{ETag: aws.String(got.header.Get("ETag")), PartNumber: aws.Int32(int32(i + 1))})
	}
	_, err = c.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{
		Bucket: aws.String(bucket), Key: key, UploadId: created.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}})
	if err != nil {
		t.Fatal(err)
	}
	s.holds(*key, append(first, second...))
}

func readCloser(b []byte) *nopCloser { return &nopCloser{bytes.NewReader(b)} }

type nopCloser struct{ *bytes.Reader }

func (nopCloser) Close() error { return nil }

// postForm is a browser's upload under a POST policy: any key beneath cam1/,
// of at most 1,000 bytes.
func (s *testS3) postForm(t *testing.T, key string, body []byte, change func(map[string]string)) *http.Request {
	t.Helper()
	now := time.Now().UTC()
	scope := fmt.Sprintf("%s/%s/s3/aws4_request", now.Format("20060102"), devstack.DefaultRegion)
	policy := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, `{"expiration":%q,"conditions":[{"bucket":%q},
		["starts-with","$key","cam1/"],["content-length-range",1,1000],{"Content-Type":"image/jpeg"},
		{"x-amz-algorithm":"AWS4-HMAC-SHA256"},{"x-amz-credential":%q},{"x-amz-date":%q}]}`,
		now.Add(time.Minute).Format(time.RFC3339), bucket, s.key.ID+"/"+scope, now.Format("20060102T150405Z")))
	mac := []byte("AWS4" + s.key.Secret)
	for _, text := range []string{now.Format("20060102"), devstack.DefaultRegion, "s3", "aws4_request", policy} {
		h := hmac.New(sha256.New, mac)
		h.Write([]byte(text))
		mac = h.Sum(nil)
	}
	fields := map[string]string{
		"key": key, "Content-Type": "image/jpeg", "policy": policy, "x-amz-algorithm": "AWS4-HMAC-SHA256",
		"x-amz-credential": s.key.ID + "/" + scope, "x-amz-date": now.Format("20060102T150405Z"),
		"x-amz-signature": hex.EncodeToString(mac),
	}
	if change != nil {
		change(fields)
	}
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	for name, value := range fields {
		w.WriteField(name, value)
	}
	file, _ := w.CreateFormFile("file", "photo.jpg")
	file.Write(body)
	w.Close()
	req, err := http.NewRequest("POST", s.endpoint()+"/"+bucket, &form)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", w.FormDataContentType())
	return req
}

func TestPostPolicyBoundsTheUpload(t *testing.T) {
	s := startS3(t)
	body := photo(1000, "post")
	for _, probe := range []struct {
		name   string
		key    string
		body   []byte
		change func(map[string]string)
		status int
		code   string
	}{
		{"one byte too many", "cam1/p.jpg", photo(1001, "post"), nil, 400, "EntityTooLarge"},
		{"no bytes", "cam1/p.jpg", nil, nil, 400, "EntityTooSmall"},
		{"another's key", "cam2/p.jpg", body, nil, 403, "AccessDenied"},
		{"another type", "cam1/p.jpg", body, func(f map[string]string) { f["Content-Type"] = "text/html" }, 403, "AccessDenied"},
		{"a field beyond the policy", "cam1/p.jpg", body, func(f map[string]string) { f["x-amz-meta-a"] = "b" }, 403, "AccessDenied"},
		{"another signature", "cam1/p.jpg", body, func(f map[string]string) { f["x-amz-signature"] = strings.Repeat("0", 64) }, 403, "SignatureDoesNotMatch"},
	} {
		t.Run(probe.name, func(t *testing.T) {
			want(t, "POST", s.do(s.postForm(t, probe.key, probe.body, probe.change)), probe.status, probe.code)
			s.absent(probe.key)
		})
	}
	want(t, "POST", s.do(s.postForm(t, "cam1/p.jpg", body, nil)), 204, "")
	s.holds("cam1/p.jpg", body)
}

func TestMetadataWithoutExtendedAttributes(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "meta"), 0o755); err != nil {
		t.Fatal(err)
	}
	s := startS3(t, func(o *devstack.S3Options) { o.Dir = filepath.Join(dir, "s3") })
	if s.Metadata() != filepath.Join(dir, "meta") {
		t.Fatalf("metadata is in %q, although the folder for it exists", s.Metadata())
	}
	body := photo(500, "meta")
	r := s.put("cam1/m.jpg", body)
	r.header = map[string]string{"X-Amz-Meta-Fw": "1.4.2", "X-Amz-Checksum-Sha256": sum(body), "If-None-Match": "*"}
	want(t, "PUT", s.do(s.presign(r)), 200, "")
	want(t, "replay", s.do(s.presign(r)), 412, "PreconditionFailed")
	s.holds("cam1/m.jpg", body)
	got := s.do(s.presign(request{method: "HEAD", url: s.objectURL("cam1/m.jpg")}))
	if got.header.Get("X-Amz-Meta-Fw") != "1.4.2" {
		t.Errorf("metadata: %v", got.header)
	}
}

func TestStartS3RefusesWhatCannotWork(t *testing.T) {
	s := startS3(t)
	good := devstack.S3Options{Dir: t.TempDir(), Bucket: bucket, Certificate: s.ca.server(t), AccessKey: devstack.NewAccessKey()}
	for name, probe := range map[string]struct {
		change func(*devstack.S3Options)
		want   string
	}{
		"a second one":   {func(*devstack.S3Options) {}, "start S3: this process runs an S3 already: close it first, or start another process"},
		"no folder":      {func(o *devstack.S3Options) { o.Dir = "" }, "start S3: both a folder and a bucket are needed"},
		"a bad bucket":   {func(o *devstack.S3Options) { o.Bucket = "../x" }, `start S3: bucket "../x": a name has 3 to 63 of a-z 0-9 - and begins and ends with a letter or digit`},
		"no certificate": {func(o *devstack.S3Options) { o.Certificate.Certificate = nil }, "start S3: a server certificate is needed"},
		"no key":         {func(o *devstack.S3Options) { o.AccessKey.Secret = "" }, "start S3: an access key is needed"},
	} {
		o := good
		probe.change(&o)
		other, err := devstack.StartS3(t.Context(), o)
		if err == nil {
			other.Close()
		}
		if err == nil || err.Error() != probe.want {
			t.Errorf("%s: %v, want %s", name, err, probe.want)
		}
	}
	s.Close()
	before, _ := os.Getwd()
	good.Listen = s.Addr().String() // free again
	other, err := devstack.StartS3(t.Context(), good)
	if err != nil {
		t.Fatal(err)
	}
	other.Close()
	if after, _ := os.Getwd(); after != before {
		t.Errorf("the working directory is %s afterwards, it was %s", after, before)
	}
}

func TestAccessKeyIsMadeOnceAndPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key.json")
	first, err := devstack.LoadAccessKey(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	second, err := devstack.LoadAccessKey(path)
	if err != nil || second != first {
		t.Errorf("%v %v, want the first one again", second, err)
	}
	if info, _ := os.Stat(path); info.Mode() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode())
	}
	if text := fmt.Sprintf("%v %+v", first, &first); strings.Contains(text, first.Secret) {
		t.Error("the secret is printed")
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := devstack.LoadAccessKey(path); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("damaged: %v", err)
	}
}

func TestSDKErrorsAreS3s(t *testing.T) {
	s := startS3(t)
	_, err := s.sdk().GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("others"), Key: aws.String("x")})
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "NoSuchBucket" {
		t.Errorf("%v, want NoSuchBucket", err)
	}
}
