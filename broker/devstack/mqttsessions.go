// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

import (
	"errors"
	"net"
	"sync"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// sessions lets a client that connects again in only when its old connection is
// gone altogether. Left to itself, mochi 2.7.9 sweeps up behind the old
// connection while the new one moves in, and sometimes throws the new one's
// subscriptions away: a thing that lost its Wi-Fi for a moment would be
// connected, and never hear anything again.
type sessions struct {
	mu     sync.Mutex
	latest map[string]*client // by client id
}

func newSessions() *sessions { return &sessions{latest: make(map[string]*client)} }

// claim makes c the latest connection of the client id and returns the one
// before, which may be nil. Each connection waits for the one before it.
func (s *sessions) claim(id string, c *client) *client {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.latest[id]
	s.latest[id], c.id = c, id
	return before
}

// left tells that c is gone.
func (s *sessions) left(c *client) {
	s.mu.Lock()
	if s.latest[c.id] == c {
		delete(s.latest, c.id)
	}
	s.mu.Unlock()
	close(c.gone)
}

// takeOver ends the connection that the client has already, if any.
func (h *hook) takeOver(cl *mqtt.Client) error {
	conn, ok := owner(cl)
	if !ok {
		return errors.New("no certificate")
	}
	before := h.sessions.claim(cl.ID, conn)
	if before == nil {
		return nil
	}
	old, ok := h.server.Clients.Get(cl.ID)
	if ok && old.Net.Conn == net.Conn(before) && old.Properties.ProtocolVersion == 5 {
		_ = h.server.DisconnectClient(old, packets.ErrSessionTakenOver)
	}
	before.Close()
	select {
	case <-before.gone:
		return nil
	case <-time.After(introduction):
		return errors.New("an earlier connection of the client does not end")
	}
}
