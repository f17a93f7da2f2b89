// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package auditfile is the file that the audit goes to: lines are appended,
// full files are put aside, and no line is lost or split by that.
//
// What it promises:
//
//   - A Write is in the file whole, or it is an error and nothing of it stays.
//     So a disk that is full refuses grants, and the next Write after there is
//     room again succeeds, without anybody's help.
//   - Rotation happens between two Writes. Dying in the middle of it leaves
//     files that the next Open goes on with; dying in the middle of a Write
//     leaves part of a line, which the next Open ends.
//   - Somebody else may rename or delete the file, or cut it to nothing: it is
//     noticed within a second, or at once with Reopen.
//   - One process at a time has the file; another one's Open is an error.
//
// lumberjack, which is what is usually taken, loses on each of these: it leaves
// the part of a line that a full disk took, names old files after a clock that
// may go backwards, does not see that its file was renamed, and lets two
// processes rotate one file away from under each other.
package auditfile

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	lookEvery     = time.Second // at whether the path is still our file
	rotationPause = time.Minute // after one that failed
)

// Config says where the lines go. Path is required.
type Config struct {
	Path    string
	MaxSize int64 // bytes; a Write that would exceed it begins a new file. 0: never
	Keep    int   // old files: Path.1 is the newest, Path.<Keep> the oldest; at least 1 with MaxSize
	Sync    bool  // wait until each Write is on the disk
	Log     *slog.Logger
}

// A File is an io.Writer of whole lines. It is safe for concurrent use.
type File struct {
	conf   Config
	unlock func()

	mu      sync.Mutex
	file    *os.File // nil: the next Write opens it
	size    int64
	special bool      // a pipe or a device: nothing is put aside or taken back
	ragged  bool      // the last line has no end
	looked  time.Time // when the path was last compared with the file
	rotate  time.Time // not before this
	failure error     // of the last Write
	missed  int       // its bytes
}

// Open opens the file, or makes it, readable by its owner only.
func Open(conf Config) (*File, error) {
	if conf.MaxSize > 0 && conf.Keep < 1 {
		return nil, errors.New("an audit that is rotated keeps at least one old file")
	}
	if conf.Log == nil {
		conf.Log = slog.New(slog.DiscardHandler)
	}
	if target, err := filepath.EvalSymlinks(conf.Path); err == nil {
		conf.Path = target // what is put aside is the file, not the link
	}
	f := &File{conf: conf, unlock: func() {}}
	if err := f.open(); err != nil {
		return nil, err
	}
	if !f.special {
		unlock, err := lock(filepath.Join(filepath.Dir(conf.Path), "."+filepath.Base(conf.Path)+".lock"))
		if err != nil {
			f.file.Close()
			return nil, lockError(conf.Path, err)
		}
		f.unlock = unlock
	}
	return f, nil
}

// errLocked means that another process holds the lock.
var errLocked = errors.New("another process writes to it")

func lockError(path string, err error) error {
	if errors.Is(err, errLocked) {
		return fmt.Errorf("%s: another process writes to it: give each broker a file of its own", path)
	}
	return fmt.Errorf("lock %s: %w", path, err)
}

// Write appends lines, which p must hold whole.
func (f *File) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failure, f.missed = f.write(p), len(p)
	if f.failure != nil {
		return 0, f.failure
	}
	return len(p), nil
}

func (f *File) write(p []byte) error {
	if err := f.prepare(int64(len(p))); err != nil {
		return err
	}
	if f.ragged {
		p = append([]byte("\n"), p...)
	}
	if err := f.append(p); err != nil {
		return err
	}
	f.ragged = false
	return nil
}

// append writes all of p, or nothing.
func (f *File) append(p []byte) error {
	n, err := f.file.Write(p)
	if err == nil && f.conf.Sync {
		err = f.file.Sync()
	}
	if err != nil {
		f.takeBack(n)
		return err
	}
	f.size += int64(n)
	return nil
}

// takeBack removes the last n bytes. Nobody else writes, and what another
// process has cut off meanwhile is gone anyway.
func (f *File) takeBack(n int) {
	if n == 0 || f.special {
		return
	}
	info, err := f.file.Stat()
	if err == nil {
		f.size = max(info.Size()-int64(n), 0)
		err = f.file.Truncate(f.size)
	}
	if err != nil {
		f.ragged = true
		f.conf.Log.Error("part of an audit line stays in the file", "file", f.conf.Path, "err", err)
	}
}

// Check tells whether lines can be written. After a Write that failed it finds
// out with as many bytes, which it takes back: spaces, so that who reads along
// sees no line.
func (f *File) Check() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failure == nil || f.special {
		return f.failure
	}
	if f.failure = f.prepare(0); f.failure != nil {
		return f.failure
	}
	spaces := make([]byte, max(f.missed, 1))
	for i := range spaces {
		spaces[i] = ' '
	}
	if f.failure = f.append(spaces); f.failure == nil {
		f.takeBack(len(spaces))
	}
	return f.failure
}

// Reopen goes on with whatever is at the path now. It is for who has just put
// the file aside and cannot wait a second. With an error all stays as it was.
func (f *File) Reopen() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	old := f.file
	if err := f.open(); err != nil {
		return err
	}
	if old != nil {
		_ = old.Close() // it holds all lines already
	}
	return nil
}

// Close ends the use of the file. Nothing is left to be written.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer f.unlock()
	return f.shut()
}

// shut forgets the file; the next Write opens it again.
func (f *File) shut() error {
	if f.file == nil {
		return nil
	}
	err := f.file.Close()
	f.file = nil
	return err
}

// prepare sees to it that there is a file for so many bytes more.
func (f *File) prepare(more int64) error {
	if now := time.Now(); f.file != nil && now.Sub(f.looked) >= lookEvery {
		f.looked = now
		f.look()
	}
	if f.file == nil {
		if err := f.open(); err != nil {
			return err
		}
	}
	if f.conf.MaxSize > 0 && f.size > 0 && f.size+more > f.conf.MaxSize && !f.special {
		return f.turn()
	}
	return nil
}
