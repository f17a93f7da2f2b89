// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"
)

// [P-9.3]: while the server has not taken the reply, the request is not
// acknowledged.
func TestRequestIsAcknowledgedAfterItsReplyIsTaken(t *testing.T) {
	seen := make(chan string, 100)
	f := startFake(t, func(p *peer) {
		p.subscribed(packets.Properties{})
		p.request(7, "x")
		reply, ok := p.until(packets.PUBLISH).Content.(*packets.Publish)
		if !ok {
			return
		}
		_ = p.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		if c := p.next(); c != nil {
			seen <- "before the reply was taken: " + c.PacketType()
		}
		_ = p.SetReadDeadline(time.Now().Add(patience))
		p.in.Reset(p)
		p.puback(reply, 0)
		if c := p.next(); c != nil {
			seen <- fmt.Sprint(c.PacketType(), " ", c.PacketID(), " ", reply.Properties.ContentType, " ", string(reply.Payload))
		}
	})
	conf := f.config(t)
	run(t, conf, handler{})
	select {
	case got := <-seen:
		if want := "PUBACK 7 application/json x"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	case <-time.After(patience):
		t.Error("the request is not acknowledged")
	}
}

// A QoS 0 reply has no acknowledgement: it must be on the wire before that of
// its request is.
func TestQoS0ReplyLeavesBeforeTheAcknowledgement(t *testing.T) {
	order := make(chan string, 10)
	f := startFake(t, func(p *peer) {
		p.subscribed(packets.Properties{MaximumQOS: ptr(byte(0))}) // the client must obey
		p.request(7, "x")
		for range 2 {
			c := p.next()
			if c == nil {
				return
			}
			if b, ok := c.Content.(*packets.Publish); ok && b.QoS != 0 {
				order <- "PUBLISH at a QoS above the server's"
			}
			order <- c.PacketType()
		}
		p.next()
	})
	runUp(t, f.config(t), handler{})
	if a, b := <-order, <-order; a != "PUBLISH" || b != "PUBACK" {
		t.Errorf("the server got %s, then %s", a, b)
	}
}

// What cannot be published now or ever must not be tried for ever.
func TestImpossibleReplyIsLoggedAndItsRequestAcknowledged(t *testing.T) {
	for name, tc := range map[string]struct {
		limits packets.Properties
		code   byte // of the server's PUBACK
		why    string
	}{
		"too large for the server":  {packets.Properties{MaximumPacketSize: ptr(uint32(300))}, 0, "raise its limit"},
		"not allowed by the server": {packets.Properties{}, packets.PubackNotAuthorized, "must allow us this topic"},
	} {
		t.Run(name, func(t *testing.T) {
			acked := make(chan string, 100)
			f := startFake(t, func(p *peer) {
				p.subscribed(tc.limits)
				p.request(1, strings.Repeat("x", 300))
				p.request(2, "small")
				for c := p.next(); c != nil; c = p.next() {
					switch b := c.Content.(type) {
					case *packets.Puback:
						acked <- fmt.Sprint("ack ", b.PacketID, " on connection ", p.n)
					case *packets.Publish:
						p.puback(b, map[bool]byte{true: tc.code}[len(b.Payload) > 100])
					}
				}
			})
			r := runUp(t, f.config(t), handler{})
			for _, want := range []string{"ack 1 on connection 0", "ack 2 on connection 0"} {
				select {
				case got := <-acked:
					if got != want {
						t.Errorf("got %q, want %q", got, want)
					}
				case <-time.After(patience):
					t.Fatal("no " + want)
				}
			}
			if s := r.Stats(); s.PublishErrors != 1 || s.Replies != 1 || s.Connects != 1 {
				t.Errorf("stats are %+v", s)
			}
			if log := r.log.String(); strings.Count(log, tc.why) != 1 || strings.Contains(log, "xxx") {
				t.Errorf("the log must say %q once and hold no payload:\n%s", tc.why, log)
			}
		})
	}
}

// A server that takes no replies is left: acknowledgements leave in order, so
// one that never comes would hold all others.
func TestServerThatTakesNoReplyIsLeft(t *testing.T) {
	acked := make(chan uint16, 100)
	f := startFake(t, func(p *peer) {
		p.subscribed(packets.Properties{})
		p.request(5, "x")
		for c := p.next(); c != nil; c = p.next() {
			switch b := c.Content.(type) {
			case *packets.Puback:
				acked <- b.PacketID
			case *packets.Publish:
				if p.n > 0 {
					p.puback(b, 0)
				}
			}
		}
		if p.n == 0 && len(acked) > 0 {
			acked <- 666
		}
	})
	conf := f.config(t)
	conf.PublishTimeout = 50 * time.Millisecond
	r := runUp(t, conf, handler{})
	select {
	case id := <-acked:
		if s := r.Stats(); id != 5 || s.Connects != 2 || s.Dropped != 1 {
			t.Errorf("request %d was acknowledged, stats are %+v", id, s)
		}
	case <-time.After(patience):
		t.Fatal("the request was not answered on the second connection")
	}
	r.awaitLog(t, "the server did not take a reply within 50ms")
}

// paho does not tell a Publish that its connection ended where the server keeps
// no session. It must not hold a worker until its deadline.
func TestReplyInFlightEndsWithItsConnection(t *testing.T) {
	f := startFake(t, func(p *peer) {
		p.subscribed(packets.Properties{SessionExpiryInterval: ptr(uint32(0))})
		if p.n == 0 {
			p.request(1, "x")
			p.until(packets.PUBLISH)
			return // the connection ends, and the reply was not taken
		}
		p.serve(func(*packets.ControlPacket) {})
	})
	conf := f.config(t)
	conf.PublishTimeout = time.Hour
	r := run(t, conf, handler{})
	eventually(t, "the request is left to be given again", func() bool { return r.Stats().Dropped == 1 && r.Stats().Working == 0 })
}
