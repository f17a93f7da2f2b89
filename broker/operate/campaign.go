// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package operate

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"thingpass/broker"
)

// settledAfter is how long it matters what things say of a campaign that was
// stopped.
const settledAfter = time.Hour

// storedCampaign is what a campaign is for. It is written once.
type storedCampaign struct {
	ID string `json:"id"`
	CampaignSpec
	Actor   string    `json:"actor"`
	Started time.Time `json:"started"`
	Things  []string  `json:"things"` // those of the group when it was started, in order
}

func parseCampaign(id string, text []byte) (storedCampaign, error) {
	var c storedCampaign
	if err := json.Unmarshal(text, &c); err != nil {
		return storedCampaign{}, fmt.Errorf("not a campaign: %w", err)
	}
	if c.ID != id || !validWord(id) {
		return storedCampaign{}, fmt.Errorf("it is campaign %.64q by its key, and %.64q by what it says", id, c.ID)
	}
	if err := errors.Join(c.check(), checkActor(c.Actor)); err != nil {
		return storedCampaign{}, err
	}
	ordered := slices.IsSorted(c.Things) && len(slices.Compact(slices.Clone(c.Things))) == len(c.Things)
	if len(c.Things) == 0 || len(c.Things) > maxThings || !ordered || slices.ContainsFunc(c.Things, func(t string) bool { return !broker.ValidThing(t) }) {
		return storedCampaign{}, fmt.Errorf("its things must be 1 to %d names of things, ordered, each once", maxThings)
	}
	return c, nil
}

// check judges what can be judged without knowing kinds and groups.
func (s CampaignSpec) check() error {
	switch {
	case !broker.ValidGroup(s.Group):
		return badInput("a group's name is 1 to 64 characters of a-z, 0-9 and -")
	case !validWord(s.Kind):
		return badInput("choose a kind of what is to be fetched")
	case s.Name != "" && !validObjectName(s.Name):
		return badInput("the object's name must be 1 to 64 characters of A-Z, a-z, 0-9, '.', _ and -, the first of them no '.'; leave it empty for the latest")
	case s.PerMinute < 1 || s.PerMinute > maxPace:
		return badInput("tell 1 to %d things in a minute, not %d", maxPace, s.PerMinute)
	}
	return nil
}

// campaign is what this replica knows of one. The lock of campaigns guards it.
type campaign struct {
	storedCampaign
	index    map[string]int // of Things
	progress []progress     // of Things
	listed   bool           // the bucket listed it once: if it does no longer, it is gone

	seen    map[string]string // versions of other replicas' objects, by key
	read    bool              // what others know was read once
	dirty   bool              // there is progress of our own that is not kept yet
	flushed time.Time

	loaded         time.Time // when this replica first heard of it
	stopped, ended time.Time

	pace pace
}

func newCampaign(s storedCampaign, now time.Time) *campaign {
	c := &campaign{storedCampaign: s, index: make(map[string]int, len(s.Things)), progress: make([]progress, len(s.Things)),
		seen: map[string]string{}, loaded: now}
	for i, thing := range s.Things {
		c.index[thing] = i
	}
	return c
}

// running is true while there may be somebody to tell.
func (c *campaign) running() bool { return c.stopped.IsZero() && c.ended.IsZero() }

// settled is true if nothing that comes can change it.
func (c *campaign) settled(now time.Time) bool {
	return c.read && (!c.ended.IsZero() || !c.stopped.IsZero() && now.Sub(c.stopped) > settledAfter)
}

// all is true if every thing has ended.
func (c *campaign) all() bool {
	return !slices.ContainsFunc(c.progress, func(p progress) bool { return p.End == "" })
}

// merge joins what is known with what another replica knows.
func (c *campaign) merge(others map[string]progress) {
	for thing, p := range others {
		if i, ours := c.index[thing]; ours {
			c.progress[i] = join(c.progress[i], p)
		}
	}
}

// set joins what was seen here.
func (c *campaign) set(i int, p progress) {
	if next := join(c.progress[i], p); next != c.progress[i] {
		c.progress[i], c.dirty = next, true
	}
}

// heard takes in what a thing did.
func (c *campaign) heard(h hearing) {
	i, ours := c.index[h.thing]
	if !ours {
		return
	}
	at := max(h.at.UnixMilli(), 1)
	answers := h.id == c.ID
	switch {
	case h.request == requestResult && answers && h.code == broker.CodeDone:
		c.set(i, progress{End: done, EndAt: at})
	case h.request == requestResult && answers:
		c.set(i, progress{End: failed, EndAt: at, Code: reasonCode(h.reason)})
	case h.request == requestDownload && (h.code == broker.CodeGranted || h.code == broker.CodeUnchanged):
		if (answers || h.kind == c.Kind) && h.at.After(c.Started.Add(-skew)) {
			c.set(i, progress{Asked: at})
		}
	}
}

// reasonCode is the code that a thing gave for its failure.
func reasonCode(reason string) broker.Code {
	if validWord(reason) {
		return broker.Code(reason)
	}
	return broker.CodeFailed
}

// view is what a page shows.
func (c *campaign) view() CampaignState {
	s := CampaignState{ID: c.ID, CampaignSpec: c.CampaignSpec, Actor: c.Actor, Started: c.Started, Ended: c.ended, Stopped: !c.stopped.IsZero(),
		Things: make([]CampaignThing, len(c.Things))}
	if s.Stopped {
		s.Ended = c.stopped
	}
	for i, thing := range c.Things {
		s.Things[i] = c.progress[i].state(thing)
	}
	return s
}
