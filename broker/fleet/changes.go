// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"sync"
)

// changesKept bounds how many things a slow reader is told of by name.
const changesKept = 256

// listeners are told of changes.
type listeners struct {
	mu   sync.Mutex
	list map[*listener]struct{}
}

// listener gathers what its reader has not asked for yet.
type listener struct {
	mu    sync.Mutex
	photo map[string]bool // by thing: whether there is a newer image
	many  bool
	wake  chan struct{} // of size 1
}

func (l *listeners) tell(changes ...Change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for one := range l.list {
		one.add(changes)
	}
}

func (l *listener) add(changes []Change) {
	l.mu.Lock()
	for _, c := range changes {
		_, known := l.photo[c.Thing]
		if c.Thing == "" || !known && len(l.photo) == changesKept {
			l.many = true
			clear(l.photo)
		}
		if !l.many {
			l.photo[c.Thing] = l.photo[c.Thing] || c.Photo
		}
	}
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// take returns what is new, and forgets it.
func (l *listener) take() (changes []Change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.many {
		changes = append(changes, Change{Photo: true})
	}
	for thing, photo := range l.photo {
		changes = append(changes, Change{Thing: thing, Photo: photo})
	}
	l.many = false
	clear(l.photo)
	return changes
}

// Changes implements Reader.
func (f *Fleet) Changes(ctx context.Context) <-chan Change {
	l := &listener{photo: make(map[string]bool), wake: make(chan struct{}, 1)}
	f.listeners.mu.Lock()
	if f.listeners.list == nil {
		f.listeners.list = make(map[*listener]struct{})
	}
	f.listeners.list[l] = struct{}{}
	f.listeners.mu.Unlock()
	out := make(chan Change)
	go func() {
		defer close(out)
		l.run(ctx, out)
		f.listeners.mu.Lock()
		defer f.listeners.mu.Unlock()
		delete(f.listeners.list, l)
	}()
	return out
}

func (l *listener) run(ctx context.Context, out chan<- Change) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.wake:
		}
		for _, c := range l.take() {
			select {
			case <-ctx.Done():
				return
			case out <- c:
			}
		}
	}
}
