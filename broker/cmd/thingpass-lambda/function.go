// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"thingpass/broker"
	"thingpass/broker/awss3"
	"thingpass/broker/cmd/thingpass/config"
	"thingpass/broker/cmd/thingpass/wiring"
	"thingpass/broker/iotrule"
)

// newFunction wires everything, and asks no server: an event must not wait for
// what it may not need.
func newFunction(ctx context.Context, path string, environ []string, audit, logs io.Writer) (*iotrule.Function, error) {
	c, err := config.LoadServerless(path, environ)
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.NewJSONHandler(logs, &slog.HandlerOptions{Level: c.Log.Threshold()})) // CloudWatch reads JSON
	record := broker.NewJSONAudit(audit)
	b, err := newBroker(ctx, c, record, log)
	if err != nil {
		return nil, err
	}
	publisher, err := newPublisher(ctx, c, log)
	if err != nil {
		return nil, err
	}
	return &iotrule.Function{Handler: b, Publisher: publisher, Audit: record, Log: log, Now: time.Now, AnyClientID: c.Lambda.AnyClientID}, nil
}

func newBroker(ctx context.Context, c *config.Config, audit broker.Auditor, log *slog.Logger) (*broker.Broker, error) {
	bucket, err := wiring.Bucket(ctx, c, log)
	if err != nil {
		return nil, err
	}
	sessions, err := wiring.Sessions(c, bucket)
	if err != nil {
		return nil, err
	}
	counts, err := wiring.Quota(c, log)
	if err != nil {
		return nil, err
	}
	return wiring.Broker(c, bucket, wiring.Offered(c, bucket.Place(), sessions), audit, counts)
}

// newPublisher publishes as the function's role, whoever signs for S3.
func newPublisher(ctx context.Context, c *config.Config, log *slog.Logger) (*iotrule.DataPlane, error) {
	role, err := awss3.DefaultCredentials(ctx, c.S3.Region, log)
	if err != nil {
		return nil, fmt.Errorf("the function's role: %w", err)
	}
	return iotrule.NewDataPlane(c.Lambda.IoTEndpoint, c.S3.Region, role, nil)
}
