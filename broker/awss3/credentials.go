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
	lead   time.Duration // wanted life
	log    *slog.Logger

	held atomic.Pointer[heldCredentials]
	turn chan struct{} // holds one token: whoever has it may refresh

	failure error // of the last urgent refresh; for whoever has the turn
	failed  time.Time
}

type heldCredentials struct {
	aws.Credentials
	refresh time.Time // when to ask for fresher ones; zero: never
}

func newCredentialCache(source aws.CredentialsProvider, grantTTL time.Duration, log *slog.Logger) *credentialCache {
	c := &credentialCache{source: source, lead: grantTTL + refreshMargin, log: log, turn: make(chan struct{}, 1)}
	c.turn <- struct{}{}
	return c
}

// Retrieve returns credentials that can sign now. Their Expires is the true one.
func (c *credentialCache) Retrieve(ctx context.Context) (aws.Credentials, error) {
	held := c.held.Load()
	if !held.usable(time.Now()) {
		return c.refreshNow(ctx)
	}
	if held.due(time.Now()) {
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
	if held := c.held.Load(); held.usable(time.Now()) {
		return held.Credentials, nil
	}
	if c.failure != nil && time.Since(c.failed) < urgentPause {
		return aws.Credentials{}, c.failure
	}
	fresh, err := c.fetch(ctx, urgentTimeout)
	if err != nil {
		c.failure, c.failed = fmt.Errorf("fetch credentials: %w", err), time.Now()
		return aws.Credentials{}, c.failure
	}
	c.failure = nil
	c.keep(fresh)
	return fresh, nil
}

// refreshEarly returns fresher credentials, or those that are held. The caller
// has the turn.
func (c *credentialCache) refreshEarly(ctx context.Context) aws.Credentials {
	held := c.held.Load()
	if !held.due(time.Now()) {
		return held.Credentials
	}
	fresh, err := c.fetch(ctx, earlyTimeout)
	if err != nil || !lastsLonger(fresh, held.Credentials) {
		if err != nil {
			c.log.Warn("credentials not refreshed, going on with the old ones", "expires", held.Expires, "error", err)
		}
		c.held.Store(&heldCredentials{held.Credentials, time.Now().Add(refreshPause)})
		return held.Credentials
	}
	c.keep(fresh)
	return fresh
}

// fetch does not end with the request that happens to need it first: others wait
// for the same answer.
func (c *credentialCache) fetch(ctx context.Context, timeout time.Duration) (aws.Credentials, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	if cache, ok := c.source.(interface{ Invalidate() }); ok {
		cache.Invalidate() // the SDK's own cache would hand out the old ones to their last second
	}
	return c.source.Retrieve(ctx)
}

// keep plans the next refresh: lead before the end, but not in the first half of
// a short life.
func (c *credentialCache) keep(fresh aws.Credentials) {
	held := &heldCredentials{Credentials: fresh}
	if fresh.CanExpire {
		life := time.Until(fresh.Expires)
		held.refresh = time.Now().Add(max(life-min(c.lead, life/2), refreshPause))
	}
	c.held.Store(held)
}

func (h *heldCredentials) usable(now time.Time) bool {
	return h != nil && (!h.CanExpire || h.Expires.Sub(now) >= presign.MinRemaining)
}

func (h *heldCredentials) due(now time.Time) bool {
	return h.CanExpire && !now.Before(h.refresh)
}

func lastsLonger(a, b aws.Credentials) bool {
	return !a.CanExpire || b.CanExpire && a.Expires.After(b.Expires)
}
