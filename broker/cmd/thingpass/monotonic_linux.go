// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import "golang.org/x/sys/unix"

// monotonicMicros is the time of CLOCK_MONOTONIC, by which systemd tells one
// reload from the next.
func monotonicMicros() int64 {
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) != nil {
		return 0 // systemd then waits for its timeout, and says so
	}
	return now.Nano() / 1000
}
