// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package main

import (
	"syscall"
	"testing"
	"time"
)

// processorTime is what this process has used so far. Other programs do not count,
// as they do for the time of day.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		t.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// An operator runs lint and isolate before every commit: together they take less
// than a tenth of a second for our own documents. The least of several runs counts.
func TestLintAndIsolateOfOurOwnAreFast(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector's time says nothing")
	}
	const limit = 100 * time.Millisecond
	least := time.Hour
	for range 10 {
		start := processorTime(t)
		for _, args := range [][]string{{"lint", "thing", "broker", "observer", "claim", "thing-credentials", "credentials-role", "presign-role", "bucket-policy"}, {"isolate"}} {
			if out, complaints, code := thingpassPolicy(t, args...); code != exitOK {
				t.Fatalf("%s: code %d: %s%s", args, code, out, complaints)
			}
		}
		if least = min(least, processorTime(t)-start); least < limit {
			t.Log(least)
			return
		}
	}
	t.Errorf("lint and isolate take %v, want less than %v", least, limit)
}
