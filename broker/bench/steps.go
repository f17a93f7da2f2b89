// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"thingpass/broker/bench/load"
)

// closedLoop finds what each responder can do at most, and what it uses then.
func (b *bench) closedLoop(ctx context.Context) error {
	medians, err := b.race(ctx, askOne())
	if err != nil {
		return err
	}
	b.closed = medians
	b.print("closed loop: each thing asks again when it has its answer", medians)
	b.compareCPU("saturated", medians)
	if b.beside == "" {
		b.atLeast("requests/s, of paho's", medians["thingpass"].perSecond/medians["paho"].perSecond, .9)
	}
	return nil
}

// openLoop finds how long an answer takes while there is room.
func (b *bench) openLoop(ctx context.Context) error {
	p := askOne()
	p.Rate = b.openRate()
	medians, err := b.race(ctx, p)
	if err != nil {
		return err
	}
	b.print(fmt.Sprintf("open loop: %.0f requests/s at random times, latency from the planned time", p.Rate), medians)
	b.compareCPU("open loop", medians)
	if b.beside == "" {
		b.atMost("p99, of paho's", float64(medians["thingpass"].p99)/float64(medians["paho"].p99), 1.5)
	}
	return nil
}

func (b *bench) race(ctx context.Context, p load.Plan) (map[string]sample, error) {
	list := map[string]responder{}
	var names []string
	for _, r := range b.contestants(ctx) {
		list[r.name] = r
		names = append(names, r.name)
	}
	return b.inTurns(names, func(name string) (sample, error) { return b.turn(ctx, list[name], p) })
}

func (b *bench) compareCPU(when string, medians map[string]sample) {
	ours := float64(medians["thingpass"].cpu)
	for _, other := range []struct {
		name, about string
		most        float64
	}{{"beside", "the other build's", 1}, {"paho", "paho's", 1.15}, {"C", "C's (stretch goal)", 1}} {
		if s, there := medians[other.name]; there {
			b.atMost("CPU of a grant, "+when+", of "+other.about, ours/float64(s.cpu), other.most)
		}
	}
}

// openRate leaves everybody room: at the limit a latency says only who is there
// already.
func (b *bench) openRate() float64 {
	if b.rate != 0 {
		return b.rate
	}
	slowest := math.Inf(1)
	for _, s := range b.closed {
		slowest = min(slowest, s.perSecond)
	}
	if math.IsInf(slowest, 1) {
		return 1000
	}
	return math.Floor(slowest*.4/100+1) * 100
}

// batch compares replies of one URL and of twenty, by one broker.
func (b *bench) batch(ctx context.Context) error {
	c, stop, err := b.startProduct(ctx)
	if err != nil {
		return err
	}
	defer stop()
	bodies := map[string]string{"1 URL": onePhoto, "20 URLs": photos(20)}
	for _, rate := range []float64{0, b.openRate() / 4} {
		medians, err := b.inTurns([]string{"1 URL", "20 URLs"}, func(name string) (sample, error) {
			p := askOne()
			p.Body, p.Rate = bodies[name], rate
			return b.observe(ctx, b.fleet, c, p)
		})
		if err != nil {
			return err
		}
		when := "saturated"
		if rate > 0 {
			when = fmt.Sprintf("at %.0f requests/s", rate)
		}
		b.print("replies of one URL and of twenty, "+when, medians)
		b.atMost("CPU of a reply of 20 URLs, "+when+", of one's", float64(medians["20 URLs"].cpu)/float64(medians["1 URL"].cpu), 1.5)
	}
	return nil
}

// flood lets one thing ask four times as much as all others together: a program
// gone wild, that asks whatever the answers say.
func (b *bench) flood(ctx context.Context) error {
	c, stop, err := b.startProduct(ctx)
	if err != nil {
		return err
	}
	defer stop()
	flooder, err := load.Connect(ctx, load.Config{Address: b.lab.things, CA: b.lab.ca, Root: root, Name: "flooder", Things: 1})
	if err != nil {
		return err
	}
	defer flooder.Close()
	p, wild := askOne(), askOne()
	p.Rate, wild.Rate = b.openRate()/4, b.openRate()
	medians, err := b.inTurns([]string{"quiet", "flooded"}, func(name string) (sample, error) {
		if name == "quiet" {
			return b.observe(ctx, b.fleet, c, p)
		}
		return b.during(ctx, flooder, wild, func() (sample, error) { return b.observe(ctx, b.fleet, c, p) })
	})
	if err != nil {
		return err
	}
	b.print(fmt.Sprintf("one thing floods with %.0f requests/s beside the fleet's %.0f; CPU is for all, divided by the fleet's", wild.Rate, p.Rate), medians)
	b.atMost("p99 beside a flooding thing, of p99 without", float64(medians["flooded"].p99)/float64(medians["quiet"].p99), 2)
	return nil
}

// during measures while another fleet asks.
func (b *bench) during(ctx context.Context, other *load.Fleet, p load.Plan, measure func() (sample, error)) (sample, error) {
	p.Measure = b.measure * 3 / 2 // longer than what goes on beside it
	var failure error
	var asking sync.WaitGroup
	asking.Go(func() {
		r, err := other.Run(ctx, p)
		if failure = err; err == nil && r.Answers == 0 {
			failure = errors.New("there was no flood")
		}
	})
	s, err := measure()
	asking.Wait()
	return s, errors.Join(err, failure)
}

// memory watches the broker's memory while a great many requests pass.
func (b *bench) memory(ctx context.Context) error {
	c, stop, err := b.startProduct(ctx)
	if err != nil {
		return err
	}
	defer stop()
	const parts = 10
	fmt.Printf("\nmemory over %d requests, MiB after each tenth:", b.requests)
	rss := make([]float64, parts)
	began := time.Now()
	for i := range rss {
		p := askOne()
		p.Count = b.requests / parts
		r, err := b.fleet.Run(ctx, p)
		if err != nil {
			return err
		}
		if r.Granted < r.Answers*99/100 {
			return fmt.Errorf("of %d answers only %d are grants", r.Answers, r.Granted)
		}
		rss[i] = float64(c.usage().rss) / (1 << 20)
		fmt.Printf(" %.1f", rss[i])
	}
	fmt.Printf(" (%.0f s)\n", time.Since(began).Seconds())
	b.atMost(fmt.Sprintf("memory after %d requests, of that after a tenth", b.requests), rss[parts-1]/rss[0], 1.1)
	return nil
}
