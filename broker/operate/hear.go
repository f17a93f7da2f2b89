// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package operate

import (
	"slices"
	"time"

	"thingpass/broker"
)

// The requests of entries that campaigns learn from.
const (
	requestDownload = "download-request"
	requestResult   = "command-result"
)

// maxRecent is how many hearings are kept for a campaign that another replica
// started a moment ago.
const maxRecent = 4096

// hearing is the part of an entry that campaigns learn from.
type hearing struct {
	thing, request, id, kind, reason string
	code                             broker.Code
	at                               time.Time
}

// Record learns how campaigns go from what the broker decided. It is for each
// entry of this replica, after it was written; the same one twice does no harm, so
// that a journal may be replayed after a restart. It never waits for the bucket.
func (d *Desk) Record(entries ...broker.Entry) {
	for i := range entries {
		e := &entries[i]
		if e.Request != requestDownload && e.Request != requestResult || !broker.ValidThing(e.Thing) {
			continue
		}
		d.campaigns.hear(hearing{e.Thing, e.Request, e.ID, e.Kind, e.Reason, e.Code, e.Time})
	}
}

func (c *campaigns) hear(h hearing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.recent) < maxRecent {
		c.recent = append(c.recent, h)
	} else {
		c.recent[c.next] = h
		c.next = (c.next + 1) % maxRecent
	}
	for _, one := range c.watched[h.thing] {
		one.heard(h)
	}
}

// watch is to be called with the lock held, when campaigns may have come, gone or settled.
func (c *campaigns) watch(now time.Time) {
	var ids []string
	for id, one := range c.byID {
		if !one.settled(now) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	if slices.Equal(ids, c.watchedIDs) {
		return
	}
	watched := map[string][]*campaign{}
	for _, id := range ids {
		one := c.byID[id]
		for _, thing := range one.Things {
			watched[thing] = append(watched[thing], one)
		}
	}
	c.watched, c.watchedIDs = watched, ids
}

// adopt makes a campaign known here, and has it run. A new one has no past that
// would have to be read before.
func (d *Desk) adopt(s storedCampaign, isNew bool) {
	c := &d.campaigns
	now := d.conf.Now()
	c.mu.Lock()
	one := c.byID[s.ID]
	if one == nil {
		one = newCampaign(s, now)
		one.read = isNew
		c.byID[s.ID] = one
		for _, h := range c.recent {
			one.heard(h)
		}
		c.watch(now)
	}
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}
