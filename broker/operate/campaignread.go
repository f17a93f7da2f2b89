// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package operate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"thingpass/broker/fleet"
)

const (
	campaignLimit = 16 << 20 // bytes of a campaign or its progress: 50,000 things with long names
	markLimit     = 4 << 10
	keptCampaigns = 100
)

// refreshCampaigns looks once at what other replicas know. After an error
// something may be newer than before, and nothing is older.
func (d *Desk) refreshCampaigns(ctx context.Context) error {
	c := &d.campaigns
	select {
	case c.reading <- struct{}{}:
		defer func() { <-c.reading }()
	case <-ctx.Done():
		return fmt.Errorf("read the campaigns: %w", ctx.Err())
	}
	err := d.readCampaigns(ctx)
	c.mu.Lock()
	if c.looked = d.conf.Now(); err == nil {
		c.read = c.looked
	}
	c.mu.Unlock()
	if err != nil {
		err = fmt.Errorf("read the campaigns: %w", err)
	}
	d.tried("what other replicas know of campaigns is not known", err)
	return err
}

func (d *Desk) readCampaigns(ctx context.Context) error {
	listed := map[string]fleet.Object{}
	call, cancel := d.call(ctx)
	defer cancel()
	err := d.list(call, fleet.List{Prefix: d.campaignFolder(), Delimiter: "/"}, func(page fleet.Listing) {
		for _, o := range page.Objects {
			id, found := strings.CutSuffix(strings.TrimPrefix(o.Key, d.campaignFolder()), ".json")
			if found && validWord(id) {
				listed[id] = o
			}
		}
	})
	if err != nil {
		return err
	}
	if err := each(ctx, d.unknown(listed), d.readCampaign); err != nil {
		return err
	}
	if err := each(ctx, d.unsettled(), d.readProgress); err != nil {
		return err
	}
	return d.prune(ctx)
}

// unknown returns the objects of campaigns that are not known yet, and forgets
// those that are gone.
func (d *Desk) unknown(listed map[string]fleet.Object) (objects []fleet.Object) {
	c := &d.campaigns
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, o := range listed {
		one := c.byID[id]
		if one != nil {
			one.listed = true
		} else if v := version(o); v == "" || c.damaged[o.Key] != v {
			objects = append(objects, o)
		}
	}
	for id, one := range c.byID {
		if _, still := listed[id]; one.listed && !still {
			delete(c.byID, id)
		}
	}
	c.watch(d.conf.Now())
	return objects
}

func (d *Desk) readCampaign(ctx context.Context, o fleet.Object) error {
	text, err := d.get(ctx, o.Key, campaignLimit)
	if errors.Is(err, fleet.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	id := strings.TrimSuffix(strings.TrimPrefix(o.Key, d.campaignFolder()), ".json")
	s, err := parseCampaign(id, text)
	if err != nil {
		d.campaigns.mu.Lock()
		d.campaigns.damaged[o.Key] = version(o)
		d.campaigns.mu.Unlock()
		d.conf.Log.Error("a campaign cannot be read, and is left alone: delete the object, or restore it", "key", o.Key, "err", err)
		return nil
	}
	d.adopt(s, false)
	return nil
}

// unsettled are the campaigns of which others may know more.
func (d *Desk) unsettled() (out []*campaign) {
	c := &d.campaigns
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range c.byID {
		if !one.settled(d.conf.Now()) {
			out = append(out, one)
		}
	}
	return out
}

// readProgress reads what is new of a campaign. That it has ended counts last:
// nothing more is read afterwards.
func (d *Desk) readProgress(ctx context.Context, one *campaign) error {
	var objects []fleet.Object
	call, cancel := d.call(ctx)
	defer cancel()
	err := d.list(call, fleet.List{Prefix: d.campaignFolder() + one.ID + "/"}, func(page fleet.Listing) {
		objects = append(objects, page.Objects...)
	})
	if err != nil {
		return err
	}
	var stopped, ended time.Time
	for _, o := range objects {
		switch {
		case o.Key == d.stoppedKey(one.ID):
			stopped, err = d.readMark(ctx, o)
		case o.Key == d.endedKey(one.ID):
			ended, err = d.readMark(ctx, o)
		case o.Key != d.progressKey(one.ID) && strings.HasPrefix(o.Key, d.campaignFolder()+one.ID+"/p-"):
			err = d.readOthers(ctx, one, o)
		}
		if err != nil {
			return err
		}
	}
	c := &d.campaigns
	c.mu.Lock()
	defer c.mu.Unlock()
	one.read = true
	if one.stopped.IsZero() {
		one.stopped = stopped
	}
	if one.ended.IsZero() {
		one.ended = ended
	}
	if one.settled(d.conf.Now()) {
		c.watch(d.conf.Now())
	}
	return nil
}

// readMark returns when it was so; if that is damaged, when it was stored.
func (d *Desk) readMark(ctx context.Context, o fleet.Object) (time.Time, error) {
	text, err := d.get(ctx, o.Key, markLimit)
	if err != nil && !errors.Is(err, fleet.ErrNotFound) && o.Size <= markLimit {
		return time.Time{}, err
	}
	return parseMark(text, o.Stored), nil
}

func parseMark(text []byte, stored time.Time) time.Time {
	var m mark
	if json.Unmarshal(text, &m) == nil && !m.At.IsZero() {
		return m.At
	}
	if stored.IsZero() { // it must be something
		return time.Unix(0, 0).UTC()
	}
	return stored
}

// readOthers joins what another replica knows, if it is new. What is damaged is
// left out: things are told once more, and say again how it went.
func (d *Desk) readOthers(ctx context.Context, one *campaign, o fleet.Object) error {
	c := &d.campaigns
	v := version(o)
	c.mu.Lock()
	have, seen := one.seen[o.Key]
	c.mu.Unlock()
	if seen && v != "" && v == have {
		return nil
	}
	text, err := d.get(ctx, o.Key, campaignLimit)
	if errors.Is(err, fleet.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	others, err := parseProgress(text)
	if err != nil {
		d.conf.Log.Error("progress of a campaign cannot be read, and is left out", "key", o.Key, "err", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	one.merge(others)
	one.seen[o.Key] = v
	return nil
}

// prune deletes the oldest campaign that has ended, if there are too many. What it
// is for goes first: without that nobody takes it for one that goes on.
func (d *Desk) prune(ctx context.Context) error {
	c := &d.campaigns
	var oldest *campaign
	c.mu.Lock()
	if len(c.byID) > keptCampaigns {
		for _, one := range c.byID {
			if one.settled(d.conf.Now()) && (oldest == nil || one.Started.Before(oldest.Started)) {
				oldest = one
			}
		}
	}
	c.mu.Unlock()
	if oldest == nil {
		return nil
	}
	ctx, cancel := d.call(ctx)
	defer cancel()
	keys := []string{d.campaignKey(oldest.ID)}
	err := d.list(ctx, fleet.List{Prefix: d.campaignFolder() + oldest.ID + "/"}, func(page fleet.Listing) {
		for _, o := range page.Objects {
			keys = append(keys, o.Key)
		}
	})
	for _, key := range keys {
		if err == nil {
			err = d.conf.Files.Delete(ctx, key)
		}
	}
	return err
}
