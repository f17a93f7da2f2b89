// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"thingpass/broker"
)

const testKey = "cam1/photo/2026/11/23/a.jpg"

func TestHeadTellsWhatIsStored(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodHead || r.URL.Path != "/photos/"+testKey || r.Header.Get("x-amz-checksum-mode") != "ENABLED" {
			t.Errorf("%s %s, checksum mode %q", r.Method, r.URL.Path, r.Header.Get("x-amz-checksum-mode"))
		}
		h := w.Header()
		h.Set("Content-Length", "48211")
		h.Set("Content-Type", "image/jpeg")
		h.Set("ETag", `"5d41"`)
		h.Set("x-amz-checksum-sha256", sumOfNothing)
		h.Set("x-amz-checksum-type", "FULL_OBJECT")
		h.Set("x-amz-meta-fw", "1.4.2")
	})
	got, err := open(t, f.config()).Head(t.Context(), testKey)
	if err != nil {
		t.Fatal(err)
	}
	if got.Size != 48211 || got.ContentType != "image/jpeg" || got.ETag != `"5d41"` || got.SHA256 != sumOfNothing ||
		!maps.Equal(got.Metadata, map[string]string{"fw": "1.4.2"}) {
		t.Errorf("got %+v", got)
	}
}

func TestAChecksumOfPartsIsNoChecksum(t *testing.T) {
	for sum, kind := range map[string]string{sumOfNothing: "COMPOSITE", sumOfNothing + "-2": "", "AAAA": "FULL_OBJECT"} {
		f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "48211")
			w.Header().Set("x-amz-checksum-sha256", sum)
			if kind != "" {
				w.Header().Set("x-amz-checksum-type", kind)
			}
		})
		got, err := open(t, f.config()).Head(t.Context(), testKey)
		if err != nil || got.SHA256 != "" || got.Size != 48211 {
			t.Errorf("%s %s: got %+v, %v", kind, sum, got, err)
		}
	}
}

func TestHeadTellsAbsentFromUnknown(t *testing.T) {
	for _, test := range []struct {
		name     string
		status   int
		region   string
		notFound bool
		want     string // in the error
		tries    int64
	}{
		{"absent", 404, "", true, "head " + testKey + ": no such object", 1},
		{"not allowed", 403, "", false, "s3:ListBucket", 1},
		{"another region", 301, "us-west-2", false, "bucket photos is in region us-west-2, not eu-central-1", 1},
		{"another region, by 400", 400, "us-west-2", false, "bucket photos is in region us-west-2, not eu-central-1", 1},
		{"bad request in our region", 400, "eu-central-1", false, "400", 1},
		{"overloaded", 503, "", false, "503", 2},
		{"broken", 500, "", false, "500", 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
				if test.region != "" {
					w.Header().Set("x-amz-bucket-region", test.region)
				}
				w.WriteHeader(test.status)
			})
			got, err := open(t, f.config()).Head(t.Context(), testKey)
			if err == nil || errors.Is(err, broker.ErrNotFound) != test.notFound || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if got.Size != 0 || got.ETag != "" {
				t.Errorf("beside the error: %+v", got)
			}
			if n := f.requests.Load(); n != test.tries {
				t.Errorf("%d requests, want %d", n, test.tries)
			}
		})
	}
}

func TestHeadFollowsNoRedirect(t *testing.T) {
	elsewhere := newFake(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "1") })
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusTemporaryRedirect)
	})
	if got, err := open(t, f.config()).Head(t.Context(), testKey); err == nil {
		t.Errorf("believed another server: %+v", got)
	}
	if n := elsewhere.requests.Load(); n != 0 {
		t.Errorf("%d requests went elsewhere", n)
	}
}

func TestHeadSurvivesOneBadAnswer(t *testing.T) {
	var once sync.Once
	f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "7")
		once.Do(func() { w.WriteHeader(http.StatusServiceUnavailable) })
	})
	if got, err := open(t, f.config()).Head(t.Context(), testKey); err != nil || got.Size != 7 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestHeadGivesUpOnASilentServer(t *testing.T) {
	release := make(chan struct{})
	f := newFake(t, func(http.ResponseWriter, *http.Request) { <-release })
	t.Cleanup(func() { close(release) }) // before the server is closed
	b := open(t, f.config())
	b.Hurry(time.Second) // a busy machine takes a while to connect
	_, err := b.Head(t.Context(), testKey)
	if err == nil || errors.Is(err, broker.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if n := f.requests.Load(); n != 2 {
		t.Errorf("%d tries, want 2", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Head(ctx, testKey); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancelling: %v", err)
	}
}

func TestHeadTrustsOnlyTheGivenCA(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "7") })
	c := f.config()
	c.RootCAs = nil
	if _, err := open(t, c).Head(t.Context(), testKey); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("got %v", err)
	}
	if n := f.requests.Load(); n != 0 {
		t.Error("the request was sent")
	}
}

func TestHeadWithoutALengthIsNoAnswer(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	got, err := open(t, f.config()).Head(t.Context(), testKey)
	if err == nil || !strings.Contains(err.Error(), "tells no length") {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestConcurrentHeadsReuseConnections(t *testing.T) {
	const workers, each = 16, 8
	connections := map[string]bool{}
	var mu sync.Mutex
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		connections[r.RemoteAddr] = true
		w.Header().Set("Content-Length", "7")
	})
	b := open(t, f.config())
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				if _, err := b.Head(t.Context(), testKey); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := len(connections); n > 2*workers {
		t.Errorf("%d connections for %d workers", n, workers)
	}
}
