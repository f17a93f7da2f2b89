// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fetchLine is what a thing prints of a download.
type fetchLine struct {
	ObjectKey, Result, Verified, Code string
	Size                              int64
	Attempts, Asks, Connects, Status  int
}

// fetches runs `download` to its end.
func (s *stack) fetches(thing string, args ...string) (line fetchLine, code int) {
	s.tb.Helper()
	c := s.thingDoes(thing, "download", args...)
	code = c.wait(2 * patience)
	for _, text := range c.lines() {
		if strings.HasPrefix(text, "{") && json.Unmarshal([]byte(text), &line) != nil {
			s.tb.Fatalf("not JSON: %s", text)
		}
	}
	return line, code
}

func image(tb testing.TB, size int) []byte {
	tb.Helper()
	body := make([]byte, size)
	if _, err := rand.Read(body); err != nil {
		tb.Fatal(err)
	}
	return body
}

func mustHold(tb testing.TB, path string, want []byte) {
	tb.Helper()
	got, err := os.ReadFile(path)
	if err != nil || sum(got) != sum(want) {
		tb.Errorf("%s: %d bytes, want %d, the same: false; %v", path, len(got), len(want), err)
	}
}

// TestAnUpdateIsFetchedOverABadLink fetches 1 MB of firmware over connections
// that break, then nothing because it has it, then the next version.
func TestAnUpdateIsFetchedOverABadLink(t *testing.T) {
	s := newStack(t)
	first, second := image(t, 1_000_000), image(t, 1_000_003)
	to := filepath.Join(t.TempDir(), "app.bin")
	s.publishFile("firmware/cams/latest.bin", first)
	line, code := s.fetches("cam1", "--to", to, "--cut-random", "3,6,300000", "--retry-wait", "20,100")
	if code != 0 || line.Result != "fetched" || line.Verified != "sha256" || line.Size != 1_000_000 || line.Connects < 7 {
		t.Errorf("exit code %d, %+v", code, line)
	}
	mustHold(t, to, first)
	line, code = s.fetches("cam1", "--to", to)
	if code != 0 || line.Result != "unchanged" || line.Attempts != 0 {
		t.Errorf("again: exit code %d, %+v", code, line)
	}
	s.publishFile("firmware/cams/latest.bin", second)
	if line, code = s.fetches("cam1", "--to", to); code != 0 || line.Result != "fetched" {
		t.Errorf("the next version: exit code %d, %+v", code, line)
	}
	mustHold(t, to, second)
	if left, err := filepath.Glob(to + "?*"); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if line, code = s.fetches("cam1", "--to", to, "nightly"); code != 1 || line.Code != "not-found" {
		t.Errorf("a file that is not there: exit code %d, %+v", code, line)
	}
	mustHold(t, to, second)
}

// TestADownloadGoesOnAfterAReboot takes the thing's power away twice. What is on
// the disk is not fetched again.
func TestADownloadGoesOnAfterAReboot(t *testing.T) {
	s := newStack(t)
	body := image(t, 6*mib)
	s.publishFile("firmware/cams/latest.bin", body)
	p := s.behindProxy()
	to := filepath.Join(t.TempDir(), "app.bin")
	arrived := func() int64 {
		part, err := os.Stat(to + ".part")
		if err != nil {
			return 0
		}
		return part.Size()
	}
	for range 2 {
		at := arrived() + 2*mib
		c := s.thingDoes("cam1", "download", "--to", to, "--rate", "10000000")
		await(t, "some of it", func() bool { return arrived() > at })
		c.kill9()
	}
	before, left := p.sent.Load(), int64(len(body))-arrived()
	if line, code := s.fetches("cam1", "--to", to); code != 0 || line.Result != "fetched" {
		t.Errorf("exit code %d, %+v", code, line)
	}
	mustHold(t, to, body)
	if got, most := p.sent.Load()-before, left+mib/2; got > most { // what was not synced yet, and TLS
		t.Errorf("in the last life %d bytes came, want at most %d of %d", got, most, len(body))
	}
}
