// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package presign_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"thingpass/broker/presign"
)

// pass is a form with all that the broker signs.
func pass() presign.Post {
	return presign.Post{
		KeyPrefix: "cam-0001/photo/2026/03/01/",
		MinSize:   1,
		MaxSize:   8 << 20,
		Fields:    []presign.Header{{Name: "Content-Type", Value: "image/jpeg"}, {Name: "x-amz-meta-fw", Value: "1.4.2"}},
		Free:      []string{"x-amz-meta-captured-at", "x-amz-checksum-sha256"},
		Expires:   time.Hour,
	}
}

func signPost(t testing.TB, s *presign.Signer, now time.Time, c presign.Credentials, p presign.Post) presign.SignedPost {
	t.Helper()
	got, err := s.SignPost(now, c, p)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// fields returns a form's fields by their lower-case names.
func fields(list []presign.Header) map[string]string {
	m := map[string]string{}
	for _, h := range list {
		m[strings.ToLower(h.Name)] = h.Value
	}
	return m
}

// The example of "Browser-Based Upload using HTTP POST (Using AWS Signature
// Version 4)" in the Amazon S3 API reference, byte for byte.
func TestPolicySignatureIsTheOneInTheS3Manual(t *testing.T) {
	policy := strings.ReplaceAll(`{ "expiration": "2015-12-30T12:00:00.000Z",
  "conditions": [
    {"bucket": "sigv4examplebucket"},
    ["starts-with", "$key", "user/user1/"],
    {"acl": "public-read"},
    {"success_action_redirect": "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html"},
    ["starts-with", "$Content-Type", "image/"],
    {"x-amz-meta-uuid": "14365123651274"},
    {"x-amz-server-side-encryption": "AES256"},
    ["starts-with", "$x-amz-meta-tag", ""],

    {"x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"},
    {"x-amz-algorithm": "AWS4-HMAC-SHA256"},
    {"x-amz-date": "20151229T000000Z" }
  ]
}`, "\n", "\r\n")
	s := presign.New(endpoint(t, "https://s3.amazonaws.com", "sigv4examplebucket", "us-east-1", false))
	got, err := s.SignPolicy(time.Date(2015, 12, 29, 0, 0, 0, 0, time.UTC), manualKeys, base64.StdEncoding.EncodeToString([]byte(policy)))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "signature", got, "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e")
}

func TestPolicyIsWrittenJustSo(t *testing.T) {
	s := awsSigner(t)
	got := signPost(t, s, noon, sessionKeys, pass())
	equal(t, "URL", got.URL, "https://esp32-devices.s3.us-east-1.amazonaws.com/")
	f := fields(got.Fields)
	policy, err := base64.StdEncoding.DecodeString(f["policy"])
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "policy", string(policy), `{"expiration":"2026-03-01T13:34:56.000Z","conditions":[{"bucket":"esp32-devices"},`+
		`["starts-with","$key","cam-0001/photo/2026/03/01/"],["content-length-range",1,8388608],`+
		`{"Content-Type":"image/jpeg"},{"x-amz-meta-fw":"1.4.2"},`+
		`["starts-with","$x-amz-meta-captured-at",""],["starts-with","$x-amz-checksum-sha256",""],`+
		`{"x-amz-algorithm":"AWS4-HMAC-SHA256"},{"x-amz-credential":"ASIAIOSFODNN7EXAMPLE/20260301/us-east-1/s3/aws4_request"},`+
		`{"x-amz-date":"20260301T123456Z"},{"x-amz-security-token":"`+sessionKeys.SessionToken+`"}]}`)
	again := signPost(t, s, noon, sessionKeys, pass())
	if !reflect.DeepEqual(got, again) {
		t.Error("the same form was signed to other bytes")
	}
	if !got.Expires.Equal(time.Date(2026, 3, 1, 13, 34, 56, 0, time.UTC)) {
		t.Errorf("expires %v", got.Expires)
	}
}

// clockedPost replaces the SDK's time of signing, and the end that follows.
type clockedPost struct {
	inner s3.PresignPost
	now   time.Time
}

func (p clockedPost) PresignPost(c aws.Credentials, bucket, key, region, service string, at time.Time,
	conditions []any, end time.Time, optFns ...func(*v4.SignerOptions)) (map[string]string, error) {
	return p.inner.PresignPost(c, bucket, key, region, service, p.now, conditions, p.now.Add(end.Sub(at)).UTC().Truncate(time.Second), optFns...)
}

func sdkPost(t testing.TB, client *s3.PresignClient, x site, now time.Time, p presign.Post) *s3.PresignedPostRequest {
	t.Helper()
	conditions := []any{[]any{"starts-with", "$key", p.KeyPrefix}, []any{"content-length-range", p.MinSize, p.MaxSize}}
	for _, f := range p.Fields {
		conditions = append(conditions, map[string]string{f.Name: f.Value})
	}
	for _, name := range p.Free {
		conditions = append(conditions, []any{"starts-with", "$" + name, ""})
	}
	got, err := client.PresignPostObject(context.Background(),
		&s3.PutObjectInput{Bucket: aws.String(x.bucket), Key: aws.String(p.KeyPrefix + "a")},
		func(o *s3.PresignPostOptions) {
			o.Expires, o.Conditions, o.PostPresigner = p.Expires, conditions, clockedPost{o.PostPresigner, now}
		})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// conditions are a policy's, in no order and with names in lower case: S3's
// field names have no case, and the SDK writes its own in capitals.
func conditions(t testing.TB, encoded string) (end time.Time, set map[string]int) {
	t.Helper()
	text, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	var policy struct {
		Expiration time.Time
		Conditions []json.RawMessage
	}
	if err := json.Unmarshal(text, &policy); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	set = map[string]int{}
	for _, raw := range policy.Conditions {
		var exact map[string]string
		if json.Unmarshal(raw, &exact) == nil {
			for name, value := range exact {
				set["eq\x00$"+strings.ToLower(name)+"\x00"+value]++
			}
			continue
		}
		var list []any
		if err := json.Unmarshal(raw, &list); err != nil {
			t.Fatalf("%v in %s", err, raw)
		}
		key, _ := json.Marshal(list)
		set[string(key)]++
	}
	return policy.Expiration, set
}

func TestFormIsThatOfTheSDK(t *testing.T) {
	odd := pass()
	odd.Fields = append(odd.Fields, presign.Header{Name: "x-amz-meta-note", Value: `a "b" \ $c <d>&'~ {e}`})
	plain := presign.Post{KeyPrefix: "t:1/k/", MaxSize: 0, Expires: time.Second}
	for _, x := range sites() {
		t.Run(x.name, func(t *testing.T) {
			for _, p := range []presign.Post{pass(), odd, plain} {
				for _, c := range []presign.Credentials{manualKeys, sessionKeys} {
					got, sdk := signPost(t, x.signer(t), noon, c, p), sdkPost(t, s3.NewPresignClient(sdkClient(x, c)), x, noon, p)
					ours, theirs := fields(got.Fields), map[string]string{}
					for name, value := range sdk.Values {
						theirs[strings.ToLower(name)] = value
					}
					if want := strings.TrimSuffix(sdk.URL, "/"); strings.TrimSuffix(got.URL, "/") != want {
						t.Errorf("URL %q, want %q", got.URL, want)
					}
					for _, name := range []string{"x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-security-token"} {
						equal(t, name, ours[name], theirs[name])
					}
					end, set := conditions(t, ours["policy"])
					sdkEnd, sdkSet := conditions(t, theirs["policy"])
					if !end.Equal(sdkEnd) || !maps.Equal(set, sdkSet) {
						t.Errorf("policy until %v with %v, want %v with %v", end, set, sdkEnd, sdkSet)
					}
					signature, err := x.signer(t).SignPolicy(noon, c, theirs["policy"])
					if err != nil {
						t.Fatal(err)
					}
					equal(t, "signature of the SDK's policy", signature, theirs["x-amz-signature"])
				}
			}
		})
	}
}

func TestFormEndsWithTheCredentials(t *testing.T) {
	c := sessionKeys
	c.Expires = noon.Add(5 * time.Minute)
	got := signPost(t, awsSigner(t), noon, c, pass())
	end, _ := conditions(t, fields(got.Fields)["policy"])
	if want := noon.Add(5 * time.Minute).Truncate(time.Second); !got.Expires.Equal(want) || !end.Equal(want) {
		t.Errorf("the form ends at %v, its policy at %v, want %v", got.Expires, end, want)
	}
	c.Expires = noon.Add(presign.MinRemaining / 2)
	if got, err := awsSigner(t).SignPost(noon, c, pass()); !errors.Is(err, presign.ErrExpiring) || got.Fields != nil {
		t.Errorf("got %v, %v", got.URL, err)
	}
}

func TestFormsThatBindLessThanTheySayAreRefused(t *testing.T) {
	field := func(name, value string) func(*presign.Post) {
		return func(p *presign.Post) { p.Fields = append(p.Fields, presign.Header{Name: name, Value: value}) }
	}
	free := func(name string) func(*presign.Post) {
		return func(p *presign.Post) { p.Free = append(p.Free, name) }
	}
	prefix := func(s string) func(*presign.Post) { return func(p *presign.Post) { p.KeyPrefix = s } }
	sizes := func(least, most int64) func(*presign.Post) {
		return func(p *presign.Post) { p.MinSize, p.MaxSize = least, most }
	}
	for name, test := range map[string]struct {
		spoil func(*presign.Post)
		want  string
	}{
		"no prefix":                    {prefix(""), "end it with a slash"},
		"the whole bucket":             {prefix("/"), "end it with a slash"},
		"half a name":                  {prefix("cam1"), "end it with a slash"},
		"a variable in the prefix":     {prefix("cam1/${filename}/"), "dollar sign"},
		"a space in the prefix":        {prefix("cam 1/"), "has a space"},
		"a quote that ends it":         {prefix("cam1\"]\n/"), "has a space"},
		"a prefix beyond US-ASCII":     {prefix("cäm/"), "US-ASCII"},
		"a long prefix":                {prefix(strings.Repeat("k", 1023) + "/"), "1024 bytes"},
		"sizes the wrong way round":    {sizes(2, 1), "sizes of 2 to 1"},
		"a negative size":              {sizes(-1, 1), "sizes of -1 to 1"},
		"more than one POST":           {sizes(1, 5<<30+1), "one POST stores at most"},
		"a key of its own":             {field("Key", "cam2/a.jpg"), "field key is set"},
		"another bucket":               {field("bucket", "b"), "field bucket is set"},
		"a file":                       {field("FILE", "b"), "field file is set"},
		"a policy":                     {field("Policy", "b"), "field policy is set"},
		"a signature":                  {field("X-Amz-Signature", "b"), "x-amz-signature is set"},
		"another token":                {free("x-amz-security-token"), "x-amz-security-token is set"},
		"a date of its own":            {free("X-Amz-Date"), "x-amz-date is set"},
		"a field that S3 ignores":      {field("X-Ignore-me", "b"), "binds nobody"},
		"a free one that S3 ignores":   {free("x-ignore-"), "binds nobody"},
		"a field twice":                {field("content-TYPE", "text/html"), "given twice"},
		"a field that is free as well": {free("x-amz-meta-FW"), "given twice"},
		"a free one twice":             {free("x-amz-checksum-sha256"), "given twice"},
		"no name":                      {field("", "b"), `field name ""`},
		"a name with a quote":          {free(`a"`), "field name"},
		"a name with a line break":     {free("a\r\n"), "field name"},
		"a name with a dollar sign":    {field("$key", "a"), "field name"},
		"a long name":                  {free(strings.Repeat("a", 129)), "field name"},
		"a value with a line break":    {field("a", "b\r\nc"), "field a has"},
		"a value with a space behind":  {field("a", "b "), "field a has"},
		"a value beyond US-ASCII":      {field("a", "ü"), "field a has"},
		"S3's variable in a value":     {field("a", "x${filename}"), "field a has"},
		"a form too large":             {field("a", strings.Repeat("x", 6500)), "S3 takes some"},
		"no life":                      {func(p *presign.Post) { p.Expires = 0 }, "life of 0s"},
		"a life of 8 days":             {func(p *presign.Post) { p.Expires = 8 * 24 * time.Hour }, "life of 192h"},
	} {
		t.Run(name, func(t *testing.T) {
			p := pass()
			test.spoil(&p)
			got, err := awsSigner(t).SignPost(noon, manualKeys, p)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want %q", err, test.want)
			}
			if got.URL != "" || got.Fields != nil || !got.Expires.IsZero() {
				t.Errorf("beside the error: %+v", got)
			}
		})
	}
	if _, err := (&presign.Signer{}).SignPost(noon, manualKeys, pass()); err == nil {
		t.Error("signed for no endpoint")
	}
	if _, err := awsSigner(t).SignPost(noon, presign.Credentials{}, pass()); err == nil {
		t.Error("signed without credentials")
	}
}

// FuzzPolicy: whatever values a form gets, its policy is JSON that says them and
// nothing else.
func FuzzPolicy(f *testing.F) {
	f.Add("cam1/photo/", "x-amz-meta-a", `v"},{"acl":"public-read`, "x-amz-meta-b")
	f.Add(`a\"/`, "Content-Type", `\u0022$key\`, `x","$key`)
	f.Fuzz(func(t *testing.T, prefix, name, value, free string) {
		got, err := awsSigner(t).SignPost(noon, manualKeys, presign.Post{KeyPrefix: prefix, MaxSize: 1,
			Fields: []presign.Header{{Name: name, Value: value}}, Free: []string{free}, Expires: time.Minute})
		if err != nil {
			return
		}
		_, set := conditions(t, fields(got.Fields)["policy"])
		key, _ := json.Marshal([]any{"starts-with", "$key", prefix})
		open, _ := json.Marshal([]any{"starts-with", "$" + free, ""})
		want := map[string]int{string(key): 1, string(open): 1, `["content-length-range",0,1]`: 1, "eq\x00$bucket\x00esp32-devices": 1,
			"eq\x00$" + strings.ToLower(name) + "\x00" + value: 1, "eq\x00$x-amz-algorithm\x00AWS4-HMAC-SHA256": 1,
			"eq\x00$x-amz-credential\x00AKIAIOSFODNN7EXAMPLE/20260301/us-east-1/s3/aws4_request": 1,
			"eq\x00$x-amz-date\x0020260301T123456Z":                                              1}
		if !maps.Equal(set, want) {
			t.Fatalf("the policy says %v, want %v", set, want)
		}
	})
}
