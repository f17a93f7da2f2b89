// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"cmp"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	unfinished = ".thingpass-new-" // begins the name of a folder not published yet

	// abandonedAfter is when an unfinished folder is taken for the remains
	// of a crash: making one takes milliseconds.
	abandonedAfter = time.Hour
)

type newFile struct {
	name string
	data []byte
	mode fs.FileMode
}

// publish makes folder with these files in it: after a crash all of them are
// there, or none. The error wraps fs.ErrExist if folder exists.
func publish(folder string, files []newFile) (err error) {
	parent := filepath.Dir(folder)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return err
	}
	sweep(parent)
	tmp, err := os.MkdirTemp(parent, unfinished) // mode 0700
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = cmp.Or(err, os.RemoveAll(tmp))
		}
	}()
	for _, f := range files {
		if err := writeNew(filepath.Join(tmp, f.name), f.data, f.mode); err != nil {
			return err
		}
	}
	if err := syncDir(tmp); err != nil {
		return err
	}
	// A directory replaces no other that has something in it: of several
	// callers one succeeds, and what is there stays.
	if err := os.Rename(tmp, folder); err != nil {
		return err
	}
	return cmp.Or(syncDir(parent), syncDir(filepath.Dir(parent)))
}

// writeNew writes a file that must not exist yet, to the disk.
func writeNew(path string, data []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return cmp.Or(err, f.Close())
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return cmp.Or(d.Sync(), d.Close())
}

// sweep removes what earlier crashes left unfinished. Such keys were never
// given to anyone. Errors do not matter: nothing depends on it.
func sweep(parent string) {
	entries, _ := os.ReadDir(parent)
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && strings.HasPrefix(e.Name(), unfinished) && time.Since(info.ModTime()) > abandonedAfter {
			_ = os.RemoveAll(filepath.Join(parent, e.Name()))
		}
	}
}

// replaceFile puts data into the place of a file: after a crash the one or the
// other is there, whole.
func replaceFile(path string, data []byte, mode fs.FileMode) error {
	parent := filepath.Dir(path)
	tmp, err := os.MkdirTemp(parent, unfinished)
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	written := filepath.Join(tmp, filepath.Base(path))
	if err := writeNew(written, data, mode); err != nil {
		return err
	}
	return cmp.Or(os.Rename(written, path), syncDir(parent))
}

// discard removes a folder, at once for all who look at it.
func discard(folder string) error {
	parent := filepath.Dir(folder)
	tmp, err := os.MkdirTemp(parent, unfinished)
	if err != nil {
		return err
	}
	err = os.Rename(folder, filepath.Join(tmp, filepath.Base(folder)))
	return cmp.Or(err, os.RemoveAll(tmp), syncDir(parent))
}
