// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package fleettest has a bucket in memory for tests: it can be slow, refuse, tear
// what is put into it, and pretend to have a million objects.
package fleettest

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"thingpass/broker/fleet"
)

// Op is a method of fleet.Files.
type Op string

// The methods.
const (
	OpGet    Op = "get"
	OpPut    Op = "put"
	OpPutNew Op = "put-new"
	OpDelete Op = "delete"
	OpList   Op = "list"
)

// Memory is a fleet.Files in memory. The zero value is an empty bucket.
type Memory struct {
	mu      sync.Mutex
	keys    []string // in order
	objects map[string]stored
	sim     Simulated
	now     func() time.Time
	delay   time.Duration
	before  func(Op, string) error
	after   func(Op, string) error
	calls   map[Op]int
}

type stored struct {
	fleet.Object
	body []byte
}

var _ fleet.Files = (*Memory)(nil)

// NewMemory returns an empty bucket.
func NewMemory() *Memory { return new(Memory) }

// Simulate adds objects that are made up when they are asked for. They cannot be
// deleted.
func (m *Memory) Simulate(s Simulated) *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sim = s
	return m
}

// SetClock sets where the times of what is stored come from; nil: time.Now.
func (m *Memory) SetClock(now func() time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = now
}

// SetDelay makes each call take as long, or until its context ends.
func (m *Memory) SetDelay(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.delay = d
}

// FailBefore makes calls fail where f returns an error, without having done
// anything; nil: none. The key of OpList is its prefix.
func (m *Memory) FailBefore(f func(Op, string) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.before = f
}

// FailAfter makes calls fail that have done their work, as if the answer had been
// lost; nil: none.
func (m *Memory) FailAfter(f func(Op, string) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.after = f
}

// Calls returns how often a method was called, also in vain.
func (m *Memory) Calls(op Op) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls[op]
}

// Keys returns the keys below a prefix, without simulated ones.
func (m *Memory) Keys(prefix string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []string
	for _, key := range m.keys {
		if strings.HasPrefix(key, prefix) {
			found = append(found, key)
		}
	}
	return found
}

// Add stores an object as a thing would: at a time, with the body, overwriting
// what was there.
func (m *Memory) Add(key, contentType string, body []byte, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.store(key, contentType, body, at)
}

// Get implements fleet.Files.
func (m *Memory) Get(ctx context.Context, key string, limit int64) (body []byte, err error) {
	err = m.call(ctx, OpGet, key, func() error {
		o, found := m.objects[key]
		if !found {
			if o, found = m.sim.get(key); !found {
				return fmt.Errorf("get %q: %w", key, fleet.ErrNotFound)
			}
		}
		if int64(len(o.body)) > limit {
			return fmt.Errorf("get %q: it has %d bytes, more than %d: %w", key, len(o.body), limit, fleet.ErrTooLarge)
		}
		body = slices.Clone(o.body)
		return nil
	})
	return body, err
}

// Put implements fleet.Files.
func (m *Memory) Put(ctx context.Context, key, contentType string, body []byte) error {
	return m.call(ctx, OpPut, key, func() error {
		m.store(key, contentType, body, m.time())
		return nil
	})
}

// PutNew implements fleet.Files.
func (m *Memory) PutNew(ctx context.Context, key, contentType string, body []byte) error {
	return m.call(ctx, OpPutNew, key, func() error {
		if _, found := m.objects[key]; found {
			return fmt.Errorf("put %q: %w", key, fleet.ErrExists)
		}
		m.store(key, contentType, body, m.time())
		return nil
	})
}

// Delete implements fleet.Files.
func (m *Memory) Delete(ctx context.Context, key string) error {
	return m.call(ctx, OpDelete, key, func() error {
		if at, found := slices.BinarySearch(m.keys, key); found {
			m.keys = slices.Delete(m.keys, at, at+1)
			delete(m.objects, key)
		}
		return nil
	})
}

// call runs a method between what makes it slow and what makes it fail.
func (m *Memory) call(ctx context.Context, op Op, key string, do func() error) error {
	m.mu.Lock()
	if m.calls == nil {
		m.calls = make(map[Op]int)
	}
	m.calls[op]++
	delay, before, after := m.delay, m.before, m.after
	m.mu.Unlock()
	if delay > 0 {
		select {
		case <-ctx.Done():
		case <-time.After(delay):
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s %q: %w", op, key, err)
	}
	if before != nil {
		if err := before(op, key); err != nil {
			return err
		}
	}
	m.mu.Lock()
	err := do()
	m.mu.Unlock()
	if err == nil && after != nil {
		err = after(op, key)
	}
	return err
}

func (m *Memory) time() time.Time {
	if m.now != nil {
		return m.now()
	}
	return time.Now()
}

func (m *Memory) store(key, contentType string, body []byte, at time.Time) {
	if m.objects == nil {
		m.objects = make(map[string]stored)
	}
	if at, found := slices.BinarySearch(m.keys, key); !found {
		m.keys = slices.Insert(m.keys, at, key)
	}
	sum := md5.Sum(body)
	m.objects[key] = stored{body: slices.Clone(body), Object: fleet.Object{Key: key, Size: int64(len(body)), Stored: at.UTC(),
		ContentType: contentType, ETag: `"` + hex.EncodeToString(sum[:]) + `"`}}
}
