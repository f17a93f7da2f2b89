// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"io/fs"
	"os"
	"slices"
	"time"
)

// Watch looks every so often whether the file, or a document that it names, is
// another one, and reads them again, until ctx ends. What became of that is told:
// a mistake once, and the state stays as it was. In memory there is nothing to
// watch.
func (s *Store) Watch(ctx context.Context, every time.Duration, told func(changed bool, err error)) {
	if s.path == "" {
		return
	}
	seen := s.loaded()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := s.now()
		if slices.EqualFunc(now, seen, glance.same) {
			continue
		}
		changed, err := s.Reload()
		if changed || err != nil {
			told(changed, err)
		}
		if seen = now; err == nil {
			seen = s.loaded()
		}
	}
}

// glance is what a file looks like without reading it. One that is replaced by a
// rename is another file, even within the same tick of the clock. nil: it is gone,
// and who reads it will hear of that.
type glance struct{ info fs.FileInfo }

func look(path string) glance {
	info, err := os.Stat(path)
	if err != nil {
		return glance{}
	}
	return glance{info}
}

func (g glance) same(other glance) bool {
	if g.info == nil || other.info == nil {
		return g.info == nil && other.info == nil
	}
	return os.SameFile(g.info, other.info) && g.info.ModTime().Equal(other.info.ModTime()) && g.info.Size() == other.info.Size()
}

// loaded is what all files looked like before the state was read from them.
func (s *Store) loaded() []glance {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]glance{s.seen}, s.Registry().seen...)
}

// now is what they look like.
func (s *Store) now() []glance {
	out := []glance{look(s.path)}
	for _, path := range s.Registry().files {
		out = append(out, look(path))
	}
	return out
}
