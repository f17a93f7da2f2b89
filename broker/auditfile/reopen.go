// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package auditfile

import (
	"errors"
	"io/fs"
	"os"
	"time"
)

// look finds out what others have done to the file.
func (f *File) look() {
	if f.special {
		return
	}
	ours, err := f.file.Stat()
	if err != nil {
		return // the Write will say it better
	}
	there, err := os.Stat(f.conf.Path)
	switch {
	case err == nil && os.SameFile(ours, there):
		if ours.Size() < f.size {
			f.size, f.ragged = ours.Size(), false // cut to nothing by who copies and truncates
		}
	case err == nil || errors.Is(err, fs.ErrNotExist):
		f.conf.Log.Info("the audit's file was put aside by somebody, going on with a new one", "file", f.conf.Path)
		_ = f.shut() // it holds all lines already
	}
}

func (f *File) open() error {
	file, err := os.OpenFile(f.conf.Path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return err
	}
	f.file, f.size, f.special, f.ragged, f.looked = file, info.Size(), !info.Mode().IsRegular(), false, time.Now()
	if last := make([]byte, 1); !f.special && f.size > 0 {
		if _, err := file.ReadAt(last, f.size-1); err == nil && last[0] != '\n' {
			f.ragged = true // its writer died in the middle of it
		}
	}
	return nil
}
