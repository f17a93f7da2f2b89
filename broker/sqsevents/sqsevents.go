// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package sqsevents learns from an SQS queue what was stored in the bucket, so
// that it is announced even if no thing ever reports it.
//
// The queue gets S3's event notifications (ObjectCreated), from S3 itself or by
// way of SNS or EventBridge. Any number of brokers may share it. The credentials
// need sqs:ReceiveMessage and sqs:DeleteMessage on it.
//
// What it promises:
//
//   - A message is deleted after the MQTT server has acknowledged all that
//     follows from it, or when nothing does. Whatever dies before that, SQS gives
//     the message again once its visibility timeout has passed.
//   - While S3 or the MQTT server cannot be reached it receives less and less
//     often: each message that is received in vain comes closer to the queue's
//     redrive policy.
//   - A message that cannot be understood is left to that policy, and told in
//     the log.
package sqsevents

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"thingpass/broker"
)

// A Handler verifies what was stored; broker.Broker is one.
type Handler interface {
	Stored(ctx context.Context, key string) ([]broker.Message, error)
}

// A Publisher returns nil when the MQTT server has taken the message;
// mqttconn.Client is one.
type Publisher interface {
	Publish(ctx context.Context, m broker.Message) error
}

// Config says which queue. Queue, Region, Bucket, Credentials and Log are
// required.
type Config struct {
	Queue       string // URL
	Region      string
	Endpoint    string                  // empty: AWS's in the region
	Bucket      string                  // what is stored in others is none of ours
	Credentials aws.CredentialsProvider // asked for each call
	Log         *slog.Logger

	Pollers    int           // batches of up to ten messages that are worked on at a time; 2 unless set
	PauseMin   time.Duration // first pause when something cannot be reached; doubled each time; 1 s unless set
	PauseMax   time.Duration // longest one; 1 min unless set
	TimeToTake time.Duration // for one message; 20 s unless set. The queue's visibility timeout must be longer
}

const (
	batchSize = 10 // SQS's maximum
	longPoll  = 20 * time.Second
)

// A Consumer empties one queue.
type Consumer struct {
	conf      Config
	client    *sqs.Client
	handler   Handler
	publisher Publisher
	counts    counters
}

// New returns a Consumer that does nothing yet.
func New(conf Config, handler Handler, publisher Publisher) (*Consumer, error) {
	if conf.Queue == "" || conf.Region == "" || conf.Bucket == "" || conf.Credentials == nil || conf.Log == nil {
		return nil, errors.New("events need a queue, a region, a bucket, credentials and a log")
	}
	setDefault(&conf.Pollers, 2)
	setDefault(&conf.PauseMin, time.Second)
	setDefault(&conf.PauseMax, time.Minute)
	setDefault(&conf.TimeToTake, 20*time.Second)
	options := sqs.Options{
		Region:      conf.Region,
		Credentials: conf.Credentials,
		HTTPClient:  &http.Client{Timeout: longPoll + 10*time.Second},
		Retryer:     retry.AddWithMaxAttempts(retry.NewStandard(), 2), // then it is our turn to wait
	}
	if conf.Endpoint != "" {
		options.BaseEndpoint = aws.String(conf.Endpoint)
	}
	return &Consumer{conf: conf, client: sqs.New(options), handler: handler, publisher: publisher}, nil
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// Run works until ctx ends, and returns when nothing is under way any more. What
// it has received and not deleted then, SQS gives again.
func (c *Consumer) Run(ctx context.Context) {
	c.conf.Log.Info("listening to the bucket's events", "queue", c.conf.Queue)
	var pollers sync.WaitGroup
	for range c.conf.Pollers {
		pollers.Go(func() { c.poll(ctx) })
	}
	pollers.Wait()
}

// Stats counts messages since the start.
type Stats struct {
	Received   int64 // each time it was received
	Announced  int64 // events that were published
	Postponed  int64 // messages left to be given again, because something could not be reached
	Mysterious int64 // messages that nobody understands
	Deleted    int64
	Failures   int64 // calls of SQS that failed
}

// counters are Stats while they change.
type counters struct {
	received, announced, postponed, mysterious, deleted, failures atomic.Int64
}

// Stats returns the counts.
func (c *Consumer) Stats() Stats {
	return Stats{
		Received:   c.counts.received.Load(),
		Announced:  c.counts.announced.Load(),
		Postponed:  c.counts.postponed.Load(),
		Mysterious: c.counts.mysterious.Load(),
		Deleted:    c.counts.deleted.Load(),
		Failures:   c.counts.failures.Load(),
	}
}
