// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3

// Sessions hands out temporary credentials, and asks STS as seldom as it can:
// STS takes 600 requests a second from a whole account, and things ask as often
// as they like. So each thing's session is kept and given again until half of
// its life is over; those who ask for the same thing at the same time wait for
// one answer; new sessions are asked for at a bounded pace; and while STS is
// away nobody but one thing every two seconds finds that out anew.
//
// A token bucket of golang.org/x/time/rate was refused: one slot after another
// needs ten lines and no dependency.

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sts"

	"thingpass/broker"
)

const (
	maxSessions  = 16384                 // kept at once; some 2 KiB each
	stsInterval  = 20 * time.Millisecond // between two new sessions: 50 a second
	stsMaxWait   = time.Second           // for a turn
	earlyWait    = time.Second           // for a fresher session, if the old one would do
	ownPause     = time.Minute           // after STS refused one thing
	sessionPause = 30 * time.Second      // between two renewals that failed
)

// Sessions makes temporary credentials for things. It is safe for concurrent
// use.
type Sessions struct {
	bucket    *Bucket
	role      string
	partition string
	duration  time.Duration
	access    Access
	endpoint  string // of STS
	client    *sts.Client
	assume    func(ctx context.Context, thing string) (broker.Session, error)
	log       *slog.Logger

	mu      sync.Mutex
	held    lru[*heldSession]
	flights map[string]*flight
	turn    time.Time // of the next new session
	outage  error     // why nobody gets one
	outages time.Time // until when outage is believed
}

var _ broker.Issuer = (*Sessions)(nil)

// heldSession is what is known of one thing: a session, or why it has none.
type heldSession struct {
	session broker.Session
	renew   time.Time // when to ask for a fresher one
	failure error     // STS refused this very thing; believed until renew
}

// flight is a question to STS that is under way.
type flight struct {
	done    chan struct{}
	session broker.Session
	err     error
}

// Sessions returns a maker of sessions that are confined to this bucket. It
// does no I/O.
func (b *Bucket) Sessions(c SessionConfig) (*Sessions, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if c.Duration == 0 {
		c.Duration = DefaultSessionDuration
	}
	if c.Access == "" {
		c.Access = WriteOnly
	}
	s := &Sessions{bucket: b, role: c.RoleARN, partition: partitionOf(c.RoleARN), duration: c.Duration.Truncate(time.Second), access: c.Access, endpoint: c.Endpoint,
		client: b.newSTSClient(c.Endpoint), log: b.log, held: newLRU[*heldSession](maxSessions), flights: map[string]*flight{}}
	s.assume = s.assumeRole
	return s, nil
}

// Issue returns credentials for the thing's objects, with at least
// broker.MinSessionLife left.
func (s *Sessions) Issue(ctx context.Context, thing string) (broker.Session, error) {
	if !broker.ValidThing(thing) {
		return broker.Session{}, errors.New("not the name of a thing")
	}
	held, usable, f, err := s.begin(thing, time.Now())
	if f == nil {
		return held, err
	}
	var early <-chan time.Time
	if usable {
		timer := time.NewTimer(earlyWait)
		defer timer.Stop()
		early = timer.C
	}
	select {
	case <-f.done:
		if f.err == nil || !usable {
			return f.session, f.err
		}
		return held, nil
	case <-early:
		return held, nil
	case <-ctx.Done():
		return broker.Session{}, fmt.Errorf("wait for a session: %w", ctx.Err())
	}
}

// begin returns what is held and will do, or the question to wait for. If usable
// is true, held would do as well.
func (s *Sessions) begin(thing string, now time.Time) (held broker.Session, usable bool, f *flight, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h, ok := s.held.get(thing); ok {
		usable = h.session.Usable(now) == nil
		held = h.session
		switch waiting := now.Before(h.renew); {
		case usable && waiting:
			return held, true, nil, nil
		case h.failure != nil && waiting:
			return broker.Session{}, false, nil, h.failure
		}
	}
	f, err = s.join(thing, now)
	if err != nil && usable {
		return held, true, nil, nil
	}
	if err != nil {
		return broker.Session{}, false, nil, err
	}
	return held, usable, f, nil
}

// join returns the question for the thing, and asks it if nobody has. The caller
// has the lock.
func (s *Sessions) join(thing string, now time.Time) (*flight, error) {
	if f := s.flights[thing]; f != nil {
		return f, nil
	}
	if now.Before(s.outages) {
		return nil, s.outage
	}
	wait, err := s.takeTurn(now)
	if err != nil {
		return nil, err
	}
	if s.outage != nil { // one tries whether it is over, the others hear of it
		s.outages = now.Add(urgentTimeout)
	}
	f := &flight{done: make(chan struct{})}
	s.flights[thing] = f
	go s.fly(thing, f, wait)
	return f, nil
}

var errPace = errors.New("more new sessions than STS is asked for: 50 a second")

func (s *Sessions) takeTurn(now time.Time) (time.Duration, error) {
	if s.turn.Before(now) {
		s.turn = now
	}
	wait := s.turn.Sub(now)
	if wait > stsMaxWait {
		return 0, errPace
	}
	s.turn = s.turn.Add(stsInterval)
	return wait, nil
}

// fly asks STS. It does not end with the request that needed it first: others
// wait for the same answer.
func (s *Sessions) fly(thing string, f *flight, wait time.Duration) {
	time.Sleep(wait)
	ctx, cancel := context.WithTimeout(context.Background(), urgentTimeout)
	defer cancel()
	f.session, f.err = s.assume(ctx, thing)
	s.land(thing, f, time.Now())
	close(f.done)
}

// land keeps what STS said.
func (s *Sessions) land(thing string, f *flight, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.flights, thing)
	own := onlyThisThing(f.err)
	if f.err == nil || own {
		s.outage, s.outages = nil, time.Time{}
	}
	if f.err == nil {
		// Things that began together must not all renew together.
		life := f.session.Expires.Sub(now)
		s.held.put(thing, &heldSession{session: f.session, renew: now.Add(life/2 + rand.N(life/8))})
		return
	}
	s.log.Warn("no session", "thing", thing, "error", f.err)
	if !own {
		s.outage, s.outages = f.err, now.Add(urgentPause)
	}
	h, ok := s.held.get(thing)
	switch {
	case ok && h.failure == nil && h.session.Usable(now) == nil:
		s.held.put(thing, &heldSession{session: h.session, renew: now.Add(sessionPause)})
	case own:
		s.held.put(thing, &heldSession{failure: f.err, renew: now.Add(ownPause)})
	}
}

// TakeOver keeps what before has, if its sessions are the same kind of sessions:
// a new configuration must not send all things to STS at once. s has not issued
// anything yet.
func (s *Sessions) TakeOver(before *Sessions) {
	if s.role != before.role || s.access != before.access || s.duration != before.duration ||
		s.bucket.name != before.bucket.name || s.bucket.endpoint != before.bucket.endpoint || s.endpoint != before.endpoint {
		return
	}
	before.mu.Lock()
	defer before.mu.Unlock()
	for e := before.held.recent.Back(); e != nil; e = e.Prev() {
		item := e.Value.(lruItem[*heldSession])
		s.held.put(item.name, item.value)
	}
}
