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

const (
	blockLimit = 16 << 10 // bytes of a record
	readers    = 8        // calls of the bucket at a time
)

// Load returns when it is known who is blocked, which it asks until ctx ends. A
// broker that does not know that yet should not answer: it would let in who was
// shut out before it was started.
func (d *Desk) Load(ctx context.Context) error {
	for {
		err := d.Refresh(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it is not known which things are blocked: %w", err)
		case <-time.After(min(d.conf.Timing.Refresh, time.Second)):
		}
	}
}

// followBlocks refreshes until ctx ends.
func (d *Desk) followBlocks(ctx context.Context) {
	tick := time.NewTicker(d.conf.Timing.Refresh)
	defer tick.Stop()
	for {
		_ = d.Refresh(ctx) // the trouble is told there
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Refresh looks once at who is blocked. After an error all is as it was.
func (d *Desk) Refresh(ctx context.Context) error {
	ctx, cancel := d.call(ctx)
	defer cancel()
	b := &d.blocks
	select {
	case b.reading <- struct{}{}:
		defer func() { <-b.reading }()
	case <-ctx.Done():
		return fmt.Errorf("read the blocks: %w", ctx.Err())
	}
	b.mu.Lock()
	began := b.number
	b.mu.Unlock()
	listed, err := d.listBlocks(ctx)
	var changed []string
	b.mu.Lock()
	before := b.trouble
	if b.trouble = err; err == nil {
		changed = b.take(listed, began)
	}
	b.mu.Unlock()
	d.logTrouble("blocks of other replicas are not known, the last state stays", before, err)
	d.tellBlocks(changed)
	return err
}

// take makes a listing the state, but for what was done since it began.
func (b *blocks) take(listed map[string]fleet.Object, began uint64) (changed []string) {
	set := make(map[string]struct{}, len(listed))
	for thing := range listed {
		set[thing] = struct{}{}
	}
	for thing, action := range b.done {
		switch {
		case action.number <= began:
			delete(b.done, thing)
		case action.block:
			set[thing] = struct{}{}
		default:
			delete(set, thing)
		}
	}
	b.listed, b.read = listed, true
	maps.DeleteFunc(b.records, func(thing string, _ blockRecord) bool { _, in := set[thing]; return !in })
	return b.replace(set)
}

// listBlocks returns the objects by thing. Other objects among them are of
// nobody's making, and mean nothing.
func (d *Desk) listBlocks(ctx context.Context) (map[string]fleet.Object, error) {
	out := map[string]fleet.Object{}
	folder := d.conf.Prefix + "blocks/"
	err := d.list(ctx, fleet.List{Prefix: folder}, func(page fleet.Listing) {
		for _, o := range page.Objects {
			thing, found := strings.CutSuffix(strings.TrimPrefix(o.Key, folder), ".json")
			if found && broker.ValidThing(thing) {
				out[thing] = o
			}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("read the blocks: %w", err)
	}
	return out, nil
}

// Blocks implements Operations: ordered by name, as of the last refresh. Records
// are read where they are not known yet.
func (d *Desk) Blocks(ctx context.Context) ([]BlockRecord, error) {
	b := &d.blocks
	b.mu.Lock()
	read := b.read
	b.mu.Unlock()
	if !read {
		if err := d.Refresh(ctx); err != nil {
			return nil, err
		}
	}
	out, missing := b.known()
	var mu sync.Mutex
	err := each(ctx, missing, func(ctx context.Context, o fleet.Object) error {
		r, err := d.readBlock(ctx, o)
		if errors.Is(err, fleet.ErrNotFound) {
			return nil // it ended meanwhile
		}
		if err == nil {
			mu.Lock()
			out = append(out, r)
			mu.Unlock()
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read who is blocked: %w", err)
	}
	slices.SortFunc(out, func(a, b BlockRecord) int { return strings.Compare(a.Thing, b.Thing) })
	return out, nil
}

// known returns the records that are up to date, and the objects of the others.
func (b *blocks) known() (records []BlockRecord, missing []fleet.Object) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for thing := range *b.set.Load() {
		r, have := b.records[thing]
		o, listed := b.listed[thing]
		_, fresh := b.done[thing]
		switch v := version(o); {
		case have && (fresh || !listed || v != "" && v == r.version):
			records = append(records, r.BlockRecord)
		case listed:
			missing = append(missing, o)
		default:
			records = append(records, BlockRecord{Thing: thing})
		}
	}
	return records, missing
}

// readBlock reads a record, and keeps it. One that makes no sense blocks none the
// less: the key says whom.
func (d *Desk) readBlock(ctx context.Context, o fleet.Object) (BlockRecord, error) {
	ctx, cancel := d.call(ctx)
	defer cancel()
	thing := strings.TrimSuffix(strings.TrimPrefix(o.Key, d.conf.Prefix+"blocks/"), ".json")
	var text []byte
	if o.Size <= blockLimit {
		var err error
		if text, err = d.conf.Files.Get(ctx, o.Key, blockLimit); err != nil {
			return BlockRecord{}, err
		}
	}
	r := parseBlock(text, thing)
	d.blocks.mu.Lock()
	defer d.blocks.mu.Unlock()
	if _, fresh := d.blocks.done[thing]; !fresh && d.blocks.listed[thing].Key == o.Key {
		d.blocks.records[thing] = blockRecord{r, version(o)}
	}
	return r, nil
}

func parseBlock(text []byte, thing string) BlockRecord {
	var r BlockRecord
	if err := json.Unmarshal(text, &r); err != nil || checkReason(r.Reason) != nil || checkActor(r.Actor) != nil {
		return BlockRecord{Thing: thing, Reason: "the record of this block is damaged"}
	}
	r.Thing = thing
	return r
}

func (b *blocks) troubles() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.trouble != nil && !b.read:
		return []string{"it is not known which things are blocked: " + b.trouble.Error()}
	case b.trouble != nil:
		return []string{"blocks of other replicas are not known: " + b.trouble.Error()}
	}
	return nil
}
