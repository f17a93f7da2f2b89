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
	seen := s.look()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := s.look()
		if slices.EqualFunc(now, seen, glance.same) {
			continue
		}
		changed, err := s.Reload()
		if changed || err != nil {
			told(changed, err)
		}
		if seen = now; changed {
			seen = s.look() // at other documents, maybe
		}
	}
}

// glance is what a file looks like without reading it. One that is replaced by a
// rename is another file, even within the same tick of the clock.
type glance struct{ info fs.FileInfo }

func (g glance) same(other glance) bool {
	if g.info == nil || other.info == nil {
		return g.info == nil && other.info == nil
	}
	return os.SameFile(g.info, other.info) && g.info.ModTime().Equal(other.info.ModTime()) && g.info.Size() == other.info.Size()
}

func (s *Store) look() []glance {
	var out []glance
	for _, path := range append([]string{s.path}, s.Registry().files...) {
		info, err := os.Stat(path)
		if err != nil {
			info = nil // it is being replaced, or gone: Reload says which
		}
		out = append(out, glance{info})
	}
	return out
}
