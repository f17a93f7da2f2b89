// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package operate

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"thingpass/broker"
)

// pace is how one campaign is told. Only the holder of the lease has one that
// matters; who takes over begins anew, with one thing.
type pace struct {
	budget float64 // things that may be told now
	last   time.Time
	after  time.Time     // nothing is told before,
	why    error         // for it did not work
	pause  time.Duration // that was made last
	late   map[int]time.Time
}

const (
	pauseMin   = 5 * time.Second
	pauseMax   = time.Minute
	lateBy     = 30 * time.Second // a thing that could not be told, after the others
	publishers = 8
	tickEvery  = time.Second
)

// runCampaigns works until ctx ends; then it keeps what is not kept yet.
func (d *Desk) runCampaigns(ctx context.Context) {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		d.tick(ctx)
		select {
		case <-ctx.Done():
		case <-d.campaigns.wake:
		case <-tick.C:
		}
	}
	ctx, cancel := d.call(context.WithoutCancel(ctx))
	defer cancel()
	if err := errors.Join(d.flush(ctx, true), d.release(ctx)); err != nil {
		d.conf.Log.Error("the last progress of campaigns is not kept: things will be told once more", "err", err)
	}
}

// tick does what is due.
func (d *Desk) tick(ctx context.Context) {
	c := &d.campaigns
	c.mu.Lock()
	due := d.conf.Now().Sub(c.looked) >= d.conf.Timing.Refresh
	c.mu.Unlock()
	if due {
		_ = d.refreshCampaigns(ctx) // the trouble is told there
	}
	d.tried("campaigns wait", d.advanceAll(ctx, d.runningCampaigns()))
	d.tried("progress of campaigns is not kept", d.flush(ctx, false))
}

// advanceAll does what is due of these campaigns, if it is for this replica to do.
func (d *Desk) advanceAll(ctx context.Context, run []*campaign) error {
	if len(run) == 0 {
		return nil
	}
	err := d.lead(ctx)
	for _, one := range run {
		if !d.leads(d.conf.Now()) {
			break
		}
		if e := d.advance(ctx, one); e != nil {
			err = errors.Join(err, fmt.Errorf("campaign %s: %w", one.ID, e))
		}
	}
	return err
}

// runningCampaigns are those whose past is known here.
func (d *Desk) runningCampaigns() (out []*campaign) {
	c := &d.campaigns
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range c.byID {
		if one.running() && one.read {
			out = append(out, one)
		}
	}
	return out
}

// advance tells those whose turn it is, and ends the campaign if all have ended.
func (d *Desk) advance(ctx context.Context, one *campaign) error {
	batch := d.turn(one)
	if len(batch) > 0 {
		return d.tell(ctx, one, batch)
	}
	d.campaigns.mu.Lock()
	over, why := one.all(), one.pace.why
	d.campaigns.mu.Unlock()
	if !over {
		return why
	}
	return d.end(ctx, one)
}

// end puts down that all have ended, once it is kept how.
func (d *Desk) end(ctx context.Context, one *campaign) error {
	now := d.conf.Now().UTC().Truncate(time.Second)
	ctx, cancel := d.call(ctx)
	defer cancel()
	if err := errors.Join(d.keep(ctx, one), d.mark(ctx, d.endedKey(one.ID), now)); err != nil {
		return fmt.Errorf("end it: %w", err)
	}
	d.campaigns.mu.Lock()
	defer d.campaigns.mu.Unlock()
	one.ended = now
	d.campaigns.watch(now)
	return nil
}

// turn returns whose turn it is, by what may be told a minute: first those that
// were never told, then those that did not end what they were told. Of the latter
// some have been told often enough; things that are blocked are not told at all.
func (d *Desk) turn(one *campaign) (batch []int) {
	now := d.conf.Now()
	d.campaigns.mu.Lock()
	defer d.campaigns.mu.Unlock()
	room := one.pace.room(now, one.PerMinute)
	var again []int
	for i, p := range one.progress {
		late := one.pace.late[i].After(now)
		switch {
		case p.End != "" || late || !one.running():
		case p.Tries == 0 && d.Blocked(one.Things[i]):
			one.set(i, progress{End: failed, EndAt: now.UnixMilli(), Code: broker.CodeBlocked})
		case p.Tries == 0 && len(batch) < room:
			batch = append(batch, i)
		case !p.overdue(now, one.loaded, d.conf.Timing):
		case p.Tries >= d.conf.Timing.Tries:
			one.set(i, progress{End: failed, EndAt: now.UnixMilli(), Code: CodeNoAnswer})
		default:
			again = append(again, i)
		}
	}
	batch = append(batch, again[:min(len(again), room-len(batch))]...)
	one.pace.budget -= float64(len(batch))
	return batch
}

// room is how many may be told now. What was not used at once is soon gone.
func (p *pace) room(now time.Time, perMinute int) int {
	each := float64(perMinute) / 60
	if p.last.IsZero() {
		p.budget = 1
	} else {
		p.budget = min(p.budget+now.Sub(p.last).Seconds()*each, each+1)
	}
	p.last = now
	if now.Before(p.after) {
		return 0
	}
	p.why = nil
	return int(p.budget)
}

// tell announces the batch in the audit, and publishes. Who could not be told
// waits, behind the others.
func (d *Desk) tell(ctx context.Context, one *campaign, batch []int) error {
	entries, messages := make([]broker.Entry, len(batch)), make([]broker.Message, len(batch))
	for n, i := range batch {
		var err error
		if messages[n], err = d.command(one.storedCampaign, one.Things[i]); err != nil {
			return d.wait(one, batch, fmt.Errorf("tell %s: %w", one.Things[i], err))
		}
		entries[n] = broker.Entry{Request: broker.CommandDownload, Thing: one.Things[i], ID: one.ID, Kind: one.Kind, Actor: one.Actor, Reason: "campaign of group " + one.Group}
	}
	if err := d.announce(entries...); err != nil {
		return d.wait(one, batch, err)
	}
	troubles := d.publish(ctx, messages)
	var missed []int
	var failures []broker.Entry
	var first error
	d.campaigns.mu.Lock()
	now := d.conf.Now()
	for n, i := range batch {
		if err := troubles[n]; err != nil {
			e := entries[n]
			e.Time, e.Code, e.Reason = now, broker.CodeFailed, clip(err.Error(), maxReason)
			missed, failures, first = append(missed, i), append(failures, e), err
			continue
		}
		at := now.UnixMilli()
		one.set(i, progress{First: at, Told: at, Tries: one.progress[i].Tries + 1})
		one.pace.pause = 0
	}
	d.campaigns.mu.Unlock()
	if first == nil {
		return nil
	}
	return d.wait(one, missed, errors.Join(fmt.Errorf("tell %d of %d things: %w", len(missed), len(batch), first), d.conf.Audit.Record(failures...)))
}

// publish returns what went wrong with each.
func (d *Desk) publish(ctx context.Context, messages []broker.Message) []error {
	troubles := make([]error, len(messages))
	turn := make(chan struct{}, publishers)
	var all sync.WaitGroup
	for n, m := range messages {
		turn <- struct{}{}
		all.Go(func() {
			defer func() { <-turn }()
			ctx, cancel := d.call(ctx)
			defer cancel()
			troubles[n] = d.conf.Publish(ctx, m)
		})
	}
	all.Wait()
	return troubles
}

// wait has a campaign pause, and those that were missed wait for the others.
func (d *Desk) wait(one *campaign, missed []int, why error) error {
	now := d.conf.Now()
	d.campaigns.mu.Lock()
	defer d.campaigns.mu.Unlock()
	p := &one.pace
	p.pause = min(max(2*p.pause, pauseMin), pauseMax)
	p.after, p.why = now.Add(p.pause), why
	if p.late == nil {
		p.late = map[int]time.Time{}
	}
	for _, i := range missed {
		p.late[i] = now.Add(lateBy)
	}
	return why
}
