// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3

import (
	"io/fs"
	"os"
	"sync"
	"time"
)

const (
	watchPause = time.Second     // between two looks at the file
	watchAfter = 5 * time.Second // after a change that was of no use: it may be half written
)

// A watchedFile tells when an access key file was replaced or rewritten. It looks
// when credentials are wanted, once a second at most. A nil watchedFile never
// changes.
type watchedFile struct {
	path string

	mu    sync.Mutex
	next  time.Duration // when to look again, by clock.up
	known fs.FileInfo   // of what was read last; nil: nothing was
	fresh bool          // there is something new, which nobody has taken
}

// changed reports whether there is something new.
func (w *watchedFile) changed(up time.Duration) bool {
	if w == nil {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if up < w.next || w.known == nil {
		return w.fresh
	}
	w.next = up + watchPause
	info := w.stat()
	w.fresh = info != nil && !sameFile(info, w.known)
	if w.fresh {
		w.next = up + watchAfter
	}
	return w.fresh
}

// takeChange is changed for the one who will read the file.
func (w *watchedFile) takeChange() bool {
	if w == nil {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	was := w.fresh
	w.fresh = false
	return was
}

// stat returns nil where the file cannot be seen: it may be there again soon.
func (w *watchedFile) stat() fs.FileInfo {
	if w == nil {
		return nil
	}
	info, err := os.Stat(w.path)
	if err != nil {
		return nil
	}
	return info
}

// seen notes what was read: the file as it was before that.
func (w *watchedFile) seen(info fs.FileInfo) {
	if w == nil || info == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.known, w.fresh = info, false
}

func sameFile(a, b fs.FileInfo) bool {
	return a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size() && os.SameFile(a, b)
}
