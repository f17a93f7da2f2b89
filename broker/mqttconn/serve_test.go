// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"thingpass/broker"
)

func TestRequestIsAnsweredToTheThingThatAsked(t *testing.T) {
	s := startMosquitto(t)
	r := runUp(t, config(s.Services, s.ServiceTLS("svc")), handler{})
	cam1, cam2 := newThing(t, s, "cam1"), newThing(t, s, "cam2")
	cam1.ask(t, "one")
	cam2.ask(t, "two")
	if n := cam1.answers("two") + cam2.answers("one"); n != 0 {
		t.Errorf("%d answers went to the wrong thing", n)
	}
	eventually(t, "the server has taken both replies", func() bool { return r.Stats().Replies == 2 }) // the thing may have its own before
	stats := r.Stats()
	if stats.Requests != 2 || stats.Replies != 2 || stats.Connected != 1 || stats.Connects != 1 {
		t.Errorf("stats are %+v", stats)
	}
	if err := r.end(t); err != nil {
		t.Error(err)
	}
	if stats := r.Stats(); stats.Connected != 0 || stats.Queued != 0 || stats.Working != 0 {
		t.Errorf("after the end stats are %+v", stats)
	}
}

func TestRefusedRequestIsLoggedOnceWithoutItsPayload(t *testing.T) {
	s := startMosquitto(t)
	r := runUp(t, config(s.Services, s.ServiceTLS("svc")), handler{handle: func(_ context.Context, m broker.Message) ([]broker.Message, error) {
		return echo(m), errors.New("size-not-allowed: too large")
	}})
	newThing(t, s, "cam1").ask(t, "secret")
	log := r.log.String()
	if n := strings.Count(log, "size-not-allowed"); n != 1 {
		t.Errorf("the refusal is logged %d times", n)
	}
	if !strings.Contains(log, "topic=thingpass/cam1/upload-request") || strings.Contains(log, "secret") {
		t.Errorf("the log must name the topic and no payload:\n%s", log)
	}
	if got := r.Stats().Refused; got != 1 {
		t.Errorf("%d requests counted as refused", got)
	}
}

// A slow handler must not make requests wait for each other.
func TestRequestsAreHandledAtTheSameTime(t *testing.T) {
	const requests, work = 200, 20 * time.Millisecond // fewer than the queue takes
	s := startMosquitto(t)
	var now, most atomic.Int64
	runUp(t, config(s.Services, s.ServiceTLS("svc")), handler{handle: func(_ context.Context, m broker.Message) ([]broker.Message, error) {
		n := now.Add(1)
		defer now.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		time.Sleep(work)
		return echo(m), nil
	}})
	var things []*thing
	for i := range 8 {
		things = append(things, newThing(t, s, fmt.Sprint("cam", i)))
	}
	began := time.Now()
	sendAll(t, things, requests)
	awaitAll(t, things, requests)
	took := time.Since(began)
	if serial := requests * work; took > serial/3 {
		t.Errorf("%d requests of %v took %v, one after the other would be %v", requests, work, took, serial)
	}
	if most := most.Load(); most > 32 {
		t.Errorf("%d handlers at a time, the default is 32", most)
	}
}

// sendAll sends the requests 0 to n-1, each once, from all things at a time.
func sendAll(t *testing.T, things []*thing, n int) {
	t.Helper()
	sendEach(t, things, n, 0)
}

// sendEach is sendAll with a pause after each request.
func sendEach(t *testing.T, things []*thing, n int, pause time.Duration) {
	t.Helper()
	var all sync.WaitGroup
	for i := range n {
		time.Sleep(pause)
		all.Go(func() {
			if err := things[i%len(things)].send(fmt.Sprint(i)); err != nil {
				t.Errorf("request %d: %v", i, err)
			}
		})
	}
	all.Wait()
}

func awaitAll(t *testing.T, things []*thing, n int) {
	t.Helper()
	for i := range n {
		th := things[i%len(things)]
		eventually(t, fmt.Sprintf("request %d is answered", i), func() bool { return th.answers(fmt.Sprint(i)) > 0 })
	}
}

func TestPanicIsAcknowledgedAndTheServiceGoesOn(t *testing.T) {
	s := startMosquitto(t)
	var calls atomic.Int64
	conf := config(s.Services, s.ServiceTLS("svc"))
	h := handler{handle: func(_ context.Context, m broker.Message) ([]broker.Message, error) {
		if string(m.Payload) == "bad" {
			calls.Add(1)
			panic("deliberate")
		}
		return echo(m), nil
	}}
	r := runUp(t, conf, h)
	cam1 := newThing(t, s, "cam1")
	if err := cam1.send("bad"); err != nil {
		t.Fatal(err)
	}
	cam1.ask(t, "good")
	if err := r.end(t); err != nil {
		t.Fatal(err)
	}
	runUp(t, conf, h) // the same session: what was not acknowledged comes again first
	cam1.ask(t, "good again")
	if calls.Load() != 1 || r.Stats().Panics != 1 {
		t.Errorf("the request that panics was handled %d times, %d panics counted", calls.Load(), r.Stats().Panics)
	}
	for _, want := range []string{"panic=deliberate", "serve_test.go", "topic=thingpass/cam1/upload-request"} {
		if !strings.Contains(r.log.String(), want) {
			t.Errorf("the log does not hold %s", want)
		}
	}
}

func TestTwoBrokersShareTheRequests(t *testing.T) {
	s := startMosquitto(t)
	svc := s.ServiceTLS("svc")
	var handled [2]atomic.Int64
	for i := range handled {
		conf := config(s.Services, svc)
		conf.ClientID = fmt.Sprint("broker-", i)
		conf.Connections = 2
		runUp(t, conf, handler{handle: func(_ context.Context, m broker.Message) ([]broker.Message, error) {
			handled[i].Add(1)
			return echo(m), nil
		}})
	}
	things := []*thing{newThing(t, s, "cam0"), newThing(t, s, "cam1")}
	sendAll(t, things, 100)
	awaitAll(t, things, 100)
	if a, b := handled[0].Load(), handled[1].Load(); a+b != 100 || a < 20 || b < 20 {
		t.Errorf("of 100 requests one broker had %d, the other %d", a, b)
	}
}

// Two connections may be sent twice what the queue takes: the surplus is told.
func TestFloodIsRefusedAsBusy(t *testing.T) {
	const requests = 60
	s := startMosquitto(t)
	gate := make(chan struct{})
	conf := config(s.Services, s.ServiceTLS("svc"))
	conf.Connections, conf.Queue, conf.Workers = 2, 4, 1
	r := runUp(t, conf, handler{handle: func(_ context.Context, m broker.Message) ([]broker.Message, error) {
		<-gate
		return echo(m), nil
	}})
	cam1 := newThing(t, s, "cam1")
	sendAll(t, []*thing{cam1}, requests)
	eventually(t, "a request is refused as busy", func() bool { return cam1.answers("busy") > 0 })
	close(gate)
	answered := func() int {
		n := cam1.answers("busy")
		for i := range requests {
			n += cam1.answers(fmt.Sprint(i))
		}
		return n
	}
	eventually(t, "every request is answered, or refused", func() bool { return answered() >= requests })
	if stats := r.Stats(); stats.Shed != int64(cam1.answers("busy")) || !strings.Contains(r.log.String(), "refusing as busy") {
		t.Errorf("%d busy, but stats are %+v and the log is\n%s", cam1.answers("busy"), stats, r.log)
	}
	cam1.ask(t, "after the flood")
}
