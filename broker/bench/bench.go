// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"thingpass/broker/bench/load"
)

// A bench is the state of one ladder.
type bench struct {
	options
	lab     *lab
	fleet   *load.Fleet
	size    int // of a grant's reply, and so of an echo's
	closed  map[string]sample
	targets []target
}

// sample is what one turn gave, or the medians of several.
type sample struct {
	perSecond      float64
	cpu, serverCPU time.Duration // for one answer
	rss            int64
	p50, p99, p999 time.Duration
	lost, refused  int64
}

func newBench(ctx context.Context, o options, dir string) (*bench, error) {
	l, err := newLab(ctx, dir)
	if err != nil {
		return nil, err
	}
	b := &bench{options: o, lab: l, closed: map[string]sample{}}
	b.fleet, err = load.Connect(ctx, load.Config{Address: l.things, CA: l.ca, Root: root, Name: "cam", Things: o.things})
	if err != nil {
		b.close()
		return nil, err
	}
	if b.size, err = b.replySize(ctx); err != nil {
		b.close()
		return nil, err
	}
	fmt.Printf("%d things with mutual TLS at Mosquitto, QoS 1, replies of %d bytes, %d rounds of %v, medians\n", o.things, b.size, o.rounds, o.measure)
	return b, nil
}

func (b *bench) close() {
	if b.fleet != nil {
		b.fleet.Close()
	}
	b.lab.server.stop()
}

// replySize asks the product how long its replies are.
func (b *bench) replySize(ctx context.Context) (int, error) {
	c, stop, err := b.startProduct(ctx)
	if err != nil {
		return 0, err
	}
	defer stop()
	patience, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	p := askOne()
	p.Count = 100
	r, err := b.fleet.Run(patience, p)
	if err == nil && r.Granted == 0 {
		err = fmt.Errorf("nothing is granted:\n%s", c.said())
	}
	return int(r.Size), err
}

// startProduct starts the broker, and returns it and what ends it.
func (b *bench) startProduct(ctx context.Context) (*child, func(), error) {
	c, err := startThingpass(ctx, b.lab, b.thingpass)
	return c, func() { b.end(ctx, c) }, err
}

// end ends a responder and its session.
func (b *bench) end(ctx context.Context, c *child) {
	c.stop()
	if err := b.lab.forget(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench: the broker's session goes on:", err)
	}
}

// turn starts a responder and measures it once.
func (b *bench) turn(ctx context.Context, r responder, p load.Plan) (sample, error) {
	c, err := r.start(ctx, b.lab, b.size)
	if err != nil {
		return sample{}, fmt.Errorf("%s: %w", r.name, err)
	}
	defer b.end(ctx, c)
	s, err := b.observe(ctx, b.fleet, c, p)
	if err != nil {
		return sample{}, fmt.Errorf("%s: %w\n%s", r.name, err, c.said())
	}
	return s, nil
}

// observe lets a fleet ask, and watches the responder and the server meanwhile.
func (b *bench) observe(ctx context.Context, fleet *load.Fleet, c *child, p load.Plan) (sample, error) {
	var from, to, serverFrom, serverTo usage
	p.Begin = func() { from, serverFrom = c.usage(), b.lab.server.usage() }
	p.End = func() { to, serverTo = c.usage(), b.lab.server.usage() }
	if p.Measure == 0 {
		p.Measure = b.measure
	}
	p.Warm = max(p.Warm, p.Measure/4)
	r, err := fleet.Run(ctx, p)
	if err != nil {
		return sample{}, err
	}
	if r.Granted == 0 {
		return sample{}, fmt.Errorf("nothing is granted, %d refused", r.Answers)
	}
	return sample{
		perSecond: r.PerSecond(),
		cpu:       (to.cpu - from.cpu) / time.Duration(r.Granted), serverCPU: (serverTo.cpu - serverFrom.cpu) / time.Duration(r.Granted),
		rss: to.rss, p50: r.P50, p99: r.P99, p999: r.P999, lost: r.Lost, refused: r.Answers - r.Granted,
	}, nil
}

// inTurns measures every contestant in each round, and returns the medians.
func (b *bench) inTurns(contestants []string, once func(name string) (sample, error)) (map[string]sample, error) {
	all := map[string][]sample{}
	for round := range b.rounds {
		for i := range contestants {
			name := contestants[(i+round)%len(contestants)] // nobody is always first
			s, err := once(name)
			if err != nil {
				return nil, err
			}
			all[name] = append(all[name], s)
		}
	}
	medians := map[string]sample{}
	for name, list := range all {
		medians[name] = medianOf(list)
	}
	return medians, nil
}

func medianOf(list []sample) (m sample) {
	m.perSecond = median(list, func(s sample) float64 { return s.perSecond })
	m.cpu = median(list, func(s sample) time.Duration { return s.cpu })
	m.serverCPU = median(list, func(s sample) time.Duration { return s.serverCPU })
	m.rss = median(list, func(s sample) int64 { return s.rss })
	m.p50 = median(list, func(s sample) time.Duration { return s.p50 })
	m.p99 = median(list, func(s sample) time.Duration { return s.p99 })
	m.p999 = median(list, func(s sample) time.Duration { return s.p999 })
	for _, s := range list {
		m.lost += s.lost
		m.refused += s.refused
	}
	return m
}

func median[T int64 | float64 | time.Duration](list []sample, value func(sample) T) T {
	values := make([]T, len(list))
	for i, s := range list {
		values[i] = value(s)
	}
	slices.Sort(values)
	return values[len(values)/2]
}
