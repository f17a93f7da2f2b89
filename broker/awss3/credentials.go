// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"thingpass/broker/presign"
)

const (
	urgentTimeout = 10 * time.Second // there is nothing to go on with
	earlyTimeout  = 3 * time.Second  // one request waits meanwhile
	urgentPause   = 2 * time.Second  // between two failures
	refreshPause  = 30 * time.Second // between two refreshes that are not urgent
	refreshMargin = time.Minute      // beyond the longest grant
)

// credentialCache hands out credentials with enough life for a grant.
//
// aws.CredentialsCache has an expiry window for that, but it asks again for
// every single request as long as the source has nothing fresher (an instance
// role is renewed some minutes before its end, not hours), and it hides the true
// end, which is the end of the grant. Here one caller at a time refreshes, ahead
// of need and with pauses; the others go on with what is there.
type credentialCache struct {
	source aws.CredentialsProvider
	file   *watchedFile  // that source reads; nil: it reads none
	lead   time.Duration // wanted life
	log    *slog.Logger
	clock  clock

	held atomic.Pointer[heldCredentials]
	turn chan struct{} // holds one token: whoever has it may refresh

	failure error // of the last urgent refresh; for whoever has the turn
	again   moment
}

type heldCredentials struct {
	aws.Credentials
	ends    moment // of their use for signing, if they CanExpire
	refresh moment // when to ask for fresher ones, if they CanExpire
}

func newCredentialCache(source aws.CredentialsProvider, grantTTL time.Duration, log *slog.Logger) *credentialCache {
	c := &credentialCache{source: source, lead: grantTTL + refreshMargin, log: log, clock: newClock(), turn: make(chan struct{}, 1)}
	if file, ok := source.(AccessKeyFile); ok {
		c.file = &watchedFile{path: string(file)}
	}
	c.turn <- struct{}{}
	return c
}

// Retrieve returns credentials that can sign now. Their Expires is the true one.
func (c *credentialCache) Retrieve(ctx context.Context) (aws.Credentials, error) {
	held, now := c.held.Load(), c.clock.now()
	if !held.usable(now) {
		return c.refreshNow(ctx)
	}
	if held.due(now) || c.file.changed(now.up) {
		select {
		case <-c.turn:
			defer func() { c.turn <- struct{}{} }()
			return c.refreshEarly(ctx), nil
		default: // somebody else is at it
		}
	}
	return held.Credentials, nil
}

// refreshNow waits for credentials: there are none to go on with.
func (c *credentialCache) refreshNow(ctx context.Context) (aws.Credentials, error) {
	select {
	case <-c.turn:
		defer func() { c.turn <- struct{}{} }()
	case <-ctx.Done():
		return aws.Credentials{}, fmt.Errorf("wait for credentials: %w", ctx.Err())
	}
	now := c.clock.now()
	if held := c.held.Load(); held.usable(now) {
		return held.Credentials, nil
	}
	if c.failure != nil && now.up < c.again.up {
		return aws.Credentials{}, c.failure
	}
	fresh, err := c.fetch(ctx, urgentTimeout)
	held := c.plan(fresh)
	if err == nil && !held.usable(c.clock.now()) {
		err = fmt.Errorf("%w (they end %s, and our clock says %s: is it right?)", presign.ErrExpiring,
			fresh.Expires.UTC().Format(time.RFC3339), c.clock.wall().UTC().Format(time.RFC3339))
	}
	if err != nil {
		c.failure, c.again = fmt.Errorf("fetch credentials: %w", err), c.clock.now().add(urgentPause)
		return aws.Credentials{}, c.failure
	}
	c.failure = nil
	c.held.Store(held)
	return fresh, nil
}

// refreshEarly returns fresher credentials, or those that are held. The caller
// has the turn.
func (c *credentialCache) refreshEarly(ctx context.Context) aws.Credentials {
	held, now := c.held.Load(), c.clock.now()
	changed := c.file.takeChange()
	if !held.due(now) && !changed {
		return held.Credentials
	}
	fresh, err := c.fetch(ctx, earlyTimeout)
	planned := c.plan(fresh)
	if err == nil && !planned.usable(c.clock.now()) {
		err = fmt.Errorf("the fresh ones end %s already", fresh.Expires.UTC().Format(time.RFC3339))
	}
	if err == nil && (changed || lastsLonger(fresh, held.Credentials)) {
		c.held.Store(planned)
		return fresh
	}
	if err != nil {
		c.log.Warn("credentials not refreshed, going on with the old ones", "expires", held.Expires, "error", err)
	}
	later := *held
	later.refresh = c.clock.now().add(refreshPause)
	c.held.Store(&later)
	return held.Credentials
}

// fetch does not end with the request that happens to need it first: others wait
// for the same answer.
func (c *credentialCache) fetch(ctx context.Context, timeout time.Duration) (aws.Credentials, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	if cache, ok := c.source.(interface{ Invalidate() }); ok {
		cache.Invalidate() // the SDK's own cache would hand out the old ones to their last second
	}
	was := c.file.stat()
	fresh, err := c.source.Retrieve(ctx)
	if err == nil {
		c.file.seen(was)
	}
	return fresh, err
}

// plan says how long fresh credentials are of use, and when to ask for the next:
// lead before the end, but not in the first half of a short life.
func (c *credentialCache) plan(fresh aws.Credentials) *heldCredentials {
	held := &heldCredentials{Credentials: fresh}
	if fresh.CanExpire {
		now := c.clock.now()
		life := fresh.Expires.Sub(now.wall)
		held.ends = now.add(life - presign.MinRemaining)
		held.refresh = now.add(max(life-min(c.lead, life/2), refreshPause))
	}
	return held
}

func (h *heldCredentials) usable(now moment) bool {
	return h != nil && (!h.CanExpire || !h.ends.before(now))
}

func (h *heldCredentials) due(now moment) bool {
	return h.CanExpire && h.refresh.reached(now)
}

func lastsLonger(a, b aws.Credentials) bool {
	return !a.CanExpire || b.CanExpire && a.Expires.After(b.Expires)
}
