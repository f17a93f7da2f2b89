// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package thumbs

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// picture is a thumbnail, or why there is none.
type picture struct {
	jpeg []byte
	err  error
}

// A cache keeps the pictures that were asked for last, so many bytes of them.
type cache struct {
	most int

	mu    sync.Mutex
	used  int
	order list.List // of *cached, the latest first
	byKey map[string]*list.Element
}

type cached struct {
	key string
	picture
	until time.Time // zero: always
}

func newCache(most int) *cache { return &cache{most: most, byKey: map[string]*list.Element{}} }

func (c *cache) get(key string) (picture, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byKey[key]
	if !ok {
		return picture{}, false
	}
	p := e.Value.(*cached)
	if !p.until.IsZero() && time.Now().After(p.until) {
		c.remove(e)
		return picture{}, false
	}
	c.order.MoveToFront(e)
	return p.picture, true
}

// put keeps a picture for so long; 0: as long as there is room.
func (c *cache) put(key string, p picture, keep time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.byKey[key]; ok {
		c.remove(e)
	}
	entry := &cached{key: key, picture: p}
	if keep > 0 {
		entry.until = time.Now().Add(keep)
	}
	c.byKey[key] = c.order.PushFront(entry)
	for c.used += entry.size(); c.used > c.most; {
		c.remove(c.order.Back())
	}
}

func (c *cache) remove(e *list.Element) {
	p := c.order.Remove(e).(*cached)
	delete(c.byKey, p.key)
	c.used -= p.size()
}

// size is what an entry takes, roughly.
func (c *cached) size() int { return len(c.key) + len(c.jpeg) + 200 }

// flights has callers that ask for the same picture at the same time share the work.
type flights struct {
	most int

	mu    sync.Mutex
	byKey map[string]*flight
}

type flight struct {
	done chan struct{}
	picture
}

// do returns what work returns, which runs once for all who ask meanwhile, and goes
// on when they are gone.
func (f *flights) do(ctx context.Context, key string, work func() ([]byte, error)) ([]byte, error) {
	f.mu.Lock()
	this, ok := f.byKey[key]
	if !ok && len(f.byKey) >= f.most {
		f.mu.Unlock()
		return nil, errBusy
	}
	if !ok {
		if f.byKey == nil {
			f.byKey = map[string]*flight{}
		}
		this = &flight{done: make(chan struct{})}
		f.byKey[key] = this
		go func() {
			this.jpeg, this.err = work()
			f.mu.Lock()
			delete(f.byKey, key)
			f.mu.Unlock()
			close(this.done)
		}()
	}
	f.mu.Unlock()
	select {
	case <-this.done:
		return this.jpeg, this.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
