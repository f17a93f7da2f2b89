// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"

	"thingpass/broker"
)

var errTest = errors.New("the test broke it")

// scriptedSTS stands for STS where only time matters. What a real one says is
// tested against the dev stack's.
type scriptedSTS struct {
	mu     sync.Mutex
	life   time.Duration
	delay  time.Duration
	fails  func(thing string) error
	calls  int
	second map[int64]int // calls by second
}

func (s *scriptedSTS) assume(ctx context.Context, thing string) (broker.Session, error) {
	s.mu.Lock()
	s.calls++
	n := s.calls
	if s.second != nil {
		s.second[time.Now().Unix()]++
	}
	fails, delay, life := s.fails, s.delay, s.life
	s.mu.Unlock()
	select {
	case <-time.After(delay):
	case <-ctx.Done():
		return broker.Session{}, ctx.Err()
	}
	if fails != nil {
		if err := fails(thing); err != nil {
			return broker.Session{}, err
		}
	}
	return broker.Session{AccessKeyID: fmt.Sprintf("ASIA-%s-%d", thing, n), SecretAccessKey: "s", SessionToken: "t", Expires: time.Now().Add(life)}, nil
}

func (s *scriptedSTS) sessions(most int) *Sessions {
	return &Sessions{assume: s.assume, duration: s.life, log: slog.New(slog.DiscardHandler), held: newLRU[*heldSession](most), flights: map[string]*flight{}}
}

func always(err error) func(string) error { return func(string) error { return err } }

// TestTenThousandThingsAskSTSSeldom lets 10,000 things ask every minute for
// three hours, from a cold start. STS takes 600 requests a second.
func TestTenThousandThingsAskSTSSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const things, hours = 10_000, 3
		sts := &scriptedSTS{life: time.Hour, second: map[int64]int{}}
		s := sts.sessions(maxSessions)
		names := make([]string, things)
		for i := range names {
			names[i] = fmt.Sprintf("cam%d", i)
		}
		least, refused, warm := time.Hour, 0, 0
		for second := range hours * 3600 {
			if second == 600 {
				warm = sts.calls
			}
			for i := second % 60; i < things; i += 60 {
				started := time.Now()
				got, err := s.Issue(t.Context(), names[i])
				switch {
				case err == nil:
					least = min(least, got.Expires.Sub(started))
				case second >= 600:
					refused++
				}
			}
			time.Sleep(time.Second)
		}
		busiest := 0
		for _, n := range sts.second {
			busiest = max(busiest, n)
		}
		mean := float64(sts.calls-warm) / (hours*3600 - 600)
		t.Logf("%d calls in %d h, %.1f a second once warm, at most %d in one second; at least %v left", sts.calls, hours, mean, busiest, least)
		if busiest > 60 || mean > 7 {
			t.Errorf("%d calls in one second, %.1f on the average", busiest, mean)
		}
		if least < broker.MinSessionLife || refused > 0 {
			t.Errorf("a session with %v left was given, %d requests were refused", least, refused)
		}
	})
}

func TestAColdStartIsSpreadOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sts := &scriptedSTS{life: time.Hour, delay: 80 * time.Millisecond, second: map[int64]int{}}
		s := sts.sessions(maxSessions)
		var mu sync.Mutex
		var things sync.WaitGroup
		served, busy := 0, 0
		for i := range 1000 { // all at once
			things.Go(func() {
				_, err := s.Issue(t.Context(), fmt.Sprintf("cam%d", i))
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					served++
				} else if errors.Is(err, errPace) {
					busy++
				}
			})
		}
		things.Wait()
		if served < 50 || served > 52 || served+busy != 1000 || sts.calls != served {
			t.Errorf("%d served, %d told to come again, %d calls", served, busy, sts.calls)
		}
	})
}

func TestThingsThatAskTogetherWaitForOneAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sts := &scriptedSTS{life: time.Hour, delay: time.Second}
		s := sts.sessions(10)
		impatient, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		var all sync.WaitGroup
		all.Go(func() { // it gives up, the question stays
			if _, err := s.Issue(impatient, "cam1"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the impatient one got %v", err)
			}
		})
		for range 100 {
			all.Go(func() {
				if got, err := s.Issue(t.Context(), "cam1"); err != nil || got.AccessKeyID != "ASIA-cam1-1" {
					t.Errorf("%v, %v", got, err)
				}
			})
		}
		all.Wait()
		if sts.calls != 1 {
			t.Errorf("%d calls", sts.calls)
		}
	})
}

func TestASessionIsRenewedLongBeforeItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sts := &scriptedSTS{life: time.Hour}
		s := sts.sessions(10)
		first, _ := s.Issue(t.Context(), "cam1")
		time.Sleep(29 * time.Minute)
		if got, _ := s.Issue(t.Context(), "cam1"); got != first {
			t.Error("renewed in the first half")
		}
		time.Sleep(9 * time.Minute)
		second, err := s.Issue(t.Context(), "cam1")
		if err != nil || !second.Expires.After(first.Expires) || sts.calls != 2 {
			t.Errorf("%v, %v", second, err)
		}
		sts.fails = always(errTest)
		time.Sleep(40 * time.Minute)
		if got, err := s.Issue(t.Context(), "cam1"); err != nil || got != second {
			t.Errorf("while STS is away: %v, %v", got, err)
		}
		sts.delay, sts.fails = 5*time.Second, nil
		time.Sleep(time.Minute)
		started := time.Now()
		if got, err := s.Issue(t.Context(), "cam1"); err != nil || got != second || time.Since(started) > earlyWait {
			t.Errorf("while STS is slow: %v, %v after %v", got, err, time.Since(started))
		}
		time.Sleep(5 * time.Second)
		if got, _ := s.Issue(t.Context(), "cam1"); !got.Expires.After(second.Expires) {
			t.Error("the slow answer was lost")
		}
	})
}

func TestNoSessionIsGivenNearItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sts := &scriptedSTS{life: time.Hour}
		s := sts.sessions(10)
		if _, err := s.Issue(t.Context(), "cam1"); err != nil {
			t.Fatal(err)
		}
		sts.fails = always(errTest)
		time.Sleep(time.Hour - broker.MinSessionLife - time.Second)
		if _, err := s.Issue(t.Context(), "cam1"); err != nil {
			t.Errorf("a second before: %v", err)
		}
		time.Sleep(2 * time.Second)
		if got, err := s.Issue(t.Context(), "cam1"); err == nil || got != (broker.Session{}) {
			t.Errorf("a second after: %v, %v", got, err)
		}
	})
}

func TestWhileSTSIsAwayFewFindOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sts := &scriptedSTS{life: time.Hour, delay: 3 * time.Second, fails: always(errTest)}
		s := sts.sessions(1000)
		if _, err := s.Issue(t.Context(), "first"); !errors.Is(err, errTest) {
			t.Fatal(err)
		}
		before := sts.calls
		var all sync.WaitGroup
		for second := range 60 {
			for i := range 20 {
				all.Go(func() {
					if got, err := s.Issue(t.Context(), fmt.Sprintf("cam%d-%d", second, i)); err == nil || got != (broker.Session{}) {
						t.Errorf("%v, %v", got, err)
					}
				})
			}
			time.Sleep(time.Second)
		}
		all.Wait()
		if n := sts.calls - before; n < 8 || n > 14 {
			t.Errorf("asked %d times in a minute", n)
		}
		sts.fails = nil
		time.Sleep(urgentPause)
		if _, err := s.Issue(t.Context(), "cam1"); err != nil {
			t.Errorf("after the recovery: %v", err)
		}
	})
}

func TestWhatSTSRefusesOneThingIsNotTheOthersTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sts := &scriptedSTS{life: time.Hour}
		sts.fails = func(thing string) error {
			if thing == "odd" {
				return &smithy.GenericAPIError{Code: "PackedPolicyTooLarge"}
			}
			return nil
		}
		s := sts.sessions(10)
		for range 100 {
			if _, err := s.Issue(t.Context(), "odd"); err == nil {
				t.Fatal("it got a session")
			}
		}
		if sts.calls != 1 {
			t.Errorf("asked %d times for a policy that is too large", sts.calls)
		}
		if _, err := s.Issue(t.Context(), "cam1"); err != nil {
			t.Errorf("another thing: %v", err)
		}
		time.Sleep(ownPause)
		sts.fails = nil
		if _, err := s.Issue(t.Context(), "odd"); err != nil {
			t.Errorf("later: %v", err)
		}
	})
}

func TestTheCacheIsBoundedAndForgetsTheLongestUnused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sts := &scriptedSTS{life: time.Hour}
		s := sts.sessions(3)
		get := func(thing string) string {
			time.Sleep(stsInterval)
			got, err := s.Issue(t.Context(), thing)
			if err != nil {
				t.Fatal(err)
			}
			return got.AccessKeyID
		}
		a := get("a")
		get("b")
		get("c")
		if get("a") != a {
			t.Error("a was forgotten too soon")
		}
		get("d") // b goes
		if calls := sts.calls; get("a") != a || sts.calls != calls {
			t.Error("a was forgotten, though it was used")
		}
		if calls := sts.calls; get("b") == "" || sts.calls != calls+1 {
			t.Error("b was kept")
		}
		if len(s.held.byName) != 3 || s.held.recent.Len() != 3 {
			t.Errorf("%d are held", len(s.held.byName))
		}
	})
}

func TestWhatIsNoThingGetsNoSession(t *testing.T) {
	sts := &scriptedSTS{life: time.Hour}
	s := sts.sessions(3)
	for _, name := range []string{"", "*", "cam?", "cam1/", "../cam2", "${aws:username}", `a","x`, "cam 1", "käm", strings.Repeat("t", 129)} {
		if got, err := s.Issue(t.Context(), name); err == nil {
			t.Errorf("%q got %v", name, got)
		}
	}
	if sts.calls != 0 {
		t.Errorf("asked %d times", sts.calls)
	}
}

func TestANewConfigurationKeepsWhatIsTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sts := &scriptedSTS{life: time.Hour}
		fresh := func(change func(*Sessions)) *Sessions {
			s := sts.sessions(10)
			s.bucket, s.role, s.access = &Bucket{name: "photos"}, "a", ReadWrite
			change(s)
			return s
		}
		before := fresh(func(*Sessions) {})
		first, _ := before.Issue(t.Context(), "cam1")
		for name, test := range map[string]struct {
			change func(*Sessions)
			kept   bool
		}{
			"the same":       {func(*Sessions) {}, true},
			"another role":   {func(s *Sessions) { s.role = "b" }, false},
			"less access":    {func(s *Sessions) { s.access = WriteOnly }, false},
			"another bucket": {func(s *Sessions) { s.bucket.name = "others" }, false},
			"another STS":    {func(s *Sessions) { s.endpoint = "https://sts.lan" }, false},
		} {
			after := fresh(test.change)
			after.TakeOver(before)
			time.Sleep(stsInterval)
			if got, err := after.Issue(t.Context(), "cam1"); err != nil || (got == first) != test.kept {
				t.Errorf("%s: %v, %v", name, got, err)
			}
		}
	})
}

func BenchmarkIssueWhatIsHeld(b *testing.B) {
	sts := &scriptedSTS{life: time.Hour}
	s := sts.sessions(maxSessions)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Issue(b.Context(), "cam1"); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(sts.calls), "STS-calls")
}
