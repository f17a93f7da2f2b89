// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn

import (
	"context"
	"sync"
	"time"
)

// A limited is a context with a deadline that sets no timer before somebody asks
// for its end: most requests are answered without waiting for anything.
type limited struct {
	context.Context // the parent
	deadline        time.Time

	mu     sync.Mutex
	real   context.Context // nil until it is needed
	cancel context.CancelFunc
	over   bool
}

func newLimited(parent context.Context, limit time.Duration) *limited {
	return &limited{Context: parent, deadline: time.Now().Add(limit)}
}

func (l *limited) Deadline() (time.Time, bool) { return l.deadline, true }

func (l *limited) Done() <-chan struct{} { return l.get().Done() }

// Value is the real context's where there is one: with it the context package
// finds out that a child need not have a goroutine of its own.
func (l *limited) Value(key any) any {
	l.mu.Lock()
	real := l.real
	l.mu.Unlock()
	if real == nil {
		return l.Context.Value(key)
	}
	return real.Value(key)
}

func (l *limited) Err() error { return l.get().Err() }

func (l *limited) get() context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.real == nil {
		l.real, l.cancel = context.WithDeadline(l.Context, l.deadline)
		if l.over {
			l.cancel()
		}
	}
	return l.real
}

// end releases what the context has, and cancels it.
func (l *limited) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	if l.cancel != nil {
		l.cancel()
	}
}
