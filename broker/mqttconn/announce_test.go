// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"thingpass/broker"
)

const response = "thingpass/cam1/response"

func announcement(n int) broker.Message {
	text := fmt.Append(nil, n)
	return broker.Message{Topic: response, Payload: text, Correlation: text, QoS: 1}
}

// TestAnnouncementsOutliveTheServer publishes while Mosquitto is killed and comes
// back: each is acknowledged by one that lives. (Who hears them is up to its
// sessions, which a Mosquitto that is killed may have forgotten.)
func TestAnnouncementsOutliveTheServer(t *testing.T) {
	server := startMosquitto(t)
	conf := config(server.Services, server.ServiceTLS("svc"))
	conf.Connections = 2
	c := runUp(t, conf, handler{})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := c.Publish(ctx, announcement(0)); err != nil {
		t.Fatal(err)
	}
	server.Kill9()
	var busy sync.WaitGroup
	published := make(chan error, 10)
	for n := range cap(published) {
		busy.Go(func() { published <- c.Publish(ctx, announcement(n)) })
	}
	server.Restart()
	busy.Wait()
	for range cap(published) {
		if err := <-published; err != nil {
			t.Error(err)
		}
	}
	if n := c.Stats().Replies; n < 11 {
		t.Errorf("%d were acknowledged", n)
	}
}

func TestAnAnnouncementIsHeard(t *testing.T) {
	server := startMosquitto(t)
	c := runUp(t, config(server.Services, server.ServiceTLS("svc")), handler{})
	cam := newThing(t, server, "cam1")
	if err := c.Publish(t.Context(), announcement(7)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is heard", func() bool { return cam.answers("7") > 0 })
}

// A message that the server does not take must not count as published: its
// cause is then kept.
func TestARefusedAnnouncementIsAnError(t *testing.T) {
	server := startMosquitto(t)
	c := runUp(t, config(server.Services, server.ServiceTLS("svc")), handler{})
	err := c.Publish(t.Context(), broker.Message{Topic: "thingpass/cam1/forbidden", Payload: []byte("x"), QoS: 1})
	if err == nil || !strings.Contains(err.Error(), "its policy or ACL must allow us this topic") {
		t.Errorf("got %v", err)
	}
}

func TestWithoutAConnectionAnAnnouncementWaitsForItsContextOnly(t *testing.T) {
	server := startMosquitto(t)
	c := runUp(t, config(server.Services, server.ServiceTLS("svc")), handler{})
	server.Kill9()
	eventually(t, "the client is down", func() bool { return c.Stats().Connected == 0 })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := c.Publish(ctx, announcement(0)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestEachServedRequestIsTimed(t *testing.T) {
	server := startMosquitto(t)
	served := make(chan time.Duration, 1)
	conf := config(server.Services, server.ServiceTLS("svc"))
	conf.OnServed = func(topic string, took time.Duration) {
		if topic == "thingpass/cam1/upload-request" {
			served <- took
		}
	}
	const work = 30 * time.Millisecond
	runUp(t, conf, handler{handle: func(_ context.Context, m broker.Message) ([]broker.Message, error) {
		time.Sleep(work) // what is measured is that time passes
		return echo(m), nil
	}})
	newThing(t, server, "cam1").ask(t, "hello")
	select {
	case took := <-served:
		if took < work || took > patience {
			t.Errorf("it took %v", took)
		}
	case <-time.After(patience):
		t.Error("not told")
	}
}
