// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/eclipse/paho.golang/paho"
)

// TestNothingIsLostWhenAnythingDies kills each server while photos flow, starts
// it again, and finds every photo in the bucket exactly once.
func TestNothingIsLostWhenAnythingDies(t *testing.T) {
	for name, victim := range map[string]struct{ kill, restart func(*stack) }{
		"mqtt":   {func(s *stack) { s.mqtt.kill9() }, func(s *stack) { s.mqtt.restart() }},
		"broker": {func(s *stack) { s.broker.kill9() }, func(s *stack) { s.startBroker() }},
		"s3":     {func(s *stack) { s.s3.kill9() }, func(s *stack) { s.restartS3() }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t)
			const things, photos = 3, 40
			var children []*child
			dirs := map[string]string{}
			for i := range things {
				thing := fmt.Sprintf("cam%d", i)
				dirs[thing] = folder(t, slices.Repeat([]int{30_000}, photos)...)
				children = append(children, s.thing(thing, "--camera", dirs[thing], "--interval", interval("20"), "--deadline", "120"))
			}
			for round := range 2 {
				await(t, "photos to flow", func() bool { return len(s.stored()) > things*(2+round*photos/2) })
				victim.kill(s)
				victim.restart(s)
			}
			for _, c := range children {
				if code := c.wait(4 * patience); code != 0 {
					t.Errorf("%s: exit code %d", c.name, code)
				}
			}
			for thing, dir := range dirs {
				s.mustHaveStored(thing, dir)
			}
		})
	}
}

// TestNoRequestIsLostWithTheBroker asks once and never again: what the broker
// did not answer before it died, it answers after.
func TestNoRequestIsLostWithTheBroker(t *testing.T) {
	s := newStack(t)
	const things, requests = 10, 20
	var devices []*device
	for i := range things {
		devices = append(devices, s.connect(fmt.Sprintf("cam%d", i)))
	}
	var asking sync.WaitGroup
	for _, d := range devices {
		asking.Go(func() {
			for i := range requests {
				d.publish(&paho.Publish{Topic: "thingpass/" + d.name + "/upload-request", Payload: jpeg(fmt.Sprintf("r%d", i), 100).request(true)})
			}
		})
	}
	await(t, "some answers", func() bool { return len(devices[0].received) > 0 })
	s.broker.kill9()
	asking.Wait()
	s.startBroker()
	for _, d := range devices {
		answered := map[string]bool{}
		for len(answered) < requests {
			g := d.reply()
			if g.Status != "success" {
				t.Fatalf("%s: %+v", d.name, g)
			}
			answered[g.ID] = true
		}
	}
}

// TestTheBrokerDrainsOnSIGTERM stops the broker under load: it ends by itself,
// and a second one answers the rest.
func TestTheBrokerDrainsOnSIGTERM(t *testing.T) {
	s := newStack(t)
	d := s.connect("cam1")
	requests := 200
	if strict {
		requests = 60 // their answers may all come in the same second
	}
	var asking sync.WaitGroup
	asking.Go(func() {
		for i := range requests {
			d.publish(&paho.Publish{Topic: "thingpass/cam1/upload-request", Payload: jpeg(fmt.Sprintf("r%d", i), 100).request(true)})
		}
	})
	await(t, "some answers", func() bool { return len(d.received) > 10 })
	if code := s.broker.stop(); code != 0 {
		t.Errorf("exit code %d on SIGTERM", code)
	}
	s.startBroker()
	asking.Wait()
	answered := map[string]bool{}
	for len(answered) < requests {
		answered[d.reply().ID] = true
	}
}

// TestTheBrokerStaysSmall keeps 200 things busy, and measures.
func TestTheBrokerStaysSmall(t *testing.T) {
	if strings.Contains(os.Getenv("GOFLAGS"), "-race") {
		t.Skip("the size under the race detector says nothing")
	}
	s := newStack(t)
	each := 20
	if strict {
		each = 5 // a pace makes it take long
	}
	var busy sync.WaitGroup
	for i := range 200 {
		d := s.connect(fmt.Sprintf("cam%d", i))
		busy.Go(func() {
			for n := range each {
				d.granted(jpeg(fmt.Sprintf("r%d", n), 100), true)
			}
		})
	}
	busy.Wait()
	const limit = 40 << 10 // kB
	peak := s.broker.peakMemory()
	t.Logf("the broker's resident memory with 200 busy things: %d kB at most", peak)
	if peak > limit {
		t.Errorf("%d kB, want at most %d", peak, limit)
	}
}

// peakMemory returns the greatest resident size so far, in kB.
func (c *child) peakMemory() int { return c.memory("VmHWM") }

// memory returns a value of /proc/PID/status, in kB.
func (c *child) memory(field string) int {
	c.tb.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	if err != nil {
		c.tb.Fatal(err)
	}
	for _, line := range strings.Split(string(text), "\n") {
		if value, found := strings.CutPrefix(line, field+":"); found {
			n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
			if err != nil {
				c.tb.Fatal(err)
			}
			return n
		}
	}
	return 0 // it has ended
}

// TestAStrangerInTheGroupIsNoticed lets a thing join the brokers' shared
// subscription: an ACL file cannot refuse it, and half of the requests vanish.
// The broker finds out by itself.
func TestAStrangerInTheGroupIsNoticed(t *testing.T) {
	needsMosquitto(t)
	s := newStack(t)
	if strings.Contains(s.broker.text(), "requests are being lost") {
		t.Fatal("a false alarm before the stranger came")
	}
	stranger := s.connect("cam-stranger")
	if err := stranger.subscribe("$share/thingpass/thingpass/+/upload-request"); err != nil {
		t.Fatalf("this Mosquitto refuses it, so the test and the documents are out of date: %v", err)
	}
	s.broker.awaitLine("requests are being lost")
	if len(stranger.received) != 0 {
		t.Error("the stranger received a request")
	}
}
