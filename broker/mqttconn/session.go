// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn

import (
	"io"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"
	"github.com/eclipse/paho.golang/paho/session/state"
)

// A session is paho's side of the MQTT session, for one link only: a reply that
// the server had not acknowledged when the link ended is not published again,
// because its request is given again.
//
// It listens to what passes through it, since paho tells these things late or
// not at all. And it acknowledges by itself, in order and at once: paho's manual
// acknowledgement is driven by a ticker that would have to run every 2 ms not to
// hold up the window, and costs 2 % of a core while nothing happens.
type session struct {
	*state.State
	wire     *wire
	limits   limits                             // set before paho passes on anything else
	welcome  func()                             // called then
	farewell atomic.Pointer[packets.Disconnect] // the server's, if it sent one

	mu       sync.Mutex
	receipts []*receipt // in the order of arrival
}

// A receipt is the place of a request in the order of acknowledgements, which
// is that of arrival [MQTT-4.6.0-2].
type receipt struct {
	id  uint16
	due bool
}

// limits are what the server said in CONNACK.
type limits struct {
	packet int  // bytes of the largest packet it takes
	qos    byte // largest
	window int  // publishes that it has not acknowledged
}

func newSession(w *wire) *session {
	return &session{State: state.NewInMemory(), wire: w, welcome: func() {}}
}

// ConAckReceived is called before paho starts to receive.
func (s *session) ConAckReceived(w io.Writer, sent *packets.Connect, ack *packets.Connack) error {
	s.limits = limits{packet: math.MaxInt, qos: 2, window: math.MaxUint16}
	if p := ack.Properties; p != nil {
		if p.MaximumPacketSize != nil {
			s.limits.packet = int(*p.MaximumPacketSize)
		}
		if p.MaximumQOS != nil {
			s.limits.qos = *p.MaximumQOS
		}
		if p.ReceiveMaximum != nil {
			s.limits.window = int(*p.ReceiveMaximum)
		}
	}
	s.welcome()
	return s.State.ConAckReceived(w, sent, ack)
}

// Ack is called by paho when link.receive returns, which is too early.
func (s *session) Ack(*packets.Publish) error { return nil }

// arrived notes a request. It is to be called in order.
func (s *session) arrived(p *paho.Publish) *receipt {
	r := &receipt{id: p.PacketID}
	if p.QoS > 0 {
		s.mu.Lock()
		s.receipts = append(s.receipts, r)
		s.mu.Unlock()
	}
	return r
}

// settle writes the acknowledgement of a request as soon as all that came before
// it are settled.
func (s *session) settle(r *receipt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.due = true
	var room [16]uint16
	ids := room[:0]
	n := 0
	for ; n < len(s.receipts) && s.receipts[n].due; n++ {
		ids = append(ids, s.receipts[n].id)
	}
	if n > 0 {
		s.receipts = append(s.receipts[:0], s.receipts[n:]...)
		s.wire.puback(ids)
	}
}

// ConnectionLost is called as soon as a DISCONNECT is read.
func (s *session) ConnectionLost(d *packets.Disconnect) error {
	if d != nil {
		s.farewell.Store(d)
	}
	return s.State.ConnectionLost(d)
}

// connectPacket asks for the session that outlives us.
func connectPacket(conf Config, clientID string) *paho.Connect {
	window := uint16(conf.window())
	packet := uint32(conf.MaxPacket)
	return &paho.Connect{
		ClientID:   clientID,
		KeepAlive:  uint16(conf.KeepAlive / time.Second),
		CleanStart: false,
		Properties: &paho.ConnectProperties{
			SessionExpiryInterval: seconds(conf.SessionExpiry),
			ReceiveMaximum:        &window,
			MaximumPacketSize:     &packet,
			RequestProblemInfo:    true,
		},
	}
}

// seconds is d as MQTT's properties want it.
func seconds(d time.Duration) *uint32 {
	n := uint32(d / time.Second)
	return &n
}
