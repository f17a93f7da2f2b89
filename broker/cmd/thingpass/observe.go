// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"thingpass/broker/cmd/thingpass/config"
	"thingpass/broker/console"
	"thingpass/broker/mqttconn"
	"thingpass/broker/sqsevents"
)

// A statistic is a number that an adapter keeps, as a metric.
type statistic[T any] struct {
	name, help string
	value      func(T) float64
}

// mqttStatistics has one for each field of mqttconn.Stats. What does not end in
// _total is a state.
var mqttStatistics = []statistic[mqttconn.Stats]{
	{"connected", "Connections that are subscribed.", func(s mqttconn.Stats) float64 { return float64(s.Connected) }},
	{"queued", "Requests that wait for a worker.", func(s mqttconn.Stats) float64 { return float64(s.Queued) }},
	{"working", "Requests that a worker has.", func(s mqttconn.Stats) float64 { return float64(s.Working) }},
	{"connects_total", "Connections that the server accepted.", func(s mqttconn.Stats) float64 { return float64(s.Connects) }},
	{"requests_total", "Requests received, repeated ones included.", func(s mqttconn.Stats) float64 { return float64(s.Requests) }},
	{"replies_total", "Messages published, events included.", func(s mqttconn.Stats) float64 { return float64(s.Replies) }},
	{"refused_total", "Requests that were refused.", func(s mqttconn.Stats) float64 { return float64(s.Refused) }},
	{"shed_total", "Requests refused as busy because there was no room.", func(s mqttconn.Stats) float64 { return float64(s.Shed) }},
	{"publish_errors_total", "Messages that could not be published.", func(s mqttconn.Stats) float64 { return float64(s.PublishErrors) }},
	{"dropped_total", "Requests left to be given again: their connection ended, or the broker was stopping.", func(s mqttconn.Stats) float64 { return float64(s.Dropped) }},
	{"panics_total", "Requests that ended in a fault of the broker.", func(s mqttconn.Stats) float64 { return float64(s.Panics) }},
	{"expired_total", "Requests that expired while they waited.", func(s mqttconn.Stats) float64 { return float64(s.Expired) }},
	{"paced_total", "Messages that waited to keep the pace.", func(s mqttconn.Stats) float64 { return float64(s.Paced) }},
	{"paced_seconds_total", "How long messages waited to keep the pace, together.", func(s mqttconn.Stats) float64 { return s.PacedTime.Seconds() }},
	{"unanswered_total", "Requests shed without even a refusal, which would have broken the pace.", func(s mqttconn.Stats) float64 { return float64(s.Unanswered) }},
}

// eventStatistics has one for each field of sqsevents.Stats.
var eventStatistics = []statistic[sqsevents.Stats]{
	{"received_total", "Messages received, each time.", func(s sqsevents.Stats) float64 { return float64(s.Received) }},
	{"announced_total", "Events published because of them.", func(s sqsevents.Stats) float64 { return float64(s.Announced) }},
	{"postponed_total", "Messages left to be given again, because something could not be reached.", func(s sqsevents.Stats) float64 { return float64(s.Postponed) }},
	{"mysterious_total", "Messages that are not understood.", func(s sqsevents.Stats) float64 { return float64(s.Mysterious) }},
	{"deleted_total", "Messages that are done with.", func(s sqsevents.Stats) float64 { return float64(s.Deleted) }},
	{"failures_total", "Calls of the queue that failed.", func(s sqsevents.Stats) float64 { return float64(s.Failures) }},
}

// meterAll makes metrics of what stats returns.
func meterAll[T any](m *console.Metrics, prefix string, list []statistic[T], stats func() T) {
	for _, s := range list {
		add := m.Gauge
		if strings.HasSuffix(s.name, "_total") {
			add = m.Counter
		}
		add(prefix+s.name, s.help, func() float64 { return s.value(stats()) })
	}
}

// tell begins to tell metrics and health, if it is configured where. The function
// that it returns ends that.
func (s *service) tell(ctx context.Context, client *mqttconn.Client) (end func(), err error) {
	conf := s.now.Load().conf
	meterAll(s.meter, "thingpass_mqtt_", mqttStatistics, client.Stats)
	s.meter.Gauge("thingpass_mqtt_connections", "Connections that are configured.", func() float64 { return float64(conf.MQTT.Connections) })
	s.meter.Gauge("thingpass_credentials_expiry_timestamp_seconds",
		"When the credentials that sign grants end; +Inf if never, 0 if there are none yet.",
		func() float64 { return s.now.Load().bucket.CredentialsExpiry() })
	if conf.HTTP.Listen == "" {
		return func() {}, nil
	}
	server, err := console.Listen(string(conf.HTTP.Listen), console.Routes(s.meter, s.checks(ctx, client), s.log), s.log)
	if err != nil {
		return nil, fmt.Errorf("http.listen: %w", err)
	}
	return func() {
		if err := server.Close(); err != nil {
			s.log.Warn("metrics and health did not end well", "err", err)
		}
	}, nil
}

// checks are what must work for things to be served.
func (s *service) checks(ctx context.Context, client *mqttconn.Client) []console.Check {
	return []console.Check{
		{Name: "mqtt", Ask: func(context.Context) error {
			up, want := client.Stats().Connected, int64(s.now.Load().conf.MQTT.Connections)
			switch {
			case ctx.Err() != nil:
				return errors.New("stopping")
			case up < want:
				return fmt.Errorf("%d of %d connections are subscribed", up, want)
			}
			return nil
		}},
		{Name: "credentials", Ask: func(ctx context.Context) error { return s.now.Load().bucket.Ready(ctx) }},
		{Name: "audit", Ask: func(context.Context) error { return s.checkAudit() }},
	}
}

// checkAudit asks the file, which finds out by itself when there is room again;
// of standard output only the last record is known.
func (s *service) checkAudit() error {
	if s.now.Load().conf.Audit.File != "-" {
		return s.file.check()
	}
	return s.audit.Failure()
}

func kindNames(c *config.Config) []string { return slices.Collect(maps.Keys(c.Kinds)) }
