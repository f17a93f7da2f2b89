// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package presign_test

import (
	"testing"
	"time"

	"thingpass/broker/presign"
)

// The credentials of AWS's manuals; they open nothing.
var (
	manualKeys = presign.Credentials{
		AccessKeyID:     "AKIAIOSFODNN7EXAMPLE",
		SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
	}
	sessionKeys = presign.Credentials{
		AccessKeyID:     "ASIAIOSFODNN7EXAMPLE",
		SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
		SessionToken:    "IQoJb3JpZ2luX2VjEXAMPLE//////////wEaCXVzLWVhc3QtMSJHMEUCIQDexample+token==",
	}
)

var noon = time.Date(2026, 3, 1, 12, 34, 56, 789e6, time.UTC)

// photo is a PUT with everything signed that the broker signs.
func photo() presign.Request {
	return presign.Request{
		Method: "PUT",
		Key:    "cam-0001/photo/2026/03/01/00012.jpg",
		Headers: []presign.Header{
			{Name: "Content-Length", Value: "48213"},
			{Name: "Content-Type", Value: "image/jpeg"},
			{Name: "If-None-Match", Value: "*"},
			{Name: "x-amz-checksum-sha256", Value: "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="},
			{Name: "x-amz-meta-device", Value: "cam-0001"},
		},
		Expires: 15 * time.Minute,
	}
}

func endpoint(t testing.TB, rawURL, bucket, region string, pathStyle bool) presign.Endpoint {
	t.Helper()
	e, err := presign.NewEndpoint(rawURL, bucket, region, pathStyle)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func awsSigner(t testing.TB) *presign.Signer {
	t.Helper()
	e, err := presign.AWSEndpoint("esp32-devices", "us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	return presign.New(e)
}

func sign(t testing.TB, s *presign.Signer, now time.Time, c presign.Credentials, r presign.Request) presign.Signed {
	t.Helper()
	got, err := s.Sign(now, c, r)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func equal(t testing.TB, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}
