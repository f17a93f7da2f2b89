// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// thing starts a virtual thing: the firmware's core, built for this machine.
func (s *stack) thing(name string, args ...string) *child {
	s.tb.Helper()
	return s.thingDoes(name, "camera", args...)
}

// thingDoes starts a virtual thing with another command.
func (s *stack) thingDoes(name, command string, args ...string) *child {
	s.tb.Helper()
	if _, err := os.Stat(s.path(name + ".crt")); err != nil {
		id, err := s.mqtt.ca.Thing(name)
		if err != nil {
			s.tb.Fatal(err)
		}
		s.writeIdentity(name, id)
	}
	return start(s.tb, "thingpass-thing", append([]string{command, "--name", name, "--server", s.mqtt.things, "--ca", s.path("mqtt-ca.crt"),
		"--cert", s.path(name + ".crt"), "--key", s.path(name + ".key"), "--s3-ca", s.ready.CAFile, "--json"}, args...)...)
}

// folder makes a folder of photos, of sizes around the limits of buffers.
func folder(tb testing.TB, sizes ...int) string {
	tb.Helper()
	dir := tb.TempDir()
	for i, size := range sizes {
		body := make([]byte, size)
		if _, err := rand.Read(body); err != nil {
			tb.Fatal(err)
		}
		copy(body, "\xff\xd8\xff")
		copy(body[size-2:], "\xff\xd9")
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%03d.jpg", i)), body, 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

// sums returns the SHA-256 of each file, sorted.
func sums(tb testing.TB, paths []string) []string {
	tb.Helper()
	list := make([]string, 0, len(paths))
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			tb.Fatal(err)
		}
		list = append(list, sum(text))
	}
	slices.Sort(list)
	return list
}

func files(tb testing.TB, dir string) []string {
	tb.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.jpg"))
	if err != nil {
		tb.Fatal(err)
	}
	return paths
}

// storedSums is sums of what the bucket holds for a thing.
func (s *stack) storedSums(thing string) []string {
	s.tb.Helper()
	var paths []string
	for key, path := range s.stored() {
		if strings.HasPrefix(key, thing+"/") {
			paths = append(paths, path)
		}
	}
	return sums(s.tb, paths)
}

// mustHaveStored fails unless the bucket holds each photo of dir exactly once,
// and nothing else of the thing.
func (s *stack) mustHaveStored(thing, dir string) {
	s.tb.Helper()
	want, got := sums(s.tb, files(s.tb, dir)), s.storedSums(thing)
	if len(want) == 0 || !slices.Equal(got, want) {
		s.tb.Errorf("%s: %d photos were taken, %d are stored; equal: %v", thing, len(want), len(got), slices.Equal(got, want))
	}
}

// photoLine is the line that a thing prints for each photo with --json.
type photoLine struct {
	N                     int
	ID, ObjectKey, SHA256 string
	Size, MS              int64
	Result                string
	Reason, Code, Error   string
	Status                int
	Attempts, Asks        int
	Connects, Reports     int
}

func (c *child) photos() []photoLine {
	c.tb.Helper()
	var list []photoLine
	for _, line := range c.lines() {
		var p photoLine
		if strings.HasPrefix(line, "{") && json.Unmarshal([]byte(line), &p) == nil && p.Result != "" {
			list = append(list, p)
		}
	}
	return list
}

func TestPhotosArriveByteForByte(t *testing.T) {
	s := newStack(t)
	sizes := []int{5, 6, 1023, 1024, 1025, 4095, 4096, 4097, 16384, 100_000, 1 << 20}
	for name, args := range map[string][]string{
		"mqtt311": {"--mqtt", "3.1.1"},
		"mqtt5":   {"--mqtt", "5"},
		"nosum":   {"--sha256", "off"},
		"tagged":  {"--metadata", "fw=1.4.2", "--metadata", "rssi=-61"},
	} {
		t.Run("folder "+name, func(t *testing.T) {
			s := s.with(t)
			dir := folder(t, sizes...)
			c := s.thing("cam-"+name, append(args, "--camera", dir, "--interval", "0")...)
			if code := c.wait(2 * patience); code != 0 {
				t.Fatalf("exit code %d", code)
			}
			s.mustHaveStored("cam-"+name, dir)
			if photos := c.photos(); len(photos) != len(sizes) {
				t.Errorf("%d lines for %d photos", len(photos), len(sizes))
			}
		})
	}
	for _, size := range []string{"QVGA", "UXGA"} {
		t.Run("scene "+size, func(t *testing.T) {
			s := s.with(t)
			dir := t.TempDir()
			c := s.thing("scene-"+size, "--scene", size, "--count", "3", "--interval", "10", "--save", dir)
			if code := c.wait(2 * patience); code != 0 {
				t.Fatalf("exit code %d", code)
			}
			if n := len(files(t, dir)); n != 3 {
				t.Fatalf("%d photos were saved", n)
			}
			s.mustHaveStored("scene-"+size, dir)
		})
	}
}

func TestOneConnectionServesManyPhotos(t *testing.T) {
	s := newStack(t)
	p := s.behindProxy()
	dir := folder(t, slices.Repeat([]int{20_000}, 20)...)
	if code := s.thing("cam1", "--camera", dir, "--interval", "0").wait(2 * patience); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	s.mustHaveStored("cam1", dir)
	if n := p.connections.Load() - 1; n > 2 { // the broker's own HEADs use one or two, the thing one
		t.Errorf("20 photos took %d connections besides the thing's", n)
	}
}

func TestUploadsSurviveCutConnections(t *testing.T) {
	s := newStack(t)
	p := s.behindProxy()
	dir := folder(t, slices.Repeat([]int{60_000}, 6)...)
	p.cutAfter.Store(90_000) // a whole photo and a half on each connection
	c := s.thing("cam1", "--camera", dir, "--interval", "0")
	if code := c.wait(4 * patience); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	s.mustHaveStored("cam1", dir)
	if p.connections.Load() < 4 {
		t.Errorf("only %d connections: nothing was cut", p.connections.Load())
	}
}

// behindProxy lets things reach the S3 only through a proxy. The host that is
// signed is then the proxy's.
func (s *stack) behindProxy() *proxy {
	s.tb.Helper()
	p := newProxy(s.tb, strings.TrimPrefix(s.ready.S3.Endpoint, "https://"))
	s.broker.stop()
	s.ready.S3.Endpoint = "https://" + p.address
	s.startBroker()
	return p
}

func TestARefusedThingSaysWhyAndEnds(t *testing.T) {
	s := newStack(t)
	dir := folder(t, 9<<20) // above the kind's 8 MiB
	c := s.thing("cam1", "--camera", dir, "--interval", "0")
	if code := c.wait(patience); code == 0 {
		t.Error("exit code 0 for a photo that was refused")
	}
	if !strings.Contains(c.text(), "size-not-allowed") {
		t.Errorf("it does not say why:\n%s", c.text())
	}
	if n := len(s.stored()); n != 0 {
		t.Errorf("%d objects were stored", n)
	}
}

func TestADeadlineIsReported(t *testing.T) {
	s := newStack(t)
	s.broker.kill9()
	started := time.Now()
	c := s.thing("cam1", "--camera", folder(t, 1000), "--deadline", "2")
	if code := c.wait(patience); code == 0 {
		t.Error("exit code 0 without a broker")
	}
	if took := time.Since(started); took > 15*time.Second {
		t.Errorf("it took %v for a deadline of 2 s", took)
	}
	if photos := c.photos(); len(photos) != 1 || photos[0].Result == "stored" {
		t.Errorf("lines: %+v", photos)
	}
}

func TestOneBadPhotoAmongGoodOnesIsToldAndHoldsUpNobody(t *testing.T) {
	s := newStack(t)
	c := s.thing("cam1", "--camera", folder(t, 1000, 9<<20, 2000), "--interval", "0") // the second is above the kind's 8 MiB
	if code := c.wait(patience); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	results := map[string]int{}
	for _, p := range c.photos() {
		results[p.Result]++
	}
	if n := len(s.stored()); n != 2 || results["stored"] != 2 || len(c.photos()) != 3 {
		t.Errorf("%d objects in the bucket, results %v", n, results)
	}
}

// TestRequestsOfMQTT5Expire listens as the broker does: a request says for how
// long the thing waits for its answer [P-9.6].
func TestRequestsOfMQTT5Expire(t *testing.T) {
	s := newStack(t)
	s.broker.stop()
	listener, err := dial(t, s.mqtt.services, serviceName+"-listener", s.mqtt.clientTLS(service(t, s.mqtt.ca, serviceName)))
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.subscribe("$share/thingpass-check/thingpass/+/upload-request"); err != nil {
		t.Fatal(err)
	}
	never := uint32(0)
	if strict {
		never = 7 * 24 * 3600 // set by the server itself
	}
	for version, want := range map[string]uint32{"5": 2, "3.1.1": never} {
		c := s.thing("cam1", "--mqtt", version, "--camera", folder(t, 1000), "--deadline", "1", "--ask-wait", "2000")
		p := listener.next()
		if p == nil {
			t.Fatal("no request")
		}
		got := uint32(0)
		if p.Properties.MessageExpiry != nil {
			got = *p.Properties.MessageExpiry
		}
		if got > want || got == 0 && want > 0 {
			t.Errorf("MQTT %s: the request expires after %d s (0: never), want %d", version, got, want)
		}
		c.wait(patience)
	}
}
