// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"sync"
	"time"
)

// recent remembers things for a while, in bounded room: when it is full, the oldest
// half is forgotten.
type recent struct {
	now      func() time.Time
	mu       sync.Mutex
	new, old map[string]time.Time // until when
}

const maxRecent = 8192 // in each half

func newRecent(now func() time.Time) *recent {
	return &recent{now: now, new: map[string]time.Time{}, old: map[string]time.Time{}}
}

// add returns false if key was there.
func (r *recent) add(key string, d time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.in(key) {
		return false
	}
	if len(r.new) >= maxRecent {
		r.old, r.new = r.new, map[string]time.Time{}
	}
	r.new[key] = r.now().Add(d)
	return true
}

func (r *recent) has(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.in(key)
}

func (r *recent) remove(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.new, key)
	delete(r.old, key)
}

func (r *recent) in(key string) bool {
	now := r.now()
	return now.Before(r.new[key]) || now.Before(r.old[key])
}
