// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package presign_test

import (
	"strings"
	"testing"
	"time"

	"thingpass/broker/presign"
)

// The example of "Authenticating Requests: Using Query Parameters" in the
// Amazon S3 API reference.
func TestSignatureIsTheOneInTheS3Manual(t *testing.T) {
	const (
		canonical = "GET\n/test.txt\n" +
			"X-Amz-Algorithm=AWS4-HMAC-SHA256" +
			"&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request" +
			"&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\n" +
			"host:examplebucket.s3.amazonaws.com\n\nhost\nUNSIGNED-PAYLOAD"
		toSign = "AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n" +
			"3bfa292879f6447bbcda7001decf97f4a54dc650c8942174ae0a9121cf58ad04"
		want = "https://examplebucket.s3.amazonaws.com/test.txt" +
			"?X-Amz-Algorithm=AWS4-HMAC-SHA256" +
			"&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request" +
			"&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host" +
			"&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
	)
	s := presign.New(endpoint(t, "https://s3.amazonaws.com", "examplebucket", "us-east-1", false))
	now := time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)
	r := presign.Request{Method: "GET", Key: "test.txt", Expires: 24 * time.Hour}
	gotCanonical, gotToSign, err := s.Hashed(now, manualKeys, r)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "canonical request", gotCanonical, canonical)
	equal(t, "string to sign", gotToSign, toSign)
	got, err := s.Sign(now, manualKeys, r)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "URL", got.URL, want)
	if end := now.Add(24 * time.Hour); !got.Expires.Equal(end) {
		t.Errorf("expires at %v, want %v", got.Expires, end)
	}
}

// Signatures from the query half of AWS's SigV4 test suite (awslabs/aws-c-auth,
// tests/aws-signing-test-suite/v4, commit 495329c). Left out: what Sign refuses
// (repeated and folded headers), path normalisation (S3 has none), bodies, and
// cases that only repeat another's request.
func TestSignaturesAreThoseOfTheAWSSuite(t *testing.T) {
	const (
		all   = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		token = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"
		sts   = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
	)
	type headers = []presign.Header
	for _, v := range []struct {
		name, method, key string
		headers, query    headers
		token, want       string
	}{
		{name: "get-vanilla", want: "e93c787ed7f371d5c6b165c1b38ede9550f4dce4144713e844b25b7192d3865d"},
		{name: "get-vanilla-with-session-token", token: token, want: "7ff2b50b376cb4d151970630573d6291dc128cc5c2a12ffb237f73cc53f67b6c"},
		{name: "get-header-value-trim", headers: headers{{"My-Header1", " value1"}, {"My-Header2", ` "a   b   c"`}}, want: "e7bb0fd515e125e1aec2ecc4c0c17484fb06f6846b927c35e46005dd3df3acd4"},
		{name: "get-relative-relative-unnormalized", key: "example1/example2/../..", want: "b45db0bfd1cf15003493b733e33aa208dd981bd0e63037a6ed953f71d2118a16"},
		{name: "get-relative-unnormalized", key: "example/..", want: "cbcb213b928a077e43275df47b500f1dfaa864ab3f5a18f6b95f4ff0938167ee"},
		{name: "get-slash-dot-slash-unnormalized", key: "./", want: "a9b13e8f3484d9505bf1a6f347219f8f35b0fe8f128ceea597efc146a3dfe90c"},
		{name: "get-slash-pointless-dot-unnormalized", key: "./example", want: "72b11f16d9530b18204bfb71f2d6ab085894c0ed8d352730a6e76234c58b5e10"},
		{name: "get-slash-unnormalized", key: "/", want: "b2a9542809db687769200f56a844a03f2bd0291d6eb90232d5101c6a579446cd"},
		{name: "get-slashes-unnormalized", key: "/example//", want: "822a5a9ba28072c5ab2bb4a6307d0c88276d40e49fec6b724c03fb4d4ba60fc2"},
		{name: "get-space-unnormalized", key: "example space/", want: "7a1f416954786484c9824d93c1f26ef64acb9b1b6c9154d08c9f07d0e394abf6"},
		{name: "get-unreserved", key: all, want: "95968482db1b9e0fadef6efc1bd24689f77c77d9ef56919c96a28cc92e0d6005"},
		{name: "get-utf8", key: "ሴ", want: "10eae3f14a260bd3911cc6d008d3c576d143b05b62f09782a7a4b37f52178e44"},
		{name: "get-vanilla-empty-query-key", query: headers{{"Param1", "value1"}}, want: "49096700cbbaa5753443850f40df10f904fc2fdb544dc9512203cc77c471a9de"},
		{name: "get-vanilla-query-order-encoded", query: headers{{"Param-3", "Value3"}, {"Param", "Value2"}, {"ሴ", "Value1"}}, want: "c5f1848ceec943ac2ca68ee720460c23aaae30a2300586597ada94c4a65e4787"},
		{name: "get-vanilla-query-order-key-case", query: headers{{"Param2", "value2"}, {"Param1", "value1"}}, want: "86012e2c9ad4d77369f5d81c11f75158aae4f895a085212cc6d3f923d300bed5"},
		{name: "get-vanilla-query-unreserved", query: headers{{all, all}}, want: "8e76a88a7433637b12778d5592799b29ad21ecd6cf6325051c21d86f0acda2bf"},
		{name: "get-vanilla-utf8-query", query: headers{{"ሴ", "bar"}}, want: "0bdd809b1519ac4f0c1dc3540e2cc46bd0c7f778eda408b2ebf3b913d21ff600"},
		{name: "post-vanilla", method: "POST", want: "2ce6e6d2e0cf2f9d1b55fafec88cd20574c31dc2e7631979f71ba2310083e95b"},
		{name: "post-header-key-sort", method: "POST", headers: headers{{"My-Header1", "value1"}}, want: "c09d07e0d55871f10f2a6d350d994acf6825a3cae70673d7def55616e6119dd7"},
		{name: "post-header-value-case", method: "POST", headers: headers{{"My-Header1", "VALUE1"}}, want: "0698bc9e4f7f9139065ba2909c0e99da257e8e2a42492a097bcd46d792391fed"},
		{name: "post-sts-header-before", method: "POST", token: sts, want: "46c2e3c63c1dbe7d39f8ada16fe7f001c1f56c5791441565323677f96308871c"},
		{name: "post-vanilla-query", method: "POST", query: headers{{"Param1", "value1"}}, want: "a9ef26247f293bffe40eeff86a0480ba8c14d31503b2e0c3399e3a16bf1a3682"},
	} {
		t.Run(v.name, func(t *testing.T) {
			const emptyBody = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
			s := presign.NewFor(presign.EndpointAt("example.amazonaws.com", "us-east-1"), "service", emptyBody)
			c := presign.Credentials{
				AccessKeyID:     "AKIDEXAMPLE",
				SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
				SessionToken:    v.token,
			}
			r := presign.Request{Method: v.method, Key: v.key, Headers: v.headers, Query: v.query, Expires: time.Hour}
			if r.Method == "" {
				r.Method = "GET"
			}
			got, err := s.SignUnjudged(time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC), c, r)
			if err != nil {
				t.Fatal(err)
			}
			_, signature, _ := strings.Cut(got, "&X-Amz-Signature=")
			equal(t, "signature", signature, v.want)
		})
	}
}
