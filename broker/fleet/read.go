// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"cmp"
	"slices"
	"strings"
)

const (
	limitDefault = 24
	limitMost    = 200
)

// Thing implements Reader.
func (f *Fleet) Thing(name string) (Thing, bool) {
	now, blocked := f.conf.Now(), f.isBlocked()
	f.index.mu.RLock()
	defer f.index.mu.RUnlock()
	t := f.index.things[name]
	if t == nil {
		return Thing{}, false
	}
	one := Thing{Summary: t.summary(now, f.conf.SilentAfter, blocked), Timeline: t.entries(), Samples: t.samples(),
		Hours: t.hours.last(thingHours, hourOf(now.UnixNano()))}
	one.Latency = median(one.Samples)
	return one, true
}

// Things implements Reader.
func (f *Fleet) Things(q Query) Page {
	now, blocked := f.conf.Now(), f.isBlocked()
	if q.Limit <= 0 {
		q.Limit = limitDefault
	}
	q.Limit = min(q.Limit, limitMost)
	f.index.mu.Lock() // not RLock: what is read is brought up to date
	defer f.index.mu.Unlock()
	list := f.index.match(q, func(t *thing) State { return t.state(now, f.conf.SilentAfter, blocked) })
	order(list, q.Sort, today(now))
	page := Page{Total: len(list)}
	if q.Page < 0 || q.Page > len(list)/q.Limit {
		return page
	}
	list = list[q.Page*q.Limit:]
	for _, t := range list[:min(q.Limit, len(list))] {
		t.settle()
		page.Things = append(page.Things, t.summary(now, f.conf.SilentAfter, blocked))
	}
	return page
}

// byName returns all things by name. The index is locked for writing.
func (x *index) byName() []*thing {
	if x.unsorted {
		slices.SortFunc(x.sorted, func(a, b *thing) int { return strings.Compare(a.name, b.name) })
		x.unsorted = false
	}
	return x.sorted
}

// match returns the things that a query asks for, by name, in a list of its own.
func (x *index) match(q Query, state func(*thing) State) []*thing {
	all, text := x.byName(), strings.ToLower(q.Text)
	list := make([]*thing, 0, len(all))
	for _, t := range all {
		if text != "" && !strings.Contains(strings.ToLower(t.name), text) || q.State != "" && state(t) != q.State {
			continue
		}
		list = append(list, t)
	}
	return list
}

// order sorts things that are in the order of names.
func order(list []*thing, by Sort, day int64) {
	var value func(*thing) int64
	switch by {
	case ByNewest:
		value = func(t *thing) int64 { return t.newest.at() }
	case BySeen:
		value = func(t *thing) int64 { return t.seen }
	case ByRefused:
		value = func(t *thing) (n int64) {
			for i := range t.hours {
				if t.hours[i].n >= day {
					n += t.hours[i].refused
				}
			}
			return n
		}
	default:
		return
	}
	type ranked struct {
		value int64
		thing *thing
	}
	ranks := make([]ranked, len(list))
	for i, t := range list {
		ranks[i] = ranked{value(t), t}
	}
	slices.SortStableFunc(ranks, func(a, b ranked) int { return cmp.Compare(b.value, a.value) })
	for i, r := range ranks {
		list[i] = r.thing
	}
}
