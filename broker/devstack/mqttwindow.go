// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

// mochi 2.7.9 keeps count of a client's Receive Maximum, but loses a place of
// it with every message that had to wait, until nothing is delivered any more,
// and takes one lock twice on the way, which can stop the whole server. So its
// count is switched off (a quota of 0 means none), and this one does the work:
// the goroutine that writes a client's messages waits here until the client
// has acknowledged enough. Acknowledgements and pings are written by another.

import (
	"bytes"
	"math"
	"sync"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// window counts the messages that a client has not acknowledged.
type window struct {
	mu    sync.Mutex
	max   int
	out   map[uint16]struct{} // packet identifiers
	freed chan struct{}       // one token when a place may have become free
	ended chan struct{}
	once  sync.Once
}

func newWindow() *window {
	return &window{
		max:   math.MaxUint16, // MQTT's default
		out:   make(map[uint16]struct{}),
		freed: make(chan struct{}, 1),
		ended: make(chan struct{}),
	}
}

// acquire takes a place for a packet, and waits for one unless it is urgent.
func (w *window) acquire(id uint16, urgent bool) {
	for !w.take(id, urgent) {
		select {
		case <-w.freed:
		case <-w.ended:
			return
		}
	}
}

func (w *window) take(id uint16, urgent bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, again := w.out[id]; !again && !urgent && len(w.out) >= w.max {
		return false
	}
	w.out[id] = struct{}{}
	return true
}

// release gives a place back.
func (w *window) release(id uint16) {
	w.mu.Lock()
	delete(w.out, id)
	w.mu.Unlock()
	select {
	case w.freed <- struct{}{}:
	default:
	}
}

func (w *window) resize(n uint16) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n > 0 {
		w.max = int(n)
	}
}

// end lets go of whoever waits: the connection is over.
func (w *window) end() { w.once.Do(func() { close(w.ended) }) }

// OnSessionEstablish comes before anything is sent to the client, and before it
// inherits a session. mochi would start counting again with what it inherits,
// by the Receive Maximum that it remembers: so it must not remember any.
func (h *hook) OnSessionEstablish(cl *mqtt.Client, _ packets.Packet) {
	if conn, ok := owner(cl); ok {
		conn.window.resize(h.windowOf(cl))
		h.forget(cl, conn)
		h.sessions.move(conn) // until CONNACK
	}
	cl.Properties.Props.ReceiveMaximum = 0
	cl.State.Inflight.ResetSendQuota(0)
}

// windowOf is the client's Receive Maximum, or AWS's limit of what a client has
// not acknowledged.
func (h *hook) windowOf(cl *mqtt.Client) uint16 {
	n := cl.Properties.Props.ReceiveMaximum
	if h.strict != nil && (n == 0 || n > awsUnacked) {
		return awsUnacked
	}
	return n
}

// OnPacketEncode comes before each packet that is written to a client.
func (h *hook) OnPacketEncode(cl *mqtt.Client, pk packets.Packet) packets.Packet {
	conn, ok := owner(cl)
	switch {
	case !ok:
	case pk.FixedHeader.Type == packets.Connack:
		h.sessions.moved(conn)
		pk.Properties.MaximumPacketSize = maxPacket
		pk.Properties.RetainAvailableFlag = true           // and its value is 0
		pk.Properties.SubIDAvailableFlag = h.strict != nil // likewise
	case pk.FixedHeader.Type == packets.Publish && pk.FixedHeader.Qos == 0:
		h.paceDelivery(cl, conn, pk.TopicName)
	case pk.FixedHeader.Type == packets.Publish:
		if tooLarge(pk) { // mochi will not send it, so nobody will acknowledge it
			cl.State.Inflight.Delete(pk.PacketID)
			h.log.Warn("mqtt message dropped: larger than the client allows", "client", cl.ID, "topic", pk.TopicName)
			break
		}
		conn.window.acquire(pk.PacketID, pk.FixedHeader.Dup)
		if !pk.FixedHeader.Dup {
			h.paceDelivery(cl, conn, pk.TopicName)
		}
	}
	return outward(pk)
}

// tooLarge repeats mochi's question, which comes after OnPacketEncode.
func tooLarge(pk packets.Packet) bool {
	if pk.Mods.MaxSize == 0 {
		return false
	}
	var b bytes.Buffer
	return pk.PublishEncode(&b) != nil || b.Len() > int(pk.Mods.MaxSize)
}
