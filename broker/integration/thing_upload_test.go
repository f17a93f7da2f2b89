// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// logFile makes a log of that many bytes, which no two parts of agree in.
func logFile(tb testing.TB, name string, size int) (path string) {
	tb.Helper()
	var text bytes.Buffer
	for n := rand.IntN(1000) * 1_000_000; text.Len() < size; n++ {
		_, _ = fmt.Fprintf(&text, "%09d all is well\n", n)
	}
	path = filepath.Join(tb.TempDir(), name)
	if err := os.WriteFile(path, text.Bytes()[:size], 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

// mustHaveFiles fails unless the bucket holds each file of a thing once.
func (s *stack) mustHaveFiles(thing string, paths ...string) {
	s.tb.Helper()
	if want, got := sums(s.tb, paths), s.storedSums(thing); !slices.Equal(want, got) {
		s.tb.Errorf("%s: %d files were uploaded, %d are stored; equal: false", thing, len(want), len(got))
	}
	s.mustHaveNoUploads()
}

func TestFilesOfAnySizeAreUploaded(t *testing.T) {
	s := newStack(t)
	files := []string{logFile(t, "a.log", 12_345), logFile(t, "b.txt", 5*mib), logFile(t, "c.log", 12*mib+1)}
	c := s.thingDoes("logger", "upload", append(files, "--metadata", "fw=1.4.2")...)
	if code := c.wait(2 * patience); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, c.text())
	}
	s.mustHaveFiles("logger", files...)
	attempts := 0
	for _, p := range c.photos() {
		attempts += p.Attempts
	}
	if attempts != 2+3 {
		t.Errorf("%d transfers, want 2 of the small files and 3 parts", attempts)
	}
	c = s.thingDoes("logger", "upload", logFile(t, "empty.log", 0), files[0])
	code := c.wait(patience)
	if p := c.photos(); code != 1 || len(p) != 2 || p[0].Code != "size-not-allowed" || p[1].Result != "stored" {
		t.Errorf("an empty file and another: exit code %d, %+v", code, p)
	}
	c = s.thingDoes("logger", "upload", files[0], "--type", "image/jpeg")
	if code := c.wait(patience); code != 1 || !strings.Contains(c.text(), "type-not-allowed") {
		t.Errorf("a log that calls itself a picture: exit code %d:\n%s", code, c.text())
	}
}

// TestAnUploadThatBreaksTenTimes cuts a 10 MB upload at ten random points: each
// time at most the part at hand is sent again. Half of the
// cuts come just before S3's answer to it. Measured: 48 and 55 MB went over the
// line, of the 62 MB that ten whole parts more would be.
func TestAnUploadThatBreaksTenTimes(t *testing.T) {
	s := newStack(t)
	p := s.behindProxy()
	const size, part, cuts = 10_000_000, 5 * mib, 10
	for seed := 1; seed <= 2; seed++ {
		name, file := fmt.Sprintf("logger%d", seed), logFile(t, "big.log", size)
		before := p.received.Load()
		c := s.thingDoes(name, "upload", file, "--cut-random", fmt.Sprintf("%d,%d,%d", seed, cuts, part), "--attempts", "20", "--retry-wait", "10,100")
		if code := c.wait(2 * patience); code != 0 {
			t.Fatalf("exit code %d:\n%s", code, c.text())
		}
		s.mustHaveFiles(name, file)
		sent := p.received.Load() - before
		photos := c.photos()
		if len(photos) != 1 || photos[0].Connects < cuts || photos[0].Attempts > 2+cuts {
			t.Errorf("seed %d: %+v", seed, photos)
		}
		t.Logf("seed %d: %d bytes were sent for %d, in %d transfers", seed, sent, size, photos[0].Attempts)
		if most := int64(size + cuts*part + size/50); sent > most { // and TLS
			t.Errorf("seed %d: %d bytes were sent for %d: more than a part for each cut", seed, sent, size)
		}
	}
}

// TestAnUploadGoesOnAfterAReboot takes the thing's power away in mid-upload, over
// and over: what S3 has is not sent again.
func TestAnUploadGoesOnAfterAReboot(t *testing.T) {
	s := newStack(t)
	p := s.behindProxy()
	file := logFile(t, "big.log", 22*mib)
	before, lives, at := p.received.Load(), 0, p.received.Load()
	for {
		lives++
		c := s.thingDoes("logger", "upload", "--id", "log-1", file, "--rate", "40000000")
		if lives <= 3 {
			at += 7 * mib
			await(t, "some parts", func() bool { return p.received.Load() > at })
			c.kill9()
			continue
		}
		if code := c.wait(2 * patience); code != 0 {
			t.Fatalf("exit code %d:\n%s", code, c.text())
		}
		break
	}
	s.mustHaveFiles("logger", file)
	if sent, most := p.received.Load()-before, int64(22+3*5+1)*mib; sent > most {
		t.Errorf("%d bytes were sent in %d lives, want at most %d", sent, lives, most)
	}
}

// TestTheBrokerIsToldLater lets S3's word suffice at first. In the end the broker
// has seen and announced every photo, for a message for many.
func TestTheBrokerIsToldLater(t *testing.T) {
	s := newStack(t)
	watcher := s.observer()
	const photos = 30
	dir := folder(t, slices.Repeat([]int{2000}, photos)...)
	c := s.thing("cam1", "--mode", "pass", "--verify", "later", "--camera", dir, "--interval", interval("0"))
	if code := c.wait(patience); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, c.text())
	}
	s.mustHaveStored("cam1", dir)
	announced := map[string]bool{}
	for range photos {
		var event struct{ ObjectKey string }
		p := watcher.next()
		if p == nil || json.Unmarshal(p.Payload, &event) != nil {
			t.Fatalf("only %d of %d photos are announced", len(announced), photos)
		}
		announced[event.ObjectKey] = true
	}
	for _, p := range c.photos() {
		if p.Reports != 0 || !announced[p.ObjectKey] {
			t.Errorf("photo %d: %d reports, announced: %v", p.N, p.Reports, announced[p.ObjectKey])
		}
	}
}
