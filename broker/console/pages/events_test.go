// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package pages_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"thingpass/broker/console/access"
	"thingpass/broker/fleet"
)

const patience = 20 * time.Second

// served is a console that is reached over HTTP, as somebody.
func served(t *testing.T) (*console, string) {
	t.Helper()
	c := newConsole()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.ServeHTTP(w, r.WithContext(access.With(r.Context(), access.User{Name: r.Header.Get("Who"), Role: access.Viewer}, token)))
	}))
	s.Config.WriteTimeout = 300 * time.Millisecond // less than a stream lives
	s.Start()
	t.Cleanup(func() { c.Close(); s.Close() })
	return c, s.URL
}

// listen opens a stream; what it says comes line by line, and ends with it.
func listen(t *testing.T, url, who string) (status int, events <-chan string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Who", who)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		return resp.StatusCode, nil
	}
	lines := make(chan string, 1000)
	go func() {
		defer close(lines)
		defer resp.Body.Close()
		for s := bufio.NewScanner(resp.Body); s.Scan(); {
			if name, ok := strings.CutPrefix(s.Text(), "event: "); ok {
				lines <- name
			}
		}
	}()
	return resp.StatusCode, lines
}

func next(t *testing.T, events <-chan string) string {
	t.Helper()
	select {
	case e, ok := <-events:
		if !ok {
			return "end"
		}
		return e
	case <-time.After(patience):
		t.Fatal("nothing comes")
	}
	return ""
}

// A flood is a few events, and the last change is among them.
func TestAFloodIsFewEvents(t *testing.T) {
	t.Parallel()
	c, url := served(t)
	_, events := listen(t, url+"/events", "ann")
	if e := next(t, events); e != "fleet" { // what changed before the stream began
		t.Fatal(e)
	}
	began := time.Now()
	for time.Since(began) < 1200*time.Millisecond { // beyond the server's own time for answers
		c.fleet.change(fleet.Change{Thing: "cam1"})
		time.Sleep(50 * time.Microsecond)
	}
	flood := time.Since(began)
	if e := next(t, events); e != "fleet" {
		t.Fatal(e)
	}
	time.Sleep(time.Second) // whatever is due comes
	count := 1 + len(events)
	if most := int(flood/(500*time.Millisecond)) + 2; count > most || count < 2 {
		t.Errorf("%d events in %v, at most %d", count, flood, most)
	}
}

// A photo is told at once, whatever came just before it.
func TestAPhotoDoesNotWait(t *testing.T) {
	t.Parallel()
	c, url := served(t)
	_, events := listen(t, url+"/events", "ann")
	next(t, events)
	time.Sleep(600 * time.Millisecond) // no gap is due any more
	c.fleet.change(fleet.Change{Thing: "cam1"})
	next(t, events)
	began := time.Now()
	c.fleet.change(fleet.Change{Thing: "cam1", Photo: true})
	for len(events) == 0 && time.Since(began) < time.Second { // nor for what comes after it
		time.Sleep(time.Millisecond)
		c.fleet.change(fleet.Change{Thing: "cam1"})
	}
	next(t, events)
	if took := time.Since(began); took > 350*time.Millisecond {
		t.Errorf("it took %v", took)
	}
}

func TestAThingsPageHearsOfItAlone(t *testing.T) {
	t.Parallel()
	c, url := served(t)
	_, events := listen(t, url+"/events?thing=cam1", "ann")
	next(t, events)
	c.fleet.change(fleet.Change{Thing: "cam2", Photo: true})
	select {
	case e := <-events:
		t.Errorf("it hears %q of another", e)
	case <-time.After(700 * time.Millisecond):
	}
	for _, thing := range []string{"cam1", ""} {
		c.fleet.change(fleet.Change{Thing: thing})
		next(t, events)
	}
}

func TestTenBrowsersHearTheSame(t *testing.T) {
	t.Parallel()
	c, url := served(t)
	var all []<-chan string
	for range 10 {
		_, events := listen(t, url+"/events", "ann")
		next(t, events)
		all = append(all, events)
	}
	c.fleet.change(fleet.Change{Thing: "cam1", Photo: true})
	for _, events := range all {
		if e := next(t, events); e != "fleet" {
			t.Error(e)
		}
	}
}

func TestStreamsAreLimitedAndEndWithTheConsole(t *testing.T) {
	t.Parallel()
	c, url := served(t)
	var open []<-chan string
	for {
		status, events := listen(t, url+"/events", "ann")
		if status != http.StatusOK {
			if status != http.StatusTooManyRequests || len(open) != 24 {
				t.Errorf("%d after %d streams", status, len(open))
			}
			break
		}
		next(t, events)
		if open = append(open, events); len(open) > 100 {
			t.Fatal("there is no limit")
		}
	}
	status, events := listen(t, url+"/events", "ben")
	if status != http.StatusOK {
		t.Fatalf("another person: %d", status)
	}
	next(t, events)
	c.Close()
	c.Close()
	for _, events := range append(open, events) {
		if e := next(t, events); e != "end" {
			t.Errorf("%q after the end", e)
		}
	}
}

// A place is free again when a browser goes.
func TestAStreamThatEndsMakesRoom(t *testing.T) {
	t.Parallel()
	_, url := served(t)
	for range 60 {
		ctx, cancel := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Who", "ann")
		deadline := time.Now().Add(patience)
		for {
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.CopyN(io.Discard, resp.Body, 5)
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("there is no room any more")
			}
			time.Sleep(5 * time.Millisecond)
		}
		cancel()
	}
}
