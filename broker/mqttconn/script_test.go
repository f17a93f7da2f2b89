// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"thingpass/broker"
)

func TestSessionIsMadeToOutliveTheProcess(t *testing.T) {
	connects := make(chan *packets.Connect, 1)
	f := startFake(t, func(p *peer) {
		connects <- p.connack(0, packets.Properties{})
		p.serve(func(*packets.ControlPacket) {})
	})
	conf := f.config(t)
	conf.Queue, conf.MaxPacket, conf.SessionExpiry = 77, 100_000, 90*time.Second
	runUp(t, conf, handler{})
	c := <-connects
	if c.CleanStart || c.ClientID != "broker" || c.KeepAlive != 30 || c.ProtocolVersion != 5 {
		t.Errorf("CONNECT is %+v", c)
	}
	if p := c.Properties; *p.SessionExpiryInterval != 90 || *p.ReceiveMaximum != 77 || *p.MaximumPacketSize != 100_000 {
		t.Errorf("CONNECT has session expiry %d, receive maximum %d, maximum packet size %d", *p.SessionExpiryInterval, *p.ReceiveMaximum, *p.MaximumPacketSize)
	}
}

func TestRefusedSubscriptionIsTriedAgainWhileOthersAreServed(t *testing.T) {
	var refusals atomic.Int64
	answered := make(chan string, 10)
	f := startFake(t, func(p *peer) {
		p.connack(0, packets.Properties{})
		for c := p.next(); c != nil; c = p.next() {
			switch b := c.Content.(type) {
			case *packets.Subscribe:
				switch {
				case b.Subscriptions[0].Topic == "$share/brokers/a/b":
					p.suback(b, 1)
					p.request(1, "x")
				case refusals.Add(1) <= 2:
					p.suback(b, packets.SubackNotauthorized)
				default:
					p.suback(b, 1)
				}
			case *packets.Publish:
				answered <- string(b.Payload)
				p.puback(b, 0)
			}
		}
	})
	conf := f.config(t)
	conf.Filters = []string{"c/d", "a/b"}
	r := run(t, conf, handler{})
	if got := <-answered; got != "x" {
		t.Errorf("answered %q", got)
	}
	r.awaitUp(t)
	if n, s := refusals.Load(), r.Stats(); n != 3 || s.Connects != 1 {
		t.Errorf("subscribed %d times, on %d connections", n, s.Connects)
	}
	want := `the server refuses the subscription \"$share/brokers/c/d\": its policy or ACL must allow us this filter (code 0x87)`
	if log := r.log.String(); strings.Count(log, want) != 2 {
		t.Errorf("the log does not say twice %s:\n%s", want, log)
	}
}

func TestRefusalsAreSaidInWords(t *testing.T) {
	for want, script := range map[string]func(p *peer){
		"does not let this certificate connect as client id": func(p *peer) { p.connack(packets.ConnackNotAuthorized, packets.Properties{}) },
		"it does not like the client id":                     func(p *peer) { p.connack(packets.ConnackInvalidClientID, packets.Properties{}) },
		"a quota is exceeded (code 0x97, it says":            func(p *peer) { p.connack(packets.ConnackQuotaExceeded, packets.Properties{ReasonString: "too many"}) },
		"or it may not speak MQTT 5":                         func(p *peer) { p.until(packets.CONNECT); _, _ = p.Write([]byte{0x20, 2, 0, 1}) },
		"the server closed the connection without an answer": func(p *peer) { p.until(packets.CONNECT) },
		"the server offers no shared subscriptions":          func(p *peer) { p.connack(0, packets.Properties{SharedSubAvailable: ptr(byte(0))}); p.next() },
		"Server busy (code 0x89)":                            func(p *peer) { p.subscribed(packets.Properties{}); p.disconnect(packets.DisconnectServerBusy) },
		"$share/brokers/thingpass/+/upload-request\\\": the server gives no answer": func(p *peer) {
			p.connack(0, packets.Properties{})
			p.until(packets.SUBSCRIBE)
			_ = p.next()
		},
		"at QoS 0 only": func(p *peer) {
			p.connack(0, packets.Properties{})
			p.suback(p.until(packets.SUBSCRIBE).Content.(*packets.Subscribe), 0)
			p.next()
		},
	} {
		t.Run(want, func(t *testing.T) {
			f := startFake(t, script)
			conf := f.config(t)
			conf.ConnectTimeout, conf.PublishTimeout = 200*time.Millisecond, 200*time.Millisecond
			r := run(t, conf, handler{})
			r.awaitLog(t, want)
			eventually(t, "it tries again", func() bool { return strings.Count(r.log.String(), want) > 1 })
		})
	}
}

// Without growing pauses a server that lets us in to throw us out is hammered.
func TestPausesGrowWhenTheServerThrowsUsOut(t *testing.T) {
	for name, script := range map[string]func(p *peer){
		"after CONNECT":   func(p *peer) { p.connack(0, packets.Properties{}) },
		"after SUBSCRIBE": func(p *peer) { p.subscribed(packets.Properties{}) },
	} {
		t.Run(name, func(t *testing.T) {
			var connections atomic.Int64
			f := startFake(t, func(p *peer) { connections.Add(1); script(p) })
			conf := f.config(t)
			conf.ReconnectMin, conf.ReconnectMax = 20*time.Millisecond, time.Minute
			run(t, conf, handler{})
			time.Sleep(time.Second) // pauses of at least 10, 20, 40, 80, 160, 320 ms
			if n := connections.Load(); n < 3 || n > 8 {
				t.Errorf("%d connections in a second", n)
			}
		})
	}
}

func TestTakenOverClientWaitsLong(t *testing.T) {
	connections := make(chan time.Time, 100)
	f := startFake(t, func(p *peer) {
		connections <- time.Now()
		p.subscribed(packets.Properties{})
		p.disconnect(packets.DisconnectSessionTakenOver)
	})
	conf := f.config(t)
	conf.TakenOverWait = time.Second
	r := run(t, conf, handler{})
	first, second := <-connections, <-connections // it does not give up
	if waited := second.Sub(first); waited < conf.TakenOverWait/2 {
		t.Errorf("it came back after %v", waited)
	}
	if log := r.log.String(); !strings.Contains(log, "level=ERROR") || !strings.Contains(log, "another client uses this client id: give each broker its own") {
		t.Errorf("the log does not complain:\n%s", log)
	}
}

// A request at QoS 0 has no acknowledgement, and is answered all the same.
func TestRequestAtQoS0IsAnswered(t *testing.T) {
	got := make(chan string, 10)
	f := startFake(t, func(p *peer) {
		p.subscribed(packets.Properties{})
		p.request(0, "x")
		p.serve(func(c *packets.ControlPacket) { got <- c.PacketType() })
	})
	r := runUp(t, f.config(t), handler{})
	if first := <-got; first != "PUBLISH" {
		t.Errorf("the server got %s", first)
	}
	if err := r.end(t); err != nil {
		t.Error(err)
	}
}

// Debian's Mosquitto 2.0.11 sends more than Receive Maximum. All of it must be
// answered or refused, and acknowledged in order.
func TestServerThatIgnoresReceiveMaximum(t *testing.T) {
	const requests, queue = 500, 8
	type result struct{ busy, served, acked int }
	results := make(chan result, 1)
	f := startFake(t, func(p *peer) {
		p.subscribed(packets.Properties{})
		go func() {
			for i := range uint16(requests) {
				p.request(i+1, "x")
			}
		}()
		var res result
		for c := p.next(); c != nil && res.acked < requests; c = p.next() {
			switch b := c.Content.(type) {
			case *packets.Publish:
				if string(b.Payload) == "busy" {
					res.busy++
				} else {
					res.served++
					p.puback(b, 0)
				}
			case *packets.Puback:
				if res.acked++; int(b.PacketID) != res.acked {
					res.acked = -requests // out of order
				}
			}
			if res.acked == requests {
				results <- res
			}
		}
	})
	conf := f.config(t)
	conf.Queue, conf.Workers = queue, 2
	r := run(t, conf, handler{handle: func(_ context.Context, m broker.Message) ([]broker.Message, error) {
		time.Sleep(time.Millisecond)
		return echo(m), nil
	}})
	select {
	case res := <-results:
		if res.busy+res.served != requests || res.busy == 0 || res.served < queue {
			t.Errorf("%+v", res)
		}
		if s := r.Stats(); s.Shed != int64(res.busy) || s.Connects != 1 {
			t.Errorf("%+v, but stats are %+v", res, s)
		}
	case <-time.After(patience):
		t.Fatalf("not everything is acknowledged; stats are %+v", r.Stats())
	}
}

// Busy runs where requests are received: its panic must not end the service.
func TestPanicInBusyIsSurvived(t *testing.T) {
	acks := make(chan uint16, 10)
	gate := make(chan struct{})
	f := startFake(t, func(p *peer) {
		p.subscribed(packets.Properties{})
		for i := range uint16(3) { // one is worked on, one waits, one is too many
			p.request(i+1, "x")
		}
		p.serve(func(c *packets.ControlPacket) {
			if c.Type == packets.PUBACK {
				acks <- c.PacketID()
			}
		})
	})
	conf := f.config(t)
	conf.Queue, conf.Workers = 1, 1
	r := run(t, conf, handler{
		handle: func(_ context.Context, m broker.Message) ([]broker.Message, error) { <-gate; return echo(m), nil },
		busy:   func(broker.Message) ([]broker.Message, error) { panic(errors.New("deliberate")) },
	})
	eventually(t, "a request is shed", func() bool { return r.Stats().Panics > 0 })
	close(gate)
	for want := range uint16(3) {
		if got := <-acks; got != want+1 {
			t.Errorf("acknowledged %d, want %d", got, want+1)
		}
	}
}
