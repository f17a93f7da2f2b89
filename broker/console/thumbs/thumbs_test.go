// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package thumbs_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"thingpass/broker/console/thumbs"
	"thingpass/broker/fleet"
	"thingpass/broker/fleet/fleettest"
)

const key = "cam1/photo/2026/11/26/a1.jpg"

// bucket is a bucket with one photo, and thumbnails of what is in it.
func bucket(photo []byte) (*fleettest.Memory, *thumbs.Thumbs) {
	m := fleettest.NewMemory()
	m.Add(key, "image/jpeg", photo, time.Now())
	return m, thumbs.New(thumbs.Config{Files: m})
}

func ask(h http.Handler, key string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/thumb?"+url.Values{"key": {key}}.Encode(), nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func decoded(tb testing.TB, w *httptest.ResponseRecorder) image.Image {
	tb.Helper()
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "image/jpeg" {
		tb.Fatalf("%d %s", w.Code, w.Header())
	}
	p, err := jpeg.Decode(w.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func TestAThumbnailIsMadeOnceForAllReplicas(t *testing.T) {
	m, first := bucket(jpegOf(t, quarters(1600, 1200)))
	w := ask(first, key)
	if size := decoded(t, w).Bounds().Size(); size != image.Pt(480, 360) {
		t.Errorf("it is %v", size)
	}
	if kept := m.Keys(".thingpass/thumbs/"); len(kept) != 1 || kept[0] != ".thingpass/thumbs/"+key+".jpg" {
		t.Errorf("kept: %q", kept)
	}
	other := thumbs.New(thumbs.Config{Files: m, Read: func(context.Context, string, int64) ([]byte, error) {
		t.Error("the photo is read again")
		return nil, errors.New("no")
	}})
	if again := ask(other, key); !bytes.Equal(again.Body.Bytes(), ask(first, key).Body.Bytes()) {
		t.Error("the other replica has another thumbnail")
	}
	if puts := m.Calls(fleettest.OpPut); puts != 1 {
		t.Errorf("%d puts", puts)
	}
}

// Many ask for many photos: each is read once, and one at a time.
func TestOnePhotoIsDecodedAtATime(t *testing.T) {
	photo := jpegOf(t, quarters(320, 240))
	var reading, reads atomic.Int32
	var mu sync.Mutex
	seen := map[string]int{}
	h := thumbs.New(thumbs.Config{Files: fleettest.NewMemory(), Read: func(_ context.Context, key string, _ int64) ([]byte, error) {
		if reading.Add(1) > 1 {
			t.Error("two at the same time")
		}
		defer reading.Add(-1)
		time.Sleep(2 * time.Millisecond) // long enough for another to come, if it could
		reads.Add(1)
		mu.Lock()
		seen[key]++
		mu.Unlock()
		return photo, nil
	}})
	var wait sync.WaitGroup
	for i := range 100 {
		wait.Go(func() {
			if w := ask(h, fmt.Sprintf("cam%d/photo/a.jpg", i%10)); w.Code != http.StatusOK {
				t.Errorf("%d", w.Code)
			}
		})
	}
	wait.Wait()
	if reads.Load() != 10 || len(seen) != 10 {
		t.Errorf("%d reads of %d photos", reads.Load(), len(seen))
	}
}

// What cannot be decoded, or must not be, is remembered by all, and never read again.
func TestBrokenAndHostilePhotosAreRemembered(t *testing.T) {
	photo := jpegOf(t, quarters(320, 240))
	scan := []byte{0xff, 0xda}
	for name, file := range map[string][]byte{
		"empty":                  {},
		"text":                   []byte("<script>alert(1)</script>"),
		"an SVG":                 []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`),
		"cut":                    photo[:len(photo)/3],
		"only a beginning":       {0xff, 0xd8, 0xff},
		"a PNG bomb":             bombPNG(60000, 60000),
		"a PNG with no pixels":   bombPNG(0, 10),
		"a JPEG bomb":            bombJPEG(t, 65535, 65535),
		"41 MP":                  bombJPEG(t, 8200, 5001),
		"a thousand scans":       append(bytes.Clone(photo), bytes.Repeat(scan, 1000)...),
		"a WebP of a few bytes":  []byte("RIFF\x10\x00\x00\x00WEBPVP8 "),
		"larger than is allowed": append(bytes.Clone(photo), make([]byte, thumbs.DefaultMaxBytes)...),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reads := 0
			m := fleettest.NewMemory()
			read := func(context.Context, string, int64) ([]byte, error) { reads++; return file, nil }
			for range 2 { // replicas
				h := thumbs.New(thumbs.Config{Files: m, Read: read})
				for range 2 {
					w := ask(h, key)
					if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "image/svg+xml" || strings.Contains(w.Body.String(), "script") {
						t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
					}
				}
			}
			if reads != 1 {
				t.Errorf("read %d times", reads)
			}
		})
	}
}

// A photo that could be decoded, but is larger than is allowed: twice as large counts
// what takes twice the memory.
func TestPixelsAreCountedBeforeTheyAreDecoded(t *testing.T) {
	deep := image.NewNRGBA64(image.Rect(0, 0, 100, 100))
	deep.SetNRGBA64(1, 1, color.NRGBA64{A: 0x1234})
	for name, test := range map[string]struct {
		file []byte
		most int
		want string
	}{
		"as many as allowed": {jpegOf(t, quarters(100, 100)), 10000, "image/jpeg"},
		"one row more":       {jpegOf(t, quarters(100, 101)), 10000, "image/svg+xml"},
		"16 bits":            {pngOf(t, deep), 20000, "image/jpeg"},
		"16 bits, too many":  {pngOf(t, deep), 19999, "image/svg+xml"},
	} {
		m, _ := bucket(test.file)
		if w := ask(thumbs.New(thumbs.Config{Files: m, MaxPixels: test.most}), key); w.Header().Get("Content-Type") != test.want {
			t.Errorf("%s: %v", name, w.Header())
		}
	}
}

// What is too large to read is read once, and not each time that somebody looks.
func TestAnObjectAboveTheLimitIsRemembered(t *testing.T) {
	m, h := bucket(make([]byte, thumbs.DefaultMaxBytes+1))
	w := ask(h, key)
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "image/svg+xml" || len(m.Keys(fleet.DefaultPrefix)) != 1 {
		t.Errorf("%d, kept %q", w.Code, m.Keys(""))
	}
}

// A bucket that fails is no reason to say that a photo is broken.
func TestTroubleIsNotRemembered(t *testing.T) {
	m, h := bucket(jpegOf(t, quarters(320, 240)))
	m.FailBefore(func(fleettest.Op, string) error { return errors.New("forbidden") })
	w := ask(h, key)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Cache-Control") != "no-store" || !strings.Contains(w.Body.String(), "<svg") {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	m.FailBefore(nil)
	decoded(t, ask(thumbs.New(thumbs.Config{Files: m}), key))

	m, h = bucket(jpegOf(t, quarters(320, 240))) // it can be read, and not written
	m.FailBefore(func(op fleettest.Op, _ string) error {
		if op == fleettest.OpPut {
			return errors.New("forbidden")
		}
		return nil
	})
	decoded(t, ask(h, key))
}

func TestASlowBucketIsGivenUp(t *testing.T) {
	m, _ := bucket(jpegOf(t, quarters(320, 240)))
	m.SetDelay(time.Minute)
	h := thumbs.New(thumbs.Config{Files: m, Timeout: 20 * time.Millisecond})
	if w := ask(h, key); w.Code != http.StatusServiceUnavailable {
		t.Errorf("%d", w.Code)
	}
}

func TestUnknownAndHostileKeysHaveNoThumbnail(t *testing.T) {
	m, h := bucket(nil)
	if w := ask(h, "cam1/none.jpg"); w.Code != http.StatusNotFound {
		t.Errorf("%d", w.Code)
	}
	before := m.Calls(fleettest.OpGet)
	for _, bad := range []string{"", "cam1", "cam1/", "/x", "../x/y", ".thingpass/console/key", ".thingpass/thumbs/" + key + ".jpg",
		"<b>/x.jpg", "cam\xff/x", "cam1/\xff.jpg", "cam1/\x00.jpg", "📷/x.jpg", "cam1/" + strings.Repeat("x", 1020)} {
		if w := ask(h, bad); w.Code != http.StatusNotFound {
			t.Errorf("%q: %d", bad, w.Code)
		}
	}
	if m.Calls(fleettest.OpGet) != before {
		t.Error("the bucket was asked")
	}
}

func TestTheLongestKeyHasAThumbnailOfAKeyThatS3Takes(t *testing.T) {
	m := fleettest.NewMemory()
	photo := jpegOf(t, quarters(64, 64))
	for _, end := range []string{"a", "b", "📷<&\"'"} {
		long := "cam1/" + strings.Repeat("x", 1024-5-len(end)) + end
		m.Add(long, "image/jpeg", photo, time.Now())
		decoded(t, ask(thumbs.New(thumbs.Config{Files: m}), long))
	}
	kept := m.Keys(fleet.DefaultPrefix)
	if len(kept) != 3 {
		t.Errorf("kept %q", kept)
	}
	for _, k := range kept {
		if len(k) > 1024 {
			t.Errorf("%d bytes: %s", len(k), k)
		}
	}
}

// The upper left corner of each orientation, as Exif has it, and nothing else of it.
func TestPhotosAreUprightAndTellNothingElse(t *testing.T) {
	red, green, blue, white := color.RGBA{255, 0, 0, 255}, color.RGBA{0, 255, 0, 255}, color.RGBA{0, 0, 255, 255}, color.RGBA{255, 255, 255, 255}
	plain := jpegOf(t, quarters(800, 400))
	for o, want := range []color.RGBA{1: red, 2: green, 3: blue, 4: white, 5: red, 6: white, 7: blue, 8: green, 9: red} {
		if o == 0 {
			continue
		}
		for _, order := range []binary.ByteOrder{binary.BigEndian, binary.LittleEndian} {
			_, h := bucket(withExif(plain, uint16(o), order))
			w := ask(h, key)
			if bytes.Contains(w.Body.Bytes(), []byte("Exif")) || bytes.Contains(w.Body.Bytes(), []byte("at home")) {
				t.Errorf("%d: metadata is left", o)
			}
			p := decoded(t, w)
			if upright := p.Bounds().Dx() > p.Bounds().Dy(); upright != (o < 5 || o > 8) {
				t.Errorf("%d: %v", o, p.Bounds())
			}
			r, g, b, _ := p.At(10, 10).RGBA()
			got := color.RGBA{uint8(r>>8) &^ 63, uint8(g>>8) &^ 63, uint8(b>>8) &^ 63, 255}
			if got.R>>7 != want.R>>7 || got.G>>7 != want.G>>7 || got.B>>7 != want.B>>7 {
				t.Errorf("orientation %d: upper left is %v, want %v", o, got, want)
			}
		}
	}
}

func TestPNGsAreDrawnOnWhite(t *testing.T) {
	_, h := bucket(pngOf(t, image.NewNRGBA(image.Rect(0, 0, 1000, 10)))) // transparent
	p := decoded(t, ask(h, key))
	if r, _, _, _ := p.At(5, 1).RGBA(); p.Bounds().Size() != image.Pt(480, 4) || r>>8 < 250 {
		t.Errorf("%v, %d", p.Bounds(), r>>8)
	}
}

func TestABrowserNeedNotLoadItTwice(t *testing.T) {
	_, h := bucket(jpegOf(t, quarters(320, 240)))
	w := ask(h, key)
	tag := w.Header().Get("ETag")
	if !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%v", w.Header())
	}
	if again := ask(h, key, "If-None-Match", tag); again.Code != http.StatusNotModified || again.Body.Len() > 0 {
		t.Errorf("%d", again.Code)
	}
	r := httptest.NewRequest(http.MethodPost, "/thumb?key="+key, nil)
	post := httptest.NewRecorder()
	if h.ServeHTTP(post, r); post.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", post.Code)
	}
}

// Whoever asked first may go: the others have the thumbnail all the same.
func TestTheWorkGoesOnWhenTheFirstAskerGoes(t *testing.T) {
	started, finish := make(chan struct{}), make(chan struct{})
	photo := jpegOf(t, quarters(320, 240))
	h := thumbs.New(thumbs.Config{Files: fleettest.NewMemory(), Read: func(ctx context.Context, _ string, _ int64) ([]byte, error) {
		close(started)
		select {
		case <-finish:
			return photo, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}})
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() { _, err := h.Of(ctx, key); gone <- err }()
	<-started
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	close(finish)
	if _, err := h.Of(t.Context(), key); err != nil {
		t.Error(err)
	}
}

func FuzzThumbnail(f *testing.F) {
	photo := jpegOf(f, quarters(16, 16))
	f.Add(photo)
	f.Add(withExif(photo, 6, binary.BigEndian))
	f.Add(pngOf(f, quarters(4, 4)))
	f.Add(bombPNG(1<<31, 1<<31))
	f.Add([]byte("RIFF\x10\x00\x00\x00WEBPVP8L"))
	f.Add([]byte{0xff, 0xd8, 0xff, 0xe1, 0, 9, 'E', 'x', 'i', 'f', 0, 0, 'M'})
	f.Fuzz(func(t *testing.T, file []byte) {
		h := thumbs.New(thumbs.Config{Files: fleettest.NewMemory(), MaxPixels: 1 << 16,
			Read: func(context.Context, string, int64) ([]byte, error) { return file, nil }})
		if w := ask(h, key); w.Code != http.StatusOK {
			t.Errorf("%d", w.Code)
		}
	})
}

func BenchmarkThumbnailOf5MP(b *testing.B) {
	photo := jpegOf(b, quarters(2592, 1944))
	for b.Loop() {
		_, h := bucket(photo)
		if _, err := h.Of(b.Context(), key); err != nil {
			b.Fatal(err)
		}
	}
}
