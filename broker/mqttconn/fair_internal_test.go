// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.golang/paho"
)

func jobOf(thing string, id int) job {
	return job{packet: &paho.Publish{Topic: "thingpass/" + thing + "/upload-request", PacketID: uint16(id)}}
}

func TestThingsTakeTurns(t *testing.T) {
	q := newQueue(100, 100)
	for i := range 12 {
		q.push(jobOf("flood", i))
	}
	q.push(jobOf("a", 0))
	q.push(jobOf("a", 1))
	q.push(jobOf("b", 0))
	var order []string
	for range 7 {
		j, done, _ := q.pop()
		order = append(order, fmt.Sprint(strings.Split(j.packet.Topic, "/")[1], j.packet.PacketID))
		done()
	}
	if got := strings.Join(order, " "); got != "flood0 a0 b0 flood1 a1 flood2 flood3" {
		t.Errorf("served %s", got)
	}
}

func TestOneThingHasItsShareOnly(t *testing.T) {
	for places, share := range map[int]int{256: 128, 16: 8, 1: 1} {
		q := newQueue(places, 4)
		got := 0
		for i := range 300 {
			if q.push(jobOf("flood", i)) == taken {
				got++
			}
		}
		if got != share {
			t.Errorf("%d of %d places went to one thing, want %d", got, places, share)
		}
		if places > share && q.push(jobOf("polite", 0)) != taken {
			t.Errorf("with %d places none is left for another thing", places)
		}
	}
}

func TestABurstIsAnsweredAndAFloodIsNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(256, 4)
		for range 2 { // seconds
			got := map[verdict]int{}
			for i := range 1000 {
				got[q.push(jobOf("flood", i))]++
			}
			if got[refused] != 256 || got[taken]+got[ignored] != 1000-256 {
				t.Errorf("%d taken, %d refused, %d ignored", got[taken], got[refused], got[ignored])
			}
			time.Sleep(time.Second)
		}
	})
}

func TestOneThingHasHalfOfTheWorkersOnly(t *testing.T) {
	q := newQueue(256, 4)
	for i := range 10 {
		q.push(jobOf("flood", i))
	}
	_, first, _ := q.pop()
	_, _, _ = q.pop()
	q.push(jobOf("polite", 0))
	if j, _, _ := q.pop(); j.packet.Topic != "thingpass/polite/upload-request" {
		t.Errorf("the third worker got %s", j.packet.Topic)
	}
	got := make(chan uint16)
	go func() {
		j, _, _ := q.pop()
		got <- j.packet.PacketID
	}()
	runtime.Gosched()
	first()
	if id := <-got; id != 2 {
		t.Errorf("after one was done request %d came, want 2", id)
	}
}

// Whatever the order of events, each job is popped once and nothing is kept.
func TestQueueLosesNothing(t *testing.T) {
	q := newQueue(64, 8)
	var pushed, popped atomic.Int64
	var workers, things sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for _, done, ok := q.pop(); ok; _, done, ok = q.pop() {
				popped.Add(1)
				runtime.Gosched()
				done()
			}
		})
	}
	for i := range 20 {
		things.Go(func() {
			for id := range 2000 {
				if q.push(jobOf(fmt.Sprint("cam", i%7), id)) == taken {
					pushed.Add(1)
				}
			}
		})
	}
	things.Wait()
	q.close()
	workers.Wait()
	if pushed.Load() != popped.Load() || pushed.Load() == 0 || len(q.lines) != 0 || q.waiting != 0 || q.first != nil || q.last != nil {
		t.Errorf("pushed %d, popped %d; left: %d lines, %d waiting", pushed.Load(), popped.Load(), len(q.lines), q.waiting)
	}
}

// One thing asks 100,000 times a second, 50 others now and then, and a request takes
// a worker 5 ms: by a clock that no busy machine disturbs.
func TestAFloodMovesNobodysLatency(t *testing.T) {
	usual := politeP99(t, 0)
	flooded := politeP99(t, 10*time.Microsecond)
	t.Logf("p99 is %v, and in the flood %v", usual, flooded)
	if flooded > 2*usual {
		t.Errorf("p99 moved from %v to %v", usual, flooded)
	}
}

// politeP99 is how long the slowest hundredth of the polite things' requests took, of
// which none was refused, while another thing asks every so often (0: never).
func politeP99(t *testing.T, every time.Duration) (p99 time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		const took = 5 * time.Millisecond
		q := newQueue(256, 32)
		served := make(map[uint16]chan bool)
		var workers, polite sync.WaitGroup
		for range 32 {
			workers.Go(func() {
				for j, done, ok := q.pop(); ok; j, done, ok = q.pop() {
					time.Sleep(took)
					done()
					if c := served[j.packet.PacketID]; c != nil {
						c <- true
					}
				}
			})
		}
		ends := time.Now().Add(2 * time.Second)
		var mu sync.Mutex
		var all []time.Duration
		for i := range uint16(50) {
			served[i+1] = make(chan bool)
		}
		for i := range uint16(50) {
			polite.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				for n := 0; time.Now().Before(ends); n++ {
					began := time.Now()
					if q.push(jobOf(fmt.Sprint("cam", i), int(i+1))) != taken {
						t.Error("a polite thing was refused")
					}
					<-served[i+1]
					mu.Lock()
					all = append(all, time.Since(began))
					mu.Unlock()
					time.Sleep(time.Duration(30+(int(i)*7+n*13)%40) * time.Millisecond)
				}
			})
		}
		for every > 0 && time.Now().Before(ends) {
			q.push(jobOf("flood", 0))
			time.Sleep(every)
		}
		polite.Wait()
		q.close()
		workers.Wait()
		slices.Sort(all)
		p99 = all[len(all)*99/100]
	})
	return p99
}

func BenchmarkQueue(b *testing.B) {
	for _, things := range []int{1, 200} {
		b.Run(fmt.Sprint(things, " things"), func(b *testing.B) {
			q := newQueue(4096, 32)
			jobs := make([]job, things)
			for i := range jobs {
				jobs[i] = jobOf(fmt.Sprint("cam", i), i)
				q.push(jobs[i])
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				q.push(jobs[i%things])
				_, done, _ := q.pop()
				done()
			}
		})
	}
}
