// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"thingpass/broker"
)

const (
	extremesKept  = 20 // of Slow and Silent
	overviewLasts = 10 // times as long as it takes to make: many browsers ask at once
)

// overviewCache keeps the last Overview for a moment, which is short where there
// are few things.
type overviewCache struct {
	mu    sync.Mutex
	until time.Time // by the system's clock
	view  Overview
}

func (c *overviewCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until = time.Time{}
}

// Overview implements Reader. It may be a moment old.
func (f *Fleet) Overview() Overview {
	now, begun := f.conf.Now(), time.Now()
	f.overview.mu.Lock()
	defer f.overview.mu.Unlock()
	if begun.After(f.overview.until) || now.Sub(f.overview.view.At).Abs() > time.Second {
		f.overview.view = f.look(now)
		f.overview.until = time.Now().Add(overviewLasts * time.Since(begun))
	}
	view := f.overview.view
	view.Trouble = f.trouble.text()
	view.ByState = maps.Clone(view.ByState)
	view.Today = view.Today.clone()
	view.Hours = slices.Clone(view.Hours)
	for i := range view.Hours {
		view.Hours[i].Tally = view.Hours[i].clone()
	}
	view.Slow, view.Silent, view.Refused = cloneAll(view.Slow), cloneAll(view.Silent), slices.Clone(view.Refused)
	return view
}

func (t Tally) clone() Tally {
	t.ByCode = maps.Clone(t.ByCode)
	return t
}

func cloneAll(list []Summary) []Summary {
	list = slices.Clone(list)
	for i := range list {
		list[i].Today = list[i].Today.clone()
	}
	return list
}

func (f *Fleet) look(now time.Time) Overview {
	blocked := f.isBlocked()
	f.index.mu.Lock() // not RLock: medians are brought up to date
	defer f.index.mu.Unlock()
	x := f.index
	view := Overview{At: now, Things: len(x.things), ByState: make(map[State]int), Today: x.hours.since(today(now)),
		Hours: x.hours.last(fleetHours, hourOf(now.UnixNano())), Complete: x.complete}
	slow := extremes{less: func(a, b *thing) bool { return a.latency > b.latency }}
	silent := extremes{less: func(a, b *thing) bool { return a.seen < b.seen }}
	for _, t := range x.things {
		state := t.state(now, f.conf.SilentAfter, blocked)
		view.ByState[state]++
		if t.settle(); t.latency > 0 {
			slow.add(t)
		}
		if t.seen != 0 && state == Silent {
			silent.add(t)
		}
	}
	for _, t := range slow.list {
		view.Slow = append(view.Slow, t.summary(now, f.conf.SilentAfter, blocked))
	}
	for _, t := range silent.list {
		view.Silent = append(view.Silent, t.summary(now, f.conf.SilentAfter, blocked))
	}
	view.Refused = make([]broker.Entry, len(x.refusals))
	for i, r := range x.refusals {
		view.Refused[len(x.refusals)-1-i] = r.unpack(r.thing.name)
	}
	return view
}

// extremes are the first few things of an order; equals are ordered by name.
type extremes struct {
	less func(a, b *thing) bool
	list []*thing
}

func (e *extremes) add(t *thing) {
	if n := len(e.list); n == extremesKept && e.compare(e.list[n-1], t) <= 0 {
		return
	}
	at, _ := slices.BinarySearchFunc(e.list, t, e.compare)
	e.list = slices.Insert(e.list, at, t)
	e.list = e.list[:min(len(e.list), extremesKept)]
}

func (e *extremes) compare(a, b *thing) int {
	switch {
	case e.less(a, b):
		return -1
	case e.less(b, a):
		return 1
	}
	return strings.Compare(a.name, b.name)
}
