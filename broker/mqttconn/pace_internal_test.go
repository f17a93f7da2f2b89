// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn

import (
	"context"
	"crypto/tls"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"thingpass/broker"
)

// A clock is moved by hand.
type clock struct{ time.Time }

func (c *clock) now() time.Time          { return c.Time }
func (c *clock) advance(d time.Duration) { c.Time = c.Add(d) }

// most is the greatest number of times within any second.
func most(times []time.Time) int {
	slices.SortFunc(times, time.Time.Compare)
	best, first := 0, 0
	for i := range times {
		for times[i].Sub(times[first]) >= time.Second {
			first++
		}
		best = max(best, i-first+1)
	}
	return best
}

// paced is a pacer whose time passes when it sleeps.
func paced(mode PaceMode) (*pacer, *clock) {
	c := &clock{time.Unix(1e9, 0)}
	p := newPacer(Pace{Mode: mode}.withDefaults())
	p.now = c.now
	p.sleep = func(_ context.Context, d time.Duration) { c.advance(d) }
	return p, c
}

// Whenever messages come, no second has more of them than the quota, and time is
// not wasted.
func TestNoSecondHasMoreThanTheQuota(t *testing.T) {
	for name, gap := range map[string]func() time.Duration{
		"all at once":    func() time.Duration { return 0 },
		"as they please": func() time.Duration { return rand.N(30 * time.Millisecond) },
		"in bursts": func() time.Duration {
			if rand.N(50) == 0 {
				return 2 * time.Second
			}
			return 0
		},
	} {
		for _, mode := range []PaceMode{PaceEach, PaceBoth} {
			t.Run(name+", "+string(mode), func(t *testing.T) {
				p, c := paced(mode)
				var sent []time.Time
				for range 2000 {
					c.advance(gap())
					p.received(100)
					if mode == PaceBoth {
						sent = append(sent, c.Time)
					}
					if _, err := p.wait(t.Context(), 100); err != nil {
						t.Fatal(err)
					}
					sent = append(sent, c.Time)
				}
				if n := most(sent); n > 97 {
					t.Errorf("%d within a second", n)
				}
				if took := sent[len(sent)-1].Sub(sent[0]); name == "all at once" && took > time.Duration(len(sent))*12*time.Millisecond {
					t.Errorf("%d messages took %v", len(sent), took)
				}
			})
		}
	}
}

func TestBytesAreKeptToTheQuota(t *testing.T) {
	p, c := paced(PaceEach)
	began, total := c.Time, 0
	for range 200 { // 8 KB each: 64 in a second are more than enough
		_, _ = p.wait(t.Context(), 8<<10)
		total += 8 << 10
	}
	if rate := float64(total) / c.Sub(began).Seconds(); rate > awsBytes || rate < 0.8*awsBytes {
		t.Errorf("%.0f bytes a second", rate)
	}
	if waited, _ := p.wait(t.Context(), 128<<10); waited > 100*time.Millisecond {
		t.Errorf("a large packet waits %v for a bucket that can never hold it", waited)
	}
}

func TestWhatIsReceivedCountsOnlyInOneReading(t *testing.T) {
	for mode, want := range map[PaceMode]time.Duration{PaceEach: 0, PaceBoth: 40 * 11 * time.Millisecond} {
		p, _ := paced(mode)
		for range 45 {
			p.received(200)
		}
		if waited, _ := p.wait(t.Context(), 200); waited < want || waited > want+40*time.Millisecond {
			t.Errorf("%s: the first reply waits %v, want %v", mode, waited, want)
		}
	}
}

// Those that wait make room for what comes in meanwhile: otherwise the two
// together would have twice the quota.
func TestWhatIsReceivedMeanwhileCountsToo(t *testing.T) {
	p, c := paced(PaceBoth)
	for range 90 {
		p.received(100)
	}
	p.sleep = func(_ context.Context, d time.Duration) {
		c.advance(d)
		p.sleep = func(_ context.Context, d time.Duration) { c.advance(d) }
		for range 45 {
			p.received(100)
		}
	}
	if waited, _ := p.wait(t.Context(), 100); waited < 1300*time.Millisecond {
		t.Errorf("it waits %v: 135 messages came before", waited)
	}
}

func TestCrowdIsWhatWouldWaitTooLong(t *testing.T) {
	p, c := paced(PaceEach)
	for n := range 200 {
		if p.crowded() {
			if n < 85 || n > 100 {
				t.Errorf("crowded when %d wait", n)
			}
			break
		}
		p.waiting.Add(1)
	}
	if p.waiting.Store(0); p.crowded() {
		t.Error("crowded when nobody waits")
	}
	_, _ = p.wait(t.Context(), 1_000_000) // two seconds' worth of bytes
	if !p.crowded() {
		t.Error("not crowded when the next must wait for two seconds")
	}
	if c.advance(3 * time.Second); p.crowded() {
		t.Error("still crowded")
	}
}

func TestWaitEndsWithTheConnection(t *testing.T) {
	p := newPacer(Pace{Mode: PaceEach, Publishes: 1, Bytes: 1024})
	_, _ = p.wait(t.Context(), 10)
	ctx, cancel := context.WithCancel(t.Context())
	errs := make(chan error)
	for range 3 { // one has the turn, two wait for it
		go func() {
			_, err := p.wait(ctx, 10)
			errs <- err
		}()
	}
	cancel()
	for range 3 {
		if err := <-errs; err == nil {
			t.Error("it goes on without a connection")
		}
	}
	if _, err := p.wait(ctx, 10); err == nil || p.waiting.Load() != 0 {
		t.Error("the turn is lost, or somebody still waits")
	}
}

func TestNoPaceCostsNothing(t *testing.T) {
	p := newPacer(Pace{Mode: PaceOff})
	l := &link{pacer: p}
	if n := testing.AllocsPerRun(100, func() {
		p.received(10)
		if l.full() || l.keepPace(broker.Message{}) != nil {
			t.Error("it waits")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestProfileIsThatOfTheHost(t *testing.T) {
	for server, want := range map[string]struct {
		profile Profile
		pace    PaceMode
		window  int
		alpn    string
		first   time.Duration
		age     time.Duration
	}{
		"mqtts://localhost":                                 {ProfileMosquitto, PaceOff, 256, "", time.Second, 0},
		"mqtts://localhost:443":                             {ProfileMosquitto, PaceOff, 256, "", time.Second, 0},
		"mqtts://x-ats.iot.eu-central-1.amazonaws.com":      {ProfileAWS, PaceBoth, 90, "", 2 * time.Second, 0},
		"mqtts://x-ats.iot.eu-central-1.amazonaws.com:443":  {ProfileAWS, PaceBoth, 90, awsALPN, 2 * time.Second, 0},
		"mqtts://x.ats.iot.cn-north-1.amazonaws.com.cn:443": {ProfileAWS, PaceBoth, 90, awsALPN, 2 * time.Second, 0},
		"mqtts://amazonaws.com.example.org:443":             {ProfileMosquitto, PaceOff, 256, "", time.Second, 0},
		"wss://x-ats.iot.eu-central-1.amazonaws.com":        {ProfileAWS, PaceBoth, 90, "http/1.1", 2 * time.Second, 23 * time.Hour},
		"wss://localhost:9001/ws":                           {ProfileMosquitto, PaceOff, 256, "http/1.1", time.Second, 23 * time.Hour},
	} {
		c := Config{Server: server, TLS: &tls.Config{}}.withDefaults()
		alpn := ""
		conf, err := c.tlsFor(c.endpoint())
		if err != nil {
			t.Fatal(err)
		}
		if len(conf.NextProtos) > 0 {
			alpn = conf.NextProtos[0]
		}
		if c.Profile != want.profile || c.Pace.Mode != want.pace || c.window() != want.window || alpn != want.alpn ||
			c.ReconnectMin != want.first || c.MaxAge != want.age {
			t.Errorf("%s: %+v, want %+v", server, c, want)
		}
	}
}

func TestWindowIsWhatCanBeAnsweredInTime(t *testing.T) {
	for _, test := range []struct {
		profile Profile
		pace    Pace
		queue   int
		want    int
	}{
		{ProfileMosquitto, Pace{}, 1000, 1000},
		{ProfileMosquitto, Pace{Mode: PaceBoth}, 1000, 90},
		{ProfileAWS, Pace{}, 1000, 90},
		{ProfileAWS, Pace{}, 10, 10},
		{ProfileAWS, Pace{Mode: PaceEach}, 1000, 100}, // 180 would be in time
		{ProfileAWS, Pace{Mode: PaceOff}, 1000, 100},
		{ProfileAWS, Pace{Mode: PaceBoth, Publishes: 1}, 1000, 1},
	} {
		c := Config{Server: "mqtts://localhost", Profile: test.profile, Pace: test.pace, Queue: test.queue}.withDefaults()
		if got := c.window(); got != test.want {
			t.Errorf("%s, %+v, queue of %d: %d, want %d", test.profile, test.pace, test.queue, got, test.want)
		}
	}
}

func TestURLOfTheWebSocketIsWhatIsSigned(t *testing.T) {
	for server, want := range map[string]string{
		"wss://host":            "wss://host/mqtt",
		"wss://host:443/":       "wss://host/mqtt",
		"wss://host:9001":       "wss://host:9001/mqtt",
		"wss://host/other/path": "wss://host/other/path",
		"wss://[::1]":           "wss://[::1]/mqtt",
		"wss://[::1]:9001":      "wss://[::1]:9001/mqtt",
	} {
		e, err := parseServer(server)
		if err != nil || e.url() != want {
			t.Errorf("%s: %s %v, want %s", server, e.url(), err, want)
		}
	}
}
