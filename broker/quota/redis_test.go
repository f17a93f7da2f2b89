// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package quota_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"thingpass/broker"
	"thingpass/broker/internal/testredis"
	"thingpass/broker/quota"
)

const patience = 10 * time.Second

func newRedis(t *testing.T, url, onFailure string, log *slog.Logger) *quota.Redis {
	t.Helper()
	r, err := quota.NewRedis(quota.Config{URL: url, OnFailure: onFailure, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// logText collects a log that is written concurrently.
type logText struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logText) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// judge is for one request while Redis is away.
func judge(t *testing.T, q broker.Quota, onFailure, when string) {
	t.Helper()
	n, err := q.Take(t.Context(), request("away", 1, noon))
	switch {
	case onFailure == quota.Refuse && !errors.Is(err, quota.ErrAway):
		t.Errorf("%s: %d, %v; want a refusal", when, n, err)
	case onFailure == quota.Allow && (n != 0 || err != nil):
		t.Errorf("%s: %d, %v; want that it is allowed", when, n, err)
	}
}

// faults are ways in which a Redis can be away; undo is nil where it never returns.
func faults() map[string]func(t *testing.T) (url string, begin, undo func()) {
	return map[string]func(*testing.T) (string, func(), func()){
		"kill -9": func(t *testing.T) (string, func(), func()) {
			s := testredis.Start(t)
			return s.URL(), s.Kill9, s.Restart
		},
		"it hangs": func(t *testing.T) (string, func(), func()) {
			s := testredis.Start(t)
			return s.URL(), s.Pause, s.Resume
		},
		"a network that stalls": func(t *testing.T) (string, func(), func()) {
			s := testredis.Start(t)
			p := startProxy(t, s.Address)
			return strings.Replace(s.URL(), s.Address, p.address, 1), func() { p.stalled.Store(true) }, func() { p.stalled.Store(false) }
		},
		"a wrong password": func(t *testing.T) (string, func(), func()) {
			s := testredis.Start(t)
			return strings.Replace(s.URL(), s.Password(), "wrong", 1), nil, nil
		},
		"nobody listens": func(t *testing.T) (string, func(), func()) {
			s := testredis.Start(t)
			s.Kill9()
			return s.URL(), nil, s.Restart
		},
		"nonsense": func(t *testing.T) (string, func(), func()) {
			return "redis://" + startNonsense(t, "HTTP/1.1 400 Bad Request\r\n\r\n"), nil, nil
		},
		"no numbers": func(t *testing.T) (string, func(), func()) { return "redis://" + startNonsense(t, "+OK\r\n"), nil, nil },
		"less than zero": func(t *testing.T) (string, func(), func()) {
			return "redis://" + startNonsense(t, ":-1\r\n"), nil, nil
		},
		"too much": func(t *testing.T) (string, func(), func()) {
			return "redis://" + startNonsense(t, "$2147483647\r\n"+strings.Repeat("x", 1000)), nil, nil
		},
	}
}

func TestRedisThatIsAway(t *testing.T) {
	for name, fault := range faults() {
		for _, onFailure := range []string{quota.Refuse, quota.Allow} {
			t.Run(name+"/"+onFailure, func(t *testing.T) {
				t.Parallel()
				url, begin, undo := fault(t)
				log := &logText{}
				r := newRedis(t, url, onFailure, log.logger())
				if begin != nil {
					mustTake(t, r, "before", 0, request("a", 1000, noon))
					begin()
				}
				survive(t, r, onFailure, log)
				if undo == nil {
					return
				}
				undo()
				awaitReturn(t, r, log)
			})
		}
	}
}

// survive asks while Redis is away: the first answers may take the timeout, the
// others nothing, and there is one line in the log.
func survive(t *testing.T, r *quota.Redis, onFailure string, log *logText) {
	t.Helper()
	began := time.Now()
	judge(t, r, onFailure, "the first request")
	if took := time.Since(began); took > 4*quota.DefaultTimeout {
		t.Errorf("the first request took %v", took)
	}
	began = time.Now()
	for range 1000 {
		judge(t, r, onFailure, "while it is away")
	}
	if took := time.Since(began); took > 4*quota.DefaultTimeout {
		t.Errorf("1000 requests took %v while it was away", took)
	}
	if n := r.Failures(); n < 1001 {
		t.Errorf("%d decisions without Redis are counted, want 1001", n)
	}
	if text := log.String(); strings.Count(text, "level=ERROR") != 1 || !strings.Contains(text, "on_failure: "+onFailure) {
		t.Errorf("want one line about it:\n%s", text)
	}
	if strings.Contains(log.String(), "secret-of-the-test") {
		t.Errorf("the password is in the log:\n%s", log)
	}
}

// awaitReturn waits until Redis counts again.
func awaitReturn(t *testing.T, r *quota.Redis, log *logText) {
	t.Helper()
	for deadline := time.Now().Add(patience); !strings.Contains(log.String(), "answers again"); time.Sleep(10 * time.Millisecond) {
		_, _ = r.Take(t.Context(), request("back", 1<<40, noon))
		if time.Now().After(deadline) {
			t.Fatalf("Redis is back, and not asked:\n%s", log)
		}
	}
	failures := r.Failures()
	for range 100 {
		take(t, r, request("back", 1<<40, noon))
	}
	if n := r.Failures(); n != failures {
		t.Errorf("%d decisions without Redis after it was back", n-failures)
	}
}

// Two brokers have one count: what one lets in, the other has not any more.
func TestBrokersShareTheCount(t *testing.T) {
	s := testredis.Start(t)
	brokers := []*quota.Redis{newRedis(t, s.URL(), "", nil), newRedis(t, s.URL(), "", nil)}
	var taken, refused atomic.Int64
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 50 {
				if take(t, brokers[i%2], request("a", 300, noon)) == 0 {
					taken.Add(1)
				} else {
					refused.Add(1)
				}
			}
		})
	}
	all.Wait()
	if taken.Load() != 300 || refused.Load() != 100 {
		t.Errorf("%d were let in and %d refused, want 300 and 100", taken.Load(), refused.Load())
	}
	mustTake(t, brokers[0], "the first broker", 0, object("a", "k1", 60, 100, noon))
	mustTake(t, brokers[1], "the same object from the second", 0, object("a", "k1", 60, 100, noon))
	mustTake(t, brokers[1], "what does not fit any more", 1, object("a", "k2", 41, 100, noon))
	mustTake(t, brokers[0], "what fits", 0, object("a", "k3", 40, 100, noon))
}

// What was counted outlives a Redis that is killed, if it writes its counts down.
func TestCountsOutliveRedis(t *testing.T) {
	s := testredis.Start(t)
	r := newRedis(t, s.URL(), "", nil)
	for range 5 {
		mustTake(t, r, "before", 0, request("a", 5, noon))
	}
	s.Kill9()
	s.Restart()
	for deadline := time.Now().Add(patience); ; {
		n, err := r.Take(t.Context(), request("a", 5, noon))
		if err == nil && n > 0 {
			return
		}
		if err == nil || time.Now().After(deadline) {
			t.Fatalf("after the restart: %d, %v; want a refusal", n, err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// Nothing stays in Redis for longer than it matters.
func TestKeysExpire(t *testing.T) {
	s := testredis.Start(t)
	r := newRedis(t, s.URL(), "", nil)
	take(t, r, request("a", 5, noon))
	take(t, r, request("b", 0, noon))
	take(t, r, object("a", "k", 5, 10, noon))
	take(t, r, object("b", "k", 50, 10, noon))
	options, err := redis.ParseURL(s.AdminURL())
	if err != nil {
		t.Fatal(err)
	}
	admin := redis.NewClient(options)
	defer func() { _ = admin.Close() }()
	keys, err := admin.Keys(t.Context(), "*").Result()
	if err != nil || len(keys) != 5 {
		t.Fatalf("%q, %v", keys, err)
	}
	for _, key := range keys {
		life, err := admin.TTL(t.Context(), key).Result()
		if !strings.HasPrefix(key, "thingpass:{") || err != nil || life <= 0 || life > 49*time.Hour {
			t.Errorf("%s lives for %v (%v)", key, life, err)
		}
	}
}

// A request that ends says nothing about Redis.
func TestEndedRequestIsNoFailure(t *testing.T) {
	log := &logText{}
	r := newRedis(t, testredis.Start(t).URL(), "", log.logger())
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Take(ended, request("a", 5, noon)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	mustTake(t, r, "the next", 0, request("a", 5, noon))
	if log.String() != "" {
		t.Errorf("logged:\n%s", log)
	}
}

func TestProbe(t *testing.T) {
	s := testredis.Start(t)
	if err := newRedis(t, s.URL(), "", nil).Probe(t.Context()); err != nil {
		t.Error(err)
	}
	for want, url := range map[string]string{
		"does not take the user and password": strings.Replace(s.URL(), s.Password(), "wrong", 1),
		"connection refused":                  "redis://127.0.0.1:1",
		"redis":                               "redis://" + startNonsense(t, "HTTP/1.1 400 Bad Request\r\n\r\n"),
	} {
		err := newRedis(t, url, "", nil).Probe(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "wrong") {
			t.Errorf("%s: got %v", want, err)
		}
	}
}

func TestURLs(t *testing.T) {
	for _, good := range []string{"redis://localhost", "redis://u:p@h:6380/2", "rediss://[::1]:6379", "redis://:p%40ss@h/"} {
		if err := quota.CheckURL(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for bad, want := range map[string]string{
		"":                           "is not a URL",
		"localhost:6379":             "is not a URL",
		"redis://u:secret@":          "is not a URL",
		"redis://u:secret@h:x":       "is not a URL",
		"http://u:secret@h":          `begins with "http://"`,
		"redis://u:secret@h:0":       "has the port 0",
		"redis://u:secret@h:70000":   "has the port 70000",
		"redis://u:secret@h/x":       `has the database "x"`,
		"redis://u:secret@h/-1":      `has the database "-1"`,
		"redis://u:secret@h/1?a=b":   "has something after the database",
		"redis://u:secret@h/1#a":     "has something after the database",
		"redis://u:secret%@h:6379/0": "is not a URL",
	} {
		err := quota.CheckURL(bad)
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v, want %s", bad, err, want)
		}
	}
	if _, err := quota.NewRedis(quota.Config{URL: "redis://h", OnFailure: "panic"}); err == nil {
		t.Error("on_failure: panic was taken")
	}
}

// startNonsense is a server that answers everything with the same bytes.
func startNonsense(t *testing.T, answer string) (address string) {
	t.Helper()
	return listen(t, func(c net.Conn) {
		buf := make([]byte, 4096)
		for {
			if _, err := c.Read(buf); err != nil {
				return
			}
			if _, err := io.WriteString(c, answer); err != nil {
				return
			}
		}
	})
}

// A proxy passes bytes on, unless it is stalled.
type proxy struct {
	address string
	stalled atomic.Bool
}

func startProxy(t *testing.T, target string) *proxy {
	t.Helper()
	p := &proxy{}
	p.address = listen(t, func(c net.Conn) {
		up, err := net.Dial("tcp", target)
		if err != nil {
			return
		}
		defer func() { _ = up.Close() }()
		go p.pass(c, up)
		p.pass(up, c)
	})
	return p
}

func (p *proxy) pass(to, from net.Conn) {
	defer func() { _ = to.Close() }()
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		for p.stalled.Load() {
			time.Sleep(time.Millisecond)
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// listen serves connections until the end of the test.
func listen(t *testing.T, serve func(net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				serve(c)
			}()
		}
	}()
	return l.Addr().String()
}
