// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"thingpass/broker"
	"thingpass/broker/mqttconn"
)

func TestServerMayComeLater(t *testing.T) {
	s := startMosquitto(t)
	svc := s.ServiceTLS("svc")
	s.Kill9()
	r := run(t, config(s.Services, svc), handler{})
	r.awaitLog(t, "connection refused")
	s.Restart()
	r.awaitUp(t)
	newThing(t, s, "cam1").ask(t, "hello")
}

func TestSilentServerIsGivenUp(t *testing.T) {
	s := startMosquitto(t)
	p := startProxy(t, s.Services)
	p.stall(true)
	f := startFake(t, func(p *peer) { p.until(packets.CONNECT); p.next() })
	for name, conf := range map[string]mqttconn.Config{
		"silent in TLS":     config(p.address, s.ServiceTLS("svc")),
		"silent afterwards": f.config(t),
	} {
		t.Run(name, func(t *testing.T) {
			conf.ConnectTimeout = 50 * time.Millisecond
			run(t, conf, handler{}).awaitLog(t, "the server does not answer: ")
		})
	}
}

// A load is things that ask one question after the other until it is stopped.
type load struct {
	cancel     context.CancelFunc
	running    sync.WaitGroup
	asked      atomic.Int64
	unanswered atomic.Int64
}

func startLoad(t *testing.T, things []*thing) *load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{cancel: cancel}
	t.Cleanup(func() { l.stop() })
	for _, th := range things {
		for lane := range 5 {
			l.running.Go(func() {
				for i := 0; ctx.Err() == nil; i++ {
					l.asked.Add(1)
					if !th.insist(fmt.Sprint(th.name, "-", lane, "-", i), 300*time.Millisecond) {
						l.unanswered.Add(1)
					}
				}
			})
		}
	}
	return l
}

// stop returns when every request is answered or given up.
func (l *load) stop() {
	l.cancel()
	l.running.Wait()
}

func (l *load) awaitProgress(t *testing.T) {
	t.Helper()
	before := l.asked.Load()
	eventually(t, "requests are answered", func() bool { return l.asked.Load() > before+50 })
}

func TestServerIsKilledUnderLoad(t *testing.T) {
	s := startMosquitto(t)
	r := runUp(t, config(s.Services, s.ServiceTLS("svc")), handler{})
	l := startLoad(t, []*thing{newThing(t, s, "cam1"), newThing(t, s, "cam2"), newThing(t, s, "cam3")})
	for range 3 {
		l.awaitProgress(t)
		s.Kill9()
		<-r.downs
		s.Restart()
		r.awaitUp(t)
	}
	l.awaitProgress(t)
	l.stop()
	if n := l.unanswered.Load(); n > 0 {
		t.Errorf("%d of %d requests were never answered", n, l.asked.Load())
	}
}

func TestConnectionIsCutUnderLoad(t *testing.T) {
	s := startMosquitto(t)
	p := startProxy(t, s.Services)
	r := runUp(t, config(p.address, s.ServiceTLS("svc")), handler{})
	l := startLoad(t, []*thing{newThing(t, s, "cam1"), newThing(t, s, "cam2")})
	for range 5 {
		l.awaitProgress(t)
		p.cut()
		<-r.downs
		r.awaitUp(t)
	}
	l.awaitProgress(t)
	l.stop()
	if n := l.unanswered.Load(); n > 0 {
		t.Errorf("%d of %d requests were never answered", n, l.asked.Load())
	}
}

// Nothing is lost by a cut: each request is sent once only, and answered.
func TestCutLosesNoRequest(t *testing.T) {
	const requests = 200
	s := startMosquitto(t)
	p := startProxy(t, s.Services)
	r := runUp(t, config(p.address, s.ServiceTLS("svc")), handler{handle: func(_ context.Context, m broker.Message) ([]broker.Message, error) {
		time.Sleep(5 * time.Millisecond)
		return echo(m), nil
	}})
	things := []*thing{newThing(t, s, "cam1"), newThing(t, s, "cam2")}
	sending := make(chan struct{})
	go func() {
		defer close(sending)
		sendEach(t, things, requests, 2*time.Millisecond)
	}()
	for range 3 {
		before := r.Stats().Replies
		eventually(t, "replies flow", func() bool { return r.Stats().Replies >= before+10 || r.Stats().Replies >= requests })
		p.cut()
		<-r.downs
		r.awaitUp(t)
	}
	<-sending
	awaitAll(t, things, requests)
}

// A network that swallows everything looks like a silent server. What is to be
// published finds out within PublishTimeout, not by the keep-alive.
func TestStalledConnectionIsLeft(t *testing.T) {
	s := startMosquitto(t)
	p := startProxy(t, s.Services)
	conf := config(p.address, s.ServiceTLS("svc"))
	conf.PublishTimeout = 100 * time.Millisecond
	gate := make(chan struct{})
	r := runUp(t, conf, handler{handle: func(_ context.Context, m broker.Message) ([]broker.Message, error) {
		<-gate
		return echo(m), nil
	}})
	cam1 := newThing(t, s, "cam1")
	if err := cam1.send("hello"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the request is worked on", func() bool { return r.Stats().Working == 1 })
	p.stall(true)
	close(gate)
	<-r.downs
	p.stall(false)
	r.awaitUp(t)
	eventually(t, "the request is answered", func() bool { return cam1.answers("hello") > 0 })
}

// A broker that dies with requests unacknowledged is given them again when it
// returns under the same client id.
func TestUnacknowledgedRequestsAreGivenToTheNextLife(t *testing.T) {
	const requests = 20
	s := startMosquitto(t)
	svc := s.ServiceTLS("svc")
	p := startProxy(t, s.Services)
	gate := make(chan struct{})
	defer close(gate)
	first := runUp(t, config(p.address, svc), handler{handle: func(context.Context, broker.Message) ([]broker.Message, error) {
		<-gate
		return nil, nil
	}})
	cam1 := newThing(t, s, "cam1")
	sendAll(t, []*thing{cam1}, requests)
	eventually(t, "all requests have arrived", func() bool { return first.Stats().Requests == requests })
	p.close() // kill -9, as the server sees it
	<-first.downs
	second := runUp(t, config(s.Services, svc), handler{})
	awaitAll(t, []*thing{cam1}, requests)
	if n := second.Stats().Requests; n != requests {
		t.Errorf("the next life got %d requests, want %d", n, requests)
	}
}

// Two clients with one id throw each other out. They must find out and slow
// down, or they go on doing it thousands of times a second.
func TestTwoClientsWithOneIDSlowDown(t *testing.T) {
	s := startMosquitto(t)
	conf := config(s.Services, s.ServiceTLS("svc"))
	conf.ReconnectMin, conf.ReconnectMax = 20*time.Millisecond, 5*time.Second
	a := runUp(t, conf, handler{})
	b := runUp(t, conf, handler{})
	time.Sleep(time.Second)
	if n := a.Stats().Connects + b.Stats().Connects; n > 20 {
		t.Errorf("%d connections in a second", n)
	}
	// Mosquitto 2.0.11 gives no reason, so the first ends are no suspicion yet.
	eventually(t, "one of them suspects", func() bool {
		return strings.Contains(a.log.String()+b.log.String(), "another client uses this client id")
	})
	if log := a.log.String() + b.log.String(); !strings.Contains(log, "level=ERROR") || !strings.Contains(log, "client=broker") {
		t.Errorf("the log does not name the id that is used twice:\n%s", log)
	}
}
