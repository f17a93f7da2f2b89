// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"thingpass/broker"
	"thingpass/broker/internal/testmosquitto"
)

// connect311 returns a thing that is subscribed to its responses.
func connect311(t *testing.T, s *testmosquitto.Server, name string) *thing311 {
	t.Helper()
	conn := must(tls.Dial("tcp", s.Things, s.ThingTLS(name)))(t)
	t.Cleanup(func() { _ = conn.Close() })
	c := &thing311{conn, bufio.NewReader(conn)}
	c.send(t, 0x10, "MQTT", []byte{4, 2, 0, 30}, name)
	c.until(t, 0x20)
	c.send(t, 0x82, []byte{0, 1}, "thingpass/"+name+"/response", []byte{1})
	c.until(t, 0x90)
	return c
}

// polite asks, waits for the answer, pauses, and so on until the time is over. It
// returns how long the answers took.
func (c *thing311) polite(t *testing.T, name string, until time.Time, busy *atomic.Int64) (took []time.Duration) {
	for time.Now().Before(until) {
		began := time.Now()
		c.send(t, 0x32, "thingpass/"+name+"/upload-request", []byte{0, 2}, []byte("hello"))
		answer := c.until(t, 0x30)
		took = append(took, time.Since(began))
		if bytes.HasSuffix(answer, []byte("busy")) {
			busy.Add(1)
		}
		time.Sleep(40 * time.Millisecond)
	}
	return took
}

// flood asks so many times a second, whatever the answers, until its connection is
// closed.
func (c *thing311) flood(sent *atomic.Int64, first byte, rate int) {
	go func() { _, _ = io.Copy(io.Discard, c.Conn) }()
	const topic = "thingpass/flood/upload-request"
	body := append([]byte{0, byte(len(topic))}, topic...)
	if first&0x06 != 0 {
		body = append(body, 0, 1)
	}
	body = append(body, "flood"...)
	packet := append([]byte{first, byte(len(body))}, body...)
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		due := int64(time.Since(began).Seconds()*float64(rate)) - sent.Load()
		if _, err := c.Write(bytes.Repeat(packet, int(due))); err != nil {
			return
		}
		sent.Add(due)
	}
}

// p99 lets 50 polite things ask for a while.
func p99(t *testing.T, things map[string]*thing311, lasts time.Duration) (p50, p99 time.Duration, busy int64) {
	t.Helper()
	var mu sync.Mutex
	var all []time.Duration
	var refused atomic.Int64
	var asking sync.WaitGroup
	for name, c := range things {
		asking.Go(func() {
			took := c.polite(t, name, time.Now().Add(lasts), &refused)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, took...)
		})
	}
	asking.Wait()
	slices.Sort(all)
	return all[len(all)/2], all[len(all)*99/100], refused.Load()
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// With a real server, everything on this machine: nobody but the flooder is
// refused, and memory stays flat. How long answers take is judged where the machine
// has time to spare; TestAFloodMovesNobodysLatency judges it by a clock of its own.
func TestAFloodOfOneThingDelaysNoOther(t *testing.T) {
	for name, first := range map[string]byte{"QoS 0": 0x30, "QoS 1": 0x32} {
		t.Run(name, func(t *testing.T) {
			s := startMosquitto(t)
			r := runUp(t, config(s.Services, s.ServiceTLS("svc")), handler{handle: func(_ context.Context, m broker.Message) ([]broker.Message, error) {
				time.Sleep(5 * time.Millisecond) // as long as S3 takes to say what it has
				return echo(m), nil
			}})
			things := map[string]*thing311{}
			for i := range 50 {
				name := fmt.Sprint("cam", i)
				things[name] = connect311(t, s, name)
			}
			usual50, usual99, _ := p99(t, things, 2*time.Second)
			var sent atomic.Int64
			flooder, before := connect311(t, s, "flood"), heap()
			go flooder.flood(&sent, first, 5000)
			eventually(t, "the flood is refused", func() bool { return r.Stats().Shed > 100 })
			flood50, flood99, busy := p99(t, things, 2*time.Second)
			grown := heap() - before
			_ = flooder.Close()
			t.Logf("p50 %v, p99 %v; in a flood of %d requests p50 %v, p99 %v, heap %+d kB; %+v",
				usual50, usual99, sent.Load(), flood50, flood99, grown>>10, r.Stats())
			if busy != 0 || grown > 16<<20 {
				t.Errorf("%d requests of others were refused, the heap grew by %d bytes", busy, grown)
			}
			// A neighbour on the machine moves the tail alone: a queue that is unfair moves the
			// median with it. TestAFloodMovesNobodysLatency has it by a clock without neighbours.
			if usual99 < 12*time.Millisecond && flood99 > 2*usual99 && flood50 > 2*usual50 {
				t.Errorf("p99 moved from %v to %v", usual99, flood99)
			}
		})
	}
}
