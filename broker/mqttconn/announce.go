// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn

import (
	"context"
	"fmt"
	"sync"

	"thingpass/broker"
)

// Publish hands over a message that answers no request, on whichever connection
// is up, and returns nil when the server has acknowledged it (QoS 1). It waits
// for a connection, and tries another one if it loses that, until ctx ends; so
// the message may be published more than once.
//
// An error means that the server does not take it, or that nobody knows.
func (c *Client) Publish(ctx context.Context, m broker.Message) error {
	for {
		l, err := c.live.wait(ctx)
		if err != nil {
			return fmt.Errorf("publish to %s: no connection: %w", clip(m.Topic), err)
		}
		refused, err := l.publish(m, 0)
		if refused != nil {
			return fmt.Errorf("publish to %s: %w", clip(m.Topic), refused)
		}
		if err == nil {
			return nil
		}
		c.live.remove(l) // it has ended, and will say so in a moment
	}
}

// liveLinks are the links that are subscribed. The zero value is ready.
type liveLinks struct {
	mu      sync.Mutex
	list    []*link
	changed chan struct{} // closed when a link was added; nil while nobody waits
}

func (s *liveLinks) add(l *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, l)
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

func (s *liveLinks) remove(l *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.list {
		if s.list[i] == l {
			s.list = append(s.list[:i:i], s.list[i+1:]...)
			return
		}
	}
}

// wait returns a link; each time another one, so that all share the work.
func (s *liveLinks) wait(ctx context.Context) (*link, error) {
	for {
		l, changed := s.next()
		if l != nil {
			return l, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (s *liveLinks) next() (*link, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) > 0 {
		l := s.list[0]
		s.list = append(s.list[1:len(s.list):len(s.list)], l)
		return l, nil
	}
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return nil, s.changed
}
