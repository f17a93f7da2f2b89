// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"thingpass/broker"
	"thingpass/broker/mqttconn"
)

// A tally is what a fake server saw of a client's publishes.
type tally struct {
	times        []time.Time
	served, busy int
	acked        int
}

// most is the greatest number of publishes within any second.
func (r tally) most() int {
	best, first := 0, 0
	for i := range r.times {
		for r.times[i].Sub(r.times[first]) >= time.Second {
			first++
		}
		best = max(best, i-first+1)
	}
	return best
}

// flood gives the client requests, as many ahead as its Receive Maximum says or
// all of them, and returns what it made of them.
func flood(t *testing.T, requests int, obey bool, change func(*mqttconn.Config)) (tally, *running) {
	t.Helper()
	done := make(chan tally, 1)
	f := startFake(t, func(p *peer) {
		hello := p.connack(0, packets.Properties{})
		sub := p.until(packets.SUBSCRIBE)
		if hello == nil || sub == nil {
			return
		}
		p.suback(sub.Content.(*packets.Subscribe), 1)
		window := make(chan struct{}, requests)
		for range requests {
			if obey && len(window) == int(*hello.Properties.ReceiveMaximum) {
				break
			}
			window <- struct{}{}
		}
		ended := make(chan struct{})
		defer close(ended)
		go func() {
			for i := range requests {
				select {
				case <-window:
					p.request(uint16(i+1), "x")
				case <-ended:
					return
				}
			}
		}()
		done <- p.tally(requests, window)
		p.serve(func(*packets.ControlPacket) {})
	})
	conf := f.config(t)
	change(&conf)
	r := run(t, conf, handler{})
	select {
	case got := <-done:
		return got, r
	case <-time.After(2 * patience):
		t.Fatalf("not everything is acknowledged; stats are %+v", r.Stats())
		return tally{}, r
	}
}

// tally reads until so many requests are acknowledged, and opens the window for
// each.
func (p *peer) tally(requests int, window chan<- struct{}) (r tally) {
	for c := p.next(); c != nil; c = p.next() {
		switch b := c.Content.(type) {
		case *packets.Publish:
			r.times = append(r.times, time.Now())
			if string(b.Payload) == "busy" {
				r.busy++
				continue
			}
			r.served++
			p.puback(b, 0)
		case *packets.Puback:
			r.acked++
			select {
			case window <- struct{}{}:
			default:
			}
		}
		if r.acked == requests {
			return r
		}
	}
	return r
}

// Whatever the server sends, AWS's quota is kept and every request is answered.
func TestRepliesKeepThePace(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		mode     mqttconn.PaceMode
		requests int
		atLeast  time.Duration
		atMost   time.Duration
	}{
		{mqttconn.PaceEach, 250, 2500 * time.Millisecond, 4 * time.Second},
		{mqttconn.PaceBoth, 150, 3 * time.Second, 5 * time.Second},
	} {
		t.Run(string(test.mode), func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			got, r := flood(t, test.requests, true, func(c *mqttconn.Config) { c.Profile, c.Pace.Mode = mqttconn.ProfileAWS, test.mode })
			took := time.Since(began)
			t.Logf("%d requests answered in %v, at most %d publishes within a second", test.requests, took, got.most())
			if got.served != test.requests || got.busy != 0 || took < test.atLeast || took > test.atMost {
				t.Errorf("%d answered, %d busy, in %v", got.served, got.busy, took)
			}
			if got.most() > 100 {
				t.Errorf("%d publishes within a second", got.most())
			}
			if s := r.Stats(); s.Paced < int64(test.requests/2) || s.PacedTime == 0 || s.Shed != 0 {
				t.Errorf("stats are %+v", s)
			}
		})
	}
}

// A server that does not keep the Receive Maximum gets refusals within the pace,
// and what gets none is told to the operator.
func TestRefusalsKeepThePace(t *testing.T) {
	t.Parallel()
	const requests = 1000
	got, r := flood(t, requests, false, func(c *mqttconn.Config) {
		c.Profile, c.Pace.Mode, c.Queue = mqttconn.ProfileAWS, mqttconn.PaceEach, 20
	})
	if got.most() > 100 || got.acked != requests {
		t.Errorf("%d publishes within a second, %d acknowledged", got.most(), got.acked)
	}
	s := r.Stats()
	if got.served < 20 || got.busy == 0 || s.Unanswered == 0 || int64(got.served+got.busy)+s.Unanswered != requests || s.Connects != 1 {
		t.Errorf("%d answered, %d busy, stats are %+v", got.served, got.busy, s)
	}
	if !strings.Contains(r.log.String(), "refusing as busy") {
		t.Error("the log does not complain")
	}
}

// While one connection waits for its pace, the workers are free for others.
func TestNoWorkerIsHeldByAPace(t *testing.T) {
	t.Parallel()
	got, _ := flood(t, 40, true, func(c *mqttconn.Config) {
		c.Pace, c.Workers = mqttconn.Pace{Mode: mqttconn.PaceEach, Publishes: 20}, 1
	})
	if got.served != 40 {
		t.Fatalf("%d answered", got.served)
	}
	handled := make(chan time.Time, 20)
	f := startFake(t, func(p *peer) {
		p.subscribed(packets.Properties{})
		for i := range uint16(20) {
			p.request(i+1, "x")
		}
		p.serve(func(*packets.ControlPacket) {})
	})
	conf := f.config(t)
	conf.Pace, conf.Workers = mqttconn.Pace{Mode: mqttconn.PaceEach, Publishes: 20}, 1
	run(t, conf, handler{handle: func(_ context.Context, m broker.Message) ([]broker.Message, error) {
		handled <- time.Now()
		return echo(m), nil
	}})
	first := <-handled
	for range 19 {
		if late := (<-handled).Sub(first); late > 500*time.Millisecond {
			t.Fatalf("a request waited %v for the only worker", late)
		}
	}
}

func TestDrainWaitsForThePace(t *testing.T) {
	t.Parallel()
	answered := make(chan string, 100)
	f := startFake(t, func(p *peer) {
		p.subscribed(packets.Properties{})
		for i := range uint16(15) {
			p.request(i+1, fmt.Sprint(i))
		}
		p.serve(func(c *packets.ControlPacket) {
			if b, ok := c.Content.(*packets.Publish); ok {
				answered <- string(b.Payload)
			}
		})
	})
	conf := f.config(t)
	conf.Pace = mqttconn.Pace{Mode: mqttconn.PaceEach, Publishes: 20} // some 0.8 s
	r := run(t, conf, handler{})
	<-answered
	eventually(t, "all are taken", func() bool { return r.Stats().Requests == 15 })
	if err := r.end(t); err != nil {
		t.Error(err)
	}
	eventually(t, "all are answered", func() bool { return len(answered)+1 == 15 }) // the server reads a moment later
}

// What a thing no longer waits for is not worth an answer, but must not be given
// again either.
func TestExpiredRequestIsAcknowledgedWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	gate := make(chan struct{})
	seen := make(chan string, 100)
	f := startFake(t, func(p *peer) {
		p.subscribed(packets.Properties{})
		for i, expiry := range []*uint32{nil, ptr(uint32(1)), ptr(uint32(3600)), nil} {
			p.send(&packets.Publish{PacketID: uint16(i + 1), QoS: 1, Topic: "thingpass/cam1/upload-request", Payload: fmt.Append(nil, "r", i),
				Properties: &packets.Properties{MessageExpiry: expiry}})
		}
		p.serve(func(c *packets.ControlPacket) {
			switch b := c.Content.(type) {
			case *packets.Publish:
				life := uint32(0)
				if b.Properties.MessageExpiry != nil {
					life = *b.Properties.MessageExpiry
				}
				seen <- fmt.Sprintf("%s lives %d s", b.Payload, life)
			case *packets.Puback:
				seen <- fmt.Sprint("ack ", b.PacketID)
			}
		})
	})
	conf := f.config(t)
	conf.Workers = 1
	r := run(t, conf, handler{handle: func(_ context.Context, m broker.Message) ([]broker.Message, error) {
		<-gate
		event := broker.Message{Topic: "thingpass/cam1/uploaded", Payload: []byte("event"), QoS: 1}
		return append(echo(m), event), nil
	}})
	eventually(t, "all are there", func() bool { return r.Stats().Requests == 4 })
	time.Sleep(1100 * time.Millisecond) // what is tested is that time passes
	close(gate)
	acks, replies := []string{}, []string{} // a reply does not wait for the acknowledgement of another request
	for len(acks)+len(replies) < 10 {
		select {
		case got := <-seen:
			if strings.HasPrefix(got, "ack") {
				acks = append(acks, got)
			} else {
				replies = append(replies, got)
			}
		case <-time.After(patience):
			t.Fatalf("stats are %+v", r.Stats())
		}
	}
	if want := []string{"ack 1", "ack 2", "ack 3", "ack 4"}; !slices.Equal(acks, want) {
		t.Errorf("acknowledged %q, want %q", acks, want)
	}
	want := []string{"r0 lives 900 s", "event lives 0 s", "r2 lives 900 s", "event lives 0 s", "r3 lives 900 s", "event lives 0 s"}
	if !slices.Equal(replies, want) {
		t.Errorf("published %q, want %q", replies, want)
	}
	if s := r.Stats(); s.Expired != 1 || s.Replies != 6 {
		t.Errorf("stats are %+v", s)
	}
}

// A reply lives no longer than the thing said it would wait.
func TestReplyLivesNoLongerThanItsRequest(t *testing.T) {
	t.Parallel()
	lives := make(chan uint32, 1)
	f := startFake(t, func(p *peer) {
		p.subscribed(packets.Properties{})
		p.send(&packets.Publish{PacketID: 1, QoS: 1, Topic: "thingpass/cam1/upload-request", Properties: &packets.Properties{MessageExpiry: ptr(uint32(60))}})
		p.serve(func(c *packets.ControlPacket) {
			if b, ok := c.Content.(*packets.Publish); ok {
				lives <- *b.Properties.MessageExpiry
			}
		})
	})
	run(t, f.config(t), handler{})
	if life := <-lives; life < 58 || life > 60 {
		t.Errorf("%d s", life)
	}
}

// An old connection is left in peace: what it has is answered, and no pause is
// made before the next.
func TestOldConnectionIsLeftInPeace(t *testing.T) {
	t.Parallel()
	ends := make(chan string, 100)
	gate := make(chan struct{})
	f := startFake(t, func(p *peer) {
		p.subscribed(packets.Properties{})
		if p.n == 0 {
			p.request(1, "x")
		}
		last := ""
		p.serve(func(c *packets.ControlPacket) {
			if c.Type == packets.PUBACK {
				last += "answered, "
			}
			if c.Type == packets.DISCONNECT {
				last += "farewell"
			}
		})
		ends <- last
	})
	conf := f.config(t)
	conf.MaxAge, conf.ReconnectMin, conf.ReconnectMax = 500*time.Millisecond, time.Minute, time.Minute
	r := run(t, conf, handler{handle: func(_ context.Context, m broker.Message) ([]broker.Message, error) {
		<-gate
		return echo(m), nil
	}})
	r.awaitUp(t)
	time.AfterFunc(time.Second, func() { close(gate) }) // after it has become old
	if got := <-ends; got != "answered, farewell" {
		t.Errorf("the first connection: %q", got)
	}
	r.awaitUp(t)
	if log := r.log.String(); strings.Contains(log, "level=WARN") || strings.Contains(log, "level=ERROR") {
		t.Errorf("an alarm:\n%s", log)
	}
}
