// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"strings"
	"testing"
)

// partArgs let a thing store the photos of dir in parts.
func partArgs(dir string) []string {
	return []string{"--mode", "multipart", "--kind", "shot", "--camera", dir, "--interval", "0", "--deadline", "120"}
}

// TestPhotosInPartsArriveByteForByte lets the firmware store what has one part,
// whole parts, and a rest; each is joined under its CRC-32.
func TestPhotosInPartsArriveByteForByte(t *testing.T) {
	s := newStack(t)
	dir := folder(t, 5, 5*mib-1, 5*mib, 5*mib+1, 10*mib, 16*mib+7)
	c := s.thing("cam1", partArgs(dir)...)
	if code := c.wait(4 * patience); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, c.text())
	}
	s.mustHaveStored("cam1", dir)
	s.mustHaveNoUploads()
	puts := 0
	for _, p := range c.photos() {
		puts += p.Attempts
	}
	if want := 1 + 1 + 1 + 2 + 2 + 4; puts != want {
		t.Errorf("%d parts were sent, want %d", puts, want)
	}
}

// TestPartsSurviveCutConnections cuts each connection somewhere in its second
// part: what has arrived is not sent again.
func TestPartsSurviveCutConnections(t *testing.T) {
	s := newStack(t)
	p := s.behindProxy()
	dir := folder(t, 22*mib)
	p.cutAfter.Store(8 * mib)
	c := s.thing("cam1", partArgs(dir)...)
	if code := c.wait(4 * patience); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, c.text())
	}
	s.mustHaveStored("cam1", dir)
	s.mustHaveNoUploads()
	if photos := c.photos(); len(photos) != 1 || photos[0].Attempts < 6 || photos[0].Attempts > 9 {
		t.Errorf("5 parts over a connection that breaks after one and a half: %+v", photos)
	}
}

func TestAPhotoTooLargeForPartsIsRefused(t *testing.T) {
	s := newStack(t)
	c := s.thing("cam1", partArgs(folder(t, 64*mib+1))...)
	if code := c.wait(patience); code != 1 || !strings.Contains(c.text(), "size-not-allowed") {
		t.Errorf("exit code %d:\n%s", code, c.text())
	}
}
