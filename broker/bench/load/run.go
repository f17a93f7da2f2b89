// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A Plan says how a fleet is to ask.
type Plan struct {
	Verb    string        // of the topic
	Body    string        // what follows the id, from its closing quote on
	Rate    float64       // requests a second of the whole fleet; 0: a closed loop
	Window  int           // of a closed loop: requests that each thing has under way, 1 unless set
	Warm    time.Duration // before anything is counted
	Measure time.Duration // what is counted
	Count   int64         // if set, the measurement ends with so many answers instead

	// Begin and End are called when the measurement does.
	Begin, End func()
}

// Result is what was seen during the measurement.
type Result struct {
	Elapsed  time.Duration
	Answers  int64 // that arrived meanwhile
	Granted  int64 // likewise
	Lost     int64 // requests without an answer, five seconds later
	Size     int64 // bytes of the last reply
	P50      time.Duration
	P99      time.Duration
	P999     time.Duration
	Smallest time.Duration
}

// PerSecond is the number of grants in a second.
func (r Result) PerSecond() float64 { return float64(r.Granted) / r.Elapsed.Seconds() }

// run is a Plan at work.
type run struct {
	Plan
	number     uint16
	fleet      *Fleet
	from, to   atomic.Int64 // the measurement, as the fleet's clock
	stopped    atomic.Bool
	asked      atomic.Int64
	back       atomic.Int64 // all answers
	answers    atomic.Int64
	granted    atomic.Int64
	size       atomic.Int64
	reached    chan struct{} // closed when Count is reached
	reachOnce  sync.Once
	latencies  histogram
	goroutines sync.WaitGroup
}

func (f *Fleet) now() time.Duration { return time.Since(f.epoch) }

// Run lets the fleet ask as planned. An error means that nothing was measured.
func (f *Fleet) Run(ctx context.Context, p Plan) (Result, error) {
	f.runs++
	r := &run{Plan: p, number: f.runs, fleet: f, reached: make(chan struct{})}
	r.from.Store(1 << 62)
	r.to.Store(1 << 62)
	f.run.Store(r)
	defer f.run.Store(nil)
	r.start()
	if err := sleep(ctx, p.Warm); err != nil {
		return Result{}, errors.Join(err, r.stop())
	}
	call(p.Begin)
	began := f.now()
	r.from.Store(int64(began))
	err := r.wait(ctx)
	ended := f.now()
	r.to.Store(int64(ended))
	call(p.End)
	answers, granted := r.answers.Load(), r.granted.Load()
	if err := errors.Join(err, r.stop()); err != nil {
		return Result{}, err
	}
	return Result{
		Elapsed: ended - began, Size: r.size.Load(), Answers: answers, Granted: granted, Lost: r.asked.Load() - r.back.Load(),
		P50: r.latencies.quantile(.5), P99: r.latencies.quantile(.99), P999: r.latencies.quantile(.999), Smallest: r.latencies.quantile(0),
	}, nil
}

func (r *run) start() {
	if r.Rate != 0 {
		r.goroutines.Go(r.pace)
		return
	}
	for _, t := range r.fleet.things {
		for range max(r.Window, 1) {
			t.ask(r, r.fleet.now())
		}
	}
}

// pace asks at random times, one random thing after the other, which is what
// things do that know nothing of each other. When it is late it asks at once,
// for the time at which it should have.
//
// It sleeps in the kernel: the runtime's timers are late by up to a millisecond,
// which is more than most answers take.
func (r *run) pace() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	random := rand.New(rand.NewPCG(1, uint64(r.number)))
	mean := float64(time.Second) / r.Rate
	for due := r.fleet.now(); !r.stopped.Load(); {
		due += time.Duration(random.ExpFloat64() * mean)
		if wait := due - r.fleet.now(); wait > 0 {
			t := syscall.NsecToTimespec(int64(wait))
			_ = syscall.Nanosleep(&t, nil) // after a signal it is early
		}
		r.fleet.things[random.IntN(len(r.fleet.things))].ask(r, due)
	}
}

// count takes note of an answer, and tells whether to ask again.
func (r *run) count(moment time.Duration, granted bool) bool {
	now := r.fleet.now()
	r.back.Add(1)
	if from, to := r.from.Load(), r.to.Load(); int64(now) >= from && int64(now) < to {
		n := r.answers.Add(1)
		if granted {
			r.granted.Add(1)
		}
		if n == r.Count {
			r.reachOnce.Do(func() { close(r.reached) })
		}
	}
	if from, to := r.from.Load(), r.to.Load(); int64(moment) >= from && int64(moment) < to {
		r.latencies.add(now - moment)
	}
	return r.Rate == 0 && !r.stopped.Load()
}

// wait returns at the end of the measurement.
func (r *run) wait(ctx context.Context) error {
	if r.Count == 0 {
		return r.waitFor(ctx, r.Measure)
	}
	for {
		select {
		case <-r.reached:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
			if err := r.fleet.failed.Load(); err != nil {
				return *err
			}
		}
	}
}

// waitFor waits so long and, on a machine that is that busy, for the first answer.
func (r *run) waitFor(ctx context.Context, d time.Duration) error {
	err := sleep(ctx, d)
	for deadline := time.Now().Add(20 * time.Second); err == nil && r.answers.Load() == 0 && time.Now().Before(deadline); {
		err = sleep(ctx, 10*time.Millisecond)
	}
	return err
}

// stop ends the asking and waits for answers that are on their way.
func (r *run) stop() error {
	r.stopped.Store(true)
	r.goroutines.Wait()
	for deadline := time.Now().Add(5 * time.Second); r.back.Load() < r.asked.Load() && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	if err := r.fleet.failed.Load(); err != nil {
		return fmt.Errorf("the fleet is not whole: %w", *err)
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func call(f func()) {
	if f != nil {
		f()
	}
}
