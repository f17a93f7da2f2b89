// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package operate

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"thingpass/broker"
	"thingpass/broker/fleet"
)

// Command is the broker's.
type Command = broker.Command

// A Revoker revokes certificates. It returns how many were good until then; none
// known at all is an error. To revoke again does no harm.
type Revoker interface {
	Revoke(ctx context.Context, thing string) (int, error)
}

// Config is what a Desk works with. Files, Audit, Now and Log are required; an
// action whose parts are missing is not offered.
type Config struct {
	Files  fleet.Files
	Prefix string // of all objects; "": fleet.DefaultPrefix
	Audit  broker.Auditor
	Now    func() time.Time
	Log    *slog.Logger

	Command func(thing string, c Command) (broker.Message, error) // Capture, Campaign
	Publish func(ctx context.Context, m broker.Message) error     // likewise
	Revoker Revoker                                               // Revoke
	Groups  func() map[string][]string                            // Campaign
	Kinds   func() []string                                       // Campaign: those that offer mode get

	Known    func(thing string) bool // nil: every thing's name may be acted upon
	OnBlocks func(thing string)      // told of changes, "" of many; must not block

	Timing Timing
}

// Timing says how long things take. Zero fields are those of DefaultTiming.
type Timing struct {
	Refresh time.Duration // between two looks at what other replicas did
	Call    time.Duration // for one call of the bucket or the server
	Capture time.Duration // for which a thing may follow a capture command
	Lease   time.Duration // after which a silent replica no longer paces campaigns
	Flush   time.Duration // until progress of up to 2000 things is kept; of more, in proportion
	Answer  time.Duration // that a thing has to ask for what it was told to fetch
	Fetch   time.Duration // that it then has to fetch it
	Tries   int           // how often it is told
}

// DefaultTiming suits things that sleep some minutes.
var DefaultTiming = Timing{
	Refresh: 5 * time.Second, Call: 10 * time.Second, Capture: time.Minute, Lease: 15 * time.Second,
	Flush: 2 * time.Second, Answer: 15 * time.Minute, Fetch: 30 * time.Minute, Tries: 3,
}

func (t Timing) orDefault() Timing {
	d := DefaultTiming
	for _, pair := range [...]struct{ mine, other *time.Duration }{
		{&t.Refresh, &d.Refresh}, {&t.Call, &d.Call}, {&t.Capture, &d.Capture}, {&t.Lease, &d.Lease},
		{&t.Flush, &d.Flush}, {&t.Answer, &d.Answer}, {&t.Fetch, &d.Fetch},
	} {
		if *pair.mine <= 0 {
			*pair.mine = *pair.other
		}
	}
	if t.Tries <= 0 {
		t.Tries = d.Tries
	}
	return t
}

// A Desk implements Operations over objects in the bucket:
//
//	<prefix>blocks/<thing>.json            who is blocked, and why
//	<prefix>campaigns/<id>.json            what a campaign is for; never changed
//	<prefix>campaigns/<id>/p-<replica>.json  what that replica knows of its progress
//	<prefix>campaigns/<id>/stopped.json, ended.json
//	<prefix>lease/<number>.json            who paces campaigns
//
// Nothing is ever changed by two replicas, so none needs a lock in the bucket:
// progress is joined, the one who paces is found by who could make an object first,
// and clocks are never compared. The alternative, one object that all change if
// its ETag is still the same, would have every replica wait for every other.
type Desk struct {
	conf      Config
	blocks    blocks
	campaigns campaigns
}

var _ Operations = (*Desk)(nil)

// New returns a Desk that has asked the bucket nothing: see Load and Run.
func New(c Config) (*Desk, error) {
	if c.Files == nil || c.Audit == nil || c.Now == nil || c.Log == nil {
		return nil, errors.New("operations need files, an auditor, a clock and a log")
	}
	if c.Prefix == "" {
		c.Prefix = fleet.DefaultPrefix
	}
	if first, _, found := strings.Cut(c.Prefix, "/"); !found || !strings.HasSuffix(c.Prefix, "/") || broker.ValidThing(first) {
		return nil, fmt.Errorf("prefix %q must end with / and begin with a folder that no thing is called: %q is one", c.Prefix, fleet.DefaultPrefix)
	}
	c.Timing = c.Timing.orDefault()
	d := &Desk{conf: c}
	d.blocks.init()
	d.campaigns.init()
	return d, nil
}

// Run follows what other replicas do, and paces campaigns, until ctx ends. Then it
// keeps what is not kept yet.
func (d *Desk) Run(ctx context.Context) {
	var all sync.WaitGroup
	all.Go(func() { d.followBlocks(ctx) })
	all.Go(func() { d.runCampaigns(ctx) })
	all.Wait()
}

// Trouble says why blocks or campaigns may not be as they should; "": nothing.
func (d *Desk) Trouble() string {
	return strings.Join(append(d.blocks.troubles(), d.campaigns.troubles()...), "; ")
}

// Offers implements Operations.
func (d *Desk) Offers(a Action) error {
	tells := d.conf.Command != nil && d.conf.Publish != nil
	switch {
	case a == Block:
		return nil
	case a == Capture && !tells:
		return fmt.Errorf("%w: things take no commands, see `commands` in the configuration", ErrNotConfigured)
	case a == Capture:
		return nil
	case a == Revoke && d.conf.Revoker == nil:
		return fmt.Errorf("%w: it needs the folder of the CA, a registry, or AWS IoT", ErrNotConfigured)
	case a == Revoke:
		return nil
	case a == Campaign && !tells:
		return fmt.Errorf("%w: things take no commands, see `commands` in the configuration", ErrNotConfigured)
	case a == Campaign && (d.conf.Groups == nil || len(d.conf.Groups()) == 0):
		return fmt.Errorf("%w: there are no groups of things, see `groups` in the configuration", ErrNotConfigured)
	case a == Campaign && (d.conf.Kinds == nil || len(d.conf.Kinds()) == 0):
		return fmt.Errorf("%w: no kind offers mode get", ErrNotConfigured)
	case a == Campaign:
		return nil
	}
	return fmt.Errorf("%w: there is no action %q", ErrNotConfigured, string(a))
}

// newID returns a name that nobody can guess: 80 random bits.
func newID(prefix string) string {
	var random [10]byte
	_, _ = rand.Read(random[:]) // never fails, see its documentation
	return prefix + "-" + strings.ToLower(base32.StdEncoding.EncodeToString(random[:]))
}
