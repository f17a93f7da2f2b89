// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

// A connection's quotas of AWS IoT Core: publishes beyond are discarded, bytes
// beyond are delayed. Messages of a shared subscription are kept for a member
// with a persistent session instead ("if a subscriber breaches the
// per-connection publish limit" [M]): they wait in the member's own queue here.

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// quota is that of one connection.
type quota struct {
	in, out *sliding // one and the same where Strict.OneQuota
	rate    float64  // bytes a second

	mu   sync.Mutex
	full time.Time // when all bytes so far are through
}

func newQuota(s *Strict) *quota {
	if s == nil {
		return nil
	}
	q := &quota{in: newSliding(orDefault(s.Publishes, 100)), rate: float64(orDefault(s.Bytes, 512<<10))}
	q.out = q.in
	if !s.OneQuota {
		q.out = newSliding(orDefault(s.Publishes, 100))
	}
	return q
}

// delay waits until n more bytes are through; a second's worth may run ahead.
func (q *quota) delay(n int, ended <-chan struct{}) {
	if q == nil {
		return
	}
	q.mu.Lock()
	now := time.Now()
	if q.full.Before(now) {
		q.full = now
	}
	q.full = q.full.Add(time.Duration(float64(n) / q.rate * float64(time.Second)))
	wait := q.full.Sub(now) - time.Second
	q.mu.Unlock()
	if wait <= 0 {
		return
	}
	select {
	case <-time.After(wait):
	case <-ended:
	}
}

// A sliding lets so many through in any second.
type sliding struct {
	mu   sync.Mutex
	past []time.Time // of the last ones, in a ring
	next int
}

func newSliding(n int) *sliding { return &sliding{past: make([]time.Time, n)} }

// take returns 0, or how long it is until there is room again.
func (s *sliding) take() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if wait := s.past[s.next].Add(time.Second).Sub(now); wait > 0 {
		return wait
	}
	s.past[s.next] = now
	s.next = (s.next + 1) % len(s.past)
	return 0
}

// wait takes as soon as there is room.
func (s *sliding) wait(ended <-chan struct{}) {
	for wait := s.take(); wait > 0; wait = s.take() {
		select {
		case <-time.After(wait):
		case <-ended:
			return
		}
	}
}

// how says by which kind of subscription a client gets a topic.
type how int

const (
	notAtAll how = iota // or because mochi thinks that a/# matches a
	plainly
	shared
)

func subscribed(cl *mqtt.Client, topic string) how {
	best := notAtAll
	for filter := range cl.State.Subscriptions.GetAll() {
		plain, _, isShared := splitShare(filter)
		switch {
		case !matches(plain, topic):
		case !isShared:
			return plainly
		default:
			best = shared
		}
	}
	return best
}

// mayDeliver tells whether a message goes to a client at all.
func (h *hook) mayDeliver(cl *mqtt.Client, conn *client, topic string) bool {
	if h.strict == nil {
		return true
	}
	by := subscribed(cl, topic)
	switch {
	case by == notAtAll:
		return false
	case by == shared && persistent(cl): // it waits in OnPacketEncode
		return true
	case conn.quota.out.take() > 0:
		h.discarded(cl, "outbound", topic)
		return false
	}
	return true
}

// paceDelivery waits with a message that a shared subscription has kept.
func (h *hook) paceDelivery(cl *mqtt.Client, conn *client, topic string) {
	if h.strict != nil && persistent(cl) && subscribed(cl, topic) == shared {
		conn.quota.out.wait(conn.window.ended)
	}
}

func persistent(cl *mqtt.Client) bool {
	if cl.Properties.ProtocolVersion == 5 {
		return cl.Properties.Props.SessionExpiryInterval > 0
	}
	return !cl.Properties.Clean
}

// discarded tells that a quota was exceeded: at the first message, the second,
// the fourth, and so on.
func (h *hook) discarded(cl *mqtt.Client, way, topic string) {
	if n := h.discards.Add(1); n&(n-1) == 0 {
		h.log.Warn("mqtt publish discarded: above the quota of publishes per second", "count", n, "way", way, "who", whoIs(cl), "client", cl.ID, "topic", topic)
	}
}

// Discarded is how many publishes were above their connection's quota (Strict).
func (m *MQTT) Discarded() int64 { return m.hook.discards.Load() }

// OnSelectSubscribers deals a message to one member of each group, at random
// [M]; to members that are connected, if there are any.
func (h *hook) OnSelectSubscribers(subs *mqtt.Subscribers, pk packets.Packet) *mqtt.Subscribers {
	for filter, members := range subs.Shared {
		if plain, _, _ := splitShare(filter); !matches(plain, pk.TopicName) {
			delete(subs.Shared, filter)
			continue
		}
		var here, away []string
		for id := range members {
			if cl, ok := h.server.Clients.Get(id); ok && !cl.Closed() {
				here = append(here, id)
			} else {
				away = append(away, id)
			}
		}
		if len(here) == 0 {
			here = away
		}
		slices.Sort(here) // a map's order is no fair dice
		id := here[rand.N(len(here))]
		sub, again := subs.SharedSelected[id]
		if !again {
			sub = members[id]
		}
		subs.SharedSelected[id] = sub.Merge(members[id])
	}
	return subs
}

// mayConnect tells whether a client id may connect now: once a second [Q].
func (s *sessions) mayConnect(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if now.Sub(s.connects[id]) < time.Second {
		return false
	}
	if len(s.connects) > 10_000 {
		clear(s.connects) // whoever was there lately gets in once too often
	}
	s.connects[id] = now
	return true
}
