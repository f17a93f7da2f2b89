// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// spooled returns the ids of the photos that a thing said were in its spool.
func (c *child) spooled() []string { return c.ids("spooled") }

func (c *child) ids(result string) (ids []string) {
	c.tb.Helper()
	for _, p := range c.photos() {
		if p.Result == result {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

// TestPhotosWaitForTheNetwork takes the network away from a camera for a while.
func TestPhotosWaitForTheNetwork(t *testing.T) {
	s := newStack(t)
	for _, mode := range []string{"put", "pass"} {
		t.Run(mode, func(t *testing.T) {
			s := s.with(t)
			spool, saved := filepath.Join(t.TempDir(), "spool"), t.TempDir()
			c := s.thing("cam-"+mode, "--mode", mode, "--spool", spool, "--scene", "QVGA", "--count", "20", "--interval", interval("20"), "--save", saved, "--offline", "6,10")
			if code := c.wait(patience); code != 0 {
				t.Fatalf("exit code %d:\n%s", code, c.text())
			}
			s.mustHaveStored("cam-"+mode, saved)
			if n := len(files(t, saved)); n != 20 || len(c.spooled()) < 10 {
				t.Errorf("%d photos were taken, %d of them went into the spool", n, len(c.spooled()))
			}
			if left := leftIn(t, spool); len(left) != 0 {
				t.Errorf("left in the spool: %v", left)
			}
		})
	}
}

func leftIn(tb testing.TB, folder string) (names []string) {
	tb.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		tb.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestASpoolOutlivesThePower kills a camera without a broker, over and over. What
// it has said is spooled is stored later, once, under the id of then.
func TestASpoolOutlivesThePower(t *testing.T) {
	needsMosquitto(t) // without any latency a drain is above AWS's quota
	s := newStack(t)
	s.broker.kill9()
	spool, saved := filepath.Join(t.TempDir(), "spool"), t.TempDir()
	args := []string{"--spool", spool, "--scene", "QVGA", "--interval", "0", "--save", saved}
	var promised []string
	for range 4 {
		c := s.thing("cam1", args...)
		await(t, "some photos in the spool", func() bool { return len(c.spooled()) > 10 })
		c.kill9()
		promised = append(promised, c.spooled()...)
	}
	s.startBroker()
	c := s.thingDoes("cam1", "drain", "--spool", spool, "--ask-wait", "500")
	if code := c.wait(2 * patience); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, c.text())
	}
	stored := map[string]int{}
	for key := range s.stored() {
		stored[strings.TrimSuffix(filepath.Base(key), ".jpg")]++
	}
	for _, id := range promised {
		if stored[id] != 1 {
			t.Errorf("photo %s was spooled, and is stored %d times", id, stored[id])
		}
	}
	taken, got := sums(t, files(t, saved)), s.storedSums("cam1")
	for i, sum := range got {
		if !slices.Contains(taken, sum) || i > 0 && got[i-1] == sum {
			t.Errorf("an object that no camera took, or twice: %s", sum)
		}
	}
	t.Logf("%d photos were taken in 4 lives, %d spooled, %d are stored", len(taken), len(promised), len(got))
}

func TestAFullSpoolDropsOrRefuses(t *testing.T) {
	s := newStack(t)
	for _, policy := range []string{"drop", "refuse"} {
		t.Run(policy, func(t *testing.T) {
			s := s.with(t)
			spool, saved := filepath.Join(t.TempDir(), "spool"), t.TempDir()
			c := s.thing("cam-"+policy, "--spool", spool, "--spool-count", "5", "--spool-full", policy, "--scene", "QVGA", "--count", "12", "--interval", "0",
				"--save", saved, "--offline", "1,11")
			if code := c.wait(patience); code != 1 {
				t.Errorf("exit code %d although photos are lost", code)
			}
			if n := len(s.storedSums("cam-" + policy)); n < 5 || n > 8 {
				t.Errorf("%d of 12 photos are stored, from a spool for 5", n)
			}
			said := map[string]string{"drop": `"result":"dropped"`, "refuse": `"result":"failed"`}[policy]
			if n := strings.Count(c.text(), said); n < 4 {
				t.Errorf("%d losses are told:\n%s", n, c.text())
			}
		})
	}
}

// soakVariable is how many photos the soak takes: 2,880 are a day, one each 30 s.
const soakVariable = "SOAK_PHOTOS"

// TestADayOfPhotos is a camera's day, faster: each photo pretends to be taken 30 s
// after the one before. Connections are cut, the servers die one after the other,
// and the camera itself, which has a spool. In the end every photo is stored
// exactly once, and neither the camera nor the broker has grown.
func TestADayOfPhotos(t *testing.T) {
	photos := 150
	if text := os.Getenv(soakVariable); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		photos = n
	}
	needsMosquitto(t)
	t.Parallel()
	s := newStack(t)
	spool, saved := filepath.Join(t.TempDir(), "spool"), t.TempDir()
	c := s.thing("cam1", "--mode", "pass", "--spool", spool, "--spool-first", "--scene", "QVGA", "--count", strconv.Itoa(photos), "--interval", "20", "--captured-every", "30",
		"--save", saved, "--cut-random", fmt.Sprintf("7,%d,200000", photos/10), "--retry-wait", "20,500", "--ask-wait", "500", "--deadline", "30", "--offline", fmt.Sprintf("%d,%d", photos/2, photos/10))
	stored := func() int { return len(c.ids("stored")) }
	early, most, round := 0, 0, 0
	for done := false; !done; round++ {
		before := stored()
		deadline := time.After(2 * patience)
		for stored() < before+min(photos/8, 60) && !done {
			select {
			case <-c.done:
				done = true
			case <-deadline:
				t.Fatalf("only %d photos after %d", stored(), before)
			case <-time.After(5 * time.Millisecond):
			}
		}
		if done {
			break
		}
		now := c.memory("VmRSS")
		most = max(most, now)
		if early == 0 {
			early = now
		} else if now > early+1024 {
			t.Errorf("round %d: the camera has grown from %d to %d kB", round, early, now)
		}
		switch round % 3 {
		case 0:
			s.broker.kill9()
			s.startBroker()
		case 1:
			s.s3.kill9()
			s.restartS3()
		case 2:
			s.mqtt.kill9()
			s.mqtt.restart()
		}
	}
	if code := c.wait(patience); code != 0 {
		t.Errorf("exit code %d:\n%s", code, c.text())
	}
	s.mustHaveStored("cam1", saved)
	if n := len(files(t, saved)); n != photos {
		t.Errorf("%d photos were taken, want %d", n, photos)
	}
	days := map[string]bool{}
	for key := range s.stored() {
		days[filepath.Dir(key)] = true
	}
	t.Logf("%d photos of %d days, %d rounds; the camera had %d kB, then %d at the most; the broker %d at the most", photos, len(days), round, early, most, s.broker.peakMemory())
}
