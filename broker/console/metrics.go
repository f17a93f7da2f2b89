// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package console is what operators see of a broker: its metrics for
// Prometheus, and its health.
//
// What is counted is counted around the decision, not in it: the handler and the
// auditor are wrapped. Labels have values from closed lists and from the
// configuration only. A thing's name, a key or an id in a label would make a
// fleet's every member, and every stranger's invention, a time series of its own.
package console

import (
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"thingpass/broker"
)

// other stands for what is in no list.
const other = "other"

// buckets reach from a decision alone (some 20 µs) to a request that waited for
// an S3 in trouble; in seconds.
var buckets = []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// Metrics is all that is counted. It is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	kinds    atomic.Pointer[map[string]bool]
	modes    map[string]bool
	codes    map[string]bool

	decisions   *prometheus.CounterVec
	granted     *prometheus.CounterVec
	verified    *prometheus.CounterVec
	decide      map[string]prometheus.Observer // by verb
	serve       map[string]prometheus.Observer
	auditErrors prometheus.Counter
	found       series
}

// NewMetrics counts for a broker of those kinds. The version is what the program
// calls itself.
func NewMetrics(kinds []string, version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		modes:    set(broker.Modes()),
		codes:    set(broker.Codes()),
		decisions: counters("thingpass_decisions_total",
			"Decisions by what was asked for and what came out of it: one for each line of the audit.", "verb", "mode", "kind", "code"),
		granted:  counters("thingpass_granted_bytes_total", "Bytes that things were given leave to store.", "kind"),
		verified: counters("thingpass_verified_bytes_total", "Bytes that were found in the bucket, each time they were asked for.", "kind"),
		auditErrors: prometheus.NewCounter(prometheus.CounterOpts{Name: "thingpass_audit_errors_total",
			Help: "Times that the audit could not be written; what was to be granted was refused."}),
	}
	m.SetKinds(kinds)
	m.decide = m.histogram("thingpass_decision_seconds", "Time that a decision took: parse, ask S3 where needed, sign, audit.")
	m.serve = m.histogram("thingpass_request_seconds",
		"Time from a request's arrival until the MQTT server had acknowledged its reply, waiting included.")
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "thingpass_build_info", Help: "1, with the program's version.",
		ConstLabels: prometheus.Labels{"version": version}})
	build.Set(1)
	m.registry.MustRegister(m.decisions, m.granted, m.verified, m.auditErrors, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

// histogram returns one observer for each verb.
func (m *Metrics) histogram(name, help string) map[string]prometheus.Observer {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, []string{"verb"})
	m.registry.MustRegister(h)
	observers := map[string]prometheus.Observer{}
	for _, verb := range append(broker.Verbs(), other) {
		observers[verb] = h.WithLabelValues(verb)
	}
	return observers
}

func set[T ~string](names []T) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, name := range names {
		m[string(name)] = true
	}
	return m
}

// SetKinds tells which kinds are configured now. What is asked for beside them
// counts as one.
func (m *Metrics) SetKinds(names []string) {
	kinds := set(names)
	m.kinds.Store(&kinds)
}

// Gauge adds a number that is asked for with each scrape.
func (m *Metrics) Gauge(name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
}

// Counter adds a number that only grows and is asked for with each scrape.
func (m *Metrics) Counter(name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, value))
}

// Served counts a request whose replies have been handed over.
func (m *Metrics) Served(topic string, took time.Duration) {
	observe(m.serve, topic, took)
}

// observe finds the verb in the topic's last level.
func observe(observers map[string]prometheus.Observer, topic string, took time.Duration) {
	o, found := observers[topic[strings.LastIndexByte(topic, '/')+1:]]
	if !found {
		o = observers[other]
	}
	o.Observe(took.Seconds())
}

// known returns name if it is in the list, or empty, and otherwise other.
func known(list map[string]bool, name string) string {
	if name == "" || list[name] {
		return name
	}
	return other
}
