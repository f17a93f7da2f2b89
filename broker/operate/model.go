// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package operate does what operators ask for: a photo now, a thing blocked, a
// certificate revoked, new firmware for a group. Each action is a line in the
// audit with the operator's name before it is done: no audit, no action. Blocks
// and campaigns are objects in the bucket, so that all replicas keep them and a
// restart loses none.
package operate

import (
	"context"
	"errors"
	"time"

	"thingpass/broker"
)

// The errors that callers tell apart; all others are for the log.
var (
	ErrNotConfigured = errors.New("this action is not configured")
	ErrNoSuchThing   = errors.New("no such thing")
	ErrBadInput      = errors.New("bad input") // wrapped, with what to do
)

// Action names what can be configured.
type Action string

// The actions.
const (
	Capture  Action = "capture"
	Block    Action = "block"
	Revoke   Action = "revoke"
	Campaign Action = "campaign"
)

// Operations are the actions that a page offers. actor is the operator's name, for
// the audit. They are safe for concurrent use.
type Operations interface {
	// Offers returns nil if the action is configured, or an error that says what is
	// missing.
	Offers(Action) error
	// Capture asks a thing for a photo now. id finds it in the audit and in the
	// thing's timeline.
	Capture(ctx context.Context, actor, thing string) (id string, err error)
	// Block has every request of the thing refused with broker.CodeBlocked, by
	// every replica; Unblock ends it. Both may be repeated.
	Block(ctx context.Context, actor, thing, reason string) error
	Unblock(ctx context.Context, actor, thing string) error
	Blocks(ctx context.Context) ([]BlockRecord, error)
	// Revoke revokes all certificates of the thing that are known, and returns how
	// many.
	Revoke(ctx context.Context, actor, thing string) (int, error)
	// Groups are those that a campaign may be for, by name.
	Groups() []string
	StartCampaign(ctx context.Context, actor string, spec CampaignSpec) (id string, err error)
	StopCampaign(ctx context.Context, actor, id string) error
	// Campaigns are all that are kept, newest first.
	Campaigns(ctx context.Context) ([]CampaignState, error)
	Campaign(ctx context.Context, id string) (CampaignState, error) // ErrBadInput: no such one
}

// BlockRecord is a blocked thing.
type BlockRecord struct {
	Thing  string    `json:"thing"`
	Reason string    `json:"reason,omitempty"`
	Actor  string    `json:"actor"`
	At     time.Time `json:"at"`
}

// CampaignSpec is what a group is to fetch.
type CampaignSpec struct {
	Group     string `json:"group"`
	Kind      string `json:"kind"`           // one that offers mode get
	Name      string `json:"name,omitempty"` // of the object [P-13]; "": the latest
	PerMinute int    `json:"perMinute"`      // things that are told in a minute, 1 to 6000
}

// CampaignState is how far a campaign is.
type CampaignState struct {
	ID string `json:"id"`
	CampaignSpec
	Actor   string          `json:"actor"`
	Started time.Time       `json:"started"`
	Ended   time.Time       `json:"ended,omitzero"` // all answered, or stopped
	Stopped bool            `json:"stopped,omitempty"`
	Things  []CampaignThing `json:"things"`
}

// CampaignThing is where one thing of a campaign is.
type CampaignThing struct {
	Thing string      `json:"thing"`
	State string      `json:"state"` // waiting, told, fetching, done, failed
	At    time.Time   `json:"at,omitzero"`
	Code  broker.Code `json:"code,omitempty"` // why it failed
}
