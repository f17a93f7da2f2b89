// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"testing"
)

// TestOnlyWhatMovesIsStored lets a ball roll through some photos of a camera that
// stores only what moves, besides a heartbeat.
func TestOnlyWhatMovesIsStored(t *testing.T) {
	s := newStack(t)
	const first, count = 20, 8
	for name, args := range map[string][]string{
		"direct":  nil,
		"spooled": {"--spool", filepath.Join(t.TempDir(), "spool")},
	} {
		t.Run(name, func(t *testing.T) {
			s := s.with(t)
			dir := t.TempDir()
			c := s.thing("gate-"+name, append(args, "--motion", "--cooldown", "1", "--moving", "20,8", "--seed", "5", "--scene", "320x240", "--count", "60", "--interval", "10", "--save", dir)...)
			if code := c.wait(patience); code != 0 {
				t.Fatalf("exit code %d:\n%s", code, c.text())
			}
			s.mustHaveStored("gate-"+name, dir)
			var stored []int
			skipped := 0
			for _, p := range c.photos() {
				switch p.Result {
				case "stored":
					stored = append(stored, p.N)
				case "skipped":
					skipped++
				}
			}
			slices.Sort(stored)
			t.Logf("stored: %v", stored)
			moved := slices.DeleteFunc(slices.Clone(stored), func(n int) bool { return n < first || n > first+count })
			if len(moved) < 3 || len(stored)-len(moved) > 3 || skipped+len(stored) != 60 {
				t.Errorf("photos %v of 60 are stored, %d skipped; the ball moved in %d to %d", stored, skipped, first, first+count-1)
			}
		})
	}
}

// TestPhotosCarryWhatSensorsSay reads it in the events.
func TestPhotosCarryWhatSensorsSay(t *testing.T) {
	s := newStack(t)
	watcher := s.observer()
	c := s.thing("cam1", "--sensors", "--metadata", "site=north", "--count", "2", "--interval", "0", "--scene", "QVGA")
	if code := c.wait(patience); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, c.text())
	}
	for _, want := range []map[string]string{
		{"site": "north", "fw": "virtual-1", "rssi": "-62", "battery-mv": "4179", "temperature": "15.05"},
		{"site": "north", "fw": "virtual-1", "rssi": "-69", "battery-mv": "4178", "temperature": "15.10"},
	} {
		var event struct{ Metadata map[string]string }
		p := watcher.next()
		if p == nil || json.Unmarshal(p.Payload, &event) != nil {
			t.Fatal("no event")
		}
		for name, value := range want {
			if event.Metadata[name] != value {
				t.Errorf("metadata %v, want %v", event.Metadata, want)
			}
		}
	}
}
