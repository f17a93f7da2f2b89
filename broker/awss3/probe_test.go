// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"thingpass/broker/awss3"
)

// find returns the finding about subject.
func find(t *testing.T, findings []awss3.Finding, subject string) awss3.Finding {
	t.Helper()
	for _, f := range findings {
		if strings.Contains(f.Text, "X-Amz-Signature") {
			t.Errorf("a signature is shown: %s", f.Text)
		}
		if f.Subject == subject {
			return f
		}
	}
	t.Fatalf("nothing about %s in %v", subject, findings)
	return awss3.Finding{}
}

func expect(t *testing.T, got awss3.Finding, level awss3.Level, text string) {
	t.Helper()
	if got.Level != level || !strings.Contains(got.Text, text) {
		t.Errorf("%s: got %s: %s\nwant %s: …%s…", got.Subject, got.Level, got.Text, level, text)
	}
}

func signed(r *http.Request) bool { return r.URL.Query().Has("X-Amz-Signature") }

// healthy answers as S3 does when all is well.
func healthy(w http.ResponseWriter, r *http.Request) {
	switch {
	case !signed(r):
		refuse(w, 403, "AccessDenied", "")
	case r.Method == http.MethodPut:
		refuse(w, 400, "BadDigest", "")
	default:
		refuse(w, 404, "NoSuchKey", "")
	}
}

func TestProbeFindsNothingWrongWithAHealthyBucket(t *testing.T) {
	f := newFake(t, healthy)
	findings := open(t, f.config()).Probe(t.Context())
	for _, subject := range []string{"transport", "credentials", "clock", "bucket", "certificate", "upload", "privacy"} {
		expect(t, find(t, findings, subject), awss3.OK, "")
	}
}

func TestProbeTellsWhyTheBucketDoesNotAnswer(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer func(w http.ResponseWriter)
		want   string
	}{
		{"no bucket", func(w http.ResponseWriter) { refuse(w, 404, "NoSuchBucket", "") }, "there is no bucket photos: create it, or correct s3.bucket"},
		{"unknown key", func(w http.ResponseWriter) { refuse(w, 403, "InvalidAccessKeyId", "") }, "the access key is not known there"},
		{"wrong secret", func(w http.ResponseWriter) { refuse(w, 403, "SignatureDoesNotMatch", "") }, "the secret does not belong to the access key"},
		{"expired session", func(w http.ResponseWriter) { refuse(w, 400, "ExpiredToken", "") }, "get new credentials"},
		{"foreign session", func(w http.ResponseWriter) { refuse(w, 400, "InvalidToken", "") }, "from one session"},
		{"region in the body", func(w http.ResponseWriter) {
			refuse(w, 400, "AuthorizationQueryParametersError", "<Message>the region 'eu-central-1' is wrong; expecting 'us-west-2'</Message><Region>us-west-2</Region>")
		}, "bucket photos is in region us-west-2, not eu-central-1: set s3.region to us-west-2"},
		{"region in the header", func(w http.ResponseWriter) {
			w.Header().Set("x-amz-bucket-region", "us-west-2")
			refuse(w, 301, "PermanentRedirect", "<Endpoint>photos.s3.us-west-2.amazonaws.com</Endpoint>")
		}, "set s3.region to us-west-2"},
		{"region unknown", func(w http.ResponseWriter) {
			refuse(w, 400, "AuthorizationHeaderMalformed", "<Message>the region is wrong</Message>")
		}, "bucket photos is not in region eu-central-1: correct s3.region"},
		{"malformed for another reason", func(w http.ResponseWriter) {
			refuse(w, 400, "AuthorizationQueryParametersError", "<Message>X-Amz-Expires must be less than a week</Message>")
		}, "S3 answers with 400 AuthorizationQueryParametersError: X-Amz-Expires must be less than a week"},
		{"new bucket", func(w http.ResponseWriter) { refuse(w, 307, "TemporaryRedirect", "") }, "try again in an hour"},
		{"clock", func(w http.ResponseWriter) {
			refuse(w, 403, "AccessDenied", "<Message>Request has expired</Message>")
		}, "set this machine's clock"},
		{"overload", func(w http.ResponseWriter) { refuse(w, 503, "SlowDown", "") }, "S3 is in trouble (503 SlowDown): try again later"},
		{"something new", func(w http.ResponseWriter) { refuse(w, 418, "IAmATeapot", "<Message>short and stout</Message>") }, "S3 answers with 418 IAmATeapot: short and stout"},
		{"a web page", func(w http.ResponseWriter) { _, _ = w.Write([]byte("<html>console</html>")) }, "something that is not S3 answers with 200"},
		{"a missing web page", func(w http.ResponseWriter) { w.WriteHeader(404) }, "something that is not S3 answers with 404"},
		{"no permission", func(w http.ResponseWriter) { refuse(w, 403, "AccessDenied", "<Message>Access Denied</Message>") }, "give the credentials s3:GetObject on photos/* and s3:ListBucket on photos"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) { test.answer(w) })
			expect(t, find(t, open(t, f.config()).Probe(t.Context()), "bucket"), awss3.Problem, test.want)
		})
	}
}

func TestProbeSpendsNoUploadOnABadSignature(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) { refuse(w, 403, "SignatureDoesNotMatch", "") })
	findings := open(t, f.config()).Probe(t.Context())
	if n := f.requests.Load(); n != 1 {
		t.Errorf("%d requests in spite of a wrong signature: %v", n, findings)
	}
}

func TestProbeTellsWhyAnUploadWouldFail(t *testing.T) {
	for _, test := range []struct {
		name   string
		status int
		code   string
		want   string
	}{
		{"not allowed", 403, "AccessDenied", "give them s3:PutObject on photos/*"},
		{"no conditional writes", 501, "NotImplemented", "If-None-Match"},
		{"left by an earlier check", 412, "PreconditionFailed", "delete it and check again"},
		{"full", 507, "XMinioStorageFull", "S3 is in trouble (507 XMinioStorageFull)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPut && signed(r) {
					refuse(w, test.status, test.code, "")
					return
				}
				healthy(w, r)
			})
			expect(t, find(t, open(t, f.config()).Probe(t.Context()), "upload"), awss3.Problem, test.want)
		})
	}
}

func TestProbeNoticesAServerThatVerifiesNothing(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPut {
			refuse(w, 404, "NoSuchKey", "")
		}
	})
	findings := open(t, f.config()).Probe(t.Context())
	expect(t, find(t, findings, "upload"), awss3.Problem, "do not match the signed checksum")
	expect(t, find(t, findings, "privacy"), awss3.Problem, "anyone can list or read and write to bucket photos")
}

func TestProbeComparesClocks(t *testing.T) {
	for _, test := range []struct {
		server time.Duration // ahead of us
		level  awss3.Level
		want   string
	}{
		{0, awss3.OK, "equal to"},
		{-2 * time.Minute, awss3.OK, "ahead of"},
		{-6 * time.Minute, awss3.Warning, "ahead of"},
		{6 * time.Minute, awss3.Warning, "behind"},
		{16 * time.Minute, awss3.Problem, "behind"},
		{-400 * 24 * time.Hour, awss3.Problem, "set the clock (NTP)"},
	} {
		t.Run(test.server.String(), func(t *testing.T) {
			t.Parallel()
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Date", time.Now().Add(test.server).UTC().Format(http.TimeFormat))
				healthy(w, r)
			})
			expect(t, find(t, open(t, f.config()).Probe(t.Context()), "clock"), test.level, test.want)
		})
	}
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", "yesterday")
		healthy(w, r)
	})
	expect(t, find(t, open(t, f.config()).Probe(t.Context()), "clock"), awss3.Warning, "no Date")
}

func TestProbeTellsWhyTheServerIsNotReached(t *testing.T) {
	f := newFake(t, healthy)
	closed := newFake(t, healthy)
	closed.Close()
	plain := strings.Replace(f.URL, "https:", "http:", 1)
	for _, test := range []struct {
		name   string
		change func(*awss3.Config)
		want   string
	}{
		{"unknown CA", func(c *awss3.Config) { c.RootCAs = nil }, "set s3.ca to that CA's file"},
		{"another name", func(c *awss3.Config) { c.Endpoint = strings.Replace(c.Endpoint, "127.0.0.1", "localhost", 1) }, "use a name from it in s3.endpoint"},
		{"nobody there", func(c *awss3.Config) { c.Endpoint = closed.URL }, "nobody listens there"},
		{"no such name", func(c *awss3.Config) { c.Endpoint = "https://s3.invalid:9000" }, "no address for the name s3.invalid"},
		{"plain HTTP to a TLS port", func(c *awss3.Config) { c.Endpoint = plain }, "write https:// in s3.endpoint"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := f.config()
			test.change(&c)
			expect(t, find(t, open(t, c).Probe(t.Context()), "bucket"), awss3.Problem, test.want)
		})
	}
	c := f.config()
	c.Endpoint = plain
	expect(t, find(t, open(t, c).Probe(t.Context()), "transport"), awss3.Warning, "not encrypted")
}

func TestProbeTellsTLSFromPlainServers(t *testing.T) {
	f := newFake(t, healthy)
	server := &http.Server{Handler: http.HandlerFunc(healthy)}
	listener := listenPlain(t)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Close() })
	c := f.config()
	c.Endpoint = "https://" + listener.Addr().String()
	expect(t, find(t, open(t, c).Probe(t.Context()), "bucket"), awss3.Problem, "the server does not speak TLS")
}

func TestProbeGivesUpOnASilentServer(t *testing.T) {
	release := make(chan struct{})
	f := newFake(t, func(http.ResponseWriter, *http.Request) { <-release })
	t.Cleanup(func() { close(release) })
	b := open(t, f.config())
	b.Hurry(100 * time.Millisecond)
	expect(t, find(t, b.Probe(t.Context()), "bucket"), awss3.Problem, "no answer in time")
}

func TestProbeWarnsOfAServerCertificateThatEndsSoon(t *testing.T) {
	certificate, roots := shortLived(t, time.Now().Add(3*24*time.Hour))
	expect(t, probeWith(t, certificate, roots, "certificate"), awss3.Warning, "renew it")
	certificate, roots = shortLived(t, time.Now().Add(-time.Minute))
	expect(t, probeWith(t, certificate, roots, "bucket"), awss3.Problem, "certificate is not valid now")
}

func probeWith(t *testing.T, certificate tls.Certificate, roots *x509.CertPool, subject string) awss3.Finding {
	t.Helper()
	f := newFake(t, healthy)
	f.TLS.Certificates = []tls.Certificate{certificate}
	c := f.config()
	c.RootCAs = roots
	return find(t, open(t, c).Probe(t.Context()), subject)
}

func TestProbeJudgesTheCredentials(t *testing.T) {
	f := newFake(t, healthy)
	for _, test := range []struct {
		name   string
		source aws.CredentialsProvider
		level  awss3.Level
		want   string
	}{
		{"session", fixed(session(time.Hour)), awss3.OK, "session credentials ASIAEXAMPLE, for another 1h0m0s"},
		{"short session", fixed(session(10 * time.Minute)), awss3.Warning, "grants that should last 15m0s end with them"},
		{"none", aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{}, errors.New("no EC2 IMDS role found")
		}), awss3.Problem, "set s3.access_key_file"},
		{"broken file", keyFile(t, `{"secretAccessKey": "s3cret"}`), awss3.Problem, "are both required"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := f.config()
			c.Credentials = test.source
			got := find(t, open(t, c).Probe(t.Context()), "credentials")
			expect(t, got, test.level, test.want)
			if strings.Contains(got.Text, "s3cret") || strings.Contains(got.Text, "t0ken") {
				t.Errorf("the secret is shown: %s", got.Text)
			}
		})
	}
}

func session(life time.Duration) aws.Credentials {
	return aws.Credentials{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "s3cret", SessionToken: "t0ken",
		CanExpire: true, Expires: time.Now().Add(life + 400*time.Millisecond)}
}
