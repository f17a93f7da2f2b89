// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"thingpass/broker/devstack"
)

// form is an upload by POST under construction.
type form struct {
	url      string
	fields   [][2]string
	filename string
	file     []byte
	behind   string // after the file, before the last boundary
	raw      func(body string) string
}

func (f *form) set(name, value string) {
	for i := range f.fields {
		if strings.EqualFold(f.fields[i][0], name) {
			f.fields[i][1] = value
			return
		}
	}
	f.fields = append(f.fields, [2]string{name, value})
}

func (f *form) drop(name string) {
	f.fields = slices.DeleteFunc(f.fields, func(field [2]string) bool { return strings.EqualFold(field[0], name) })
}

const formBoundary = "----thing-7MA4YWxkTrZu0gW"

func (f *form) body() string {
	var b strings.Builder
	for _, field := range f.fields {
		fmt.Fprintf(&b, "--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n", formBoundary, field[0], field[1])
	}
	if f.file != nil {
		fmt.Fprintf(&b, "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\nContent-Type: image/jpeg\r\n\r\n%s\r\n", formBoundary, f.filename, f.file)
	}
	fmt.Fprintf(&b, "%s--%s--\r\n", f.behind, formBoundary)
	if f.raw != nil {
		return f.raw(b.String())
	}
	return b.String()
}

// datedPost signs at another time than now.
type datedPost struct {
	inner s3.PresignPost
	at    time.Time
}

func (p datedPost) PresignPost(c aws.Credentials, bucket, key, region, service string, _ time.Time,
	conditions []any, end time.Time, optFns ...func(*v4.SignerOptions)) (map[string]string, error) {
	return p.inner.PresignPost(c, bucket, key, region, service, p.at, conditions, end, optFns...)
}

// form is a good upload of file below cam1/, signed by the official SDK at the
// time given, for a minute from now on.
func (s *testS3) form(file []byte, at time.Time, life time.Duration) *form {
	s.t.Helper()
	signed, err := s3.NewPresignClient(s.sdk()).PresignPostObject(s.t.Context(),
		&s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("cam1/a")}, func(o *s3.PresignPostOptions) {
			o.Expires, o.PostPresigner = life, datedPost{o.PostPresigner, at}
			o.Conditions = []any{
				[]any{"starts-with", "$key", "cam1/"}, []any{"content-length-range", 1, 5000},
				map[string]string{"Content-Type": "image/jpeg"}, map[string]string{"x-amz-meta-fw": "1.4.2"},
				[]any{"starts-with", "$x-amz-meta-rssi", ""}, []any{"starts-with", "$x-amz-checksum-sha256", ""},
			}
		})
	if err != nil {
		s.t.Fatal(err)
	}
	f := &form{url: s.endpoint() + "/" + bucket, filename: "x.jpg", file: file}
	for name, value := range signed.Values {
		f.set(name, value)
	}
	f.set("key", "cam1/photo.jpg")
	f.set("Content-Type", "image/jpeg")
	f.set("x-amz-meta-fw", "1.4.2")
	f.set("x-amz-meta-rssi", "-61")
	f.set("x-amz-checksum-sha256", sum(file))
	return f
}

func (s *testS3) post(f *form) reply {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, f.url, strings.NewReader(f.body()))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "multipart/form-data; boundary="+formBoundary)
	return s.do(req)
}

// files are all that is stored.
func (s *testS3) files() []string {
	s.t.Helper()
	var list []string
	err := filepath.WalkDir(filepath.Join(s.dir, bucket), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			list = append(list, path)
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return list
}

// Each probe is a form that S3 refuses. Nothing may be stored by it.
func TestAlteredFormIsRefused(t *testing.T) {
	s := startS3(t, func(o *devstack.S3Options) { o.MaxObjectSize = 1 << 20 })
	set := func(name, value string) func(*form) { return func(f *form) { f.set(name, value) } }
	drop := func(name string) func(*form) { return func(f *form) { f.drop(name) } }
	more := func(name, value string) func(*form) {
		return func(f *form) { f.fields = append(f.fields, [2]string{name, value}) }
	}
	first := func(name, value string) func(*form) {
		return func(f *form) { f.fields = append([][2]string{{name, value}}, f.fields...) }
	}
	file := func(b []byte) func(*form) {
		return func(f *form) { f.file = b; f.set("x-amz-checksum-sha256", sum(b)) }
	}
	raw := func(change func(string) string) func(*form) { return func(f *form) { f.raw = change } }
	policy := func(old, new string) func(*form) {
		return func(f *form) {
			for i := range f.fields {
				if f.fields[i][0] == "policy" {
					text, _ := base64.StdEncoding.DecodeString(f.fields[i][1])
					if !bytes.Contains(text, []byte(old)) {
						t.Fatalf("no %q in %s", old, text)
					}
					f.fields[i][1] = base64.StdEncoding.EncodeToString(bytes.Replace(text, []byte(old), []byte(new), 1))
				}
			}
		}
	}
	for _, probe := range []struct {
		name   string
		alter  func(*form)
		status int
		code   string
	}{
		{"a neighbour's key", set("key", "cam2/photo.jpg"), 403, "AccessDenied"},
		{"a look-alike neighbour's", set("key", "cam10/photo.jpg"), 403, "AccessDenied"},
		{"the top of the bucket", set("key", "photo.jpg"), 403, "AccessDenied"},
		{"a key that climbs", set("key", "cam1/../cam2/photo.jpg"), 400, "InvalidArgument"},
		{"a file's name that climbs", func(f *form) { f.set("key", "cam1/${filename}/cam2/x.jpg"); f.filename = ".." }, 400, "InvalidArgument"},
		{"a single dot", set("key", "cam1/./photo.jpg"), 400, "InvalidArgument"},
		{"an empty key", set("key", ""), 400, "InvalidArgument"},
		{"no key", drop("key"), 400, "InvalidArgument"},
		{"two keys, the bad one last", more("key", "cam2/photo.jpg"), 400, "InvalidArgument"},
		{"two keys, the bad one first", first("Key", "cam2/photo.jpg"), 400, "InvalidArgument"},
		{"a key of 1,025 bytes", set("key", "cam1/"+strings.Repeat("a", 1020)), 400, "KeyTooLongError"},
		{"a variable that leads out", set("key", "${filename}/photo.jpg"), 403, "AccessDenied"},
		{"one byte too many", file(photo(5001, "p")), 400, "EntityTooLarge"},
		{"nothing", file([]byte{}), 400, "EntityTooSmall"},
		{"more than the server takes", file(photo(1<<20+1, "p")), 400, "EntityTooLarge"},
		{"other bytes", set("x-amz-checksum-sha256", sum([]byte("other"))), 400, "BadDigest"},
		{"no checksum", drop("x-amz-checksum-sha256"), 403, "AccessDenied"},
		{"an empty checksum", set("x-amz-checksum-sha256", ""), 400, "InvalidRequest"},
		{"another type", set("Content-Type", "text/html"), 403, "AccessDenied"},
		{"a list of types", set("Content-Type", "image/jpeg,text/html"), 403, "AccessDenied"},
		{"no type", drop("Content-Type"), 403, "AccessDenied"},
		{"two types", more("content-type", "text/html"), 400, "InvalidArgument"},
		{"another fixed value", set("x-amz-meta-fw", "6.6.6"), 403, "AccessDenied"},
		{"a fixed value twice", more("x-amz-meta-fw", "6.6.6"), 403, "AccessDenied"},
		{"no fixed value", drop("x-amz-meta-fw"), 403, "AccessDenied"},
		{"no value of its own", drop("x-amz-meta-rssi"), 403, "AccessDenied"},
		{"a field that is not signed", more("x-amz-meta-extra", "1"), 403, "AccessDenied"},
		{"an acl", more("acl", "public-read"), 403, "AccessDenied"},
		{"a storage class", more("x-amz-storage-class", "GLACIER"), 403, "AccessDenied"},
		{"a redirect", more("success_action_redirect", "https://example.com/"), 403, "AccessDenied"},
		{"tags", more("tagging", "<Tagging/>"), 403, "AccessDenied"},
		{"another checksum as well", more("x-amz-checksum-crc32", "AAAAAA=="), 403, "AccessDenied"},
		{"another date", set("x-amz-date", time.Now().Add(time.Minute).UTC().Format("20060102T150405Z")), 403, "AccessDenied"},
		{"another access key", set("x-amz-credential", "AKIAOTHER/20261125/us-east-1/s3/aws4_request"), 403, "InvalidAccessKeyId"},
		{"another signature", set("x-amz-signature", strings.Repeat("0", 64)), 403, "SignatureDoesNotMatch"},
		{"a bogus session token", more("x-amz-security-token", "x"), 400, "InvalidToken"},
		{"no signature", drop("x-amz-signature"), 400, "InvalidArgument"},
		{"no policy", drop("policy"), 400, "InvalidArgument"},
		{"an empty policy", set("policy", ""), 403, "SignatureDoesNotMatch"},
		{"a longer life in the policy", policy(`"expiration":"20`, `"expiration":"30`), 403, "SignatureDoesNotMatch"},
		{"another prefix in the policy", policy("cam1/", "cam2/"), 403, "SignatureDoesNotMatch"},
		{"more bytes in the policy", policy("5000", "5000000"), 403, "SignatureDoesNotMatch"},
		{"nothing that is signed", func(f *form) { f.fields = [][2]string{{"key", "cam1/photo.jpg"}} }, 403, "AccessDenied"},
		{"another bucket", func(f *form) { f.url = s.endpoint() + "/others" }, 404, "NoSuchBucket"},
		{"a key in the path", func(f *form) { f.url += "/cam1/photo.jpg" }, 405, "MethodNotAllowed"},
		{"no file", func(f *form) { f.file = nil }, 400, "InvalidArgument"},
		{"a second file behind", func(f *form) { f.behind = part("file", "more") }, 400, "InvalidArgument"},
		{"another part as the file", func(f *form) {
			f.fields = append([][2]string{{`x-amz-meta-rssi"; filename="a`, "smuggled"}}, f.fields...)
		}, 400, "InvalidArgument"},
		{"fields of more than 20 KB", set("x-amz-meta-rssi", strings.Repeat("x", 20<<10)), 400, "MaxPostPreDataLengthExceeded"},
		{"more metadata than S3 keeps", set("x-amz-meta-rssi", strings.Repeat("x", 2049)), 400, "MetadataTooLarge"},
		{"bare newlines", raw(func(b string) string { return strings.ReplaceAll(b, "\r\n", "\n") }), 400, "MalformedPOSTRequest"},
		{"text before the form", raw(func(b string) string { return "hello\r\n" + b }), 400, "MalformedPOSTRequest"},
		{"no last boundary", raw(func(b string) string { return strings.TrimSuffix(b, "--"+formBoundary+"--\r\n") }), 400, ""},
		{"a part behind the file that breaks off", raw(func(b string) string {
			return strings.TrimSuffix(b, "--"+formBoundary+"--\r\n") + strings.TrimSuffix(part("more", "value"), "ue\r\n")
		}), 400, ""},
		{"a part without a name", first(`"; x="`, "v"), 400, "MalformedPOSTRequest"},
		{"an empty body", raw(func(string) string { return "" }), 400, "MalformedPOSTRequest"},
		{"no boundary in the body", raw(func(b string) string { return strings.ReplaceAll(b, formBoundary, "other") }), 400, "MalformedPOSTRequest"},
	} {
		t.Run(probe.name, func(t *testing.T) {
			f := s.form(photo(5000, "good"), time.Now(), time.Minute)
			probe.alter(f)
			got := s.post(f)
			if got.status != probe.status || probe.code != "" && got.code != probe.code {
				t.Errorf("got %v, want %d %s: %s", got, probe.status, probe.code, got.body)
			}
			if stored := s.files(); len(stored) != 0 {
				t.Fatalf("it stored %q", stored)
			}
		})
	}
	unmeasured := func(streaming bool) reply {
		f := s.form(photo(10, "p"), time.Now(), time.Minute)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.url, io.MultiReader(strings.NewReader(f.body()))) // of unknown length
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "multipart/form-data; boundary="+formBoundary)
		if streaming {
			req.Header.Set("X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
			req.Header.Set("X-Amz-Decoded-Content-Length", "10")
		}
		return s.do(req)
	}
	want(t, "chunked", unmeasured(false), 411, "MissingContentLength")
	want(t, "chunked in Amazon's way", unmeasured(true), 411, "MissingContentLength")
	for name, f := range map[string]*form{
		"expired":           s.form(photo(10, "p"), time.Now().Add(-2*time.Minute), -time.Minute),
		"an hour old":       s.form(photo(10, "p"), time.Now().Add(-61*time.Minute), time.Hour),
		"of the day before": s.form(photo(10, "p"), time.Now().Add(-24*time.Hour), time.Hour),
		"not valid yet":     s.form(photo(10, "p"), time.Now().Add(time.Hour), 2*time.Hour),
	} {
		want(t, name, s.post(f), 403, "AccessDenied")
	}
	if stored := s.files(); len(stored) != 0 {
		t.Errorf("they stored %q", stored)
	}
}

func part(name, value string) string {
	return "--" + formBoundary + "\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
}

func TestFormIsStoredAsS3SeesIt(t *testing.T) {
	s := startS3(t)
	good := photo(5000, "good")
	for name, test := range map[string]struct {
		alter func(*form)
		key   string
	}{
		"as signed":                     {func(*form) {}, "cam1/photo.jpg"},
		"the file's name":               {func(f *form) { f.set("key", "cam1/${filename}") }, "cam1/x.jpg"},
		"the last part of its name":     {func(f *form) { f.set("key", "cam1/${filename}"); f.filename = "../cam2/evil.jpg" }, "cam1/evil.jpg"},
		"the last part on Windows":      {func(f *form) { f.set("key", "cam1/b-${filename}"); f.filename = `C:\photos\w.jpg` }, "cam1/b-w.jpg"},
		"names in another letter case":  {func(f *form) { f.drop("key"); f.set("KEY", "cam1/case.jpg") }, "cam1/case.jpg"},
		"what follows the file is not":  {func(f *form) { f.set("key", "cam1/behind.jpg"); f.behind = part("submit", "Upload") }, "cam1/behind.jpg"},
		"a field that is to be ignored": {func(f *form) { f.set("key", "cam1/ignore.jpg"); f.set("x-ignore-me", "1") }, "cam1/ignore.jpg"},
		"odd names":                     {func(f *form) { f.set("key", "cam1/ü x+%41&=.jpg") }, "cam1/ü x+%41&=.jpg"},
		"no line break at the very last": {func(f *form) {
			f.set("key", "cam1/end.jpg")
			f.raw = func(b string) string { return strings.TrimSuffix(b, "\r\n") }
		}, "cam1/end.jpg"},
		"a file that looks like a form": {func(f *form) { f.set("key", "cam1/form.jpg") }, "cam1/form.jpg"},
	} {
		t.Run(name, func(t *testing.T) {
			body := good
			if name == "a file that looks like a form" {
				body = []byte("\r\n--" + formBoundary[:10] + "\r\n\r\n--\r\n--" + "\n\r\n")
			}
			f := s.form(body, time.Now(), time.Minute)
			test.alter(f)
			if got := s.post(f); got.status != 204 {
				t.Fatalf("got %v: %s", got, got.body)
			}
			s.holds(test.key, body)
			head := s.do(s.presign(request{method: "HEAD", url: s.objectURL(test.key)}))
			if head.header.Get("Content-Type") != "image/jpeg" || head.header.Get("X-Amz-Meta-Fw") != "1.4.2" || head.header.Get("X-Amz-Meta-Rssi") != "-61" {
				t.Errorf("kept %v", head.header)
			}
		})
	}
	want(t, "twice", s.post(s.form(good, time.Now(), time.Minute)), 204, "")
	f := s.form(good, time.Now(), time.Minute)
	f.url = "https://" + bucket + "." + strings.Replace(s.endpoint(), "https://127.0.0.1", "localhost", 1) + "/"
	f.set("key", "cam1/host.jpg")
	want(t, "by virtual host", s.post(f), 204, "")
	s.holds("cam1/host.jpg", good)
}

// A large file goes through a file of the front's.
func TestLargeFormIsStored(t *testing.T) {
	s := startS3(t)
	signed, err := s3.NewPresignClient(s.sdk()).PresignPostObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("cam1/big")})
	if err != nil {
		t.Fatal(err)
	}
	f := &form{url: signed.URL, filename: "x", file: photo(3<<20, "big")}
	for name, value := range signed.Values {
		f.set(name, value)
	}
	if got := s.post(f); got.status != 204 {
		t.Fatalf("got %v: %s", got, got.body)
	}
	s.holds("cam1/big", f.file)
}
