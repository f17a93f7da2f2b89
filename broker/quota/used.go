// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package quota

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"

	"thingpass/broker"
)

// Used returns what has been counted of c's thing, kind and unit in the window of
// c.Now, and counts nothing. Of a Memory it is what this broker has counted.
func (m *Memory) Used(_ context.Context, c broker.Charge) (int64, error) {
	s := &m.shards[m.shard(c.Thing)]
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[owner{c.Thing, c.Kind}]
	if e == nil {
		return 0, nil
	}
	n := e.counts[c.Unit]
	if window, _ := c.Unit.Window(c.Now); n.window != window {
		return 0, nil
	}
	return n.used, nil
}

// Used returns what all brokers together have counted. The error wraps ErrAway: to
// look is never worth a wait for a Redis that is away.
func (r *Redis) Used(ctx context.Context, c broker.Charge) (int64, error) {
	if !r.circuit.enter() {
		return 0, ErrAway
	}
	asking, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	used, err := r.client.HGet(asking, r.keys(c)[0], "used").Int64()
	if errors.Is(err, redis.Nil) {
		used, err = 0, nil
	}
	if err != nil && ctx.Err() != nil {
		return 0, errors.Join(ErrAway, ctx.Err())
	}
	r.circuit.leave(err)
	if err != nil {
		return 0, errors.Join(ErrAway, err)
	}
	return used, nil
}
