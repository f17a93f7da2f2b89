// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

const testTTL = 15 * time.Minute

// role is a source of sessions, as an instance or container role is.
type role struct {
	life    time.Duration // of each new session
	rotates time.Duration // the same session until so long before its end; 0: always a new one
	delay   time.Duration
	fails   error

	mu      sync.Mutex
	fetched int
	session aws.Credentials
}

func (r *role) Retrieve(ctx context.Context) (aws.Credentials, error) {
	select {
	case <-time.After(r.delay):
	case <-ctx.Done():
		return aws.Credentials{}, ctx.Err()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fetched++
	if r.fails != nil {
		return aws.Credentials{}, r.fails
	}
	if r.rotates == 0 || time.Until(r.session.Expires) < r.rotates {
		r.session = aws.Credentials{AccessKeyID: "ASIA", SecretAccessKey: "secret", CanExpire: true, Expires: time.Now().Add(r.life)}
	}
	return r.session, nil
}

func (r *role) cache() *credentialCache {
	return newCredentialCache(r, testTTL, slog.New(slog.DiscardHandler))
}

// live asks every second for a day, as a busy broker does, and returns the least
// life that credentials had left.
func live(t *testing.T, c *credentialCache) time.Duration {
	t.Helper()
	least := 24 * time.Hour
	for range 24 * 3600 {
		got, err := c.Retrieve(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		least = min(least, time.Until(got.Expires))
		time.Sleep(time.Second)
	}
	return least
}

func TestCredentialsAlwaysLastForAGrant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &role{life: time.Hour}
		if least := live(t, r.cache()); least < testTTL {
			t.Errorf("credentials with %v left were handed out", least)
		}
		if r.fetched > 24*60/40 {
			t.Errorf("fetched %d times in a day", r.fetched)
		}
	})
}

func TestARoleThatRotatesLateIsNotAskedForEveryRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &role{life: 6 * time.Hour, rotates: 5 * time.Minute}
		if least := live(t, r.cache()); least < 4*time.Minute {
			t.Errorf("credentials with %v left were handed out, fresher ones were there", least)
		}
		if most := 4 * 2 * int((testTTL+refreshMargin)/refreshPause); r.fetched > most {
			t.Errorf("fetched %d times in a day, at most %d make sense", r.fetched, most)
		}
	})
}

func TestASessionShorterThanTheGrantIsRefreshedAtHalfTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &role{life: 10 * time.Minute}
		if least := live(t, r.cache()); least < 4*time.Minute {
			t.Errorf("credentials with %v left were handed out", least)
		}
		if most := 24*60/5 + 1; r.fetched > most {
			t.Errorf("fetched %d times in a day, want at most %d", r.fetched, most)
		}
	})
}

func TestAFailedRefreshIsNoticedOnlyWhenTheOldOnesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &role{life: time.Hour}
		c := r.cache()
		if _, err := c.Retrieve(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.fails = errors.New("metadata service is down")
		time.Sleep(time.Hour - time.Minute)
		if _, err := c.Retrieve(t.Context()); err != nil {
			t.Errorf("with a minute left: %v", err)
		}
		time.Sleep(time.Minute)
		got, err := c.Retrieve(t.Context())
		if err == nil || !strings.Contains(err.Error(), "metadata service is down") || got.HasKeys() {
			t.Errorf("after the end: %v, %v", got.AccessKeyID, err)
		}
		before := r.fetched
		for range 50 {
			_, _ = c.Retrieve(t.Context())
		}
		if r.fetched != before {
			t.Errorf("50 requests in the same moment asked %d times", r.fetched-before)
		}
		r.fails = nil
		time.Sleep(urgentPause)
		if _, err := c.Retrieve(t.Context()); err != nil {
			t.Errorf("after the recovery: %v", err)
		}
	})
}

func TestWhileOneRefreshesTheOthersGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &role{life: time.Hour}
		c := r.cache()
		first, err := c.Retrieve(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour - testTTL)
		r.delay = 2 * time.Second
		go func() { _, _ = c.Retrieve(context.Background()) }()
		synctest.Wait() // the refresh is under way
		started := time.Now()
		got, err := c.Retrieve(t.Context())
		if err != nil || !got.Expires.Equal(first.Expires) || time.Since(started) != 0 {
			t.Errorf("waited %v for credentials until %v (%v)", time.Since(started), got.Expires, err)
		}
		time.Sleep(r.delay)
		synctest.Wait()
		if got, err := c.Retrieve(t.Context()); err != nil || !got.Expires.After(first.Expires) {
			t.Errorf("after the refresh: until %v (%v), first until %v", got.Expires, err, first.Expires)
		}
	})
}

func TestWhoeverGivesUpDoesNotSpoilTheRefreshForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &role{life: time.Hour, delay: 3 * time.Second}
		c := r.cache()
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		go func() { _, _ = c.Retrieve(impatient) }()
		synctest.Wait() // it has the turn
		if _, err := c.Retrieve(impatient); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("another impatient one got %v", err)
		}
		if _, err := c.Retrieve(t.Context()); err != nil || r.fetched != 1 {
			t.Errorf("the patient one got %v after %d fetches", err, r.fetched)
		}
	})
}

func TestTheSDKsOwnCacheIsMadeToLookAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &role{life: time.Hour}
		c := newCredentialCache(aws.NewCredentialsCache(r), testTTL, slog.New(slog.DiscardHandler))
		if least := live(t, c); least < testTTL {
			t.Errorf("credentials with %v left were handed out", least)
		}
	})
}

func TestLongLivedKeysAreFetchedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fetched := 0
		c := newCredentialCache(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			fetched++
			return aws.Credentials{AccessKeyID: "AKIA", SecretAccessKey: "secret"}, nil
		}), testTTL, slog.New(slog.DiscardHandler))
		for range 3 {
			if _, err := c.Retrieve(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(24 * time.Hour)
		}
		if fetched != 1 {
			t.Errorf("fetched %d times", fetched)
		}
	})
}
