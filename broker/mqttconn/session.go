// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn

import (
	"io"
	"math"
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
// not at all.
type session struct {
	*state.State
	limits   limits                             // set before paho passes on anything else
	acked    atomic.Int64                       // acknowledgements handed to the wire
	farewell atomic.Pointer[packets.Disconnect] // the server's, if it sent one
}

// limits are what the server said in CONNACK.
type limits struct {
	packet int  // bytes of the largest packet it takes
	qos    byte // largest
}

func newSession() *session { return &session{State: state.NewInMemory()} }

// ConAckReceived is called before paho starts to receive.
func (s *session) ConAckReceived(w io.Writer, sent *packets.Connect, ack *packets.Connack) error {
	s.limits = limits{packet: math.MaxInt, qos: 2}
	if p := ack.Properties; p != nil {
		if p.MaximumPacketSize != nil {
			s.limits.packet = int(*p.MaximumPacketSize)
		}
		if p.MaximumQOS != nil {
			s.limits.qos = *p.MaximumQOS
		}
	}
	return s.State.ConAckReceived(w, sent, ack)
}

// Ack is called in order, for the requests that link.ack has released.
func (s *session) Ack(p *packets.Publish) error {
	defer s.acked.Add(1)
	return s.State.Ack(p)
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
	expiry := uint32(conf.SessionExpiry / time.Second)
	window := uint16(conf.Queue)
	packet := uint32(conf.MaxPacket)
	return &paho.Connect{
		ClientID:   clientID,
		KeepAlive:  uint16(conf.KeepAlive / time.Second),
		CleanStart: false,
		Properties: &paho.ConnectProperties{
			SessionExpiryInterval: &expiry,
			ReceiveMaximum:        &window,
			MaximumPacketSize:     &packet,
			RequestProblemInfo:    true,
		},
	}
}
