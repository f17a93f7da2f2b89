// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestMain lets the test's own binary be the echo, as the program's is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "echo" {
		if err := runEcho(context.Background(), os.Args[2:]); err != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// TestTheLadderHoldsTogether climbs quickly; the numbers mean nothing.
func TestTheLadderHoldsTogether(t *testing.T) {
	if _, err := exec.LookPath("/usr/sbin/mosquitto"); err != nil && os.Getenv("CI") != "true" {
		if _, err := exec.LookPath("mosquitto"); err != nil {
			t.Skip("there is no mosquitto on this machine")
		}
	}
	binary := filepath.Join(t.TempDir(), "thingpass")
	if out, err := exec.Command("go", "build", "-o", binary, "../cmd/thingpass").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := runLadder(ctx, []string{"-quick", "-thingpass", binary, "-only", "closed,open,batch,flood,console,memory"}); err != nil {
		t.Fatal(err)
	}
}
