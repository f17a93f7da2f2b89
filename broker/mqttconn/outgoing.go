// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn

import (
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"thingpass/broker"
)

// An outgoing is a PUBLISH of ours before it is written.
type outgoing struct {
	broker.Message
	qos  byte
	life time.Duration // after which the server drops it; 0: never
}

// valid tells what no server would take.
func (o *outgoing) valid() error {
	if o.Topic == "" || len(o.Topic) > 0xffff || strings.ContainsAny(o.Topic, "+#\x00") {
		return errors.New("nothing can be published to this topic")
	}
	if len(o.Correlation) > 0xffff {
		return errors.New("correlation data of more than 65535 bytes")
	}
	return nil
}

// properties is the length of all properties.
func (o *outgoing) properties() int {
	n := 1 + 2 + len(contentType)
	if len(o.Correlation) > 0 {
		n += 1 + 2 + len(o.Correlation)
	}
	if o.life > 0 {
		n += 1 + 4
	}
	return n
}

// remaining is the length of all that follows the fixed header.
func (o *outgoing) remaining() int {
	n := 2 + len(o.Topic) + o.properties() + len(o.Payload)
	if o.qos > 0 {
		n += 2
	}
	return n + varintSize(o.properties())
}

// size is the length on the wire.
func (o *outgoing) size() int {
	n := o.remaining()
	return 1 + varintSize(n) + n
}

// append writes the packet [MQTT-3.3].
func (o *outgoing) append(b []byte, id uint16) []byte {
	b = append(b, packets.PUBLISH<<4|o.qos<<1)
	b = binary.AppendUvarint(b, uint64(o.remaining()))
	b = appendText(b, o.Topic)
	if o.qos > 0 {
		b = binary.BigEndian.AppendUint16(b, id)
	}
	b = binary.AppendUvarint(b, uint64(o.properties()))
	if o.life > 0 {
		b = append(b, packets.PropMessageExpiry)
		b = binary.BigEndian.AppendUint32(b, *seconds(o.life))
	}
	b = appendText(append(b, packets.PropContentType), contentType)
	if len(o.Correlation) > 0 {
		b = appendText(append(b, packets.PropCorrelationData), o.Correlation)
	}
	return append(b, o.Payload...)
}

func appendText[T string | []byte](b []byte, s T) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
	return append(b, s...)
}

func varintSize(n int) int {
	size := 1
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}

// publish writes a PUBLISH to the server, when there is room.
func (w *wire) publish(o *outgoing, id uint16) error {
	w.Lock()
	defer w.Unlock()
	if w.closed {
		return w.cause()
	}
	w.pending = o.append(w.pending, id)
	return nil
}

// puback writes acknowledgements of requests.
func (w *wire) puback(ids []uint16) {
	w.Lock()
	defer w.Unlock()
	if w.closed {
		return // the requests are given again
	}
	for _, id := range ids {
		w.pending = append(w.pending, packets.PUBACK<<4, 2, byte(id>>8), byte(id))
	}
}
