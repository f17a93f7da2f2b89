// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"thingpass/broker"
)

const (
	journalKept  = 49 * time.Hour   // that is read: what Overview tells, and an hour more
	recentPast   = 10 * time.Minute // in which new segments are looked for often
	scanEvery    = 10 * time.Minute // for those that came late, in all that is read
	fetchAtOnce  = 8
	pauseOfTries = 200 * time.Millisecond
)

// followAll reads what other replicas wrote into the journal, until ctx ends.
func (f *Fleet) followAll(ctx context.Context) {
	var scanned time.Time
	pause := f.conf.FollowEvery
	for ctx.Err() == nil {
		now, since := f.conf.Now(), recentPast
		whole := scanned.IsZero() || now.Sub(scanned) >= scanEvery || now.Before(scanned)
		if whole {
			since = journalKept
		}
		err := f.follow(ctx, now.Add(-since))
		switch {
		case err == nil:
			f.trouble.clear("follow")
			if pause = f.conf.FollowEvery; whole {
				scanned = now
				f.forget(now.Add(-journalKept - time.Hour))
			}
		case ctx.Err() == nil:
			f.trouble.set("follow", "the journal of other replicas cannot be read from the bucket", err)
			pause = min(2*pause, max(longPause, f.conf.FollowEvery))
		}
		wait(ctx, pause)
	}
}

func (f *Fleet) forget(before time.Time) {
	f.index.mu.Lock()
	defer f.index.mu.Unlock()
	f.index.applied.forget(before.UTC().Format(hourFolder))
}

// follow applies the segments of the hours from since on that are not in the state
// yet. Those of a replica whose clock is ahead are among them.
func (f *Fleet) follow(ctx context.Context, since time.Time) error {
	folder := f.conf.Prefix + journalFolder
	l := List{Prefix: folder, After: folder + since.UTC().Format(hourFolder)}
	for {
		page, err := f.list(ctx, l)
		if err != nil {
			return err
		}
		if err := f.fetchAll(ctx, f.missing(page.Objects)); err != nil {
			return err
		}
		if !page.More {
			return nil
		}
		l.After = page.Last
	}
}

func (f *Fleet) list(ctx context.Context, l List) (Listing, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	page, err := f.conf.Files.List(ctx, l)
	if err == nil && page.More && page.Last <= l.After {
		return page, errors.New("the bucket's listing does not go on")
	}
	return page, err
}

type fetched struct {
	segment
	stored time.Time
	body   []byte
	err    error
}

// missing returns those of the objects that are segments, and not applied.
func (f *Fleet) missing(objects []Object) (list []fetched) {
	f.index.mu.RLock()
	defer f.index.mu.RUnlock()
	for _, o := range objects {
		if s, ok := parseSegment(f.conf.Prefix, o.Key); ok && !f.index.applied.has(s) {
			list = append(list, fetched{segment: s, stored: o.Stored})
		}
	}
	return list
}

// fetchAll gets segments, some at once, and applies them in their order. One that
// cannot be had does not keep back the others.
func (f *Fleet) fetchAll(ctx context.Context, list []fetched) (err error) {
	for len(list) > 0 {
		part := list[:min(len(list), fetchAtOnce)]
		list = list[len(part):]
		var work sync.WaitGroup
		for i := range part {
			work.Go(func() { f.fetch(ctx, &part[i]) })
		}
		work.Wait()
		for i := range part {
			if part[i].err != nil && !errors.Is(part[i].err, ErrNotFound) {
				err = part[i].err
				continue
			}
			f.applySegment(part[i])
			part[i].body = nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return err
}

func (f *Fleet) fetch(ctx context.Context, s *fetched) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	s.body, s.err = f.conf.Files.Get(ctx, s.key(f.conf.Prefix), segmentLimit)
}

// applySegment applies a segment once. A damaged one counts as applied: it will
// not get better. Records are received when the bucket received them: all replicas
// then agree on those whose time is ahead.
func (f *Fleet) applySegment(s fetched) {
	var entries []broker.Entry
	if s.err == nil {
		var bad int
		var err error
		if entries, bad, err = decodeSegment(s.body); err != nil || bad > 0 {
			f.trouble.happened("damage", fmt.Sprintf("part of the journal is damaged: %s", s.key(f.conf.Prefix)))
			f.conf.Log.Warn("a part of the journal is damaged", "key", s.key(f.conf.Prefix), "lines", bad, "error", err)
		}
	}
	receipt := f.conf.Now()
	if !s.stored.IsZero() && s.stored.Before(receipt) {
		receipt = s.stored
	}
	f.index.mu.Lock()
	var changes []Change
	if !f.index.applied.has(s.segment) {
		f.index.applied.add(s.segment)
		changes = f.applyAll(entries, receipt)
	}
	f.index.mu.Unlock()
	f.tell(changes)
}
