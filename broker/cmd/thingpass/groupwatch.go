// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"thingpass/broker"
	"thingpass/broker/mqttconn"
)

const (
	watchQuestions = 4
	watchPatience  = 5 * time.Second
)

// A groupWatch finds strangers in the brokers' shared subscription group.
//
// A thing that joins the group is dealt requests that it cannot answer, and they
// are lost [P-2.6]. A server with real policies refuses it; an ACL file of
// Mosquitto cannot. So the broker asks its own group what any thing may ask, from
// time to time: four requests for a kind that does not exist. Each is answered
// with a refusal, unless it was dealt to somebody who is no broker.
type groupWatch struct {
	conf  mqttconn.Config
	root  string
	name  string // the broker's own, under which it asks
	every time.Duration
	log   *slog.Logger
}

// run watches until ctx ends, or until the server does not let it ask.
func (w *groupWatch) run(ctx context.Context) {
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	for {
		if !w.look(ctx) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// look returns false if it is no use to look again.
func (w *groupWatch) look(ctx context.Context) bool {
	answered, err := w.ask(ctx)
	if err == nil && answered < watchQuestions {
		answered, err = w.ask(ctx) // once more: a broker may just have come or gone
	}
	switch {
	case ctx.Err() != nil:
		return false
	case errors.Is(err, mqttconn.ErrRefused):
		w.log.Info("not watching the group: the server does not let the broker ask as things do", "err", err)
		return false
	case err != nil:
		w.log.Debug("cannot look at the group now", "err", err)
	case answered < watchQuestions:
		w.log.Error("requests are being lost: somebody who is no broker is in the shared subscription group, or a broker hangs; "+
			"find the client that subscribes to it in the server's log, revoke it, and change mqtt.group",
			"group", w.conf.Group, "asked", watchQuestions, "answered", answered)
	default:
		w.log.Debug("the group answers", "asked", watchQuestions)
	}
	return true
}

func (w *groupWatch) ask(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, watchPatience)
	defer cancel()
	prefix := w.root + "/" + w.name + "/"
	requests := make([]broker.Message, watchQuestions)
	for i := range requests {
		requests[i] = broker.Message{Topic: prefix + "upload-request", Payload: fmt.Appendf(nil, `{"id":"group-watch-%d","kind":"group-watch"}`, i)}
	}
	return mqttconn.Ask(ctx, w.conf, requests, prefix+"response")
}

// startGroupWatch begins to watch once ready is closed. The function that it
// returns waits for the end.
func (s *service) startGroupWatch(ctx context.Context, ready <-chan struct{}, mqtt mqttconn.Config) (wait func(), err error) {
	conf := s.now.Load().conf.MQTT
	w := groupWatch{conf: mqtt, root: conf.Root, every: time.Duration(conf.GroupWatch), log: s.log}
	if w.every == 0 {
		return func() {}, nil
	}
	if w.name, err = mqttconn.Name(w.conf); err != nil {
		return nil, err
	}
	if !broker.ValidThing(w.name) {
		w.log.Info("not watching the group: the broker's certificate names no thing", "name", w.name)
		return func() {}, nil
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-ready:
			w.run(ctx)
		case <-ctx.Done():
		}
	}()
	return func() { <-done }, nil
}
