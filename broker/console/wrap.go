// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package console

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"thingpass/broker"
)

// A Handler answers requests; broker.Broker is one.
type Handler interface {
	Handle(ctx context.Context, m broker.Message) ([]broker.Message, error)
	Busy(m broker.Message) ([]broker.Message, error)
}

// Handler returns next, with the time that it takes measured.
func (m *Metrics) Handler(next Handler) Handler { return &timed{Handler: next, metrics: m} }

type timed struct {
	Handler
	metrics *Metrics
}

func (t *timed) Handle(ctx context.Context, m broker.Message) ([]broker.Message, error) {
	began := time.Now()
	replies, err := t.Handler.Handle(ctx, m)
	observe(t.metrics.decide, m.Topic, time.Since(began))
	return replies, err
}

// Auditor returns next, with what it records counted.
func (m *Metrics) Auditor(next broker.Auditor) *CountedAuditor {
	return &CountedAuditor{next: next, metrics: m}
}

// A CountedAuditor counts what it hands on.
type CountedAuditor struct {
	next    broker.Auditor
	metrics *Metrics
	failure atomic.Pointer[error]
}

// Record hands the entries on. What could not be recorded was not decided, and
// counts as an error only.
func (a *CountedAuditor) Record(entries ...broker.Entry) error {
	if err := a.next.Record(entries...); err != nil {
		a.failure.Store(&err)
		a.metrics.auditErrors.Inc()
		return err
	}
	if a.failure.Load() != nil {
		a.failure.Store(nil)
	}
	for i := range entries {
		a.metrics.count(&entries[i])
	}
	return nil
}

// Failure is the error of the last Record, nil if it went well.
func (a *CountedAuditor) Failure() error {
	if err := a.failure.Load(); err != nil {
		return *err
	}
	return nil
}

func (m *Metrics) count(e *broker.Entry) {
	l := labels{verb: e.Request, mode: known(m.modes, e.Mode), kind: known(*m.kinds.Load(), e.Kind), code: known(m.codes, string(e.Code))}
	if _, found := m.decide[l.verb]; !found && l.verb != "" {
		l.verb = other
	}
	c := m.found.get(l, m.resolve)
	c.decisions.Inc()
	if c.bytes != nil {
		c.bytes.Add(float64(e.Size))
	}
}

// labels are one time series of decisions; each is from a closed list.
type labels struct{ verb, mode, kind, code string }

// counted is where a decision is counted. bytes is nil where none were moved.
type counted struct{ decisions, bytes prometheus.Counter }

func (m *Metrics) resolve(l labels) counted {
	c := counted{decisions: m.decisions.WithLabelValues(l.verb, l.mode, l.kind, l.code)}
	switch broker.Code(l.code) {
	case broker.CodeGranted:
		c.bytes = m.granted.WithLabelValues(l.kind)
	case broker.CodeVerified:
		c.bytes = m.verified.WithLabelValues(l.kind)
	}
	return c
}

// series remembers what was counted before: finding it among the registry's would
// take longer than counting. It is read often, and grows for a few minutes.
type series struct {
	mu  sync.Mutex
	all atomic.Pointer[map[labels]counted]
}

func (s *series) get(l labels, resolve func(labels) counted) counted {
	if all := s.all.Load(); all != nil {
		if c, found := (*all)[l]; found {
			return c
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	grown := map[labels]counted{}
	if all := s.all.Load(); all != nil {
		maps.Copy(grown, *all)
	}
	grown[l] = resolve(l)
	s.all.Store(&grown)
	return grown[l]
}
