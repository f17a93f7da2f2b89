// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"thingpass/broker"
	"thingpass/broker/awss3"
	"thingpass/broker/cmd/thingpass/config"
	"thingpass/broker/iotrule"
	"thingpass/broker/quota"
)

// newFunction wires everything, and asks no server: an event must not wait for
// what it may not need.
func newFunction(ctx context.Context, path string, environ []string, audit, logs io.Writer) (*iotrule.Function, error) {
	c, err := config.LoadServerless(path, environ)
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.NewJSONHandler(logs, nil))
	credentials, err := awss3.DefaultCredentials(ctx, c.S3.Region, log)
	if err != nil {
		return nil, err
	}
	bucket, err := awss3.New(awss3.Config{Endpoint: c.S3.Endpoint, Region: c.S3.Region, Bucket: c.S3.Bucket, PathStyle: c.S3.PathStyle,
		Credentials: credentials, GrantTTL: c.LongestTTL(), Log: log})
	if err != nil {
		return nil, err
	}
	record := broker.NewJSONAudit(audit)
	counts, err := openQuota(c, log)
	if err != nil {
		return nil, err
	}
	b, err := broker.New(broker.Config{Root: c.MQTT.Root, Kinds: c.BrokerKinds(), Signer: bucket, Store: bucket, Audit: record, Now: time.Now,
		Quota: counts, Limits: c.BrokerLimits(), Groups: c.Groups, Passes: bucket, Downloads: bucket, Multipart: bucket})
	if err != nil {
		return nil, err
	}
	publisher, err := iotrule.NewDataPlane(c.Lambda.IoTEndpoint, c.S3.Region, credentials, nil)
	if err != nil {
		return nil, err
	}
	return &iotrule.Function{Handler: b, Publisher: publisher, Audit: record, Log: log, Now: time.Now, AnyClientID: c.Lambda.AnyClientID}, nil
}

func openQuota(c *config.Config, log *slog.Logger) (broker.Quota, error) {
	if c.Quota.CA != "" {
		return nil, errors.New("quota.ca: the function knows the system's CAs only")
	}
	return quota.Open(quota.Config{URL: c.Quota.RedisURL(), OnFailure: c.Quota.OnFailure, Log: log})
}
