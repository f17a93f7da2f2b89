// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"runtime"
)

// useProcessors gives each connection one processor, as far as there are so many,
// unless GOMAXPROCS says otherwise. What it returns takes them back.
//
// A connection is one stream, and a grant is some 30 µs of work, most of it in the
// kernel: one processor answers more than an MQTT server passes on to a
// connection. A second one would take its turns by being woken for each of
// them, which costs a fifth of all (BENCHMARKS.md).
func useProcessors(connections int) (undo func()) {
	before := runtime.GOMAXPROCS(0)
	if os.Getenv("GOMAXPROCS") != "" || connections >= before {
		return func() {}
	}
	runtime.GOMAXPROCS(connections)
	return func() { runtime.GOMAXPROCS(before) }
}
