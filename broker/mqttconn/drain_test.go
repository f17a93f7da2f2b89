// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"thingpass/broker"
)

// Each request is sent once only; brokers come and go under them. Whatever one
// did not finish the next one must be given.
func TestRestartInMidLoadLosesNoRequest(t *testing.T) {
	const requests = 400
	s := startMosquitto(t)
	svc := s.ServiceTLS("svc")
	work := handler{handle: func(_ context.Context, m broker.Message) ([]broker.Message, error) {
		time.Sleep(5 * time.Millisecond)
		return echo(m), nil
	}}
	things := []*thing{newThing(t, s, "cam1"), newThing(t, s, "cam2"), newThing(t, s, "cam3")}
	conf := config(s.Services, svc)
	conf.Queue = requests // Mosquitto 2.0.11 sends more than a small one takes
	r := runUp(t, conf, work)
	sending := make(chan struct{})
	go func() {
		defer close(sending)
		sendEach(t, things, requests, 3*time.Millisecond)
	}()
	for range 4 {
		eventually(t, "replies flow", func() bool { return r.Stats().Replies >= 20 })
		if err := r.end(t); err != nil {
			t.Errorf("drain: %v", err)
		}
		if stats := r.Stats(); stats.Working+stats.Queued != 0 {
			t.Errorf("after the drain stats are %+v", stats)
		}
		r = runUp(t, conf, work)
	}
	<-sending
	awaitAll(t, things, requests)
}

// What was answered in a drain must also be acknowledged in it, or it would be
// answered again by the next life.
func TestDrainFinishesAndAcknowledgesWhatItHas(t *testing.T) {
	const requests = 50
	s := startMosquitto(t)
	svc := s.ServiceTLS("svc")
	gate := make(chan struct{})
	conf := config(s.Services, svc)
	conf.Workers = 4
	first := runUp(t, conf, handler{handle: func(_ context.Context, m broker.Message) ([]broker.Message, error) {
		<-gate
		return echo(m), nil
	}})
	cam1 := newThing(t, s, "cam1")
	things := []*thing{cam1, newThing(t, s, "cam2")}
	sendAll(t, things, requests)
	eventually(t, "all requests have arrived", func() bool { return first.Stats().Requests == requests })
	first.stop()
	if err := cam1.send("meanwhile"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the late request is not taken", func() bool { return first.Stats().Dropped == 1 })
	close(gate)
	if err := first.end(t); err != nil {
		t.Fatal(err)
	}
	awaitAll(t, things, requests)
	if n := cam1.answers("meanwhile"); n != 0 {
		t.Error("a request was taken after the drain had begun")
	}
	second := runUp(t, conf, handler{})
	eventually(t, "the late request is answered", func() bool { return cam1.answers("meanwhile") == 1 })
	cam1.ask(t, "last")
	if n := second.Stats().Requests; n != 2 {
		t.Errorf("the next life was given %d requests, want those 2 that came too late for the first", n)
	}
	if log := s.Log(); !strings.Contains(log, "Client broker disconnected.") {
		t.Error("the client did not disconnect")
	}
}

func TestDrainGivesUpInTime(t *testing.T) {
	s := startMosquitto(t)
	svc := s.ServiceTLS("svc")
	conf := config(s.Services, svc)
	conf.DrainTimeout = 100 * time.Millisecond
	var cancelled atomic.Bool
	first := runUp(t, conf, handler{handle: func(ctx context.Context, _ broker.Message) ([]broker.Message, error) {
		<-ctx.Done()
		cancelled.Store(true)
		return nil, ctx.Err()
	}})
	cam1 := newThing(t, s, "cam1")
	if err := cam1.send("hello"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the request is worked on", func() bool { return first.Stats().Working == 1 })
	began := time.Now()
	err := first.end(t)
	if err == nil || !strings.Contains(err.Error(), "1 requests are unanswered") {
		t.Errorf("Run returned %v", err)
	}
	if took := time.Since(began); took < 100*time.Millisecond || took > 2*time.Second {
		t.Errorf("the drain took %v", took)
	}
	if !cancelled.Load() {
		t.Error("the handler's context did not end")
	}
	runUp(t, conf, handler{})
	eventually(t, "the request is answered by the next life", func() bool { return cam1.answers("hello") == 1 })
}

func TestHandlerThatIgnoresItsContextIsLeftBehind(t *testing.T) {
	s := startMosquitto(t)
	conf := config(s.Services, s.ServiceTLS("svc"))
	conf.DrainTimeout = 50 * time.Millisecond
	gate := make(chan struct{})
	defer close(gate)
	r := runUp(t, conf, handler{handle: func(context.Context, broker.Message) ([]broker.Message, error) {
		<-gate
		return nil, nil
	}})
	if err := newThing(t, s, "cam1").send("hello"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the request is worked on", func() bool { return r.Stats().Working == 1 })
	if err := r.end(t); err == nil || !strings.Contains(err.Error(), "1 of them still in the handler") {
		t.Errorf("Run returned %v", err)
	}
}

func TestRunEndsWhileThereIsNoServer(t *testing.T) {
	s := startMosquitto(t)
	svc := s.ServiceTLS("svc")
	p := startProxy(t, s.Services)
	p.stall(true)
	for name, address := range map[string]string{"silent": p.address, "absent": "127.0.0.1:1"} {
		r := run(t, config(address, svc), handler{})
		time.Sleep(20 * time.Millisecond)
		began := time.Now()
		if err := r.end(t); err != nil || time.Since(began) > 3*time.Second {
			t.Errorf("%s server: Run returned %v after %v", name, err, time.Since(began))
		}
	}
}

func TestHandlerGetsADeadline(t *testing.T) {
	s := startMosquitto(t)
	conf := config(s.Services, s.ServiceTLS("svc"))
	conf.HandleTimeout = 20 * time.Millisecond
	runUp(t, conf, handler{handle: func(ctx context.Context, m broker.Message) ([]broker.Message, error) {
		<-ctx.Done()
		return answer(m, fmt.Sprint(ctx.Err())), nil
	}})
	cam1 := newThing(t, s, "cam1")
	if err := cam1.send("hello"); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%q with the correlation data of %q", context.DeadlineExceeded, "hello")
	eventually(t, "the handler's time is over", func() bool { return cam1.answers(want) == 1 })
}
