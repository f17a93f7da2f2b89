// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// asks returns how many questions a thing put to the broker, in all.
func (c *child) asks() int {
	n := 0
	for _, p := range c.photos() {
		n += p.Asks
	}
	return n
}

// TestPhotosUnderAPassArriveByteForByte lets the firmware post photos, of sizes
// around the limits of its buffers, under one pass each. Each is verified.
func TestPhotosUnderAPassArriveByteForByte(t *testing.T) {
	s := newStack(t)
	sizes := []int{5, 6, 1023, 1024, 1025, 1300, 1301, 1302, 2048, 4095, 4096, 4097, 100_000, 1 << 20}
	for name, args := range map[string][]string{
		"mqtt311": {"--mqtt", "3.1.1"},
		"mqtt5":   {"--mqtt", "5"},
		"nosum":   {"--sha256", "off"}, // no checksum in the pass, and a connection for each
		"tagged":  {"--metadata", "fw=1.4.2", "--metadata", "rssi=-61"},
	} {
		t.Run(name, func(t *testing.T) {
			s := s.with(t)
			dir := folder(t, sizes...)
			c := s.thing("pass-"+name, append(args, "--mode", "pass", "--camera", dir, "--interval", "0")...)
			if code := c.wait(2 * patience); code != 0 {
				t.Fatalf("exit code %d:\n%s", code, c.text())
			}
			s.mustHaveStored("pass-"+name, dir)
			photos := c.photos()
			if len(photos) != len(sizes) || c.asks() > 2 { // two, if the day ended just now
				t.Errorf("%d lines and %d questions for %d photos", len(photos), c.asks(), len(sizes))
			}
			for _, p := range photos {
				if !strings.HasPrefix(p.ObjectKey, "pass-"+name+"/photo/") || !strings.HasSuffix(p.ObjectKey, "/"+p.ID+".jpg") {
					t.Errorf("key %s of photo %s", p.ObjectKey, p.ID)
				}
			}
		})
	}
}

// TestWhatIsStoredUnderAPassIsVerifiedAndAnnounced compares the events with what
// the thing says it sent.
func TestWhatIsStoredUnderAPassIsVerifiedAndAnnounced(t *testing.T) {
	s := newStack(t)
	watcher := s.observer()
	c := s.thing("cam1", "--mode", "pass", "--camera", folder(t, 1000, 20_000), "--interval", "0", "--metadata", "rssi=-61")
	if code := c.wait(patience); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, c.text())
	}
	for _, photo := range c.photos() {
		var event struct {
			Thing, Kind, ObjectKey, SHA256 string
			Size                           int64
			Metadata                       map[string]string
		}
		p := watcher.next()
		if p == nil || json.Unmarshal(p.Payload, &event) != nil {
			t.Fatal("no event")
		}
		if event.Thing != "cam1" || event.Kind != "photo" || event.ObjectKey != photo.ObjectKey || event.Size != photo.Size || event.SHA256 != photo.SHA256 {
			t.Errorf("event %+v for photo %+v", event, photo)
		}
		if event.Metadata["rssi"] != "-61" || event.Metadata["captured-at"] == "" {
			t.Errorf("metadata %v", event.Metadata)
		}
	}
}

func TestOneConnectionAndOneQuestionServeManyPhotos(t *testing.T) {
	s := newStack(t)
	p := s.behindProxy()
	dir := folder(t, slices.Repeat([]int{20_000}, 20)...)
	c := s.thing("cam1", "--mode", "pass", "--camera", dir, "--interval", "0")
	if code := c.wait(2 * patience); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, c.text())
	}
	s.mustHaveStored("cam1", dir)
	if n := p.connections.Load() - 1; n > 2 || c.asks() > 2 {
		t.Errorf("20 photos took %d connections besides the thing's, and %d questions", n, c.asks())
	}
}

func TestUploadsUnderAPassSurviveCutConnections(t *testing.T) {
	s := newStack(t)
	p := s.behindProxy()
	dir := folder(t, slices.Repeat([]int{60_000}, 6)...)
	p.cutAfter.Store(90_000) // a whole photo and a half on each connection
	c := s.thing("cam1", "--mode", "pass", "--camera", dir, "--interval", "0")
	if code := c.wait(4 * patience); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, c.text())
	}
	s.mustHaveStored("cam1", dir)
	if p.connections.Load() < 4 {
		t.Errorf("only %d connections: nothing was cut", p.connections.Load())
	}
}

// TestAPassIsRenewedByItself stores photos for longer than a pass lasts.
func TestAPassIsRenewedByItself(t *testing.T) {
	s := newStack(t)
	dir := folder(t, slices.Repeat([]int{2000}, 8)...)
	c := s.thing("cam1", "--mode", "pass", "--kind", "hasty", "--camera", dir, "--interval", "500")
	if code := c.wait(2 * patience); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, c.text())
	}
	s.mustHaveStored("cam1", dir)
	if n := c.asks(); n < 2 || n > 8 {
		t.Errorf("%d questions in four seconds, for passes of one second", n)
	}
}

// TestAPhotoThatThePassDoesNotAllowIsNotSent holds the thing to its own judgement:
// neither the broker nor S3 is asked.
func TestAPhotoThatThePassDoesNotAllowIsNotSent(t *testing.T) {
	s := newStack(t)
	c := s.thing("cam1", "--mode", "pass", "--camera", folder(t, 1000, 9<<20, 2000), "--interval", "0") // the second is above the kind's 8 MiB
	if code := c.wait(patience); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	photos := c.photos()
	if len(photos) != 3 || photos[1].Result == "stored" || photos[1].Attempts != 0 || photos[2].Result != "stored" {
		t.Errorf("lines: %+v", photos)
	}
	if n := len(s.stored()); n != 2 || !strings.Contains(c.text(), "size-not-allowed") {
		t.Errorf("%d objects are stored:\n%s", n, c.text())
	}
	c = s.thing("cam1", "--mode", "pass", "--kind", "brief", "--camera", folder(t, 1000))
	if code := c.wait(patience); code != 1 || !strings.Contains(c.text(), "mode-not-allowed") {
		t.Errorf("exit code %d for a kind without passes:\n%s", code, c.text())
	}
}
