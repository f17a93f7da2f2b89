// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package operate

import (
	"context"
	"fmt"

	"thingpass/broker"
)

// Capture implements Operations. A thing that is away gets the command late, and
// ignores it then: nobody waits for that photo any more.
func (d *Desk) Capture(ctx context.Context, actor, thing string) (id string, err error) {
	if err := d.check(Capture, actor, thing); err != nil {
		return "", err
	}
	id = newID("c")
	message, err := d.conf.Command(thing, Command{ID: id, Command: broker.CommandCapture, ExpiresAt: d.conf.Now().Add(d.conf.Timing.Capture)})
	if err != nil {
		return "", fmt.Errorf("ask %s for a photo: %w", thing, err)
	}
	entry := broker.Entry{Request: broker.CommandCapture, Thing: thing, ID: id, Actor: actor}
	if err := d.announce(entry); err != nil {
		return "", err
	}
	ctx, cancel := d.call(ctx)
	defer cancel()
	if err := d.conf.Publish(ctx, message); err != nil {
		return "", d.regret(entry, fmt.Errorf("ask %s for a photo: %w", thing, err))
	}
	return id, nil
}

// Revoke implements Operations. A session that is open may stay open for a while:
// to end what the thing can do now, block it as well.
func (d *Desk) Revoke(ctx context.Context, actor, thing string) (int, error) {
	if err := d.check(Revoke, actor, thing); err != nil {
		return 0, err
	}
	entry := broker.Entry{Request: string(Revoke), Thing: thing, Actor: actor}
	if err := d.announce(entry); err != nil {
		return 0, err
	}
	n, err := d.conf.Revoker.Revoke(ctx, thing)
	if err != nil {
		return n, d.regret(entry, fmt.Errorf("revoke the certificates of %s (%d are): %w", thing, n, err))
	}
	return n, nil
}
