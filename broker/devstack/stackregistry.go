// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"thingpass/policies"
	"thingpass/policies/registry"
	"thingpass/policies/templates"
)

// registryName is the file of Dir that is a registry, if it is there.
const registryName = "registry.yaml"

// lookout is how often the registry file is looked at.
const lookout = time.Second

// DefaultRegistry is the text of the registry that the stack has without a file: a
// beginning for one's own.
func DefaultRegistry(root string) (string, error) {
	var v templates.Values
	if err := v.Set("root", orDefault(root, DefaultRoot)); err != nil {
		return "", err
	}
	return registry.Default(v), nil
}

// registryOf is the registry file of a stack; "": it has none.
func registryOf(dir, file string) (string, error) {
	if file != "" {
		return filepath.Abs(file)
	}
	file = filepath.Join(dir, registryName)
	switch _, err := os.Stat(file); {
	case err == nil:
		return file, nil
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	default:
		return "", err
	}
}

// openRegistry reads the registry file, if there is one, and settles the root.
func (s *Stack) openRegistry(o *Options) error {
	file, err := registryOf(o.Dir, o.Registry)
	if err != nil {
		return err
	}
	if file == "" || o.Only == OnlyS3 {
		o.Root = cmp.Or(o.Root, DefaultRoot)
		return nil
	}
	if s.registry, err = registry.Open(file); err != nil {
		return err
	}
	root := s.registry.Registry().Values.Get("root")
	if o.Root != "" && o.Root != root {
		return fmt.Errorf("root %s: the registry %s says values: {root: %s}, and its policies are for that: change one of them", o.Root, file, root)
	}
	o.Root = root
	warn(o.Log, s.registry.Registry().Warnings())
	return nil
}

// watchRegistry has changes of the file count while the stack runs.
func (s *Stack) watchRegistry(log *slog.Logger) {
	if s.registry == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	s.unwatch = func() { cancel(); <-done }
	go func() {
		defer close(done)
		s.registry.Watch(ctx, lookout, func(_ bool, err error) {
			if err != nil {
				log.Error("the registry is not read: what was in it before still counts", "error", err)
				return
			}
			log.Info("registry read again", "file", s.registry.Path())
			warn(log, s.registry.Registry().Warnings())
		})
	}()
}

func warn(log *slog.Logger, warnings policies.Problems) {
	for _, w := range warnings {
		log.Warn("registry", "warning", w.Error())
	}
}

func (s *Stack) registryFile() string {
	if s.registry == nil {
		return ""
	}
	return s.registry.Path()
}

// value is one of the registry's, as its policies have it: "group", "broker" …
func (s *Stack) value(name string) string {
	var v templates.Values
	if s.registry != nil {
		v = s.registry.Registry().Values
	}
	return v.Get(name)
}
