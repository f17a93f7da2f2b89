// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"thingpass/broker/presign"
)

// signingService is what sketches ask for a URL: HTTPS and JSON, without the
// seconds that a function in the cloud takes to start.
func (s *stack) signingService() (address string) {
	s.tb.Helper()
	endpoint, err := presign.NewEndpoint(s.ready.S3.Endpoint, bucket, s.ready.S3.Region, true)
	if err != nil {
		s.tb.Fatal(err)
	}
	var access struct{ AccessKeyID, SecretAccessKey string }
	text, err := os.ReadFile(s.ready.S3.KeyFile)
	if err == nil {
		err = json.Unmarshal(text, &access)
	}
	if err != nil {
		s.tb.Fatal(err)
	}
	id, err := s.mqtt.ca.Server([]string{"127.0.0.1"})
	if err != nil {
		s.tb.Fatal(err)
	}
	signer, n := presign.New(endpoint), 0
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var wanted struct{ Thing, ContentType string }
		if json.NewDecoder(r.Body).Decode(&wanted) != nil {
			http.Error(w, "what?", http.StatusBadRequest)
			return
		}
		n++ // it has one client
		signed, err := signer.Sign(time.Now(), presign.Credentials{AccessKeyID: access.AccessKeyID, SecretAccessKey: access.SecretAccessKey},
			presign.Request{Method: http.MethodPut, Key: fmt.Sprintf("%s/%d.jpg", wanted.Thing, n), Expires: time.Minute,
				Headers: []presign.Header{{Name: "Content-Type", Value: wanted.ContentType}}})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = fmt.Fprintf(w, `{"uploadUrl":%s}`, quoteURL(signed.URL))
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{id.TLSCertificate()}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	s.tb.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "https://")
}

func quoteURL(url string) string { return `"` + url + `"` } // json.Marshal would escape &

// A pace is how long photos take: the first, and each of the others in the
// middle.
type pace struct{ first, each time.Duration }

func paceOf(tb testing.TB, ms []int64) pace {
	tb.Helper()
	if len(ms) < 4 {
		tb.Fatalf("only %d photos", len(ms))
	}
	rest := slices.Sorted(slices.Values(ms[1:]))
	return pace{time.Duration(ms[0]) * time.Millisecond, time.Duration(rest[len(rest)/2]) * time.Millisecond}
}

// sketch lets the program that people paste store a photo, over and over.
func (s *stack) sketch(ntp, service, photo string, count int) pace {
	s.tb.Helper()
	host, port, _ := strings.Cut(service, ":")
	c := start(s.tb, "naive-sketch", ntp, host, port, "sketch", s.ready.CAFile, photo, strconv.Itoa(count))
	if code := c.wait(patience); code != 0 {
		s.tb.Fatalf("the sketch gave up:\n%s", c.text())
	}
	var ms []int64
	for _, line := range c.lines() {
		n, err := strconv.ParseInt(line, 10, 64)
		if err != nil {
			s.tb.Fatal(err)
		}
		ms = append(ms, n)
	}
	return paceOf(s.tb, ms)
}

// pace lets a virtual thing do the same. After the first photo each may take so
// many questions and reports, and no handshake.
func (s *stack) pace(name, dir string, asks, reports int, args ...string) pace {
	s.tb.Helper()
	c := s.thing(name, append(args, "--camera", dir, "--interval", "0")...)
	if code := c.wait(patience); code != 0 {
		s.tb.Fatalf("exit code %d:\n%s", code, c.text())
	}
	s.mustHaveStored(name, dir)
	var ms []int64
	for _, p := range c.photos() {
		ms = append(ms, p.MS)
		if p.N > 1 && (p.Asks != asks || p.Reports != reports || p.Attempts != 1 || p.Connects != 0) {
			s.tb.Errorf("photo %d took %d questions, %d transfers, %d reports and %d connections, want %d, 1, %d and 0", p.N, p.Asks, p.Attempts, p.Reports, p.Connects, asks, reports)
		}
	}
	return paceOf(s.tb, ms)
}

// TestAPhotoTakesAFifthOfTheUsualSketchsTime puts everything that a thing talks to
// 100 ms away, and lets the sketch that people paste store photos there too.
//
// Measured on two cores, photos of 30 KB, milliseconds for the first photo (with
// NTP, or with MQTT's connection) and for each of the others:
//
//	the sketch                    1154  848
//	put                           1094  310  2.7 times as fast
//	put, S3's word is enough       933  206  4.1
//	pass                          1039  209  4.1
//	pass, S3's word is enough      980  106  8.0
//
// A put needs a question and a PUT for each photo, two round trips; the sketch's
// eight make a fourth of them the best that it can do.
func TestAPhotoTakesAFifthOfTheUsualSketchsTime(t *testing.T) {
	needsMosquitto(t)
	const roundTrip = 100 * time.Millisecond
	s := newStack(t)
	s.trustToo(s.mqtt.ca.CertPEM())
	s.broker.stop()
	s.ready.S3.Endpoint = "https://" + newFarProxy(t, strings.TrimPrefix(s.ready.S3.Endpoint, "https://"), roundTrip, isOurBroker)
	s.startBroker()
	s.mqtt.things = newFarProxy(t, s.mqtt.things, roundTrip, nil)
	service, clock := newFarProxy(t, s.signingService(), roundTrip, nil), farClock(t, roundTrip)
	dir := folder(t, slices.Repeat([]int{30_000}, 7)...)

	ways := []struct {
		name          string
		asks, reports int
		times         float64 // that the sketch takes longer, at least
		args          []string
	}{
		{"put", 1, 1, 2.2, nil},
		{"put-s3", 1, 0, 3, []string{"--verify", "s3"}},
		{"pass", 0, 1, 3, []string{"--mode", "pass"}},
		{"pass-s3", 0, 0, 5, []string{"--mode", "pass", "--verify", "s3"}},
	}
	paces := make([]pace, len(ways))
	var sketch pace
	t.Run("photos", func(t *testing.T) {
		for i, way := range ways {
			t.Run(way.name, func(t *testing.T) {
				t.Parallel()
				paces[i] = s.with(t).pace(way.name, dir, way.asks, way.reports, way.args...)
			})
		}
		t.Run("sketch", func(t *testing.T) {
			t.Parallel()
			sketch = s.with(t).sketch(clock, service, files(t, dir)[0], 5)
		})
	})
	t.Logf("the sketch: %v, then %v a photo", sketch.first, sketch.each)
	if trips := sketch.each.Seconds() / roundTrip.Seconds(); trips < 7.5 || trips > 12 { // TCP, TLS 1.2 and the request, twice
		t.Errorf("the sketch takes %.1f round trips: something is not as far away as it should be", trips)
	}
	for i, way := range ways {
		times := sketch.each.Seconds() / paces[i].each.Seconds()
		t.Logf("%s: %v, then %v a photo: the sketch takes %.1f times as long", way.name, paces[i].first, paces[i].each, times)
		if times < way.times {
			t.Errorf("%s: the sketch takes %.1f times as long, want %.1f", way.name, times, way.times)
		}
	}
}

// trustToo lets things and the broker trust another CA for S3 as well.
func (s *stack) trustToo(ca []byte) {
	s.tb.Helper()
	text, err := os.ReadFile(s.ready.CAFile)
	if err != nil {
		s.tb.Fatal(err)
	}
	s.write("s3-cas.crt", string(text)+string(ca))
	s.ready.CAFile = filepath.Join(s.dir, "s3-cas.crt")
}
