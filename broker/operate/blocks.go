// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package operate

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"thingpass/broker"
	"thingpass/broker/fleet"
)

// blocks are the things that are blocked. What the bucket lists is the truth; what
// is done here counts at once, until a listing that began later has it.
//
// While the bucket cannot be read, the last truth stays.
type blocks struct {
	set atomic.Pointer[map[string]struct{}] // is replaced, never changed

	acting  chan struct{} // one action at a time, so that the last in the bucket is the last here
	reading chan struct{} // one listing at a time, so that an older one is not the last

	mu      sync.Mutex
	read    bool // once at least
	trouble error
	number  uint64 // of the last action
	done    map[string]blockAction
	listed  map[string]fleet.Object // as of the last listing
	records map[string]blockRecord  // that were read
}

// blockAction is what was done here since the last listing began.
type blockAction struct {
	number uint64
	block  bool
}

// blockRecord is what an object says, of which a listing had this version.
type blockRecord struct {
	BlockRecord
	version string
}

func (b *blocks) init() {
	b.set.Store(&map[string]struct{}{})
	b.acting, b.reading = make(chan struct{}, 1), make(chan struct{}, 1)
	b.done, b.records = map[string]blockAction{}, map[string]blockRecord{}
}

// Blocked tells whether a thing is blocked. It is for each request: it takes no
// lock and makes nothing. Before Load has returned nil nobody is.
func (d *Desk) Blocked(thing string) bool {
	_, blocked := (*d.blocks.set.Load())[thing]
	return blocked
}

func (d *Desk) blockKey(thing string) string { return d.conf.Prefix + "blocks/" + thing + ".json" }

// Block implements Operations. Other replicas follow within Timing.Refresh.
func (d *Desk) Block(ctx context.Context, actor, thing, reason string) error {
	if err := d.check(Block, actor, thing); err != nil {
		return err
	}
	if err := checkReason(reason); err != nil {
		return err
	}
	r := BlockRecord{Thing: thing, Reason: reason, Actor: actor, At: d.conf.Now().UTC().Truncate(time.Second)}
	body, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("block %s: %w", thing, err)
	}
	entry := broker.Entry{Request: string(Block), Thing: thing, Actor: actor, Reason: reason}
	return d.actOnBlock(ctx, entry, &r, func(ctx context.Context) error {
		return d.conf.Files.Put(ctx, d.blockKey(thing), "application/json", body)
	})
}

// Unblock implements Operations. A thing that nobody knows may be unblocked.
func (d *Desk) Unblock(ctx context.Context, actor, thing string) error {
	if err := checkActor(actor); err != nil {
		return err
	}
	if !broker.ValidThing(thing) {
		return fmt.Errorf("%w: a thing's name is 1 to 128 letters, digits, ':', '_' and '-'", ErrNoSuchThing)
	}
	entry := broker.Entry{Request: "unblock", Thing: thing, Actor: actor}
	return d.actOnBlock(ctx, entry, nil, func(ctx context.Context) error {
		return d.conf.Files.Delete(ctx, d.blockKey(thing))
	})
}

// actOnBlock announces the entry, does it in the bucket, and then here. r is nil
// where a block ends.
func (d *Desk) actOnBlock(ctx context.Context, e broker.Entry, r *BlockRecord, do func(context.Context) error) error {
	ctx, cancel := d.call(ctx)
	defer cancel()
	b := &d.blocks
	select {
	case b.acting <- struct{}{}:
		defer func() { <-b.acting }()
	case <-ctx.Done():
		return fmt.Errorf("%s %s: the bucket is slow, nothing was done yet: %w", e.Request, e.Thing, ctx.Err())
	}
	if err := d.announce(e); err != nil {
		return err
	}
	if err := do(ctx); err != nil {
		return d.regret(e, fmt.Errorf("%s %s, which may come to be yet: %w", e.Request, e.Thing, err))
	}
	b.mu.Lock()
	b.number++
	b.done[e.Thing] = blockAction{b.number, r != nil}
	delete(b.records, e.Thing)
	if r != nil {
		b.records[e.Thing] = blockRecord{BlockRecord: *r}
	}
	set := maps.Clone(*b.set.Load())
	if delete(set, e.Thing); r != nil {
		set[e.Thing] = struct{}{}
	}
	changed := b.replace(set)
	b.mu.Unlock()
	d.tellBlocks(changed)
	return nil
}

// replace puts a new set in place, and returns who is no longer as before.
func (b *blocks) replace(set map[string]struct{}) (changed []string) {
	old := *b.set.Load()
	for thing := range old {
		if _, still := set[thing]; !still {
			changed = append(changed, thing)
		}
	}
	for thing := range set {
		if _, before := old[thing]; !before {
			changed = append(changed, thing)
		}
	}
	if len(changed) > 0 {
		b.set.Store(&set)
	}
	return changed
}

func (d *Desk) tellBlocks(changed []string) {
	const many = 50
	if d.conf.OnBlocks == nil {
		return
	}
	if len(changed) > many {
		changed = []string{""}
	}
	for _, thing := range changed {
		d.conf.OnBlocks(thing)
	}
}
