// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"thingpass/broker"
)

const (
	sweepTimeout = 5 * time.Minute
	maxSwept     = 20 // that are told one by one; of more, the number is enough
)

// A sweeper removes what uploads in parts have left: see broker.Sweep. Every
// broker of a fleet may have one. S3's own rule, which `thingpass policy render
// lifecycle` makes, does the same by days.
type sweeper struct {
	next func() sweep // asked before each round: the configuration may have changed
	log  *slog.Logger
}

// A sweep is one round.
type sweep struct {
	do    func(ctx context.Context, before time.Time) ([]broker.Upload, error) // nil: nothing
	after time.Duration                                                        // since an upload began
	every time.Duration
}

// run sweeps until ctx ends. It begins at some moment of its own, so that brokers
// that started together take turns.
func (s *sweeper) run(ctx context.Context) {
	timer := time.NewTimer(rand.N(s.next().every))
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			round := s.next()
			if round.do != nil {
				s.once(ctx, round)
			}
			timer.Reset(round.every)
		case <-ctx.Done():
			return
		}
	}
}

func (s *sweeper) once(ctx context.Context, round sweep) {
	ctx, cancel := context.WithTimeout(ctx, sweepTimeout)
	defer cancel()
	aborted, err := round.do(ctx, time.Now().Add(-round.after))
	for _, u := range aborted[:min(len(aborted), maxSwept)] {
		s.log.Info("removed an upload in parts that was never completed", "key", u.Key, "begun", u.Initiated.UTC())
	}
	if len(aborted) > maxSwept {
		s.log.Info("removed more uploads in parts that were never completed", "uploads", len(aborted)-maxSwept)
	}
	if err != nil && !errors.Is(ctx.Err(), context.Canceled) {
		s.log.Warn("uploads in parts that were never completed may be left: they go on costing", "error", err)
	}
}

// sweep is the round that the configuration of now wants.
func (s *service) sweep() sweep {
	now := s.now.Load()
	round := sweep{after: time.Duration(now.conf.Multipart.SweepAfter), every: now.conf.Multipart.SweepEvery}
	if round.after > 0 && now.OffersMultipart() {
		round.do = now.Sweep
	}
	return round
}

// startSweep sweeps in the background. The function that it returns waits for the
// end.
func (s *service) startSweep(ctx context.Context) (wait func()) {
	var sweeping sync.WaitGroup
	sweeping.Go(func() { (&sweeper{next: s.sweep, log: s.log}).run(ctx) })
	return sweeping.Wait
}
