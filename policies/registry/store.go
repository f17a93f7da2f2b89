// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"go.yaml.in/yaml/v3"
)

// A Store has the current state of a registry file, or of one in memory. Its
// methods may be called concurrently.
type Store struct {
	path    string // "": in memory
	current atomic.Pointer[Registry]

	mu   sync.Mutex
	text []byte // that current was made of
	seen glance // the file, before it was read

	listeners struct {
		sync.Mutex
		all []func()
	}
}

// OnChange has a function called whenever the state has changed, by an edit or by
// a reload, one call at a time. It may read the state, but not edit it.
func (s *Store) OnChange(f func()) {
	s.listeners.Lock()
	defer s.listeners.Unlock()
	s.listeners.all = append(s.listeners.all, f)
}

func (s *Store) tell() {
	s.listeners.Lock()
	defer s.listeners.Unlock()
	for _, f := range s.listeners.all {
		f()
	}
}

// Open reads the file.
func Open(path string) (*Store, error) {
	s := &Store{path: path}
	_, err := s.Reload()
	return s, err
}

// InMemory makes a store of a text, which no file has; what is edited is gone
// with it.
func InMemory(text string) (*Store, error) {
	s := &Store{}
	return s, s.take([]byte(text))
}

// Registry is the current state. It stays as it is when the file changes.
func (s *Store) Registry() *Registry { return s.current.Load() }

// Path is the file; "" in memory.
func (s *Store) Path() string { return s.path }

// Reload reads the file again, and tells whether anything changed. After an
// error the state is the one before: a mistake in the file locks nobody out, and
// lets nobody in.
func (s *Store) Reload() (changed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.path == "" {
		return false, nil
	}
	seen := look(s.path)
	text, err := os.ReadFile(s.path)
	if err != nil {
		return false, fmt.Errorf("read the registry: %w", err)
	}
	// Documents beside the file may have changed where it has not.
	before := s.current.Load()
	if err := s.take(text); err != nil {
		return false, err
	}
	s.seen = seen
	if before != nil && before.sum == s.current.Load().sum {
		return false, nil
	}
	s.tell()
	return true, nil
}

func (s *Store) take(text []byte) error {
	r, err := Parse(s.name(), text)
	if err != nil {
		return err
	}
	s.text = text
	s.current.Store(r)
	return nil
}

func (s *Store) name() string {
	if s.path == "" {
		return "registry"
	}
	return s.path
}

// Edit changes the registry: all of it, or, after an error, nothing. Comments
// stay. What the function leaves must be a good registry. Two processes must not
// edit one file at the same time; the later one would win.
func (s *Store) Edit(change func(*Draft) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := s.text
	if s.path != "" { // somebody else may have edited it
		var err error
		if text, err = os.ReadFile(s.path); err != nil {
			return fmt.Errorf("read the registry: %w", err)
		}
	}
	tree, err := parseTree(s.name(), text)
	if err != nil {
		return err
	}
	if err := change(&Draft{tree.Content[0]}); err != nil {
		return err
	}
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := errors.Join(e.Encode(tree), e.Close()); err != nil {
		return err
	}
	r, err := Parse(s.name(), b.Bytes())
	if err != nil {
		return err
	}
	if s.path != "" {
		if err := replace(s.path, b.Bytes()); err != nil {
			return err
		}
	}
	s.text = b.Bytes()
	s.current.Store(r)
	s.tell()
	return nil
}

// replace leaves either the old file or the new one, whenever it dies.
func replace(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".registry-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // if it is still there
	mode := os.FileMode(0o644)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
