// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	indexFolder = "index/"
	snapshotExt = ".snapshot"
	loadTries   = 5
	loadTimeout = time.Minute
)

// snapshotAll saves the state now and then, until ctx ends.
func (f *Fleet) snapshotAll(ctx context.Context) {
	for {
		wait(ctx, f.conf.SnapshotEvery)
		if ctx.Err() != nil {
			return
		}
		if err := f.save(ctx); err != nil && ctx.Err() == nil {
			f.trouble.set("snapshot", "the state cannot be saved in the bucket: a restart will take longer", err)
		} else if err == nil {
			f.trouble.clear("snapshot")
		}
	}
}

// save writes a snapshot, unless nothing changed. What it holds of this replica's
// records is what segments up to now hold.
func (f *Fleet) save(ctx context.Context) error {
	f.index.mu.Lock()
	version := int64(f.index.version)
	if !f.live || f.poor || version == f.kept.Load() {
		f.index.mu.Unlock()
		return nil
	}
	s, lines := f.cutSegment()
	state := f.index.encode(f.conf.Now())
	f.index.mu.Unlock()
	if lines != nil {
		f.journal.deliver(s, lines)
	}
	key := f.conf.Prefix + indexFolder + f.conf.Replica + snapshotExt
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	if err := f.conf.Files.Put(ctx, key, "application/octet-stream", wrap(state)); err != nil {
		return fmt.Errorf("save the fleet's state: %w", err)
	}
	f.kept.Store(version)
	return nil
}

// load reads the newest good snapshot. While the bucket cannot be read it tries
// again some times, and then goes on without.
func (f *Fleet) load(ctx context.Context) {
	pause := pauseOfTries
	for range loadTries {
		err := f.tryLoad(ctx)
		if err == nil {
			f.trouble.clear("load")
			return
		}
		f.trouble.set("load", "what was known before the start cannot be read from the bucket", err)
		wait(ctx, pause)
		if pause *= 2; ctx.Err() != nil {
			break
		}
	}
	f.poor = true
}

func (f *Fleet) tryLoad(ctx context.Context) error {
	page, err := f.list(ctx, List{Prefix: f.conf.Prefix + indexFolder})
	if err != nil {
		return err
	}
	slices.SortFunc(page.Objects, func(a, b Object) int { return cmp.Compare(b.Stored.UnixNano(), a.Stored.UnixNano()) })
	for _, o := range page.Objects {
		if !strings.HasSuffix(o.Key, snapshotExt) {
			continue
		}
		body, err := f.get(ctx, o.Key)
		switch {
		case errors.Is(err, ErrNotFound):
			continue
		case err != nil && o.Size <= snapshotLimit:
			return err
		}
		if err == nil {
			err = f.restore(body)
		}
		if err == nil {
			return nil
		}
		f.conf.Log.Warn("a snapshot is ignored", "key", o.Key, "error", err)
	}
	return nil
}

func (f *Fleet) get(ctx context.Context, key string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	return f.conf.Files.Get(ctx, key, snapshotLimit)
}

// restore makes a snapshot the state: pages of many things can be had as soon as
// its head is read.
func (f *Fleet) restore(body []byte) error {
	r, err := unwrap(body, f.conf.MaxThings)
	if err != nil {
		return err
	}
	head, err := r.head()
	if err != nil {
		return err
	}
	f.index.replace(head)
	f.tell([]Change{{Photo: true}})
	const atOnce = 64 // pages wait no longer than for so many
	for done := false; !done; {
		var list []*thing
		for len(list) < atOnce && !done {
			t := r.details()
			if done = t == nil; !done {
				list = append(list, t)
			}
		}
		f.index.addDetails(list)
	}
	if r.err != nil {
		f.trouble.happened("details", "part of what was known before the start is lost: timelines are incomplete")
		f.conf.Log.Warn("a snapshot is incomplete", "error", r.err)
	}
	return nil
}

// replace puts a loaded state in the place of an index, which has learnt nothing
// yet but from events.
func (x *index) replace(y *index) {
	x.mu.Lock()
	defer x.mu.Unlock()
	before := x.things
	x.things, x.sorted, x.unsorted, x.hours, x.refusals, x.applied, x.complete = y.things, y.sorted, true, y.hours, y.refusals, y.applied, y.complete
	for name, old := range before {
		if t := x.thing(name); t != nil {
			t.newest.addAll(old.newest)
			t.last.addAll(old.last)
		}
	}
}

func (r *recent) addAll(list recent) {
	for _, o := range list {
		r.add(o)
	}
}

// details puts what was said of objects in the place of its sum, which stands
// first in a snapshot.
func (r *recent) details(list recent) {
	sum := list.object()
	since := *r
	*r = list
	for _, o := range since {
		if o != sum {
			r.add(o)
		}
	}
}

func (x *index) addDetails(list []*thing) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, d := range list {
		if t := x.things[d.name]; t != nil {
			t.timeline, t.uploads, t.stale = d.timeline, d.uploads, true
			t.newest.details(d.newest)
			t.last.details(d.last)
			slices.SortFunc(t.timeline, packed.compare)
		}
	}
}
