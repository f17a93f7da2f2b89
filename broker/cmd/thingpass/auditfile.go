// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"log/slog"
	"sync"

	"thingpass/broker/auditfile"
	"thingpass/broker/cmd/thingpass/config"
)

// An auditSink is where the audit goes: a file, or standard output. Between two
// records it can be opened anew, at the same or at another path.
type auditSink struct {
	stdout io.Writer

	mu   sync.Mutex
	file *auditfile.File // nil: standard output
	path string
}

// open opens what conf names, and leaves what is in use alone: use makes the
// change. The file that is in use already is opened anew in its place.
func (a *auditSink) open(conf config.Audit, log *slog.Logger) (*auditfile.File, error) {
	if conf.File == "-" {
		return nil, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.file != nil && a.path == conf.File {
		if err := a.file.Reopen(); err != nil {
			return nil, fmt.Errorf("audit.file: %w", err)
		}
		return a.file, nil
	}
	file, err := auditfile.Open(auditfile.Config{Path: conf.File, MaxSize: int64(conf.MaxSize), Keep: conf.Keep, Sync: conf.Sync, Log: log})
	if err != nil {
		return nil, fmt.Errorf("audit.file: %w", err)
	}
	return file, nil
}

// use sends all further records to the file, and closes the one before it.
func (a *auditSink) use(file *auditfile.File, path string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	old := a.file
	a.file, a.path = file, path
	if old == nil || old == file {
		return nil
	}
	return old.Close()
}

// Write appends records.
func (a *auditSink) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.file == nil {
		return a.stdout.Write(p)
	}
	return a.file.Write(p)
}

// check tells whether records can be written, as far as that can be known.
func (a *auditSink) check() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.file == nil {
		return nil
	}
	return a.file.Check()
}

func (a *auditSink) Close() error { return a.use(nil, "") }
