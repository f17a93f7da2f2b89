// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"thingpass/broker/internal/fakesqs"
)

// TestReadinessFollowsTheServers kills what the broker needs, and brings it back.
func TestReadinessFollowsTheServers(t *testing.T) {
	s := newStack(t)
	awaitStatus := func(path string, want int, reason string) {
		t.Helper()
		await(t, fmt.Sprintf("%s to be %d because of %q", path, want, reason), func() bool {
			status, body := s.page(path)
			return status == want && strings.Contains(body, reason)
		})
	}
	awaitStatus("/readyz", http.StatusOK, `"ready":true`)
	s.mqtt.kill9()
	awaitStatus("/readyz", http.StatusServiceUnavailable, "connections are subscribed")
	s.s3.kill9()
	awaitStatus("/readyz", http.StatusServiceUnavailable, `"credentials":"ok"`)
	awaitStatus("/healthz", http.StatusOK, "ok")
	s.restartS3()
	s.mqtt.restart()
	awaitStatus("/readyz", http.StatusOK, `"ready":true`)
	s.roundTrip("cam1")
	for _, want := range []string{"thingpass_audit_errors_total 0", `thingpass_verified_bytes_total{kind="photo"} 20000`} {
		if !strings.Contains(s.metrics(), "\n"+want+"\n") {
			t.Errorf("not told: %s", want)
		}
	}
}

// TestTheBucketsWordOutlivesTheBroker stores photos that no thing reports, lets a
// queue tell of them, and kills the broker after it has announced them and before
// the queue knows: the next one announces all of them again.
func TestTheBucketsWordOutlivesTheBroker(t *testing.T) {
	s := newStack(t)
	var key struct{ AccessKeyID, SecretAccessKey string }
	text, err := os.ReadFile(s.ready.S3.KeyFile)
	if err != nil || json.Unmarshal(text, &key) != nil {
		t.Fatalf("%s: %v", s.ready.S3.KeyFile, err)
	}
	s.queue = fakesqs.Start(t, fakesqs.Options{AccessKeyID: key.AccessKeyID, SecretAccessKey: key.SecretAccessKey,
		Region: s.ready.S3.Region, Visibility: 2 * time.Second, MaxReceives: 5})
	s.broker.stop()
	s.startBroker()
	observer, err := dial(t, s.mqtt.services, "thingpass-observer", s.mqtt.clientTLS(service(t, s.mqtt.ca, "thingpass-observer")))
	if err != nil {
		t.Fatal(err)
	}
	if err := observer.subscribe("thingpass/+/uploaded"); err != nil {
		t.Fatal(err)
	}
	s.queue.HoldDeletes(true)
	const photos = 5
	want := map[string]bool{}
	d := s.connect("cam1")
	for i := range photos {
		photo := jpeg(fmt.Sprintf("silent-%d", i), 3000)
		g := d.granted(photo, true)
		if status, code := s.put(g, photo.body, nil); status != http.StatusOK {
			t.Fatalf("PUT: %d %s", status, code)
		}
		want[g.ObjectKey] = true
		s.queue.Send(fmt.Sprintf(`{"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":%q},"object":{"key":%q}}}]}`, bucket, g.ObjectKey))
	}
	hearAll(t, observer, want)
	await(t, "a deletion to be under way", func() bool { return s.queue.Held() > 0 })
	s.broker.kill9()
	s.queue.HoldDeletes(false) // whoever asked is dead
	s.startBroker()
	hearAll(t, observer, want)
	await(t, "the queue to be empty", func() bool { return s.queue.Left() == 0 })
	if dead := s.queue.Dead(); len(dead) > 0 {
		t.Errorf("given up: %q", dead)
	}
}

// hearAll waits for an event of each key.
func hearAll(t *testing.T, observer *device, keys map[string]bool) {
	t.Helper()
	heard := map[string]bool{}
	for len(heard) < len(keys) {
		p := observer.next()
		if p == nil {
			t.Fatalf("heard only of %v", heard)
		}
		var e struct {
			Thing, Kind, ObjectKey, SHA256 string
			Size                           int64
		}
		if err := json.Unmarshal(p.Payload, &e); err != nil || !keys[e.ObjectKey] || e.Thing != "cam1" || e.Kind != "photo" || e.Size != 3000 || e.SHA256 == "" {
			t.Fatalf("event %s (%v)", p.Payload, err)
		}
		heard[e.ObjectKey] = true
	}
}
