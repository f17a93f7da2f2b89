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
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"thingpass/broker/devstack"
)

const (
	writeActions = `"s3:PutObject","s3:AbortMultipartUpload","s3:ListMultipartUploadParts"`
	readActions  = writeActions + `,"s3:GetObject"`
)

func policyFor(thing, actions string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[%s],"Resource":"arn:aws:s3:::photos/%s/*"}]}`, actions, thing)
}

func (s *testS3) session(policy string, life time.Duration) aws.Credentials {
	s.t.Helper()
	c, err := devstack.NewSession(s.key, policy, time.Now().Add(life))
	if err != nil {
		s.t.Fatal(err)
	}
	return aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}
}

func (s *testS3) sdkAs(c aws.Credentials) *s3.Client {
	return s3.New(s3.Options{
		Region:       devstack.DefaultRegion,
		BaseEndpoint: aws.String(s.endpoint()),
		UsePathStyle: true,
		Credentials:  credentials.StaticCredentialsProvider{Value: c},
		HTTPClient:   s.http,
	})
}

// codeOf is S3's code for an error of the SDK, "" for none. HEAD's answers have
// no body, so the status stands for it.
func codeOf(err error) string {
	var refused smithy.APIError
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &refused):
		return err.Error()
	case refused.ErrorCode() == "Forbidden":
		return "AccessDenied"
	}
	return refused.ErrorCode()
}

// seed stores an object with the access key.
func (s *testS3) seed(key, text string) {
	s.t.Helper()
	want(s.t, "seed "+key, s.do(s.presign(s.put(key, []byte(text)))), 200, "")
}

func TestASessionReachesItsPrefixAndNothingElse(t *testing.T) {
	s := startS3(t)
	for _, key := range []string{"cam1/own.jpg", "cam10/a.jpg", "cam2/a.jpg", "cam1.jpg"} {
		s.seed(key, key)
	}
	write, read := s.session(policyFor("cam1", writeActions), time.Hour), s.session(policyFor("cam1", readActions), time.Hour)
	const denied = "AccessDenied"
	for _, test := range []struct {
		method, key           string
		byWriter, byReader    string // codes
		statusWrite, statusRd int
	}{
		{"PUT", "cam1/new.jpg", "", "", 200, 200},
		{"PUT", "cam1/deep/er/new.jpg", "", "", 200, 200},
		{"PUT", "cam10/new.jpg", denied, denied, 403, 403},
		{"PUT", "cam2/new.jpg", denied, denied, 403, 403},
		{"PUT", "cam/new.jpg", denied, denied, 403, 403},
		{"PUT", "CAM1/new.jpg", denied, denied, 403, 403},
		{"PUT", "cam1.jpg", denied, denied, 403, 403},
		{"PUT", "cam1", denied, denied, 403, 403},
		{"PUT", "x/cam1/new.jpg", denied, denied, 403, 403},
		{"PUT", "cam1-2/new.jpg", denied, denied, 403, 403},
		{"GET", "cam1/own.jpg", denied, "", 403, 200},
		{"GET", "cam10/a.jpg", denied, denied, 403, 403},
		{"GET", "cam2/a.jpg", denied, denied, 403, 403},
		{"HEAD", "cam1/own.jpg", "", "", 403, 200},
		{"HEAD", "cam2/a.jpg", "", "", 403, 403},
		{"DELETE", "cam1/own.jpg", denied, denied, 403, 403},
		{"DELETE", "cam2/a.jpg", denied, denied, 403, 403},
	} {
		for who, as := range map[string]struct {
			key    aws.Credentials
			code   string
			status int
		}{"writer": {write, test.byWriter, test.statusWrite}, "reader": {read, test.byReader, test.statusRd}} {
			r := request{method: test.method, url: s.objectURL(test.key), key: as.key}
			if test.method == "PUT" {
				r.body = []byte("new")
			}
			want(t, who+" "+test.method+" "+test.key, s.do(s.presign(r)), as.status, as.code)
		}
	}
	s.holds("cam1/own.jpg", []byte("cam1/own.jpg"))
	s.holds("cam2/a.jpg", []byte("cam2/a.jpg"))
}

func TestNoSpellingOfAKeyLeadsASessionOutOfItsPrefix(t *testing.T) {
	s := startS3(t)
	s.seed("cam2/a.jpg", "cam2")
	c := s.session(policyFor("cam1", readActions), time.Hour)
	for _, path := range []string{"cam1/../cam2/a.jpg", "cam1/%2e%2e/cam2/a.jpg", "cam1%2F..%2Fcam2%2Fa.jpg", "cam1//../cam2/a.jpg", "cam1/./../cam2/a.jpg",
		"./cam2/a.jpg", "cam1/x/../../cam2/a.jpg", "cam1%00/../cam2/a.jpg", "cam1\\..\\cam2\\a.jpg", "cam1/%252e%252e/cam2/a.jpg", "/cam2/a.jpg", "cam1/..%5ccam2/a.jpg"} {
		for _, method := range []string{"GET", "PUT"} {
			r := request{method: method, url: s.endpoint() + "/photos/" + path, key: c}
			if method == "PUT" {
				r.body = []byte("evil")
			}
			if got := s.do(s.presign(r)); bytes.Contains(got.body, []byte("cam2")) && got.status == 200 {
				t.Errorf("%s %s: %v %q", method, path, got, got.body)
			}
		}
	}
	s.holds("cam2/a.jpg", []byte("cam2"))
	entries, err := os.ReadDir(filepath.Join(s.dir, bucket, "cam2"))
	if err != nil || len(entries) != 1 {
		t.Errorf("cam2 holds %v, %v", entries, err)
	}
}

func TestASessionCopiesNothingFromOthers(t *testing.T) {
	s := startS3(t)
	s.seed("cam2/secret.jpg", "secret")
	s.seed("cam10/secret.jpg", "secret")
	s.seed("cam1/own.jpg", "own")
	reader, writer := s.session(policyFor("cam1", readActions), time.Hour), s.session(policyFor("cam1", writeActions), time.Hour)
	upload := s.startUpload(reader, "cam1/big.jpg")
	foreign := []string{"photos/cam2/secret.jpg", "/photos/cam2/secret.jpg", "photos%2Fcam2%2Fsecret.jpg", "%2Fphotos%2Fcam2%2Fsecret.jpg",
		"photos/cam2/secret.jpg?versionId=null", "photos%2Fcam2%2Fsecret.jpg%3FversionId=null", "photos/cam2/secret.jpg?versionId=v",
		"photos/%63am2/secret.jpg", "photos/cam1/../cam2/secret.jpg", "photos/cam1/%2e%2e/cam2/secret.jpg", "photos/cam1%2F..%2Fcam2/secret.jpg",
		"photos/cam10/secret.jpg", "photos//cam2/secret.jpg", "photos/./cam2/secret.jpg", "photos/cam2/secret.jpg?x=cam1/", "photos/cam1/%252e%252e/cam2/secret.jpg"}
	for who, key := range map[string]aws.Credentials{"reader": reader, "writer": writer} {
		for _, source := range foreign {
			for what, url := range map[string]string{"copy": s.objectURL("cam1/stolen.jpg"),
				"part": s.objectURL("cam1/big.jpg") + "?partNumber=1&uploadId=" + upload} {
				got := s.do(s.presign(request{method: "PUT", url: url, key: key, header: map[string]string{"x-amz-copy-source": source}}))
				if got.status < 400 {
					t.Errorf("%s: %s of %s: %v %s", who, what, source, got, got.body)
				}
			}
		}
	}
	s.absent("cam1/stolen.jpg")
	copyOwn := request{method: "PUT", url: s.objectURL("cam1/twin.jpg"), header: map[string]string{"x-amz-copy-source": "photos/cam1/own.jpg"}}
	copyOwn.key = writer
	want(t, "a writer's copy of its own", s.do(s.presign(copyOwn)), 403, "AccessDenied")
	copyOwn.key = reader
	want(t, "a reader's copy of its own", s.do(s.presign(copyOwn)), 200, "")
	outward := request{method: "PUT", url: s.objectURL("cam2/planted.jpg"), key: reader, header: map[string]string{"x-amz-copy-source": "photos/cam1/own.jpg"}}
	want(t, "a copy to a neighbour", s.do(s.presign(outward)), 403, "AccessDenied")
	if ours := s.do(s.presign(request{method: "PUT", url: s.objectURL("cam1/kept.jpg"), header: map[string]string{"x-amz-copy-source": "photos/cam2/secret.jpg"}})); ours.status != 200 {
		t.Errorf("the access key's own copy: %v %s", ours, ours.body) // or the refusals above would prove nothing
	}
}

// startUpload begins a multipart upload and returns its id.
func (s *testS3) startUpload(c aws.Credentials, key string) string {
	s.t.Helper()
	out, err := s.sdkAs(c).CreateMultipartUpload(s.t.Context(), &s3.CreateMultipartUploadInput{Bucket: aws.String(bucket), Key: aws.String(key)})
	if err != nil {
		s.t.Fatal(err)
	}
	return *out.UploadId
}

func TestASessionUploadsInPartsBelowItsPrefixOnly(t *testing.T) {
	s := startS3(t)
	mine, theirs := s.session(policyFor("cam1", writeActions), time.Hour), s.session(policyFor("cam2", writeActions), time.Hour)
	client, ctx := s.sdkAs(mine), t.Context()
	b, own, foreign := aws.String(bucket), aws.String("cam1/big.jpg"), aws.String("cam2/big.jpg")
	upload, neighbours := aws.String(s.startUpload(mine, *own)), aws.String(s.startUpload(theirs, *foreign))

	part, err := client.UploadPart(ctx, &s3.UploadPartInput{Bucket: b, Key: own, UploadId: upload, PartNumber: aws.Int32(1), Body: bytes.NewReader([]byte("part"))})
	if err != nil {
		t.Fatal(err)
	}
	whole := &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{ETag: part.ETag, PartNumber: aws.Int32(1)}}}
	calls := map[string]func(key, id *string) error{
		"part": func(key, id *string) error {
			_, err := client.UploadPart(ctx, &s3.UploadPartInput{Bucket: b, Key: key, UploadId: id, PartNumber: aws.Int32(1), Body: bytes.NewReader([]byte("part"))})
			return err
		},
		"list": func(key, id *string) error {
			_, err := client.ListParts(ctx, &s3.ListPartsInput{Bucket: b, Key: key, UploadId: id})
			return err
		},
		"complete": func(key, id *string) error {
			_, err := client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: b, Key: key, UploadId: id, MultipartUpload: whole})
			return err
		},
		"abort": func(key, id *string) error {
			_, err := client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: b, Key: key, UploadId: id})
			return err
		},
		"create": func(key, _ *string) error {
			_, err := client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: b, Key: key})
			return err
		},
	}
	for what, call := range calls {
		if got := codeOf(call(foreign, neighbours)); got != "AccessDenied" {
			t.Errorf("%s of a neighbour's upload: %q", what, got)
		}
		if got := codeOf(call(own, neighbours)); what != "create" && got != "NoSuchUpload" {
			t.Errorf("%s with a neighbour's upload id: %q", what, got)
		}
	}
	for _, what := range []string{"part", "list", "create", "complete"} {
		if got := codeOf(calls[what](own, upload)); got != "" {
			t.Errorf("%s of the own upload: %q", what, got)
		}
	}
	if got := codeOf(calls["abort"](own, aws.String(s.startUpload(mine, *own)))); got != "" {
		t.Errorf("abort: %q", got)
	}
	s.holds("cam1/big.jpg", []byte("part"))
}

func TestASessionMayDoNothingWithBuckets(t *testing.T) {
	s := startS3(t)
	s.seed("cam1/a.jpg", "a")
	client, ctx, b := s.sdkAs(s.session(policyFor("cam1", readActions), time.Hour)), t.Context(), aws.String(bucket)
	for what, call := range map[string]func() error{
		"list": func() error { _, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: b}); return err },
		"list own prefix": func() error {
			_, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: b, Prefix: aws.String("cam1/")})
			return err
		},
		"list v1": func() error { _, err := client.ListObjects(ctx, &s3.ListObjectsInput{Bucket: b}); return err },
		"list versions": func() error {
			_, err := client.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: b})
			return err
		},
		"list uploads": func() error {
			_, err := client.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: b})
			return err
		},
		"list buckets": func() error { _, err := client.ListBuckets(ctx, &s3.ListBucketsInput{}); return err },
		"head":         func() error { _, err := client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: b}); return err },
		"location": func() error {
			_, err := client.GetBucketLocation(ctx, &s3.GetBucketLocationInput{Bucket: b})
			return err
		},
		"policy": func() error { _, err := client.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: b}); return err },
		"set policy": func() error {
			_, err := client.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: b, Policy: aws.String(`{"Statement":[]}`)})
			return err
		},
		"acl":           func() error { _, err := client.GetBucketAcl(ctx, &s3.GetBucketAclInput{Bucket: b}); return err },
		"delete bucket": func() error { _, err := client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: b}); return err },
		"create bucket": func() error {
			_, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("another")})
			return err
		},
		"delete": func() error {
			_, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: b, Key: aws.String("cam1/a.jpg")})
			return err
		},
		"tags": func() error {
			_, err := client.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: b, Key: aws.String("cam1/a.jpg")})
			return err
		},
		"object acl": func() error {
			_, err := client.GetObjectAcl(ctx, &s3.GetObjectAclInput{Bucket: b, Key: aws.String("cam1/a.jpg")})
			return err
		},
		"attributes": func() error {
			_, err := client.GetObjectAttributes(ctx, &s3.GetObjectAttributesInput{Bucket: b, Key: aws.String("cam1/a.jpg"), ObjectAttributes: []types.ObjectAttributes{"ETag"}})
			return err
		},
		"set tags": func() error {
			_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: b, Key: aws.String("cam1/b.jpg"), Tagging: aws.String("a=b"), Body: strings.NewReader("b")})
			return err
		},
		"lock": func() error {
			_, err := client.PutObjectLegalHold(ctx, &s3.PutObjectLegalHoldInput{Bucket: b, Key: aws.String("cam1/a.jpg"), LegalHold: &types.ObjectLockLegalHold{Status: "ON"}})
			return err
		},
	} {
		if got := codeOf(call()); got != "AccessDenied" {
			t.Errorf("%s: %q", what, got)
		}
	}
	batch, err := client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: b, Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: aws.String("cam1/a.jpg")}, {Key: aws.String("cam2/a.jpg")}}}})
	if got := codeOf(err); got != "AccessDenied" && (err != nil || len(batch.Deleted) != 0 || len(batch.Errors) != 2 || *batch.Errors[0].Code != "AccessDenied") {
		t.Errorf("batch delete: %q %+v", got, batch)
	}
	s.holds("cam1/a.jpg", []byte("a"))
}

func TestASessionIsAWholeAndEnds(t *testing.T) {
	s := startS3(t)
	mine, theirs := s.session(policyFor("cam1", writeActions), time.Hour), s.session(policyFor("cam2", writeActions), time.Hour)
	changed := func(change func(*aws.Credentials)) aws.Credentials { c := mine; change(&c); return c }
	for what, test := range map[string]struct {
		key    aws.Credentials
		status int
		code   string
	}{
		"whole":                    {mine, 200, ""},
		"ended":                    {s.session(policyFor("cam1", writeActions), -time.Second), 400, "ExpiredToken"},
		"without a token":          {changed(func(c *aws.Credentials) { c.SessionToken = "" }), 400, "InvalidToken"},
		"with another's token":     {changed(func(c *aws.Credentials) { c.SessionToken = theirs.SessionToken }), 400, "InvalidToken"},
		"with another's key id":    {changed(func(c *aws.Credentials) { c.AccessKeyID = theirs.AccessKeyID }), 400, "InvalidToken"},
		"with another's secret":    {changed(func(c *aws.Credentials) { c.SecretAccessKey = theirs.SecretAccessKey }), 403, "SignatureDoesNotMatch"},
		"with a shorter token":     {changed(func(c *aws.Credentials) { c.SessionToken = c.SessionToken[:len(c.SessionToken)-4] }), 400, "InvalidToken"},
		"with a longer token":      {changed(func(c *aws.Credentials) { c.SessionToken += "AAAA" }), 400, "InvalidToken"},
		"with a token of nothing":  {changed(func(c *aws.Credentials) { c.SessionToken = "AAAA" }), 400, "InvalidToken"},
		"with no base64":           {changed(func(c *aws.Credentials) { c.SessionToken = "%%%" }), 400, "InvalidToken"},
		"a token and the main key": {aws.Credentials{AccessKeyID: s.key.ID, SecretAccessKey: s.key.Secret, SessionToken: mine.SessionToken}, 400, "InvalidToken"},
		"an unknown main key":      {aws.Credentials{AccessKeyID: "AKIAUNKNOWNUNKNOWN12", SecretAccessKey: "x"}, 403, "InvalidAccessKeyId"},
	} {
		r := s.put("cam1/"+strings.ReplaceAll(what, " ", "-"), []byte("x"))
		r.key = test.key
		want(t, what, s.do(s.presign(r)), test.status, test.code)
		header := what + " by header"
		_, err := s.sdkAs(test.key).PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String(header), Body: strings.NewReader("x")})
		if code := codeOf(err); test.code != "" && code != test.code || test.code == "" && code != "AccessDenied" {
			t.Errorf("%s outside the prefix: %q", header, code)
		}
	}
	r := s.put("cam1/x", []byte("x"))
	r.key = anothers(t)
	want(t, "a session of another installation", s.do(s.presign(r)), 400, "InvalidToken")
}

// anothers is a session of another access key.
func anothers(t *testing.T) aws.Credentials {
	t.Helper()
	c, err := devstack.NewSession(devstack.NewAccessKey(), policyFor("cam1", writeActions), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}
}

func TestAFormWithASessionStaysInItsPrefix(t *testing.T) {
	s := startS3(t)
	c := s.session(policyFor("cam1", writeActions), time.Hour)
	for key, test := range map[string]struct {
		status int
		code   string
	}{"cam1/form.jpg": {204, ""}, "cam2/form.jpg": {403, "AccessDenied"}, "cam10/form.jpg": {403, "AccessDenied"}, "cam1/../cam2/x.jpg": {400, "InvalidArgument"},
		"cam1/sub/${filename}": {204, ""}, "${filename}": {403, "AccessDenied"}} {
		want(t, key, s.do(s.sessionForm(key, c, c.SessionToken)), test.status, test.code)
	}
	want(t, "without a token", s.do(s.sessionForm("cam1/b.jpg", c, "")), 400, "InvalidToken")
	other := s.session(policyFor("cam2", writeActions), time.Hour)
	want(t, "with another's token", s.do(s.sessionForm("cam1/c.jpg", c, other.SessionToken)), 400, "InvalidToken")
	s.holds("cam1/form.jpg", []byte("form"))
}

// sessionForm is a form under a POST policy that bounds nothing but the bucket.
func (s *testS3) sessionForm(key string, c aws.Credentials, token string) *http.Request {
	s.t.Helper()
	now := time.Now().UTC()
	scope := fmt.Sprintf("%s/%s/s3/aws4_request", now.Format("20060102"), devstack.DefaultRegion)
	policy := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, `{"expiration":%q,"conditions":[{"bucket":%q},["starts-with","$key",""],
		["starts-with","$x-amz-security-token",""],{"x-amz-algorithm":"AWS4-HMAC-SHA256"},{"x-amz-credential":%q},{"x-amz-date":%q}]}`,
		now.Add(time.Minute).Format(time.RFC3339), bucket, c.AccessKeyID+"/"+scope, now.Format("20060102T150405Z")))
	mac := []byte("AWS4" + c.SecretAccessKey)
	for _, text := range []string{now.Format("20060102"), devstack.DefaultRegion, "s3", "aws4_request", policy} {
		h := hmac.New(sha256.New, mac)
		h.Write([]byte(text))
		mac = h.Sum(nil)
	}
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	for name, value := range map[string]string{"key": key, "policy": policy, "x-amz-algorithm": "AWS4-HMAC-SHA256",
		"x-amz-credential": c.AccessKeyID + "/" + scope, "x-amz-date": now.Format("20060102T150405Z"),
		"x-amz-signature": hex.EncodeToString(mac), "x-amz-security-token": token} {
		if value != "" {
			w.WriteField(name, value)
		}
	}
	file, _ := w.CreateFormFile("file", "form.jpg")
	file.Write([]byte("form"))
	w.Close()
	req, err := http.NewRequest("POST", s.endpoint()+"/"+bucket, &form)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", w.FormDataContentType())
	return req
}
