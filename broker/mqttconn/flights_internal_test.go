// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn

import (
	"context"
	"errors"
	"testing"
	"time"

	"thingpass/broker"
)

// flown is an owner that keeps how its reply ended.
type flown chan error

func (f flown) done(_, lost error) { f <- lost }

func testFlights(window int, timeout time.Duration) (*flights, chan string) {
	late := make(chan string, 10)
	return newFlights(window, timeout, func(f *flight, _ puback) { f.owner.done(nil, nil) }, func(f *flight) { late <- f.message.Topic }), late
}

func TestNoMoreRepliesAreUnderWayThanTheServerAllows(t *testing.T) {
	t.Parallel()
	f, _ := testFlights(2, time.Hour)
	first, second := make(flown, 1), make(flown, 1)
	a, err1 := f.begin(t.Context(), broker.Message{}, first)
	b, err2 := f.begin(t.Context(), broker.Message{}, second)
	if err1 != nil || err2 != nil || a == b || a == 0 || b == 0 {
		t.Fatalf("%d, %v; %d, %v", a, err1, b, err2)
	}
	hasty, cancel := context.WithCancelCause(t.Context())
	cancel(errUnanswered)
	if _, err := f.begin(hasty, broker.Message{}, first); !errors.Is(err, errUnanswered) {
		t.Errorf("a third: %v", err)
	}
	f.acknowledged(puback{id: b})
	f.acknowledged(puback{id: b}) // a server that repeats itself gives no room
	f.acknowledged(puback{id: 1})
	if err := <-second; err != nil {
		t.Error(err)
	}
	if c, err := f.begin(t.Context(), broker.Message{}, second); err != nil || c != b {
		t.Errorf("after an acknowledgement: %d, %v", c, err)
	}
	if _, err := f.begin(hasty, broker.Message{}, first); err == nil {
		t.Error("a third is let go")
	}
	f.end(errUnanswered)
	for _, o := range []flown{first, second} {
		if err := <-o; !errors.Is(err, errUnanswered) {
			t.Errorf("at the end: %v", err)
		}
	}
	if _, err := f.begin(hasty, broker.Message{}, first); err == nil {
		t.Error("one begins after the end")
	}
}

func TestTheOldestReplyIsMissed(t *testing.T) {
	t.Parallel()
	f, late := testFlights(10, 20*time.Millisecond)
	for range 3 { // the watch must wake up again after it had nothing to do
		o := make(flown, 1)
		id, err := f.begin(t.Context(), broker.Message{Topic: "taken"}, o)
		if err != nil {
			t.Fatal(err)
		}
		f.acknowledged(puback{id: id})
		<-o
		time.Sleep(25 * time.Millisecond) // what is tested is that time passes
	}
	began := time.Now()
	if _, err := f.begin(t.Context(), broker.Message{Topic: "late"}, make(flown, 1)); err != nil {
		t.Fatal(err)
	}
	if topic := <-late; topic != "late" || time.Since(began) < 20*time.Millisecond {
		t.Errorf("%s after %v", topic, time.Since(began))
	}
}
