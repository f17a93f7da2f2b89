// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package awss3 is a broker's view of one S3 bucket: it signs uploads and
// downloads, asks what is stored, and finds out what is wrong with a new
// installation.
//
// The credentials need, on the bucket's objects, s3:PutObject (things store with
// the broker's signature, by PUT and by POST) and s3:GetObject (HEAD, and what
// things fetch); s3:GetObjectVersion as well where mode get is offered on a
// bucket that keeps versions; and on the bucket itself
// s3:ListBucket: without it S3 answers 403 instead of 404 for a key that is not
// there, and a thing would be told `unavailable` instead of `not-found`.
//
// Uploads in parts need s3:AbortMultipartUpload and s3:ListMultipartUploadParts on
// the objects as well, and s3:ListBucketMultipartUploads on the bucket.
//
// Signing costs no request: the URL is made here, with credentials that are
// kept and refreshed ahead of time. Head, Probe and what begins, lists and ends
// multipart uploads speak to S3.
package awss3

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"thingpass/broker"
	"thingpass/broker/presign"
)

// Config is all that a Bucket is made of. Region, Bucket and Credentials are
// required.
type Config struct {
	Endpoint  string // such as "https://s3.example.com:9000"; empty: Amazon S3 in Region
	Region    string
	Bucket    string
	PathStyle bool // the bucket in the path, not in the host name; only with Endpoint

	RootCAs *x509.CertPool // that judge the server's certificate; nil: the system's

	Credentials aws.CredentialsProvider // AccessKeyFile, DefaultCredentials or any other
	GrantTTL    time.Duration           // of the longest grant: credentials are refreshed so that it fits
	Log         *slog.Logger            // nil: silence
	Now         func() time.Time        // by which credentials end; nil: time.Now
}

// Bucket signs for and asks about one bucket. It is safe for concurrent use.
type Bucket struct {
	name        string
	region      string
	endpoint    presign.Endpoint
	signer      *presign.Signer
	credentials *credentialCache
	grantTTL    time.Duration
	client      *s3.Client
	http        *http.Client
	log         *slog.Logger
	patient     *http.Client // for what takes S3 long
}

var (
	_ broker.Signer         = (*Bucket)(nil)
	_ broker.Store          = (*Bucket)(nil)
	_ broker.PassSigner     = (*Bucket)(nil)
	_ broker.DownloadSigner = (*Bucket)(nil)
)

// New returns the bucket of c. It does no I/O: credentials are fetched when they
// are needed first.
func New(c Config) (*Bucket, error) {
	if c.Credentials == nil {
		return nil, errors.New("a bucket needs credentials")
	}
	endpoint, err := c.endpoint()
	if err != nil {
		return nil, err
	}
	log := c.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	b := &Bucket{
		name:        c.Bucket,
		region:      c.Region,
		endpoint:    endpoint,
		signer:      presign.New(endpoint),
		credentials: newCredentialCache(c.Credentials, c.GrantTTL, log),
		grantTTL:    c.GrantTTL,
		http:        newHTTPClient(c.RootCAs),
		log:         log,
	}
	b.patient = patient(b.http)
	if c.Now != nil {
		b.credentials.clock.wall = c.Now
	}
	b.client = b.newClient(c)
	return b, nil
}

// Ready fetches the credentials, unless there are some, so that the first request
// does not have to wait for them.
func (b *Bucket) Ready(ctx context.Context) error {
	_, err := b.credentials.Retrieve(ctx)
	return err
}

// Place is where the bucket is reached by others.
func (b *Bucket) Place() broker.Place {
	url := strings.TrimSuffix(b.endpoint.String(), "/")
	server, inPath := strings.CutSuffix(url, "/"+b.name)
	if !inPath {
		server = strings.Replace(url, "://"+b.name+".", "://", 1)
	}
	return broker.Place{Endpoint: server, Region: b.region, Bucket: b.name, PathStyle: inPath}
}

func (c Config) endpoint() (presign.Endpoint, error) {
	if c.Endpoint == "" {
		return presign.AWSEndpoint(c.Bucket, c.Region)
	}
	return presign.NewEndpoint(c.Endpoint, c.Bucket, c.Region, c.PathStyle)
}

// newClient makes the SDK's client from explicit options only: what the
// environment or a shared configuration file says about endpoints and checksums
// must not make HEAD ask another server than the one that we sign for.
func (b *Bucket) newClient(c Config) *s3.Client {
	o := s3.Options{
		Region:                     c.Region,
		Credentials:                b.credentials,
		HTTPClient:                 b.http,
		UsePathStyle:               c.PathStyle && c.Endpoint != "" || c.Endpoint == "" && strings.Contains(c.Bucket, "."),
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = headTries
			o.MaxBackoff = headBackoff
		}),
	}
	if c.Endpoint != "" {
		o.BaseEndpoint = aws.String(c.Endpoint)
	}
	return s3.New(o)
}
