// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package presign_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"thingpass/broker/presign"
)

// keys are object keys that have broken signers before.
func keys() []string {
	return []string{
		"a", "cam-0001/photo/2026/03/01/00012.jpg", "dir/sub/x y+z.jpg", "ümlaut/日本.bin",
		"a=b&c~d!(e)'*", "pct%20lit", "%2e%2e/%2F", "t:2026-01-01T00:00:00Z.json",
		"a//b", "/a", "//", ".", "..", "a/../b", "./a/.", "a/", "a?b#c", "a;b,c@d$e",
		`quo"te\back|pipe^caret` + "`tick`{}<>[]", "nul\x00tab\tnl\ncr\r\x7f", "~-._", "𝕫",
		strings.Repeat("ÿ", 512), strings.Repeat("k", 1024),
	}
}

func TestURLIsTheSDKSignersForEveryKeyAndSite(t *testing.T) {
	for _, x := range sites() {
		t.Run(x.name, func(t *testing.T) {
			s := x.signer(t)
			for _, key := range keys() {
				for _, c := range []presign.Credentials{manualKeys, sessionKeys} {
					r := photo()
					r.Key = key
					equal(t, "PUT URL", sign(t, s, noon, c, r).URL, sdkSign(t, x, noon, c, r))
					r = presign.Request{Method: "GET", Key: key, Expires: presign.MaxExpires}
					equal(t, "GET URL", sign(t, s, noon, c, r).URL, sdkSign(t, x, noon, c, r))
				}
			}
		})
	}
}

func TestURLIsTheSDKSignersForHeadersAndQuery(t *testing.T) {
	type headers = []presign.Header
	for name, r := range map[string]presign.Request{
		"no headers":            {},
		"order and case":        {Headers: headers{{"X-AMZ-META-B", "2"}, {"content-type", "b"}, {"x-amz-meta-a", "1"}, {"Cache-Control", "c"}, {"zz", "z"}, {"aa", "a"}}},
		"prefixes of names":     {Headers: headers{{"x-amz-meta-ab", "1"}, {"x-amz-meta-a", "2"}, {"x-amz-meta-a-b", "3"}, {"hos", "4"}, {"host2", "5"}}},
		"spaces in values":      {Headers: headers{{"a", "   lead"}, {"b", "trail   "}, {"c", "in   ner  runs"}, {"d", "    "}, {"e", ""}, {"f", " a  b "}, {"g", " "}}},
		"signs in names":        {Headers: headers{{"x!#$%&'*+-.^_`|~9", "v"}}},
		"signs in values":       {Headers: headers{{"x-amz-meta-q", `"a   b",=;:!@#$%^&*()`}}},
		"unknown amz headers":   {Headers: headers{{"X-Amz-Request-Payer", "requester"}, {"X-Amz-Future", "x"}}},
		"SDK's query":           {Query: headers{{"x-id", "PutObject"}}},
		"multipart":             {Query: headers{{"uploadId", "abc.DEF_~-/+=="}, {"partNumber", "10000"}}},
		"response overrides":    {Method: "GET", Query: headers{{"response-content-disposition", `attachment; filename="ü x.jpg"`}, {"response-content-type", "image/jpeg"}}},
		"before all of ours":    {Query: headers{{"A", "1"}, {"-", "2"}, {"X-Amz-A", "3"}}},
		"among ours":            {Query: headers{{"X-Amz-Checksum-Mode", "ENABLED"}, {"X-Amz-D", "d"}, {"X-Amz-F", "f"}, {"X-Amz-T", "t"}, {"X-Amz-Z", "z"}}},
		"prefixes of ours":      {Query: headers{{"X-Amz-Algorith", "1"}, {"X-Amz-Algorithms", "2"}, {"X-Amz-SignedHeaders2", "3"}, {"X-Amz-SignedHeader", "4"}}},
		"order after escaping":  {Query: headers{{"a/b", "1"}, {"a-b", "2"}, {"v", "a/b"}, {"v", "a-b"}, {"é", "3"}, {"z", "4"}, {"~", "5"}}},
		"name before value":     {Query: headers{{"a-b", "1"}, {"a", "2"}, {"a", ""}, {"a=", "0"}}},
		"repeated and empty":    {Query: headers{{"k", "b"}, {"k", "a"}, {"k", "a"}, {"uploads", ""}}},
		"spaces and plus":       {Query: headers{{"a b+c", "d e+f %20"}}},
		"longest life":          {Expires: presign.MaxExpires},
		"shortest life":         {Expires: time.Second},
		"a part of a second":    {Expires: 1999 * time.Millisecond},
		"HEAD":                  {Method: "HEAD"},
		"length with spaces":    {Headers: headers{{"content-length", " 12 "}}},
		"largest single upload": {Headers: headers{{"CONTENT-LENGTH", "5368709120"}}},
	} {
		t.Run(name, func(t *testing.T) {
			if r.Method == "" {
				r.Method = "PUT"
			}
			r.Key = "cam/x y"
			r.Expires = max(r.Expires, time.Second)
			for _, x := range sites() {
				for _, c := range []presign.Credentials{manualKeys, sessionKeys} {
					equal(t, "URL", sign(t, x.signer(t), noon, c, r).URL, sdkSign(t, x, noon, c, r))
				}
			}
		})
	}
}

func TestURLIsPresignPutObjects(t *testing.T) {
	for _, x := range sites() {
		for _, c := range []presign.Credentials{manualKeys, sessionKeys} {
			for _, key := range keys() {
				got, err := sdkPresigner(x, noon, c, 15*time.Minute).PresignPutObject(context.Background(), &s3.PutObjectInput{
					Bucket: aws.String(x.bucket), Key: aws.String(key),
					ContentLength:      aws.Int64(48213),
					ContentType:        aws.String("image/jpeg"),
					ContentDisposition: aws.String(`inline;  filename="a.jpg"`),
					CacheControl:       aws.String("max-age=60"),
					IfNoneMatch:        aws.String("*"),
					ChecksumSHA256:     aws.String("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
					StorageClass:       types.StorageClassStandardIa,
					Tagging:            aws.String("a=b&c=d"),
					Metadata:           map[string]string{"device": "cam-0001", "captured-at": "2026-03-01T12:34:56Z"},
				})
				if err != nil {
					t.Fatal(err)
				}
				r := photo()
				r.Key = key
				r.Headers = append(r.Headers,
					presign.Header{Name: "Content-Disposition", Value: `inline;  filename="a.jpg"`},
					presign.Header{Name: "Cache-Control", Value: "max-age=60"},
					presign.Header{Name: "x-amz-storage-class", Value: "STANDARD_IA"},
					presign.Header{Name: "x-amz-tagging", Value: "a=b&c=d"},
					presign.Header{Name: "x-amz-meta-captured-at", Value: "2026-03-01T12:34:56Z"})
				r.Query = []presign.Header{{Name: "x-id", Value: "PutObject"}} // the SDK's mark; S3 ignores it
				equal(t, x.name, sign(t, x.signer(t), noon, c, r).URL, got.URL)
			}
		}
	}
}

func TestURLIsPresignGetObjects(t *testing.T) {
	for _, x := range sites() {
		for _, c := range []presign.Credentials{manualKeys, sessionKeys} {
			for _, key := range keys() {
				got, err := sdkPresigner(x, noon, c, time.Hour).PresignGetObject(context.Background(), &s3.GetObjectInput{
					Bucket: aws.String(x.bucket), Key: aws.String(key),
					Range:                      aws.String("bytes=100-199"),
					VersionId:                  aws.String("null"),
					ResponseContentDisposition: aws.String(`attachment; filename="ü x.jpg"`),
				})
				if err != nil {
					t.Fatal(err)
				}
				r := presign.Request{
					Method: "GET", Key: key, Expires: time.Hour,
					Headers: []presign.Header{{Name: "Range", Value: "bytes=100-199"}},
					Query: []presign.Header{
						{Name: "x-id", Value: "GetObject"},
						{Name: "versionId", Value: "null"},
						{Name: "response-content-disposition", Value: `attachment; filename="ü x.jpg"`},
					},
				}
				equal(t, x.name, sign(t, x.signer(t), noon, c, r).URL, got.URL)
			}
		}
	}
}
