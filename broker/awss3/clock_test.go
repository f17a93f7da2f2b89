// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"thingpass/broker"
	"thingpass/broker/presign"
)

// A wrongClock is one on the wall that a test sets.
type wrongClock struct{ by atomic.Int64 }

func (w *wrongClock) now() time.Time          { return time.Now().Add(time.Duration(w.by.Load())) }
func (w *wrongClock) set(wrong time.Duration) { w.by.Store(int64(wrong)) }

func TestClockSetForwardTakesNoCredentialsForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := &role{life: time.Hour}, &wrongClock{}
		c := r.cache()
		c.clock.wall = w.now
		if _, err := c.Retrieve(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.set(5 * time.Hour)
		if _, err := c.Retrieve(t.Context()); !errors.Is(err, presign.ErrExpiring) || !strings.Contains(err.Error(), "is it right?") {
			t.Errorf("credentials that are over by our clock: %v", err)
		}
		before := r.fetched
		for range 100 {
			_, _ = c.Retrieve(t.Context())
		}
		if r.fetched != before {
			t.Errorf("100 requests asked the source %d times", r.fetched-before)
		}
		w.set(0)
		if _, err := c.Retrieve(t.Context()); err != nil {
			t.Errorf("after the clock was set right: %v", err)
		}
	})
}

// The source's credentials end when they end, whatever our clock says.
func TestClockSetBackDoesNotLengthenCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := &role{life: time.Hour}, &wrongClock{}
		c := r.cache()
		c.clock.wall = w.now
		if _, err := c.Retrieve(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.set(-5 * time.Hour)
		time.Sleep(time.Hour - testTTL)
		if _, err := c.Retrieve(t.Context()); err != nil || r.fetched != 2 {
			t.Errorf("fetched %d times by the end of the first, %v", r.fetched, err)
		}
		w.set(0)
		if least := live(t, c); least < testTTL {
			t.Errorf("credentials with %v left were handed out after the clock was set right", least)
		}
	})
}

// A machine that slept finds out by the clock on the wall.
func TestSleepEndsCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := &role{life: time.Hour}, &wrongClock{}
		c := r.cache()
		c.clock.wall = w.now
		first, err := c.Retrieve(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		w.set(45 * time.Minute) // as after a sleep: up stands still
		got, err := c.Retrieve(t.Context())
		if err != nil || r.fetched != 2 || got.Expires.Before(first.Expires) {
			t.Errorf("fetched %d times, until %v, %v", r.fetched, got.Expires, err)
		}
	})
}

// Whatever the clock says, a grant ends no later than what signed it [P-10.5].
func TestGrantsNeverOutliveCredentialsWhateverTheClock(t *testing.T) {
	end := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	source := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "ASIA", SecretAccessKey: "secret", SessionToken: "t", CanExpire: true, Expires: end}, nil
	})
	at := end
	b, err := New(Config{Region: "eu-central-1", Bucket: "photos", Credentials: source, GrantTTL: testTTL, Now: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	for _, left := range []time.Duration{3 * time.Hour, 5 * time.Minute, 40 * time.Hour, -time.Hour, time.Hour, 31 * time.Second, 0} {
		at = end.Add(-left)
		b.credentials.failure = nil // do not wait until it may be fetched again
		g, err := b.SignPut(t.Context(), broker.Put{Key: "a/b/c.jpg", ContentType: "image/jpeg", Size: 1, Now: at, TTL: testTTL})
		switch {
		case left <= 0 && !errors.Is(err, presign.ErrExpiring):
			t.Errorf("%v left: %v, %v", left, g.Expires, err)
		case left > 0 && err != nil:
			t.Errorf("%v left: %v", left, err)
		case left > 0 && (g.Expires.After(end) || g.Expires.After(at.Add(testTTL))):
			t.Errorf("%v left: the grant ends %v, the credentials %v", left, g.Expires, end)
		}
	}
}

// watched is a bucket's cache of a key file, and how to change the file.
func watched(t *testing.T) (c *credentialCache, write func(id string)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key.json")
	version := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	write = func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		version = version.Add(time.Second)
		if err := os.Chtimes(path, version, version); err != nil {
			t.Fatal(err)
		}
	}
	write(keyText("AKIA1"))
	r := &role{}
	c = r.cache()
	c.source, c.file = AccessKeyFile(path), &watchedFile{path: path}
	return c, write
}

func keyText(id string) string {
	return `{"accessKeyId": "` + id + `", "secretAccessKey": "s3cret"}`
}

func mustHold(t *testing.T, c *credentialCache, want string) {
	t.Helper()
	if got, err := c.Retrieve(t.Context()); err != nil || got.AccessKeyID != want {
		t.Errorf("got %v, %v; want %s", got.AccessKeyID, err, want)
	}
}

func TestChangedKeyFileIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, write := watched(t)
		mustHold(t, c, "AKIA1")
		mustHold(t, c, "AKIA1") // looks at the file
		write(keyText("AKIA2"))
		mustHold(t, c, "AKIA1") // looked a moment ago
		time.Sleep(watchPause)
		mustHold(t, c, "AKIA2")

		write(keyText("AKIA3")[:30])
		time.Sleep(watchPause)
		mustHold(t, c, "AKIA2") // half written
		write(keyText("AKIA3"))
		time.Sleep(watchAfter)
		mustHold(t, c, "AKIA3")

		if err := os.Remove(c.file.path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(watchAfter)
		mustHold(t, c, "AKIA3")
		write(keyText("AKIA4"))
		time.Sleep(watchAfter)
		mustHold(t, c, "AKIA4")

		write(`{"accessKeyId": "ASIA5", "secretAccessKey": "s", "sessionToken": "t", "expiration": "1999-01-01T00:00:00Z"}`)
		time.Sleep(watchAfter)
		mustHold(t, c, "AKIA4") // what is over already is no successor
	})
}

func TestBucketWatchesItsKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key.json")
	b, err := New(Config{Region: "eu-central-1", Bucket: "photos", Credentials: AccessKeyFile(path)})
	if err != nil || b.credentials.file == nil || b.credentials.file.path != path {
		t.Fatalf("got %+v, %v", b, err)
	}
	if err := b.Ready(t.Context()); err == nil {
		t.Error("ready without a key")
	}
	if err := os.WriteFile(path, []byte(keyText("AKIA1")), 0o600); err != nil {
		t.Fatal(err)
	}
	b.credentials.failure = nil
	if err := b.Ready(t.Context()); err != nil {
		t.Errorf("not ready: %v", err)
	}
}
