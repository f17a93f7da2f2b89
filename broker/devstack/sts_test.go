// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"thingpass/broker/devstack"
)

func (s *testS3) sts(c aws.Credentials) *sts.Client {
	return sts.New(sts.Options{Region: devstack.DefaultRegion, BaseEndpoint: aws.String(s.endpoint()),
		Credentials: credentials.StaticCredentialsProvider{Value: c}, HTTPClient: s.http, RetryMaxAttempts: 1})
}

func assume(policy string) *sts.AssumeRoleInput {
	return &sts.AssumeRoleInput{RoleArn: aws.String(devstack.Role), RoleSessionName: aws.String("cam1"), Policy: aws.String(policy)}
}

func TestSTSMakesSessionsThatTheS3Takes(t *testing.T) {
	s := startS3(t)
	in := assume(policyFor("cam1", writeActions))
	in.DurationSeconds = aws.Int32(900)
	before := time.Now()
	out, err := s.sts(s.credentials()).AssumeRole(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	c := out.Credentials
	if life := c.Expiration.Sub(before); life < 899*time.Second || life > 905*time.Second {
		t.Errorf("it lasts %v", life)
	}
	if n := len(*c.SessionToken); n < 300 || !strings.HasPrefix(*c.AccessKeyId, "ASIA") || !strings.HasSuffix(*out.AssumedRoleUser.Arn, "/cam1") {
		t.Errorf("token of %d, key %s, user %s", n, *c.AccessKeyId, *out.AssumedRoleUser.Arn)
	}
	r := s.put("cam1/a.jpg", []byte("a"))
	r.key = aws.Credentials{AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken}
	want(t, "own", s.do(s.presign(r)), 200, "")
	r.url = s.objectURL("cam2/a.jpg")
	want(t, "a neighbour's", s.do(s.presign(r)), 403, "AccessDenied")
	if _, err := s.sts(r.key).AssumeRole(t.Context(), in); codeOf(err) != "AccessDenied" {
		t.Errorf("a session makes sessions: %v", err)
	}
}

func TestSTSRefusesWhatItDoesNotKnow(t *testing.T) {
	s := startS3(t)
	good := policyFor("cam1", writeActions)
	for name, test := range map[string]struct {
		key    aws.Credentials
		change func(*sts.AssumeRoleInput)
		code   string
	}{
		"another role":     {s.credentials(), func(in *sts.AssumeRoleInput) { in.RoleArn = aws.String("arn:aws:iam::000000000000:role/admin") }, "AccessDenied"},
		"no policy":        {s.credentials(), func(in *sts.AssumeRoleInput) { in.Policy = nil }, "ValidationError"},
		"a wide policy":    {s.credentials(), func(in *sts.AssumeRoleInput) { in.Policy = aws.String(strings.Replace(good, "cam1", "*", 1)) }, "MalformedPolicyDocument"},
		"too short":        {s.credentials(), func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(899) }, "ValidationError"},
		"too long":         {s.credentials(), func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(43201) }, "ValidationError"},
		"a bad name":       {s.credentials(), func(in *sts.AssumeRoleInput) { in.RoleSessionName = aws.String("Room:7") }, "ValidationError"},
		"a parameter more": {s.credentials(), func(in *sts.AssumeRoleInput) { in.ExternalId = aws.String("abc") }, "ValidationError"},
		"unknown key":      {aws.Credentials{AccessKeyID: "AKIAUNKNOWNUNKNOWN12", SecretAccessKey: "x"}, nil, "InvalidClientTokenId"},
		"wrong secret":     {aws.Credentials{AccessKeyID: s.key.ID, SecretAccessKey: "x"}, nil, "SignatureDoesNotMatch"},
		"a token with it":  {aws.Credentials{AccessKeyID: s.key.ID, SecretAccessKey: s.key.Secret, SessionToken: "x"}, nil, "InvalidClientTokenId"},
	} {
		in := assume(good)
		if test.change != nil {
			test.change(in)
		}
		if _, err := s.sts(test.key).AssumeRole(t.Context(), in); codeOf(err) != test.code {
			t.Errorf("%s: %v, want %s", name, err, test.code)
		}
	}
	if _, err := s.sts(s.credentials()).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}); codeOf(err) != "InvalidAction" && codeOf(err) != "ValidationError" {
		t.Errorf("another action: %v", err)
	}
}

func TestSTSVerifiesEverySignature(t *testing.T) {
	s := startS3(t)
	good := url.Values{"Action": {"AssumeRole"}, "Version": {"2011-06-15"}, "RoleArn": {devstack.Role}, "RoleSessionName": {"cam1"}, "Policy": {policyFor("cam1", writeActions)}}.Encode()
	ask := func(service, region string, at time.Time, change func(*http.Request)) reply {
		req, err := http.NewRequestWithContext(t.Context(), "POST", s.endpoint()+"/", strings.NewReader(good))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		digest := sha256.Sum256([]byte(good))
		if err := v4.NewSigner().SignHTTP(t.Context(), s.credentials(), req, hex.EncodeToString(digest[:]), service, region, at); err != nil {
			t.Fatal(err)
		}
		if change != nil {
			change(req)
		}
		response, err := s.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return reply{status: response.StatusCode, body: body}
	}
	const region = devstack.DefaultRegion
	if got := ask("sts", region, time.Now(), nil); got.status != 200 {
		t.Fatalf("as it should be: %d %s", got.status, got.body)
	}
	body := func(text string) func(*http.Request) {
		return func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
		}
	}
	for name, got := range map[string]reply{
		"another body":   ask("sts", region, time.Now(), body(strings.Replace(good, "cam1", "cam2", 1))),
		"more behind it": ask("sts", region, time.Now(), body(good+"&DurationSeconds=43200")),
		"signed for S3":  ask("s3", region, time.Now(), nil),
		"another region": ask("sts", "eu-central-1", time.Now(), nil),
		"too old":        ask("sts", region, time.Now().Add(-16*time.Minute), nil),
		"in the future":  ask("sts", region, time.Now().Add(16*time.Minute), nil),
		"no signature":   ask("sts", region, time.Now(), func(r *http.Request) { r.Header.Del("Authorization") }),
		"another date": ask("sts", region, time.Now(), func(r *http.Request) {
			r.Header.Set("X-Amz-Date", time.Now().Add(-time.Minute).UTC().Format("20060102T150405Z"))
		}),
		"another host": ask("sts", region, time.Now(), func(r *http.Request) { r.Host = "sts.amazonaws.com" }),
		"a header dropped": ask("sts", region, time.Now(), func(r *http.Request) {
			a := r.Header.Get("Authorization")
			r.Header.Set("Authorization", strings.Replace(a, "content-type;", "", 1))
		}),
		"a zero signature": ask("sts", region, time.Now(), func(r *http.Request) {
			a := r.Header.Get("Authorization")
			r.Header.Set("Authorization", a[:len(a)-64]+strings.Repeat("0", 64))
		}),
	} {
		if got.status != 403 || strings.Contains(string(got.body), "SecretAccessKey") {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	if got := ask("sts", region, time.Now(), body(strings.Repeat("a", 1<<20))); got.status != 413 {
		t.Errorf("a long request: %d", got.status)
	}
}
