// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package quota

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

// ErrAway is in every error of a Redis that could not be asked.
var ErrAway = errors.New("the quota's Redis cannot be asked")

// pause is the time between two questions to a Redis that failed.
const pause = time.Second

// A circuit keeps requests from waiting for a Redis that is away. It measures
// time by a clock that nobody sets.
type circuit struct {
	allow    atomic.Bool
	failures atomic.Int64
	again    atomic.Int64 // when it may be asked again, since began; 0 while it answers
	began    time.Time
	log      *slog.Logger
}

func newCircuit(log *slog.Logger, address string) *circuit {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &circuit{began: time.Now(), log: log.With("redis", address)}
}

// enter reports whether Redis may be asked: always while it answers, otherwise by
// one request in each pause.
func (c *circuit) enter() bool {
	again, now := c.again.Load(), int64(time.Since(c.began))
	return again == 0 || now >= again && c.again.CompareAndSwap(again, now+int64(pause))
}

// leave notes how it went.
func (c *circuit) leave(err error) {
	if err == nil {
		if c.again.Load() != 0 && c.again.Swap(0) != 0 {
			c.log.Warn("the quota's Redis answers again", "decisions_without_it", c.failures.Load())
		}
		return
	}
	if c.again.Swap(int64(time.Since(c.began)+pause)) == 0 {
		c.log.Error("the quota's Redis cannot be asked; until it can: "+c.policy(), "err", explain(err))
	}
}

func (c *circuit) policy() string {
	if c.allow.Load() {
		return "requests are allowed and not counted (on_failure: allow)"
	}
	return "requests are refused as unavailable (on_failure: refuse)"
}

// decide is the decision without Redis: nil allows.
func (c *circuit) decide(cause error) error {
	c.failures.Add(1)
	switch {
	case c.allow.Load():
		return nil
	case cause == nil:
		return ErrAway
	}
	return fmt.Errorf("%w: %w", ErrAway, cause)
}
