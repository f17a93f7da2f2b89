// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// The kinds of packets, in the high half of the first byte.
const (
	connack = 0x20
	publish = 0x30
	puback  = 0x40
	suback  = 0x90
	qos1    = 0x02

	connectHeader   = 0x10
	subscribeHeader = 0x82
)

// IDLength is the length of every request's id: four hexadecimal digits for the
// run and sixteen for the moment in nanoseconds, so that an answer says by
// itself how late it is.
const IDLength = 20

// Start is what every request begins with, before its id.
const Start = `{"id":"`

// a thing is one connection.
type thing struct {
	fleet  *Fleet
	conn   net.Conn
	in     *bufio.Reader
	topic  string // without the verb
	closed atomic.Bool

	mu     sync.Mutex // guards request and the order of writes
	packet []byte     // the PUBLISH of a request; id and packet identifier are changed each time
	idAt   int
	last   uint16 // packet identifier
	sent   *run   // whose request is in packet
}

func newThing(f *Fleet, conn net.Conn, topic string) *thing {
	return &thing{fleet: f, conn: conn, in: bufio.NewReaderSize(conn, 64<<10), topic: topic}
}

// greet connects and subscribes.
func (t *thing) greet(name string) error {
	subscribe := append(append([]byte{0, 1}, text(t.topic+"/response")...), 1)
	if err := t.exchange(connectHeader, connectBody(name), connack); err != nil {
		return err
	}
	return t.exchange(subscribeHeader, subscribe, suback)
}

// connectBody asks for a clean session without keep-alive.
func connectBody(clientID string) []byte {
	return append([]byte{0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 0}, text(clientID)...)
}

// exchange sends a packet and waits for the one that answers it.
func (t *thing) exchange(first byte, body []byte, want byte) error {
	if _, err := t.conn.Write(append(header(first, len(body)), body...)); err != nil {
		return err
	}
	got, n, err := t.next()
	if err != nil {
		return err
	}
	answer := make([]byte, n)
	if _, err := io.ReadFull(t.in, answer); err != nil {
		return err
	}
	if got != want || answer[n-1]&0x80 != 0 || got == connack && answer[n-1] != 0 {
		return fmt.Errorf("the server answers %#x % x", got, answer)
	}
	return nil
}

// next reads a fixed header.
func (t *thing) next() (kind byte, n int, err error) {
	if kind, err = t.in.ReadByte(); err != nil {
		return 0, 0, err
	}
	length, err := binary.ReadUvarint(t.in) // the same encoding
	if err != nil || length > 1<<20 {
		return 0, 0, errors.Join(err, fmt.Errorf("a packet of %d bytes", length))
	}
	return kind, int(length), nil
}

// receive reads until the connection ends.
func (t *thing) receive() {
	for {
		kind, n, err := t.next()
		if err == nil {
			err = t.take(kind, n)
		}
		if err != nil {
			if !t.closed.Load() {
				t.fleet.fail(fmt.Errorf("%s: %w", t.topic, err))
			}
			return
		}
	}
}

// take reads a packet. Of a reply it looks at the beginning only.
func (t *thing) take(kind byte, n int) error {
	if kind&0xf0 != publish {
		_, err := t.in.Discard(n)
		return err
	}
	b, err := t.in.Peek(min(n, 160+len(t.topic)))
	if err != nil {
		return err
	}
	at := 2 + int(binary.BigEndian.Uint16(b))
	if kind&qos1 != 0 {
		at += 2
	}
	if at > len(b) {
		return errors.New("a reply on a long topic")
	}
	moment, number, ok := parseID(b[at:])
	granted := bytes.Contains(b[at:], []byte(`"status":"success"`))
	var ack []byte
	if kind&qos1 != 0 {
		ack = []byte{puback, 2, b[at-2], b[at-1]}
	}
	if _, err := t.in.Discard(n); err != nil {
		return err
	}
	return t.answered(ack, reply{moment, number, ok, granted, n - at})
}

// reply is what matters of one.
type reply struct {
	moment  time.Duration // when its request was to be sent
	number  uint16        // of the run
	known   bool          // whether it has an id of ours
	granted bool
	size    int
}

// answered counts a reply, and asks again where the run wants that. The
// acknowledgement goes out with the next request.
func (t *thing) answered(ack []byte, a reply) error {
	r := t.fleet.run.Load()
	if r != nil {
		r.size.Store(int64(a.size))
	}
	again := r != nil && a.known && a.number == r.number && r.count(a.moment, a.granted)
	t.mu.Lock()
	defer t.mu.Unlock()
	if again {
		ack = append(ack, t.request(r, t.fleet.now())...)
		r.asked.Add(1)
	}
	if len(ack) == 0 {
		return nil
	}
	_, err := t.conn.Write(ack)
	return err
}

// ask sends a request that was to be sent at moment.
func (t *thing) ask(r *run, moment time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r.asked.Add(1)
	if _, err := t.conn.Write(t.request(r, moment)); err != nil {
		t.fleet.fail(fmt.Errorf("%s: %w", t.topic, err))
	}
}

// request makes the next PUBLISH. The caller holds the lock.
func (t *thing) request(r *run, moment time.Duration) []byte {
	if t.sent != r {
		t.sent = r
		topic := text(t.topic + "/" + r.Verb)
		body := Start + string(bytes.Repeat([]byte("0"), IDLength)) + r.Body
		t.packet = append(header(publish|qos1, len(topic)+2+len(body)), topic...)
		t.packet = append(t.packet, 0, 0)
		t.idAt = len(t.packet) + len(Start)
		t.packet = append(t.packet, body...)
	}
	if t.last++; t.last == 0 {
		t.last = 1
	}
	binary.BigEndian.PutUint16(t.packet[t.idAt-len(Start)-2:], t.last)
	writeHex(t.packet[t.idAt:t.idAt+4], uint64(r.number))
	writeHex(t.packet[t.idAt+4:t.idAt+IDLength], uint64(moment))
	return t.packet
}

func writeHex(b []byte, n uint64) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = "0123456789abcdef"[n&15]
		n >>= 4
	}
}

// parseID reads the id that a reply begins with.
func parseID(payload []byte) (moment time.Duration, number uint16, ok bool) {
	if len(payload) < len(Start)+IDLength || string(payload[:len(Start)]) != Start {
		return 0, 0, false
	}
	id := string(payload[len(Start) : len(Start)+IDLength])
	n, err1 := strconv.ParseUint(id[:4], 16, 16)
	ns, err2 := strconv.ParseInt(id[4:], 16, 64)
	return time.Duration(ns), uint16(n), err1 == nil && err2 == nil
}

func text(s string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(s))), s...)
}

func header(kind byte, length int) []byte {
	return binary.AppendUvarint([]byte{kind}, uint64(length))
}
