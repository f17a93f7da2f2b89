// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn

import (
	"bufio"
	"context"
	"encoding/binary"
	"net"
	"sync"
	"time"
)

const (
	maxPending   = 64 << 10        // bytes; a writer waits while that many are unwritten
	writeTimeout = 5 * time.Second // for one batch; a server that does not read is given up
	linger       = time.Second     // that Close gives to what is unwritten
)

// A wire is the net.Conn that paho gets.
//
// paho writes a packet in four pieces, and a TLS connection makes a record and
// a system call of each. So a wire collects: paho locks it, writes the pieces,
// unlocks it, and a goroutine of the wire's own sends all packets that have
// come together meanwhile, with one write. A PUBACK that was written after a
// PUBLISH thus reaches the server after it.
//
// Its context ends when it is closed, by whomever and for whatever reason: what
// waits for an answer on this very connection must not wait longer.
type wire struct {
	net.Conn
	socket net.Conn // below TLS
	ctx    context.Context
	cancel context.CancelCauseFunc
	in     *bufio.Reader
	intake *intake // nil: everything is paho's
	passes int     // bytes of the packet that paho is reading

	mu      sync.Mutex
	more    sync.Cond // there is something to send, or the end
	room    sync.Cond // there is room in pending, or the end
	pending []byte
	closed  bool
	flushed chan struct{} // closed when the sender has ended
}

func newWire(c net.Conn) *wire {
	w := &wire{Conn: c, socket: c, in: bufio.NewReaderSize(c, 16<<10), flushed: make(chan struct{})}
	if t, ok := c.(*transport); ok {
		w.socket = t.tcp
	}
	w.ctx, w.cancel = context.WithCancelCause(context.Background())
	w.more.L, w.room.L = &w.mu, &w.mu
	go w.send()
	return w
}

// Lock begins a packet. It waits for room.
func (w *wire) Lock() {
	w.mu.Lock()
	for len(w.pending) >= maxPending && !w.closed {
		w.room.Wait()
	}
}

// Write adds a piece of a packet. The caller holds the lock.
func (w *wire) Write(piece []byte) (int, error) {
	if w.closed {
		return 0, w.cause()
	}
	w.pending = append(w.pending, piece...)
	return len(piece), nil
}

// Unlock ends a packet.
func (w *wire) Unlock() {
	w.mu.Unlock()
	w.more.Signal()
}

// Read reads what the server sent. Its error is the reason for the end where
// there was one before, unless the server gives a better one with an alert.
func (w *wire) Read(b []byte) (int, error) {
	n, err := w.read(b)
	if err != nil && w.ctx.Err() != nil && !isAlert(err) {
		err = w.cause()
	}
	return n, err
}

// read reads of the packets that the intake does not want.
func (w *wire) read(b []byte) (int, error) {
	for w.passes == 0 {
		first, header, size, err := w.peek()
		switch {
		case err != nil:
			return 0, err
		case w.intake == nil || !w.intake.wants(first):
			w.passes = header + size
		default:
			_, _ = w.in.Discard(header)
			if err := w.intake.take(first, size, w.in); err != nil {
				w.end(err)
				return 0, err
			}
		}
	}
	n, err := w.in.Read(b[:min(len(b), w.passes)])
	w.passes -= n
	return n, err
}

// peek looks at a fixed header: the first byte, its own length, and that of what
// follows. A length that no packet can have is paho's to refuse.
func (w *wire) peek() (first byte, header, size int, err error) {
	for header = 2; ; header++ {
		b, err := w.in.Peek(header)
		if err != nil {
			return 0, 0, 0, err
		}
		if n, length := binary.Uvarint(b[1:]); length > 0 {
			return b[0], header, int(n), nil
		}
		if header == 5 {
			return 0, header, 0, nil
		}
	}
}

// Close sends what is pending, as far as that is possible within linger.
func (w *wire) Close() error {
	w.end(net.ErrClosed)
	select {
	case <-w.flushed:
		_ = w.SetWriteDeadline(time.Now().Add(linger))
		return w.Conn.Close()
	case <-time.After(linger):
		return w.socket.Close()
	}
}

// fail ends the connection for a reason of ours, without TLS's farewell: that
// would wait for a server that does not read.
func (w *wire) fail(reason error) {
	w.end(reason)
	_ = w.socket.Close()
}

func (w *wire) end(reason error) {
	w.cancel(reason)
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.more.Broadcast()
	w.room.Broadcast()
}

func (w *wire) cause() error { return context.Cause(w.ctx) }

// send writes batches until the wire is closed and nothing is left.
func (w *wire) send() {
	defer close(w.flushed)
	var batch []byte
	for {
		batch = w.take(batch)
		if len(batch) == 0 {
			return
		}
		_ = w.SetWriteDeadline(time.Now().Add(writeTimeout))
		if _, err := w.Conn.Write(batch); err != nil {
			w.end(err)
			_ = w.SetReadDeadline(time.Now().Add(linger)) // it may have told us why
			return
		}
	}
}

// take waits for pending bytes and gives the sent batch's memory in exchange.
// There are none only when the wire is closed.
func (w *wire) take(sent []byte) []byte {
	if cap(sent) > 4*maxPending {
		sent = nil // one huge reply must not be held for ever
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.pending) == 0 && !w.closed {
		w.more.Wait()
	}
	batch := w.pending
	w.pending = sent[:0]
	w.room.Broadcast()
	return batch
}
