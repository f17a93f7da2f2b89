// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package pages

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"thingpass/broker/console/access"
	"thingpass/broker/fleet"
)

// How streams of events are bounded.
const (
	maxStreams     = 256
	maxStreamsEach = 24 // of one person: windows that are in front
	// Two events in a second are as many as an eye can follow; a photo, which people
	// wait for, does not wait for what came just before it.
	eventGap = 500 * time.Millisecond
	photoGap = 200 * time.Millisecond
	// With each tick a page says anew how long ago something was; it keeps proxies
	// from ending the stream as well.
	tickTime   = 20 * time.Second
	streamLife = 15 * time.Minute // then the browser comes back, and access asks who it is
	writeTime  = 10 * time.Second
)

// streams counts those that are open.
type streams struct {
	most, mostEach int

	mu   sync.Mutex
	all  int
	each map[string]int // by person
}

func (s *streams) enter(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all >= s.most || s.each[name] >= s.mostEach {
		return false
	}
	s.all++
	s.each[name]++
	return true
}

func (s *streams) leave(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	if s.each[name]--; s.each[name] == 0 {
		delete(s.each, name)
	}
}

// events tells of changes, of one thing or of all, by Server-Sent Events: `fleet` when
// something is new, `tick` when only time has passed. They carry nothing: the page
// asks for what is new, with the rights that its reader has then.
func (p *Pages) events(w http.ResponseWriter, r *http.Request) {
	name := access.Of(r.Context()).Name
	if !p.streams.enter(name) {
		w.Header().Set("Retry-After", "30")
		http.Error(w, "Nothing here changes by itself: too many pages are open. Close some, and load this one again.", http.StatusTooManyRequests)
		return
	}
	defer p.streams.leave(name)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // nginx
	ctx, cancel := context.WithTimeout(r.Context(), streamLife)
	defer cancel()
	changes := p.cfg.Fleet.Changes(ctx)
	s := stream{w: w, control: http.NewResponseController(w)}
	// What changed between the page and this stream was told to nobody.
	if s.send("retry: 2000\n\nevent: fleet\ndata: now\n\n") != nil {
		return
	}
	p.follow(ctx, changes, r.URL.Query().Get("thing"), s)
}

// follow sends events until the browser or the console goes.
func (p *Pages) follow(ctx context.Context, changes <-chan fleet.Change, thing string, s stream) {
	now := time.Now()
	b := beat{last: now, lastPhoto: now}
	tick := time.NewTicker(tickTime)
	defer tick.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-p.closing:
			return
		case c, ok := <-changes:
			if !ok {
				return
			}
			if thing == "" || c.Thing == "" || c.Thing == thing {
				b.note(c.Photo)
			}
		case <-b.due:
			b.tell()
			err = s.send("event: fleet\ndata: now\n\n")
		case <-tick.C:
			err = s.send("event: tick\ndata: now\n\n")
		}
		if err != nil {
			return // the browser is gone, or takes nothing
		}
	}
}

// A beat says when the next event is due, so that many changes are one.
type beat struct {
	due             <-chan time.Time // nil: nothing is new
	at              time.Time        // of due
	photo           bool             // a photo is among what is new
	last, lastPhoto time.Time        // events
}

func (b *beat) note(photo bool) {
	at := b.last.Add(eventGap)
	if photo {
		at, b.photo = b.lastPhoto.Add(photoGap), true
	}
	if b.due == nil || at.Before(b.at) {
		b.due, b.at = time.After(time.Until(at)), at
	}
}

func (b *beat) tell() {
	b.due, b.last = nil, time.Now()
	if b.photo {
		b.photo, b.lastPhoto = false, b.last
	}
}

type stream struct {
	w       io.Writer
	control *http.ResponseController
}

// send writes with a time limit of its own: the server's is for whole answers.
func (s stream) send(text string) error {
	_ = s.control.SetWriteDeadline(time.Now().Add(writeTime)) // a recorder in a test has none
	if _, err := io.WriteString(s.w, text); err != nil {
		return err
	}
	return s.control.Flush()
}
