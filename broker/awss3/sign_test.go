// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3_test

import (
	"context"
	"errors"
	"maps"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"thingpass/broker/awss3"
	"thingpass/broker/presign"
)

func onAWS(credentials aws.CredentialsProvider) awss3.Config {
	return awss3.Config{Region: "eu-central-1", Bucket: "photos", Credentials: credentials, GrantTTL: 15 * time.Minute}
}

func TestGrantBindsEverythingAboutTheObject(t *testing.T) {
	b := open(t, onAWS(fixed(aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"})))
	grant, err := b.SignPut(t.Context(), photo())
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(grant.URL)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := u.Scheme+"://"+u.Host+u.Path, "https://photos.s3.eu-central-1.amazonaws.com/cam1/photo/2026/11/23/a.jpg"; got != want {
		t.Errorf("URL is for %s, want %s", got, want)
	}
	want := "content-length;content-type;host;if-none-match;x-amz-checksum-sha256;x-amz-meta-captured-at;x-amz-meta-fw"
	if got := u.Query().Get("X-Amz-SignedHeaders"); got != want {
		t.Errorf("signed headers:\n got %s\nwant %s", got, want)
	}
	headers := map[string]string{
		"Content-Type":           "image/jpeg",
		"If-None-Match":          "*",
		"x-amz-checksum-sha256":  sumOfNothing,
		"x-amz-meta-captured-at": "1795424398",
		"x-amz-meta-fw":          "1.4.2",
	}
	if !maps.Equal(grant.Headers, headers) {
		t.Errorf("headers to send:\n got %v\nwant %v", grant.Headers, headers)
	}
}

func TestGrantWithoutAChecksumSendsNone(t *testing.T) {
	b := open(t, onAWS(fixed(aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"})))
	put := photo()
	put.SHA256, put.Metadata = "", nil
	grant, err := b.SignPut(t.Context(), put)
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{"Content-Type": "image/jpeg", "If-None-Match": "*"}; !maps.Equal(grant.Headers, want) {
		t.Errorf("headers to send: %v, want %v", grant.Headers, want)
	}
	if strings.Contains(grant.URL, "checksum") {
		t.Error("the URL speaks of a checksum")
	}
}

func TestGrantEndsWithItsTTLOrTheCredentials(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	for name, test := range map[string]struct{ ttl, life, want time.Duration }{
		"credentials outlive it": {15 * time.Minute, time.Hour, 15 * time.Minute},
		"credentials end first":  {15 * time.Minute, 4 * time.Minute, 4 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t, onAWS(fixed(aws.Credentials{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "secret", SessionToken: "token",
				CanExpire: true, Expires: now.Add(test.life)})))
			put := photo()
			put.Now, put.TTL = now, test.ttl
			grant, err := b.SignPut(t.Context(), put)
			if err != nil {
				t.Fatal(err)
			}
			if got := grant.Expires.Sub(now); got != test.want {
				t.Errorf("grant lives %v, want %v", got, test.want)
			}
			if !strings.Contains(grant.URL, "X-Amz-Security-Token=token") {
				t.Error("the session token is not in the URL")
			}
		})
	}
}

func TestDyingCredentialsSignNothing(t *testing.T) {
	b := open(t, onAWS(fixed(aws.Credentials{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "secret",
		CanExpire: true, Expires: time.Now().Add(presign.MinRemaining / 2)})))
	grant, err := b.SignPut(t.Context(), photo())
	if !errors.Is(err, presign.ErrExpiring) || grant.URL != "" {
		t.Errorf("got %q, %v; want %v", grant.URL, err, presign.ErrExpiring)
	}
}

func TestSigningFetchesCredentialsOnce(t *testing.T) {
	var fetched atomic.Int64
	b := open(t, onAWS(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		fetched.Add(1)
		return aws.Credentials{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "secret",
			CanExpire: true, Expires: time.Now().Add(time.Hour)}, nil
	})))
	for range 100 {
		if _, err := b.SignPut(t.Context(), photo()); err != nil {
			t.Fatal(err)
		}
	}
	if n := fetched.Load(); n != 1 {
		t.Errorf("credentials were fetched %d times for 100 grants", n)
	}
}

func TestBucketThatMakesNoSenseIsRefused(t *testing.T) {
	key := fixed(aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"})
	for want, c := range map[string]awss3.Config{
		"a bucket needs credentials": {Region: "eu-central-1", Bucket: "photos"},
		`bucket "": S3 wants`:        {Region: "eu-central-1", Credentials: key},
		`region "": give a name`:     {Bucket: "photos", Credentials: key},
		"bucket before the address":  {Endpoint: "https://127.0.0.1:9000", Region: "us-east-1", Bucket: "photos", Credentials: key},
	} {
		if _, err := awss3.New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
