// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package operate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"thingpass/broker/fleet"
)

// lease is the right to pace campaigns, which one replica has at a time.
//
// It is an object with a number. Who makes the next number first has it, and
// writes its object again and again. A replica that has seen the newest object not
// change for Timing.Lease, by its own clock, makes the next. So no two clocks are
// compared, and a holder that comes back from a long sleep sees a greater number.
// For a moment two may believe that they have it: things are then told twice, which
// does no harm.
type lease struct {
	replica string

	number  uint64    // that we have; 0: none
	renewed time.Time // when our last writing began
	looked  time.Time

	top   uint64    // the newest that we saw
	text  string    // what it said
	since time.Time // when we first saw it say so
}

const (
	leaseLimit  = 4 << 10
	leaseDigits = 16
)

type storedLease struct {
	Replica  string `json:"replica"`
	Renewed  uint64 `json:"renewed"` // differs each time
	Released bool   `json:"released,omitempty"`
}

func (d *Desk) leaseFolder() string { return d.conf.Prefix + "lease/" }

func (d *Desk) leaseKey(number uint64) string {
	return fmt.Sprintf("%s%0*d.json", d.leaseFolder(), leaseDigits, number)
}

// leads tells whether the lease is ours, with some time to spare.
func (d *Desk) leads(now time.Time) bool {
	l := &d.campaigns.lease
	return l.number != 0 && now.Sub(l.renewed) < d.conf.Timing.Lease*2/3
}

// lead keeps the lease, or takes it if it is free.
func (d *Desk) lead(ctx context.Context) error {
	l := &d.campaigns.lease
	now := d.conf.Now()
	if !l.looked.IsZero() && now.Sub(l.looked) < d.conf.Timing.Lease/3 {
		return nil
	}
	ctx, cancel := d.call(ctx)
	defer cancel()
	numbers, err := d.leases(ctx)
	if err != nil {
		return fmt.Errorf("who paces campaigns: %w", err)
	}
	l.looked = now
	top := uint64(0)
	if len(numbers) > 0 {
		top = numbers[len(numbers)-1]
	}
	if l.number != 0 && l.number == top {
		return d.renew(ctx, now)
	}
	l.number = 0
	free, err := d.free(ctx, top, now)
	if err != nil || !free {
		return err
	}
	return d.take(ctx, top+1, now, numbers)
}

// leases returns the numbers that there are, in order.
func (d *Desk) leases(ctx context.Context) (numbers []uint64, err error) {
	err = d.list(ctx, fleet.List{Prefix: d.leaseFolder()}, func(page fleet.Listing) {
		for _, o := range page.Objects {
			digits := strings.TrimSuffix(strings.TrimPrefix(o.Key, d.leaseFolder()), ".json")
			if n, err := strconv.ParseUint(digits, 10, 53); err == nil && n > 0 && o.Key == d.leaseKey(n) {
				numbers = append(numbers, n)
			}
		}
	})
	slices.Sort(numbers)
	return numbers, err
}

// free tells whether the newest lease has ended, or is ours: a writing that seemed
// to have failed may have come to be.
func (d *Desk) free(ctx context.Context, top uint64, now time.Time) (bool, error) {
	l := &d.campaigns.lease
	if top == 0 {
		return true, nil
	}
	text, err := d.conf.Files.Get(ctx, d.leaseKey(top), leaseLimit)
	if errors.Is(err, fleet.ErrNotFound) {
		return false, nil // a newer one was made just now
	}
	if err != nil {
		return false, fmt.Errorf("who paces campaigns: %w", err)
	}
	var s storedLease
	understood := json.Unmarshal(text, &s) == nil
	if understood && (s.Released || s.Replica == l.replica) {
		return true, nil
	}
	if l.top != top || l.text != string(text) {
		l.top, l.text, l.since = top, string(text), now
	}
	return now.Sub(l.since) >= d.conf.Timing.Lease, nil
}

func (d *Desk) take(ctx context.Context, number uint64, now time.Time, older []uint64) error {
	l := &d.campaigns.lease
	body, err := json.Marshal(storedLease{Replica: l.replica, Renewed: uint64(now.UnixNano())})
	if err != nil {
		return err
	}
	err = d.conf.Files.PutNew(ctx, d.leaseKey(number), "application/json", body)
	if errors.Is(err, fleet.ErrExists) {
		return nil // another was quicker
	}
	if err != nil {
		return fmt.Errorf("take over the pacing of campaigns: %w", err)
	}
	l.number, l.renewed = number, now
	d.conf.Log.Info("this replica paces campaigns now", "lease", number)
	for _, n := range older {
		if err := d.conf.Files.Delete(ctx, d.leaseKey(n)); err != nil {
			return fmt.Errorf("delete an old lease: %w", err)
		}
	}
	return nil
}

func (d *Desk) renew(ctx context.Context, now time.Time) error {
	if err := d.writeLease(ctx, now, false); err != nil {
		return fmt.Errorf("keep the pacing of campaigns: %w", err)
	}
	d.campaigns.lease.renewed = now
	return nil
}

// release lets another replica go on at once.
func (d *Desk) release(ctx context.Context) error {
	if d.campaigns.lease.number == 0 {
		return nil
	}
	err := d.writeLease(ctx, d.conf.Now(), true)
	d.campaigns.lease.number = 0
	return err
}

func (d *Desk) writeLease(ctx context.Context, now time.Time, released bool) error {
	l := &d.campaigns.lease
	ctx, cancel := d.call(ctx)
	defer cancel()
	body, err := json.Marshal(storedLease{Replica: l.replica, Renewed: uint64(now.UnixNano()), Released: released})
	if err != nil {
		return err
	}
	return d.conf.Files.Put(ctx, d.leaseKey(l.number), "application/json", body)
}
