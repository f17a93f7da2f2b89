// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// order is a request that the AWS SDK signs.
type order struct {
	method, host, path string
	service, region    string
	headers            map[string]string
	body               string
	payload            string // instead of the body's hash
	token              bool
	twice              bool // encode the path twice, as for other services
	signedAt           time.Time
	bare               bool // without a body
}

func (o order) orElse() order {
	def := func(s *string, value string) {
		if *s == "" {
			*s = value
		}
	}
	def(&o.method, "PUT")
	def(&o.host, sdkHost)
	def(&o.path, "/photos/my%20cam/1.json")
	def(&o.service, "s3")
	def(&o.region, "eu-central-1")
	if o.body == "" && o.method == "PUT" && !o.bare {
		o.body = `{"t":21.5}`
	}
	sum := sha256.Sum256([]byte(o.body))
	def(&o.payload, hex.EncodeToString(sum[:]))
	if o.signedAt.IsZero() {
		o.signedAt = sdkNow
	}
	return o
}

func (o order) request(t testing.TB) (*http.Request, aws.Credentials, *v4.Signer) {
	t.Helper()
	r, err := http.NewRequest(o.method, "https://"+sdkHost+o.path, bytes.NewReader([]byte(o.body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = o.host
	for name, value := range o.headers {
		r.Header.Set(name, value)
	}
	c := aws.Credentials{AccessKeyID: "AKIAINVENTED4TESTS01", SecretAccessKey: sdkSecret}
	if o.token {
		c.AccessKeyID, c.SessionToken = "ASIAINVENTED4TESTS02", sdkToken
	}
	return r, c, v4.NewSigner(func(s *v4.SignerOptions) { s.DisableURIPathEscaping = !o.twice })
}

// text is the request as it goes over the wire, signed by the SDK in a header.
func (o order) text(t testing.TB) string {
	t.Helper()
	o = o.orElse()
	r, c, signer := o.request(t)
	r.Header.Set("X-Amz-Content-Sha256", o.payload)
	if err := signer.SignHTTP(context.Background(), c, r, o.payload, o.service, o.region, o.signedAt); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", o.method, o.path, o.host)
	if o.body != "" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(o.body))
	}
	for _, name := range slices.Sorted(mapKeys(r.Header)) {
		fmt.Fprintf(&b, "%s: %s\r\n", name, r.Header.Get(name))
	}
	return b.String() + "\r\n" + o.body
}

func mapKeys(h http.Header) func(func(string) bool) {
	return func(yield func(string) bool) {
		for name := range h {
			if !yield(name) {
				return
			}
		}
	}
}

// url is the request as a URL that the SDK signed.
func (o order) url(t testing.TB) string {
	t.Helper()
	o = o.orElse()
	r, c, signer := o.request(t)
	q := r.URL.Query()
	q.Set("X-Amz-Expires", "900")
	r.URL.RawQuery = q.Encode()
	signed, _, err := signer.PresignHTTP(context.Background(), c, r, "UNSIGNED-PAYLOAD", o.service, o.region, o.signedAt)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}
