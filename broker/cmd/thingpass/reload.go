// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"thingpass/broker/cmd/thingpass/config"
)

// startReloading begins to listen for hangups. The function that it returns waits
// for the end.
func (s *service) startReloading(ctx context.Context, ready <-chan struct{}, hangups <-chan os.Signal) (wait func()) {
	var reloading sync.WaitGroup
	reloading.Go(func() { s.reloadOn(ctx, hangups, ready) })
	return reloading.Wait
}

// reloadOn reads the configuration again at each hangup, until ctx ends.
func (s *service) reloadOn(ctx context.Context, hangups <-chan os.Signal, ready <-chan struct{}) {
	for {
		select {
		case <-hangups:
			s.hangup(ctx, ready)
		case <-ctx.Done():
			return
		}
	}
}

func (s *service) hangup(ctx context.Context, ready <-chan struct{}) {
	select {
	case <-ready:
		notify(fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", monotonicMicros()), s.log)
		defer notify("READY=1", s.log)
	default: // the service manager waits for the first READY=1
	}
	changed, waiting, err := s.reload(ctx)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		for _, line := range problems(err) {
			s.log.Error("not reloaded, the configuration of before stays", "err", line)
		}
		return
	}
	if len(waiting) > 0 {
		s.log.Warn("needs a restart; until then the old values stay", "settings", strings.Join(waiting, ", "))
	}
	s.log.Info("reloaded", "changed", strings.Join(changed, ", "))
}

// problems are the lines of an error.
func problems(err error) []string {
	var list config.Errors
	if errors.As(err, &list) {
		return strings.Split(list.Error(), "\n")
	}
	return []string{err.Error()}
}
