// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package presign_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"thingpass/broker/presign"
)

func TestClockMayGoAnywhere(t *testing.T) {
	s := awsSigner(t)
	midnight := time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)
	tokyo := time.FixedZone("Tokyo", 9*60*60)
	times := []time.Time{
		midnight, midnight.Add(-1), midnight.Add(1), midnight.Add(-time.Second), midnight,
		midnight.Add(24*time.Hour - 1), midnight.Add(24 * time.Hour), midnight.Add(-24 * time.Hour), midnight,
		time.Date(2024, 2, 29, 8, 59, 59, 0, tokyo), time.Date(2024, 2, 29, 9, 0, 0, 0, tokyo),
		time.Date(2026, 12, 31, 23, 59, 59, 999999999, time.UTC), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Unix(0, 0), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), time.Date(2000, 3, 1, 7, 8, 9, 0, time.UTC),
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		times = append(times, midnight.Add(time.Duration(random.Int64N(int64(3*24*time.Hour)))))
	}
	for _, now := range times {
		equal(t, now.String(), sign(t, s, now, manualKeys, photo()).URL, sdkSign(t, sites()[0], now, manualKeys, photo()))
	}
}

func TestLocalTimeDoesNotMatter(t *testing.T) {
	old := time.Local
	t.Cleanup(func() { time.Local = old })
	for _, hours := range []int{-12, -1, 0, 1, 14} {
		time.Local = time.FixedZone("here", hours*60*60)
		for _, now := range []time.Time{noon, noon.Local(), noon.Truncate(24 * time.Hour)} {
			got := sign(t, awsSigner(t), now, manualKeys, photo())
			equal(t, "URL", got.URL, sdkSign(t, sites()[0], now, manualKeys, photo()))
			if got.Expires.Location() != time.UTC {
				t.Errorf("expires at %v, want UTC", got.Expires)
			}
		}
	}
}

// A signer remembers what header names come to. Names that look alike must not
// be taken for each other.
func TestHeaderNamesAreNotConfused(t *testing.T) {
	s := awsSigner(t)
	type headers = []presign.Header
	for range 3 {
		for _, h := range []headers{
			{{"x-amz-meta-a", "1"}, {"x-amz-meta-b", "2"}},
			{{"x-amz-meta-a", "1"}, {"x-amz-meta-c", "2"}},
			{{"x-amz-meta-b", "1"}, {"x-amz-meta-a", "2"}},
			{{"X-Amz-Meta-A", "1"}, {"x-amz-meta-b", "2"}},
			{{"x-amz-meta-a", "1"}},
			{{"x-amz-meta-a", "1"}, {"x-amz-meta-b", "2"}, {"aaaa-bbb-cccc", "3"}},
			{{"x-amz-meta-ax", "1"}, {"amz-meta-b", "2"}},
			nil,
		} {
			r := photo()
			r.Headers = h
			equal(t, "URL", sign(t, s, noon, manualKeys, r).URL, sdkSign(t, sites()[0], noon, manualKeys, r))
		}
	}
}

func TestRotatedCredentialsSignAsThemselves(t *testing.T) {
	s := awsSigner(t)
	all := rotation()
	for round := range 3 {
		for i := range all {
			c := all[(i*(round+1))%len(all)]
			equal(t, fmt.Sprint(c), sign(t, s, noon, c, photo()).URL, sdkSign(t, sites()[0], noon, c, photo()))
		}
	}
}

// rotation is more credentials than are remembered, with something in common.
func rotation() []presign.Credentials {
	other, session, both := manualKeys, manualKeys, sessionKeys
	other.SecretAccessKey += "x"
	session.SessionToken = sessionKeys.SessionToken
	both.SessionToken += "x"
	third, fourth := both, both
	third.AccessKeyID += "X"
	fourth.SecretAccessKey += "y"
	return []presign.Credentials{manualKeys, other, session, sessionKeys, both, third, fourth}
}

func TestSigningKeysDoNotPileUp(t *testing.T) {
	s := awsSigner(t)
	for day := range 50 {
		for _, c := range rotation() {
			sign(t, s, noon.AddDate(0, 0, day), c, photo())
		}
	}
	if n := s.Scopes(); n > presign.MaxScopes {
		t.Errorf("%d signing keys are remembered, want at most %d", n, presign.MaxScopes)
	}
}

func TestOneKeyServesAWholeDay(t *testing.T) {
	s := awsSigner(t)
	for hour := range 24 {
		sign(t, s, noon.Truncate(24*time.Hour).Add(time.Duration(hour)*time.Hour), manualKeys, photo())
	}
	if n := s.Scopes(); n != 1 {
		t.Errorf("%d signing keys for one day", n)
	}
}

func TestKeyIsDerivedOnceHoweverManyAskAtOnce(t *testing.T) {
	for range 200 {
		s, start := awsSigner(t), make(chan struct{})
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				<-start
				if _, err := s.Sign(noon, manualKeys, photo()); err != nil {
					t.Error(err)
				}
			})
		}
		close(start)
		all.Wait()
		if n := s.Scopes(); n != 1 {
			t.Fatalf("%d signing keys for the same credentials and day", n)
		}
	}
}

// Run with -race. Each goroutine checks its URLs against those of a signer that
// nobody else uses.
func TestConcurrentSigningWhileCredentialsRotate(t *testing.T) {
	type job struct {
		now  time.Time
		c    presign.Credentials
		r    presign.Request
		want string
	}
	var jobs []job
	for i, c := range rotation() {
		for day := range 2 {
			j := job{now: noon.AddDate(0, 0, day), c: c, r: photo()}
			j.r.Key = fmt.Sprintf("cam-%d/%d", i, day)
			j.r.Headers = j.r.Headers[i%3:]
			j.want = sign(t, awsSigner(t), j.now, j.c, j.r).URL
			jobs = append(jobs, j)
		}
	}
	s := awsSigner(t)
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(g), 0))
			for range 500 {
				j := jobs[random.IntN(len(jobs))]
				got, err := s.Sign(j.now, j.c, j.r)
				if err != nil || got.URL != j.want {
					t.Errorf("%v at %v: %s, error %v; want %s", j.c, j.now, got.URL, err, j.want)
					return
				}
			}
		})
	}
	all.Wait()
}

func TestURLsDoNotShareMemory(t *testing.T) {
	s := awsSigner(t)
	first := sign(t, s, noon, manualKeys, photo()).URL
	kept := string([]byte(first))
	for i := range 10 {
		r := photo()
		r.Key = fmt.Sprint("other/", i)
		r.Headers = nil
		sign(t, s, noon, sessionKeys, r)
	}
	equal(t, "the first URL, later", first, kept)
}

// A request far beyond the usual must neither fail nor stay in memory; nor may
// it change what is signed next.
func TestHugeRequestIsSignedLikeAnyOther(t *testing.T) {
	s := awsSigner(t)
	r := photo()
	for i := range 2000 {
		r.Headers = append(r.Headers, presign.Header{Name: fmt.Sprintf("X-Amz-Meta-%032d", i), Value: fmt.Sprint("v  ", i)})
		r.Query = append(r.Query, presign.Header{Name: fmt.Sprintf("q/%d", i), Value: "v v"})
	}
	for _, r := range []presign.Request{photo(), r, photo()} {
		equal(t, "URL", sign(t, s, noon, sessionKeys, r).URL, sdkSign(t, sites()[0], noon, sessionKeys, r))
	}
}
