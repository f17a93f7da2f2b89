// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package operate

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// flush keeps the progress that is due, or all.
func (d *Desk) flush(ctx context.Context, all bool) error {
	const many = 2000
	c := &d.campaigns
	now := d.conf.Now()
	var due []*campaign
	c.mu.Lock()
	for _, one := range c.byID {
		every := d.conf.Timing.Flush * time.Duration(1+len(one.Things)/many)
		if one.dirty && (all || now.Sub(one.flushed) >= every) {
			due = append(due, one)
		}
	}
	c.mu.Unlock()
	return each(ctx, due, d.keep)
}

// keep writes what is known of a campaign's progress here, if there is anything new.
func (d *Desk) keep(ctx context.Context, one *campaign) error {
	c := &d.campaigns
	c.mu.Lock()
	known := make(map[string]progress, len(one.Things))
	for i, p := range one.progress {
		if p != (progress{}) {
			known[one.Things[i]] = p
		}
	}
	dirty := one.dirty
	one.dirty, one.flushed = false, d.conf.Now()
	c.mu.Unlock()
	if !dirty {
		return nil
	}
	ctx, cancel := d.call(ctx)
	defer cancel()
	body, err := json.Marshal(known)
	if err == nil {
		err = d.conf.Files.Put(ctx, d.progressKey(one.ID), "application/json", body)
	}
	if err != nil {
		c.mu.Lock()
		one.dirty = true
		c.mu.Unlock()
		return fmt.Errorf("keep the progress of campaign %s: %w", one.ID, err)
	}
	return nil
}
