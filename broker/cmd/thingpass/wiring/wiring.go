// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package wiring makes the parts of a broker out of a configuration, for every
// program that is one. It reads files, and asks no server.
package wiring

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"time"

	"thingpass/broker"
	"thingpass/broker/awss3"
	"thingpass/broker/cmd/thingpass/config"
	"thingpass/broker/quota"
)

// Bucket reads the files that c names and returns the bucket; it asks no
// server.
func Bucket(ctx context.Context, c *config.Config, log *slog.Logger) (*awss3.Bucket, error) {
	roots, err := Roots(c.S3.CA)
	if err != nil {
		return nil, fmt.Errorf("s3.ca: %w", err)
	}
	bucket := awss3.Config{
		Endpoint:  c.S3.Endpoint,
		Region:    c.S3.Region,
		Bucket:    c.S3.Bucket,
		PathStyle: c.S3.PathStyle,
		RootCAs:   roots,
		GrantTTL:  c.LongestTTL(),
		Log:       log,
	}
	if c.S3.AccessKeyFile == "" {
		bucket.Credentials, err = awss3.DefaultCredentials(ctx, c.S3.Region, log)
	} else {
		file := awss3.AccessKeyFile(c.S3.AccessKeyFile)
		_, err = file.Retrieve(ctx) // what is wrong with it should show now
		bucket.Credentials = file
	}
	if err != nil {
		return nil, fmt.Errorf("s3.access_key_file: %w", err)
	}
	return awss3.New(bucket)
}

// View returns the bucket as browsers reach it.
func View(ctx context.Context, c *config.Config, bucket *awss3.Bucket, log *slog.Logger) (*awss3.Bucket, error) {
	if c.Console.S3Endpoint == "" {
		return bucket, nil
	}
	seen := *c
	seen.S3.Endpoint, seen.S3.CA = c.Console.S3Endpoint, ""
	return Bucket(ctx, &seen, log)
}

// Roots returns the CAs in a file, or nil, which stands for the system's.
func Roots(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s has no certificate in PEM form", path)
	}
	return pool, nil
}

// Broker returns the broker of c over these parts, changed by the changes.
func Broker(c *config.Config, bucket *awss3.Bucket, credentials *broker.Credentials, audit broker.Auditor, counts broker.Quota,
	changes ...func(*broker.Config)) (*broker.Broker, error) {
	conf := broker.Config{
		Root:   c.MQTT.Root,
		Kinds:  c.BrokerKinds(),
		Groups: c.Groups,
		Signer: bucket,
		Store:  bucket,
		Audit:  audit,
		Now:    time.Now,
		Quota:  counts,
		Limits: c.BrokerLimits(),

		Passes:    bucket,
		Downloads: bucket,

		Credentials: credentials,
		Multipart:   bucket,
	}
	for _, change := range changes {
		change(&conf)
	}
	return broker.New(conf)
}

// Quota reads the file that c names and returns what counts for the quotas; it
// asks no server.
func Quota(c *config.Config, log *slog.Logger) (quota.Store, error) {
	roots, err := Roots(c.Quota.CA)
	if err != nil {
		return nil, fmt.Errorf("quota.ca: %w", err)
	}
	store, err := quota.Open(quota.Config{URL: c.Quota.RedisURL(), RootCAs: roots, OnFailure: c.Quota.OnFailure, Log: log})
	if err != nil {
		return nil, fmt.Errorf("quota: %w", err)
	}
	return store, nil
}

// Sessions returns what makes sessions, or nil if there are none to make.
// The broker and the provider share it, and with it what it keeps.
func Sessions(c *config.Config, bucket *awss3.Bucket) (*awss3.Sessions, error) {
	if c.Credentials.RoleARN == "" {
		return nil, nil
	}
	sessions, err := bucket.Sessions(c.Credentials.Session())
	if err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	return sessions, nil
}

// Offered is what a credentials-request is answered with, or nil.
func Offered(c *config.Config, place broker.Place, sessions *awss3.Sessions) *broker.Credentials {
	if !c.Credentials.Offered() {
		return nil
	}
	offered := &broker.Credentials{Provider: c.Credentials.Provider.Pointer(), Place: place}
	if sessions != nil { // a nil *Sessions would be an issuer
		offered.Issuer = sessions
	}
	return offered
}
