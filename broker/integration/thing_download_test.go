// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// image makes something to fetch that no two places of agree in.
func image(seed uint64, size int) []byte {
	r := rand.New(rand.NewPCG(seed, seed))
	body := make([]byte, size)
	for i := range body {
		body[i] = byte(r.Uint32())
	}
	return body
}

// mustBe fails unless the file is that, and nothing is left beside it.
func mustBe(tb testing.TB, path string, want []byte) {
	tb.Helper()
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
		tb.Errorf("%s has %d bytes of %d, equal: %v (%v)", path, len(got), len(want), bytes.Equal(got, want), err)
	}
	if left, _ := filepath.Glob(path + ".part*"); len(left) > 0 {
		tb.Errorf("left over: %v", left)
	}
}

// fetches runs a download to its end and returns its line.
func (s *stack) fetches(code int, result, to string, args ...string) photoLine {
	s.tb.Helper()
	c := s.thingDoes("cam1", "download", append([]string{"--to", to, "--retry-wait", "10,100"}, args...)...)
	got := c.wait(2 * patience)
	lines := c.photos()
	if got != code || len(lines) != 1 || lines[0].Result != result {
		s.tb.Fatalf("exit code %d, want %d and %s:\n%s", got, code, result, c.text())
	}
	return lines[0]
}

func TestThingFetchesAFile(t *testing.T) {
	s := newStack(t)
	first, second, to := image(1, 1_000_000), image(2, 1_000_000), filepath.Join(t.TempDir(), "app.bin")
	s.publishFile("firmware/cams/latest.bin", first)
	s.publishFile("firmware/cams/1.4.3.bin", second)
	s.publishFile("firmware/cams/empty.bin", nil)
	if line := s.fetches(0, "fetched", to); line.SHA256 != sum(first) || line.ObjectKey != "firmware/cams/latest.bin" || line.Attempts != 1 {
		t.Errorf("%+v", line)
	}
	mustBe(t, to, first)
	if line := s.fetches(0, "unchanged", to); line.Attempts != 0 {
		t.Errorf("it has it already: %+v", line)
	}
	s.fetches(0, "fetched", to, "1.4.3")
	mustBe(t, to, second)
	s.fetches(0, "fetched", to, "empty")
	mustBe(t, to, nil)
	for want, args := range map[string][]string{"not-found": {"9.9.9"}, "key-not-allowed": {"--group", "bells"},
		"size-not-allowed": {"--max-size", "999999"}, "bad-request": {"../bells/latest"}} {
		if line := s.fetches(1, "failed", to, args...); line.Code != want {
			t.Errorf("%v: %+v, want %s", args, line, want)
		}
	}
	mustBe(t, to, nil)
}

// TestADownloadOverALinkThatBreaksGoesOn cuts each connection after 50 KB: far more
// often than a transfer may fail.
func TestADownloadOverALinkThatBreaksGoesOn(t *testing.T) {
	s := newStack(t)
	body, to := image(3, 1_000_000), filepath.Join(t.TempDir(), "app.bin")
	s.publishFile("firmware/cams/latest.bin", body)
	line := s.fetches(0, "fetched", to, "--cut-after", "50000,1000")
	if line.SHA256 != sum(body) || line.Attempts < 20 || line.Attempts > 23 || line.Asks != 1 {
		t.Errorf("1 MB in pieces of less than 50 KB: %+v", line)
	}
	mustBe(t, to, body)
	for _, seed := range []string{"1", "2", "3"} {
		_ = os.Remove(to)
		s.fetches(0, "fetched", to, "--cut-random", seed+",15,200000", "--mqtt", "5")
		mustBe(t, to, body)
	}
}

// TestADownloadSurvivesKills kills the thing again and again; what is on its disk is
// not fetched again.
func TestADownloadSurvivesKills(t *testing.T) {
	s := newStack(t)
	body, to := image(4, 3_000_000), filepath.Join(t.TempDir(), "app.bin")
	s.publishFile("firmware/cams/latest.bin", body)
	p := s.behindProxy()
	had := int64(0)
	for range 4 {
		c := s.thingDoes("cam1", "download", "--to", to, "--rate", "1500000")
		await(t, "some more of it", func() bool {
			info, err := os.Stat(to + ".part")
			return err == nil && info.Size() > had+500_000
		})
		c.kill9()
		info, err := os.Stat(to + ".part")
		if err != nil {
			t.Fatal(err)
		}
		had = info.Size()
	}
	began, before := time.Now(), p.sent.Load()
	line := s.fetches(0, "fetched", to, "--rate", "1500000")
	if line.SHA256 != sum(body) {
		t.Errorf("%+v", line)
	}
	mustBe(t, to, body)
	// What was not synced when it died, 256 KB at most, may come again.
	if got, most := p.sent.Load()-before, int64(len(body))-had+300_000; got > most {
		t.Errorf("the last run took %d bytes, want at most %d, in %v", got, most, time.Since(began))
	}
}

// TestADownloadThatIsOvertakenBeginsAnew replaces the object while it is fetched.
func TestADownloadThatIsOvertakenBeginsAnew(t *testing.T) {
	s := newStack(t)
	first, second, to := image(5, 1_000_000), image(6, 900_000), filepath.Join(t.TempDir(), "app.bin")
	s.publishFile("firmware/cams/latest.bin", first)
	c := s.thingDoes("cam1", "download", "--to", to, "--rate", "400000", "--cut-after", "100000,1000", "--retry-wait", "10,100")
	await(t, "some of it", func() bool {
		info, err := os.Stat(to + ".part")
		return err == nil && info.Size() > 100_000
	})
	s.publishFile("firmware/cams/latest.bin", second)
	code := c.wait(2 * patience)
	if lines := c.photos(); code != 0 || len(lines) != 1 || lines[0].SHA256 != sum(second) || lines[0].Asks < 2 {
		t.Errorf("exit code %d:\n%s", code, c.text())
	}
	mustBe(t, to, second)
}
