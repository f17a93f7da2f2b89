// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/zip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// TestTheReadmesCommandPacksAFunction runs the README's shell block, for this
// machine's architecture, which is built already.
func TestTheReadmesCommandPacksAFunction(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```sh\n")
	block, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("no shell block")
	}
	cmd := exec.Command("sh", "-ec", block)
	cmd.Dir = "../../.."
	bin := t.TempDir()
	cmd.Env = append(os.Environ(), "MAKEFLAGS=", "LAMBDA_ARCH="+runtime.GOARCH, "BIN="+bin)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	archive, err := zip.OpenReader(bin + "/thingpass-lambda.zip")
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	if len(archive.File) != 1 || archive.File[0].Name != "bootstrap" || archive.File[0].Mode()&0o111 == 0 {
		t.Fatalf("%+v", archive.File)
	}
}
