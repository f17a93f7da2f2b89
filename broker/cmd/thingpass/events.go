// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"

	"thingpass/broker/mqttconn"
	"thingpass/broker/sqsevents"
)

// startEvents begins to announce what the bucket says was stored, once ready is
// closed, if there is a queue that tells. The function that it returns waits for
// the end.
func (s *service) startEvents(ctx context.Context, ready <-chan struct{}, client *mqttconn.Client) (wait func(), err error) {
	conf := s.now.Load().conf
	if conf.Events.SQSQueue == "" {
		return func() {}, nil
	}
	consumer, err := sqsevents.New(sqsevents.Config{
		Queue:    conf.Events.SQSQueue,
		Region:   cmp.Or(conf.Events.SQSRegion, conf.S3.Region),
		Endpoint: conf.Events.SQSEndpoint,
		Bucket:   conf.S3.Bucket,
		Credentials: aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
			return s.now.Load().bucket.Credentials(ctx)
		}),
		Log: s.log,
	}, s, client)
	if err != nil {
		return nil, fmt.Errorf("events: %w", err)
	}
	meterAll(s.meter, "thingpass_sqs_", eventStatistics, consumer.Stats)
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-ready:
			consumer.Run(ctx)
		case <-ctx.Done():
		}
	}()
	return func() { <-done }, nil
}
