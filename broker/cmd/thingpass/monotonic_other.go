// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package main

// monotonicMicros is for systemd only.
func monotonicMicros() int64 { return 0 }
