// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// watchEvery is how soon a change of a file is seen. A look costs about 2 µs per
// file; at most one request a second pays for it.
const watchEvery = time.Second

// watched is what files hold, read again when they change. What cannot be read
// leaves the old value in force, and is logged: an editor's slip must not lock
// everybody out.
type watched[T any] struct {
	paths []string
	read  func() (T, error)
	log   *slog.Logger
	now   func() time.Time

	current atomic.Pointer[T]
	due     atomic.Int64 // Unix nanoseconds
	mu      sync.Mutex
	seen    []fs.FileInfo
}

func watch[T any](log *slog.Logger, now func() time.Time, read func() (T, error), paths ...string) (*watched[T], error) {
	w := &watched[T]{paths: paths, read: read, log: log, now: now}
	seen, err := w.look() // before reading: a change in between is seen later
	if err != nil {
		return nil, err
	}
	value, err := read()
	if err != nil {
		return nil, err
	}
	w.seen = seen
	w.current.Store(&value)
	w.due.Store(now().Add(watchEvery).UnixNano())
	return w, nil
}

// get returns what the files held when last looked at.
func (w *watched[T]) get() T {
	if now := w.now(); now.UnixNano() >= w.due.Load() && w.mu.TryLock() {
		w.due.Store(now.Add(watchEvery).UnixNano())
		w.refresh()
		w.mu.Unlock()
	}
	return *w.current.Load()
}

func (w *watched[T]) refresh() {
	seen, err := w.look()
	if err == nil && same(w.seen, seen) {
		return
	}
	if err != nil {
		if len(w.seen) > 0 {
			w.log.Error("a file is gone; what it held stays in force", "files", w.paths, "err", err)
		}
		w.seen = nil // said once
		return
	}
	w.seen = seen
	value, err := w.read()
	if err != nil {
		w.log.Error("a changed file cannot be used; what it held before stays in force", "files", w.paths, "err", err)
		return
	}
	w.current.Store(&value)
	w.log.Info("a changed file is in force", "files", w.paths)
}

func (w *watched[T]) look() ([]fs.FileInfo, error) {
	var all []fs.FileInfo
	var errs []error
	for _, p := range w.paths {
		info, err := os.Stat(p)
		all, errs = append(all, info), append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return all, nil
}

func same(a, b []fs.FileInfo) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !os.SameFile(a[i], b[i]) || a[i].Size() != b[i].Size() || !a[i].ModTime().Equal(b[i].ModTime()) || a[i].Mode() != b[i].Mode() {
			return false
		}
	}
	return true
}
