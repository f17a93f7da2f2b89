// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// countingConn counts writes.
type countingConn struct {
	net.Conn
	mu     sync.Mutex
	writes int
}

func (c *countingConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	c.writes++
	c.mu.Unlock()
	return c.Conn.Write(b)
}

// packet writes one packet as paho does.
func packet(w *wire, pieces ...string) error {
	w.Lock()
	defer w.Unlock()
	for _, p := range pieces {
		if _, err := w.Write([]byte(p)); err != nil {
			return err
		}
	}
	return nil
}

func TestPacketIsOneWriteAndPacketsStayWhole(t *testing.T) {
	const writers, each = 8, 50
	near, far := net.Pipe()
	c := &countingConn{Conn: near}
	w := newWire(c)
	got := make(chan []byte, 1)
	go func() {
		b, _ := io.ReadAll(far)
		got <- b
	}()
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			for range each {
				name := string(rune('a' + i))
				if err := packet(w, "<", name, name, ">"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	_ = w.Close()
	b := <-got
	for i := range writers {
		name := string(rune('a' + i))
		if n := bytes.Count(b, []byte("<"+name+name+">")); n != each {
			t.Errorf("%d of %d packets of writer %s arrived whole", n, each, name)
		}
	}
	if c.writes > writers*each {
		t.Errorf("%d writes for %d packets", c.writes, writers*each)
	}
}

func TestCloseSendsWhatIsPending(t *testing.T) {
	near, far := net.Pipe()
	w := newWire(near)
	if err := packet(w, "bye"); err != nil {
		t.Fatal(err)
	}
	got := make(chan []byte, 1)
	go func() {
		b, _ := io.ReadAll(far)
		got <- b
	}()
	_ = w.Close()
	if b := <-got; string(b) != "bye" {
		t.Errorf("the peer got %q", b)
	}
	if w.ctx.Err() == nil {
		t.Error("the context goes on")
	}
	if err := packet(w, "late"); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write after close: %v", err)
	}
}

func TestPeerThatDoesNotReadHoldsABoundedAmount(t *testing.T) {
	near, far := net.Pipe()
	defer func() { _ = far.Close() }()
	w := newWire(near)
	blocked := make(chan int, 1)
	go func() {
		n := 0
		for packet(w, string(make([]byte, 1000))) == nil {
			n++
		}
		blocked <- n
	}()
	select {
	case <-blocked:
		t.Fatal("a write failed")
	case <-time.After(100 * time.Millisecond): // it waits for room
	}
	began := time.Now()
	_ = w.Close()
	if took := time.Since(began); took > 2*linger {
		t.Errorf("Close took %v", took)
	}
	if n := <-blocked; n < maxPending/1000 || n > 3*maxPending/1000 {
		t.Errorf("%d packets of 1000 bytes were taken", n)
	}
}

func TestReasonOfTheEndIsTold(t *testing.T) {
	near, far := net.Pipe()
	defer func() { _ = far.Close() }()
	w := newWire(near)
	reason := errors.New("a reason")
	w.fail(reason)
	if _, err := w.Read(make([]byte, 1)); !errors.Is(err, reason) {
		t.Errorf("Read returns %v", err)
	}
	if err := packet(w, "x"); !errors.Is(err, reason) {
		t.Errorf("Write returns %v", err)
	}
}

func TestAlertIsTheBetterReason(t *testing.T) {
	near, far := net.Pipe()
	defer func() { _ = far.Close() }()
	w := newWire(near)
	alert := &net.OpError{Op: "remote error", Err: errors.New("tls: expired certificate")}
	w.in.Reset(readerFunc(func([]byte) (int, error) { return 0, alert }))
	w.fail(errors.New("broken pipe"))
	if _, err := w.Read(make([]byte, 1)); !errors.Is(err, alert) {
		t.Errorf("Read returns %v", err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

func TestPausesGrowAndStayRandom(t *testing.T) {
	const minPause, maxPause = time.Second, 30 * time.Second
	b := backoff{min: minPause, max: maxPause}
	for _, most := range []time.Duration{1, 2, 4, 8, 16, 30, 30, 30} {
		most *= time.Second
		if d := b.next(); d < most/2 || d > most {
			t.Errorf("pause of %v, want %v to %v", d, most/2, most)
		}
	}
	b.served(maxPause)
	if d := b.next(); d < maxPause/2 {
		t.Errorf("a connection of %v made the pause %v", maxPause, d)
	}
	b.served(maxPause + 1)
	if d := b.next(); d > minPause {
		t.Errorf("after a long connection the pause is %v", d)
	}
	seen := make(map[time.Duration]bool)
	for range 20 {
		seen[jitter(time.Second)] = true
	}
	if len(seen) < 10 {
		t.Errorf("%d different pauses of 20", len(seen))
	}
}
