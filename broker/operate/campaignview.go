// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package operate

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"time"
)

// Campaigns implements Operations.
func (d *Desk) Campaigns(ctx context.Context) ([]CampaignState, error) {
	if err := d.known(ctx); err != nil {
		return nil, err
	}
	c := &d.campaigns
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]CampaignState, 0, len(c.byID))
	for _, one := range c.byID {
		out = append(out, one.view())
	}
	slices.SortFunc(out, func(a, b CampaignState) int {
		if n := b.Started.Compare(a.Started); n != 0 {
			return n
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out, nil
}

// Campaign implements Operations.
func (d *Desk) Campaign(ctx context.Context, id string) (CampaignState, error) {
	if err := d.known(ctx); err != nil {
		return CampaignState{}, err
	}
	if s, found := d.view(id); found {
		return s, nil
	}
	// Another replica may have started it just now.
	if validWord(id) && d.stale() {
		if err := d.refreshCampaigns(ctx); err != nil {
			return CampaignState{}, err
		}
	}
	if s, found := d.view(id); found {
		return s, nil
	}
	return CampaignState{}, badInput("there is no such campaign")
}

func (d *Desk) view(id string) (CampaignState, bool) {
	c := &d.campaigns
	c.mu.Lock()
	defer c.mu.Unlock()
	if one := c.byID[id]; one != nil {
		return one.view(), true
	}
	return CampaignState{}, false
}

// known returns nil once the bucket was read.
func (d *Desk) known(ctx context.Context) error {
	c := &d.campaigns
	c.mu.Lock()
	read := c.read
	c.mu.Unlock()
	if read.IsZero() {
		return d.refreshCampaigns(ctx)
	}
	return nil
}

// stale is true if the last look at the bucket is more than a second old.
func (d *Desk) stale() bool {
	c := &d.campaigns
	c.mu.Lock()
	defer c.mu.Unlock()
	return d.conf.Now().Sub(c.read) > time.Second
}

func (c *campaigns) troubles() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for _, what := range slices.Sorted(maps.Keys(c.trouble)) {
		out = append(out, what+": "+c.trouble[what].Error())
	}
	return out
}

// tried keeps why something did not work, or that it does, and logs what is new.
func (d *Desk) tried(what string, err error) {
	c := &d.campaigns
	c.mu.Lock()
	before := c.trouble[what]
	if delete(c.trouble, what); err != nil {
		c.trouble[what] = err
	}
	c.mu.Unlock()
	d.logTrouble(what, before, err)
}

// logTrouble logs a trouble that is new, and one that is over, each once.
func (d *Desk) logTrouble(what string, before, now error) {
	switch {
	case before != nil && now == nil:
		d.conf.Log.Info("it works again", "was", what)
	case errors.Is(now, context.Canceled): // the end has come
	case now != nil && (before == nil || before.Error() != now.Error()):
		d.conf.Log.Warn(what, "err", now)
	}
}
