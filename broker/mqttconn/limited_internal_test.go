// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn

import (
	"context"
	"errors"
	"testing"
	"time"
)

type contextKey struct{}

func TestALimitedContextEndsLikeAnyOther(t *testing.T) {
	t.Parallel()
	parent, cancel := context.WithCancel(context.WithValue(t.Context(), contextKey{}, "v"))
	defer cancel()

	short := newLimited(parent, time.Millisecond)
	child, stop := context.WithTimeout(short, time.Hour)
	defer stop()
	<-child.Done()
	if !errors.Is(short.Err(), context.DeadlineExceeded) || !errors.Is(child.Err(), context.DeadlineExceeded) {
		t.Errorf("after the deadline: %v, %v", short.Err(), child.Err())
	}

	long, ended := newLimited(parent, time.Hour), newLimited(parent, time.Hour)
	if end, ok := long.Deadline(); !ok || time.Until(end) < 59*time.Minute || long.Err() != nil || long.Value(contextKey{}) != "v" {
		t.Errorf("deadline %v, %v; %v; value %v", end, ok, long.Err(), long.Value(contextKey{}))
	}
	ended.end()
	if !errors.Is(ended.Err(), context.Canceled) {
		t.Errorf("ended before it was asked: %v", ended.Err())
	}
	again, stopAgain := context.WithCancel(long)
	defer stopAgain()
	cancel()
	<-again.Done()
	if !errors.Is(long.Err(), context.Canceled) || long.Value(contextKey{}) != "v" {
		t.Errorf("after the parent's end: %v, value %v", long.Err(), long.Value(contextKey{}))
	}
	long.end()
}
