// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package operate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"time"

	"thingpass/broker"
	"thingpass/broker/fleet"
)

// campaigns are all that are kept.
type campaigns struct {
	wake    chan struct{} // there is something to do
	reading chan struct{} // one look at the bucket at a time

	mu         sync.Mutex
	watched    map[string][]*campaign // by thing, those that what it does may matter to
	watchedIDs []string
	byID       map[string]*campaign
	damaged    map[string]string // versions of objects that make no sense, by key
	recent     []hearing         // the last, in a ring, for campaigns that are not known here yet
	next       int               // of recent
	looked     time.Time         // the last look at the bucket
	read       time.Time         // the last that succeeded
	trouble    map[string]error  // by what was tried

	lease lease // of the one who runs them only
}

func (c *campaigns) init() {

	c.wake, c.reading = make(chan struct{}, 1), make(chan struct{}, 1)
	c.byID, c.damaged, c.trouble = map[string]*campaign{}, map[string]string{}, map[string]error{}
	c.lease.replica = newID("r")
}

func (d *Desk) campaignFolder() string { return d.conf.Prefix + "campaigns/" }

func (d *Desk) campaignKey(id string) string { return d.campaignFolder() + id + ".json" }

func (d *Desk) stoppedKey(id string) string { return d.campaignFolder() + id + "/stopped.json" }

func (d *Desk) endedKey(id string) string { return d.campaignFolder() + id + "/ended.json" }

func (d *Desk) progressKey(id string) string {
	return d.campaignFolder() + id + "/p-" + d.campaigns.lease.replica + ".json"
}

// Groups implements Operations.
func (d *Desk) Groups() []string {
	if d.conf.Groups == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(d.conf.Groups()))
}

// StartCampaign implements Operations. Things that come into the group later are
// not told.
func (d *Desk) StartCampaign(ctx context.Context, actor string, spec CampaignSpec) (id string, err error) {
	if err := d.Offers(Campaign); err != nil {
		return "", err
	}
	if err := checkActor(actor); err != nil {
		return "", err
	}
	s, err := d.plan(spec)
	if err != nil {
		return "", err
	}
	s.Actor = actor
	body, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("start a campaign: %w", err)
	}
	entry := broker.Entry{Request: string(Campaign), ID: s.ID, Kind: s.Kind, Actor: actor,
		Reason: strings.TrimSuffix(fmt.Sprintf("%d things of group %s, %d a minute, name %s", len(s.Things), s.Group, s.PerMinute, s.Name), ", name ")}
	if err := d.announce(entry); err != nil {
		return "", err
	}
	call, cancel := d.call(ctx)
	defer cancel()
	if err := d.conf.Files.PutNew(call, d.campaignKey(s.ID), "application/json", body); err != nil {
		return "", d.regret(entry, fmt.Errorf("start a campaign, which may come to be yet: %w", err))
	}
	d.adopt(s, true)
	return s.ID, nil
}

// plan returns what is asked for, or why it makes no sense.
func (d *Desk) plan(spec CampaignSpec) (storedCampaign, error) {
	if err := spec.check(); err != nil {
		return storedCampaign{}, err
	}
	if kinds := d.conf.Kinds(); !slices.Contains(kinds, spec.Kind) {
		return storedCampaign{}, badInput("kind %q offers no mode get: use one of %s", spec.Kind, strings.Join(kinds, ", "))
	}
	members, known := d.conf.Groups()[spec.Group]
	if !known {
		return storedCampaign{}, badInput("there is no group %q", spec.Group)
	}
	members = slices.DeleteFunc(slices.Clone(members), func(t string) bool { return !broker.ValidThing(t) })
	slices.Sort(members)
	if members = slices.Compact(members); len(members) == 0 || len(members) > maxThings {
		return storedCampaign{}, badInput("group %s has %d things: a campaign is for 1 to %d", spec.Group, len(members), maxThings)
	}
	if other := d.alike(spec); other != "" {
		return storedCampaign{}, badInput("campaign %s is for kind %s and group %s as well, and is not over: stop it first", other, spec.Kind, spec.Group)
	}
	s := storedCampaign{ID: newID("c"), CampaignSpec: spec, Started: d.conf.Now().UTC().Truncate(time.Second), Things: members}
	if _, err := d.command(s, members[0]); err != nil {
		return storedCampaign{}, badInput("things would not take the command: %v", err)
	}
	return s, nil
}

// command is what a thing is told, the same each time: who is told twice does it
// once [P-15.4].
func (d *Desk) command(s storedCampaign, thing string) (broker.Message, error) {
	return d.conf.Command(thing, Command{ID: s.ID, Command: broker.CommandDownload, Kind: s.Kind, Name: s.Name, ExpiresAt: d.conf.Now().Add(d.conf.Timing.Answer)})
}

// alike is a campaign that runs already for the same, or "".
func (d *Desk) alike(spec CampaignSpec) string {
	c := &d.campaigns
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, other := range c.byID {
		if other.running() && other.Group == spec.Group && other.Kind == spec.Kind {
			return id
		}
	}
	return ""
}

// StopCampaign implements Operations. Who was told already goes on.
func (d *Desk) StopCampaign(ctx context.Context, actor, id string) error {
	if err := checkActor(actor); err != nil {
		return err
	}
	s, err := d.Campaign(ctx, id)
	if err != nil {
		return err
	}
	if !s.Ended.IsZero() {
		return badInput("campaign %s is over already", id)
	}
	entry := broker.Entry{Request: "campaign-stop", ID: id, Kind: s.Kind, Actor: actor}
	if err := d.announce(entry); err != nil {
		return err
	}
	now := d.conf.Now().UTC().Truncate(time.Second)
	ctx, cancel := d.call(ctx)
	defer cancel()
	if err := d.mark(ctx, d.stoppedKey(id), now); err != nil {
		return d.regret(entry, fmt.Errorf("stop campaign %s, which may come to be yet: %w", id, err))
	}
	c := &d.campaigns
	c.mu.Lock()
	defer c.mu.Unlock()
	if mine := c.byID[id]; mine != nil && mine.stopped.IsZero() {
		mine.stopped = now
	}
	return nil
}

// mark puts down when something became so. That it was so already is fine.
func (d *Desk) mark(ctx context.Context, key string, at time.Time) error {
	body, err := json.Marshal(mark{at})
	if err != nil {
		return err
	}
	if err := d.conf.Files.PutNew(ctx, key, "application/json", body); !errors.Is(err, fleet.ErrExists) {
		return err
	}
	return nil
}

// mark is the object that says when a campaign was stopped or ended.
type mark struct {
	At time.Time `json:"at"`
}
