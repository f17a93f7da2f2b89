// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleet_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"thingpass/broker"
	"thingpass/broker/fleet"
	"thingpass/broker/fleet/fleettest"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// clock is a clock that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

func newClock() *clock { return &clock{now: noon} }

// open opens a fleet whose periods are short, and whose crawl does not rest.
func open(t testing.TB, files fleet.Files, change func(*fleet.Config)) *fleet.Fleet {
	t.Helper()
	c := fleet.Config{Files: files, Replica: "a", Now: newClock().Now, FlushEvery: 5 * time.Millisecond, FollowEvery: 5 * time.Millisecond,
		SnapshotEvery: time.Hour, CrawlPause: time.Nanosecond}
	if change != nil {
		change(&c)
	}
	f, err := fleet.Open(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// run runs a fleet until the test ends, and returns when it has loaded its state.
func run(t testing.TB, f *fleet.Fleet) *fleet.Fleet {
	t.Helper()
	go f.Run(context.Background())
	t.Cleanup(func() { f.Close() })
	select {
	case <-f.Loaded():
	case <-time.After(time.Minute):
		t.Fatal("the state is not loaded after a minute")
	}
	return f
}

// eventually waits until ok holds.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

func key(thing string, n int) string {
	return fmt.Sprintf("%s/photo/2026/11/23/b-%06d.jpg", thing, n)
}

// photo is the two records of photo n, which took two seconds.
func photo(thing string, n int, at time.Time) []broker.Entry {
	return []broker.Entry{
		{Time: at, Thing: thing, Request: "upload-request", ID: fmt.Sprint("b-", n), Mode: "put", Kind: "photo", Key: key(thing, n),
			ContentType: "image/jpeg", Size: 48211, Code: broker.CodeGranted, ExpiresAt: at.Unix() + 900},
		{Time: at.Add(2 * time.Second), Thing: thing, Request: "upload-complete", ID: fmt.Sprint("b-", n), Kind: "photo", Key: key(thing, n),
			Size: 48211, Code: broker.CodeVerified, SHA256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
	}
}

func refusal(thing string, code broker.Code, at time.Time) broker.Entry {
	return broker.Entry{Time: at, Thing: thing, Request: "upload-request", ID: "r", Kind: "photo", Code: code, Reason: "because " + string(code)}
}

func thingOf(t testing.TB, f *fleet.Fleet, name string) fleet.Thing {
	t.Helper()
	one, known := f.Thing(name)
	if !known {
		t.Fatalf("%s is not known", name)
	}
	return one
}

var _ fleet.Files = (*fleettest.Memory)(nil)
