// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package sqsevents

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"thingpass/broker"
)

const deleteTimeout = 5 * time.Second

// verdict is what becomes of a message.
type verdict int

const (
	done       verdict = iota // to be deleted
	postponed                 // to be given again, when more can be reached
	mysterious                // to be given again, until the queue has enough of it
)

// poll receives and works until ctx ends.
func (c *Consumer) poll(ctx context.Context) {
	pause := c.conf.PauseMin
	for ctx.Err() == nil {
		trouble := c.batch(ctx)
		if trouble == nil {
			pause = c.conf.PauseMin
			continue
		}
		if ctx.Err() != nil {
			return
		}
		wait := pause - rand.N(pause/2+1)
		c.conf.Log.Warn("not all of the bucket's events could be taken", "err", trouble, "again_in", wait)
		sleep(ctx, wait)
		pause = min(2*pause, c.conf.PauseMax)
	}
}

// batch works on up to ten messages. Its error is why receiving more would be no
// use now.
func (c *Consumer) batch(ctx context.Context) error {
	out, err := c.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl:            &c.conf.Queue,
		MaxNumberOfMessages: batchSize,
		WaitTimeSeconds:     int32(longPoll / time.Second),
	})
	if err != nil {
		if ctx.Err() == nil {
			c.counts.failures.Add(1)
		}
		return fmt.Errorf("receive from the queue: %w", err)
	}
	c.counts.received.Add(int64(len(out.Messages)))
	verdicts, troubles := make([]verdict, len(out.Messages)), make([]error, len(out.Messages))
	var all sync.WaitGroup
	for i, m := range out.Messages {
		all.Go(func() { verdicts[i], troubles[i] = c.take(ctx, m) })
	}
	all.Wait()
	var finished []types.Message
	for i, v := range verdicts {
		if v == done {
			finished = append(finished, out.Messages[i])
		}
	}
	return errors.Join(c.delete(ctx, finished), errors.Join(troubles...))
}

// take does all that follows from a message. The error is why it was postponed.
func (c *Consumer) take(ctx context.Context, m types.Message) (verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, c.conf.TimeToTake)
	defer cancel()
	id := aws.ToString(m.MessageId)
	stored, err := keys(aws.ToString(m.Body), c.conf.Bucket)
	if err != nil {
		c.counts.mysterious.Add(1)
		c.conf.Log.Error("a message is not understood: leaving it to the queue's redrive policy", "message", id, "err", err)
		return mysterious, nil
	}
	for _, key := range stored {
		if err := c.announce(ctx, key); err != nil {
			c.counts.postponed.Add(1)
			return postponed, fmt.Errorf("message %s: %w", id, err)
		}
	}
	return done, nil
}

// announce publishes what follows from a key. A key of which nothing will ever
// follow is told in the log, and is no error.
func (c *Consumer) announce(ctx context.Context, key string) error {
	events, err := c.handler.Stored(ctx, key)
	var refusal *broker.Refusal
	switch {
	case errors.As(err, &refusal) && refusal.RetryAfter() == 0:
		c.conf.Log.Info("not announced", "err", err)
		return nil
	case err != nil:
		return err
	}
	for _, e := range events {
		if err := c.publisher.Publish(ctx, e); err != nil {
			return err
		}
		c.counts.announced.Add(1)
	}
	return nil
}

// delete ends messages. Those that were worked on are deleted even if ctx has
// ended meanwhile; one that cannot be is given again, which does no harm.
func (c *Consumer) delete(ctx context.Context, messages []types.Message) error {
	if len(messages) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deleteTimeout)
	defer cancel()
	entries := make([]types.DeleteMessageBatchRequestEntry, len(messages))
	for i, m := range messages {
		entries[i] = types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle}
	}
	out, err := c.client.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &c.conf.Queue, Entries: entries})
	if err != nil {
		c.counts.failures.Add(1)
		return fmt.Errorf("delete from the queue: %w", err)
	}
	c.counts.deleted.Add(int64(len(out.Successful)))
	for _, f := range out.Failed {
		err = fmt.Errorf("delete from the queue: %s: %s", aws.ToString(f.Code), aws.ToString(f.Message))
	}
	return err
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
