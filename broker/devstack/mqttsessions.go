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

// sessions sees to it that a client that connects again loses nothing. Left to
// itself, mochi 2.7.9 does two things now and then:
//
// It sweeps up behind an old connection while the new one moves in, and throws
// the new one's subscriptions away: a thing that lost its Wi-Fi for a moment is
// connected, and never hears anything again. So a connection is let in only when
// the one before it is gone altogether.
//
// It acknowledges a message before it delivers it, and delivers it to the session
// that the client has just moved out of: it is lost. So nobody moves while a
// message is under way.
type sessions struct {
	mu       sync.Mutex
	latest   map[string]*client   // by client id
	connects map[string]time.Time // likewise; see mayConnect
	moving   sync.RWMutex         // read: a message is under way; write: a client moves
}

func newSessions() *sessions {
	return &sessions{latest: make(map[string]*client), connects: make(map[string]time.Time)}
}

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
	s.published(c)
	s.moved(c)
	s.mu.Lock()
	if s.latest[c.id] == c {
		delete(s.latest, c.id)
	}
	s.mu.Unlock()
	close(c.gone)
}

func (s *sessions) publish(c *client) {
	if !c.publishing {
		s.moving.RLock()
		c.publishing = true
	}
}

func (s *sessions) published(c *client) {
	if c.publishing {
		c.publishing = false
		s.moving.RUnlock()
	}
}

func (s *sessions) move(c *client) {
	s.moving.Lock()
	c.moving = true
}

func (s *sessions) moved(c *client) {
	if c.moving {
		c.moving = false
		s.moving.Unlock()
	}
}

// OnPublish comes before a message is acknowledged and delivered.
func (h *hook) OnPublish(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	if conn, ok := owner(cl); ok {
		h.sessions.publish(conn)
	}
	if h.isQuestion(pk.TopicName) {
		return pk, packets.CodeSuccessIgnore
	}
	return pk, nil
}

// OnPublished comes after it, unless the acknowledgement could not be written:
// then the connection ends.
func (h *hook) OnPublished(cl *mqtt.Client, pk packets.Packet) {
	if conn, ok := owner(cl); ok {
		h.sessions.published(conn)
	}
	if h.isQuestion(pk.TopicName) {
		h.answerQuestion(cl, pk)
	}
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
