// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package auditfile

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// turn puts the full file aside and begins a new one.
//
// Where the old one cannot be put aside it goes on growing: an audit that is too
// long is better than none. Where the new one cannot be made there is an error,
// and the next Write tries to make it.
func (f *File) turn() error {
	if time.Now().Before(f.rotate) {
		return nil
	}
	if err := f.putAside(); err != nil {
		f.rotate = time.Now().Add(rotationPause)
		f.conf.Log.Error("the audit's file is full and cannot be put aside: it goes on growing", "file", f.conf.Path, "err", err)
		return nil
	}
	if err := f.shut(); err != nil {
		f.conf.Log.Warn("the audit's old file did not close well", "file", f.old(1), "err", err)
	}
	if err := f.open(); err != nil {
		return err
	}
	if f.conf.Sync {
		return syncDir(filepath.Dir(f.conf.Path))
	}
	return nil
}

// putAside renames the file to the first old one, after it has made room there.
// Each step is one rename: dying between two of them leaves a gap, which the next
// time is filled.
func (f *File) putAside() error {
	for n := f.conf.Keep + 1; os.Remove(f.old(n)) == nil; n++ { // more were kept once
	}
	gap := 1
	for gap < f.conf.Keep && exists(f.old(gap)) {
		gap++
	}
	for ; gap > 1; gap-- {
		if err := os.Rename(f.old(gap-1), f.old(gap)); err != nil {
			return fmt.Errorf("put aside: %w", err)
		}
	}
	if err := os.Rename(f.conf.Path, f.old(1)); err != nil {
		return fmt.Errorf("put aside: %w", err)
	}
	return nil
}

// old is the name of the n-th newest old file.
func (f *File) old(n int) string { return f.conf.Path + "." + strconv.Itoa(n) }

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// syncDir makes the names in a folder last.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
