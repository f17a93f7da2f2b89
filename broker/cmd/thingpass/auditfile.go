// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"sync"
)

// An auditFile is where the audit goes: a file, or standard output. It can be
// opened anew, at the same or another path, between two records; so can a file
// that was renamed be left alone. One that is rotated by copying and truncating
// goes on being used.
type auditFile struct {
	stdout io.Writer

	mu   sync.Mutex
	file *os.File // nil: standard output
}

// openAuditFile opens a path for appending; "-" is standard output, and gives nil.
func openAuditFile(path string) (*os.File, error) {
	if path == "-" {
		return nil, nil
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("audit.file: %w", err)
	}
	return file, nil
}

// Write appends a record.
func (a *auditFile) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.file == nil {
		return a.stdout.Write(p)
	}
	return a.file.Write(p)
}

// use sends all further records to file, and closes the one before it.
func (a *auditFile) use(file *os.File) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	old := a.file
	a.file = file
	if old == nil {
		return nil
	}
	return old.Close()
}

func (a *auditFile) Close() error { return a.use(nil) }
