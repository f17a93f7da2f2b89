// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"time"

	"thingpass/broker"
	"thingpass/broker/awss3"
	"thingpass/broker/cmd/thingpass/config"
	"thingpass/broker/mqttconn"
	"thingpass/broker/quota"
)

// openBucket reads the files that c names and returns the bucket; it asks no
// server.
func openBucket(ctx context.Context, c *config.Config, log *slog.Logger) (*awss3.Bucket, error) {
	roots, err := readRoots(c.S3.CA)
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

// readRoots returns the CAs in a file, or nil, which stands for the system's.
func readRoots(path string) (*x509.CertPool, error) {
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

func newBroker(c *config.Config, bucket *awss3.Bucket, credentials *broker.Credentials, audit broker.Auditor, counts broker.Quota) (*broker.Broker, error) {
	return broker.New(broker.Config{
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
	})
}

// openQuota reads the file that c names and returns what counts for the quotas; it
// asks no server.
func openQuota(c *config.Config, log *slog.Logger) (quota.Store, error) {
	roots, err := readRoots(c.Quota.CA)
	if err != nil {
		return nil, fmt.Errorf("quota.ca: %w", err)
	}
	store, err := quota.Open(quota.Config{URL: c.Quota.RedisURL(), RootCAs: roots, OnFailure: c.Quota.OnFailure, Log: log})
	if err != nil {
		return nil, fmt.Errorf("quota: %w", err)
	}
	return store, nil
}

// loadTLS reads what the connections to the MQTT server are secured with.
func loadTLS(c *config.Config) (conf *tls.Config, err error) {
	if c.MQTT.OverWebSocket() {
		if conf, err = mqttconn.LoadServerTLS(c.MQTT.CA); err != nil {
			err = fmt.Errorf("mqtt.ca: %w", err)
		}
		return conf, err
	}
	if conf, err = mqttconn.LoadTLS(c.MQTT.CA, c.MQTT.Cert, c.MQTT.Key); err != nil {
		err = fmt.Errorf("mqtt.ca, mqtt.cert, mqtt.key: %w", err)
	}
	return conf, err
}

func mqttConfig(ctx context.Context, c *config.Config, filters []string, log *slog.Logger) (mqttconn.Config, error) {
	mqtt := mqttconn.Config{Filters: filters}
	c.MQTT.Apply(&mqtt)
	var err error
	if mqtt.TLS, err = loadTLS(c); err != nil {
		return mqttconn.Config{}, err
	}
	if c.MQTT.OverWebSocket() {
		return signedMQTT(ctx, c, mqtt, log)
	}
	return mqtt, nil
}

// exposed returns a sentence for each secret file that others may read.
func exposed(c *config.Config) []string {
	var found []string
	for name, path := range c.SecretFiles() {
		info, err := os.Stat(path)
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			found = append(found, fmt.Sprintf("%s: others may read or change %s: chmod 600 it", name, path))
		}
	}
	return found
}
