// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"thingpass/broker"
	"thingpass/broker/awss3"
)

var update = flag.Bool("update", false, "write the replies in testdata/wire anew")

const wireNow = 1795424400

// TestWireVectors holds the broker to the bytes that the firmware's tests read
// too.
func TestWireVectors(t *testing.T) {
	requests, err := filepath.Glob("testdata/wire/*.request.json")
	if err != nil || len(requests) < 20 {
		t.Fatalf("%d requests, %v", len(requests), err)
	}
	for _, path := range requests {
		name := strings.TrimSuffix(filepath.Base(path), ".request.json")
		t.Run(name, func(t *testing.T) {
			request, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			out, _ := wireBroker(t, name).Handle(t.Context(), broker.Message{Topic: "thingpass/cam1/" + wireVerb(name), Payload: request})
			compare(t, "testdata/wire/"+name+".reply.json", out[0].Payload)
			if len(out) > 1 {
				compare(t, "testdata/wire/"+name+".event.json", out[1].Payload)
			}
		})
	}
}

// wireVerb is told by a vector's name.
func wireVerb(name string) string {
	switch prefix, _, _ := strings.Cut(name, "-"); prefix {
	case "complete":
		return "upload-complete"
	case "credentials":
		return "credentials-request"
	case "get":
		return "download-request"
	}
	return "upload-request"
}

func compare(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
	}
}

func wireBroker(t *testing.T, name string) *broker.Broker {
	t.Helper()
	bucket, err := awss3.New(awss3.Config{Region: "eu-central-1", Bucket: "photos", Credentials: wireCredentials(name),
		Now: func() time.Time { return time.Unix(wireNow, 0) }})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{now: time.Unix(wireNow, 0)}
	text, err := os.ReadFile("testdata/wire/bucket.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &w.objects); err != nil {
		t.Fatal(err)
	}
	w.readUploads(t)
	c := config(w)
	c.Signer, c.Passes, c.Downloads = bucket, bucket, bucket
	c.Credentials = wireSessions(w, name)
	c.Multipart = wireUploads{w, bucket}
	b, err := broker.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// wireUploads are the uploads of a world, with parts signed as in earnest.
type wireUploads struct {
	*world
	bucket *awss3.Bucket
}

func (w wireUploads) SignPart(ctx context.Context, p broker.NewPart) (broker.Grant, error) {
	return w.bucket.SignPart(ctx, p)
}

// readUploads sets what uploads.json tells. An upload that begins gets an id like
// Amazon's.
func (w *world) readUploads(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile("testdata/wire/uploads.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []struct {
		ObjectKey, UploadID, Checksum string
		Initiated                     int64
		Parts                         []broker.Part
	}
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	for _, u := range list {
		w.begin(u.ObjectKey, u.UploadID, time.Unix(u.Initiated, 0), u.Checksum, u.Parts...)
	}
	w.trueSum, w.newID = "xwvVpA==", "ibZBv_75gd9r8lH_gqXatLdxMVpAlj6ys9kalUPZwBH8.Nz_8dF4Qz1cE0VtBNsOLaq0oHjEXAMPLE-"
}

// wireCredentials are AWS's documentation keys; for some vectors, of a session
// that expires five minutes after the request.
func wireCredentials(name string) aws.CredentialsProvider {
	c := aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
	if slices.Contains([]string{"put-token", "put-max", "pass-token", "multipart-token"}, name) {
		c.AccessKeyID = "ASIAIOSFODNN7EXAMPLE"
		c.SessionToken = strings.Repeat("IQoJb3JpZ2luX2VjEXAMPLE+/=", 47)[:1200]
		c.CanExpire, c.Expires = true, time.Unix(wireNow+300, 0)
	}
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return c, nil })
}

// wireSessions gives a session of AWS's documentation, or none.
func wireSessions(w *world, name string) *broker.Credentials {
	w.session = &broker.Session{AccessKeyID: "ASIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY",
		SessionToken: strings.Repeat("IQoJb3JpZ2luX2VjEXAMPLE+/=", 47)[:1200], Expires: time.Unix(wireNow+3600, 0)}
	if name == "credentials-unavailable" {
		w.issueErr = errTest
	}
	return &broker.Credentials{
		Issuer:   w,
		Provider: &broker.Provider{Endpoint: "https://c2exampleprefix.credentials.iot.eu-central-1.amazonaws.com", RoleAlias: "thingpass"},
		Place:    broker.Place{Endpoint: "https://s3.eu-central-1.amazonaws.com", Region: "eu-central-1", Bucket: "photos"},
	}
}
