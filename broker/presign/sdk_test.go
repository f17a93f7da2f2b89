// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package presign_test

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/encoding/httpbinding"

	"thingpass/broker/presign"
)

// A site is one endpoint in both worlds.
type site struct {
	name                   string
	server, bucket, region string // given to NewEndpoint
	pathStyle              bool
	sdkBase                string // of the bucket, given to the SDK's signer
}

func sites() []site {
	return []site{
		{"AWS, virtual host", "https://s3.us-east-1.amazonaws.com", "esp32-devices", "us-east-1", false, "https://esp32-devices.s3.us-east-1.amazonaws.com/"},
		{"AWS, path", "https://s3.eu-central-1.amazonaws.com", "my.dotted.bucket", "eu-central-1", true, "https://s3.eu-central-1.amazonaws.com/my.dotted.bucket/"},
		{"laptop, path, port", "https://127.0.0.1:17070", "photos", "us-east-1", true, "https://127.0.0.1:17070/photos/"},
		{"laptop, virtual host, port", "http://s3.localhost:9000", "photos", "local", false, "http://photos.s3.localhost:9000/"},
		{"IPv6", "http://[::1]:9000", "photos", "auto", true, "http://[::1]:9000/photos/"},
	}
}

func (x site) signer(t testing.TB) *presign.Signer {
	t.Helper()
	return presign.New(endpoint(t, x.server, x.bucket, x.region, x.pathStyle))
}

// sdkSign is what the SDK's general signer makes of the same request.
//
// Hoisting is off: the SDK would move unknown X-Amz-* headers into the query,
// where they bind nobody; we sign every header we are given. The signer is a
// new one each time, because its key cache ignores a change of the secret.
func sdkSign(t testing.TB, x site, now time.Time, c presign.Credentials, r presign.Request) string {
	t.Helper()
	signer := v4.NewSigner(func(o *v4.SignerOptions) {
		o.DisableURIPathEscaping = true // as the SDK's S3 client has it
		o.DisableHeaderHoisting = true
	})
	got, _, err := signer.PresignHTTP(context.Background(), sdkCredentials(c), sdkRequest(t, x, r),
		"UNSIGNED-PAYLOAD", "s3", x.region, now)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func sdkCredentials(c presign.Credentials) aws.Credentials {
	return aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}
}

func sdkRequest(t testing.TB, x site, r presign.Request) *http.Request {
	t.Helper()
	base, err := url.Parse(x.sdkBase)
	if err != nil {
		t.Fatal(err)
	}
	query := url.Values{"X-Amz-Expires": {strconv.FormatInt(int64(r.Expires/time.Second), 10)}}
	for _, q := range r.Query {
		query.Add(q.Name, q.Value)
	}
	u := *base
	u.Path += r.Key
	u.RawPath = base.Path + httpbinding.EscapePath(r.Key, false)
	u.RawQuery = query.Encode()
	req := &http.Request{Method: r.Method, URL: &u, Host: u.Host, Header: http.Header{}}
	for _, h := range r.Headers {
		if strings.EqualFold(h.Name, "Content-Length") {
			n, err := strconv.ParseInt(strings.Trim(h.Value, " "), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			req.ContentLength = n
			continue
		}
		req.Header[http.CanonicalHeaderKey(h.Name)] = []string{h.Value}
	}
	return req
}

// sdkClient is the SDK's S3 client for x, set to add nothing of its own.
func sdkClient(x site, c presign.Credentials) *s3.Client {
	return s3.New(s3.Options{
		Region:                     x.region,
		UsePathStyle:               x.pathStyle,
		BaseEndpoint:               aws.String(x.server),
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return sdkCredentials(c), nil
		}),
	})
}

// sdkPresigner is the SDK's presigner as programs use it, but for the clock.
func sdkPresigner(x site, now time.Time, c presign.Credentials, life time.Duration) *s3.PresignClient {
	signer := v4.NewSigner(func(o *v4.SignerOptions) {
		o.DisableURIPathEscaping = true // as the client's own signer has it
	})
	return s3.NewPresignClient(sdkClient(x, c), s3.WithPresignExpires(life), func(o *s3.PresignOptions) {
		o.Presigner = clockedPresigner{signer, now}
	})
}

// clockedPresigner replaces the SDK's time of signing.
type clockedPresigner struct {
	s3.HTTPPresignerV4
	now time.Time
}

func (p clockedPresigner) PresignHTTP(
	ctx context.Context, c aws.Credentials, r *http.Request,
	payload, service, region string, _ time.Time, optFns ...func(*v4.SignerOptions),
) (string, http.Header, error) {
	return p.HTTPPresignerV4.PresignHTTP(ctx, c, r, payload, service, region, p.now, optFns...)
}
