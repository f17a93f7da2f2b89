// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"thingpass/broker"
	"thingpass/broker/auditfile"
	"thingpass/broker/awss3"
	"thingpass/broker/cmd/thingpass/config"
	"thingpass/broker/cmd/thingpass/wiring"
	"thingpass/broker/console"
	"thingpass/broker/mqttconn"
	"thingpass/broker/quota"
	"thingpass/broker/sqsevents"
)

// A service answers requests as a configuration says that can be replaced while it
// does: a request is answered by the one that was there when it came, to its end.
//
// What counts and what keeps records outlives the configurations, so that no count
// and no record is lost between two of them.
type service struct {
	path   string // of the configuration; "": it is in the environment
	log    *slog.Logger
	level  *slog.LevelVar
	file   *auditSink
	meter  *console.Metrics
	audit  *console.CountedAuditor
	record broker.Auditor // audit, and whoever is told of what it has
	people *people        // nil: there is no console
	counts quota.Store

	subscribed []string // the filters, which stay while it runs

	now atomic.Pointer[installed]
}

// installed is a configuration at work.
type installed struct {
	*broker.Broker
	conf     *config.Config
	bucket   *awss3.Bucket
	view     *awss3.Bucket   // the same, as browsers reach it
	sessions *awss3.Sessions // nil: there are none
}

var (
	_ broker.Issuer     = (*service)(nil)
	_ mqttconn.Handler  = (*service)(nil)
	_ sqsevents.Handler = (*service)(nil)
)

// Handle answers a request by the configuration of now.
func (s *service) Handle(ctx context.Context, m broker.Message) ([]broker.Message, error) {
	return s.now.Load().Handle(ctx, m)
}

// Busy refuses a request by the configuration of now.
func (s *service) Busy(m broker.Message) ([]broker.Message, error) { return s.now.Load().Busy(m) }

// Stored announces what the bucket was told, by the configuration of now.
func (s *service) Stored(ctx context.Context, key string) ([]broker.Message, error) {
	return s.now.Load().Stored(ctx, key)
}

// Issue gives a session as the configuration of now does.
func (s *service) Issue(ctx context.Context, thing string) (broker.Session, error) {
	return s.now.Load().Issue(ctx, thing)
}

// newService opens all that conf names, and asks no server.
func newService(ctx context.Context, path string, conf *config.Config, stdout, stderr io.Writer) (*service, error) {
	s := &service{path: path, file: &auditSink{stdout: stdout}, meter: console.NewMetrics(kindNames(conf), version())}
	s.log, s.level = newLogger(conf.Log, stderr)
	s.audit = s.meter.Auditor(broker.NewJSONAudit(s.file))
	s.record = s.audit
	for _, text := range exposed(conf) {
		s.log.Warn(text)
	}
	if err := s.open(ctx, conf); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *service) open(ctx context.Context, conf *config.Config) error {
	file, err := s.file.open(conf.Audit, s.log)
	if err != nil {
		return err
	}
	if err := s.file.use(file, conf.Audit.File); err != nil {
		return err
	}
	if s.counts, err = wiring.Quota(conf, s.log); err != nil {
		return err
	}
	if err := s.openPeople(ctx, conf); err != nil {
		return err
	}
	first, _, err := s.prepare(ctx, conf)
	if err != nil {
		return err
	}
	s.now.Store(first)
	return nil
}

// prepare makes what answers by conf. The bucket has no credentials yet.
func (s *service) prepare(ctx context.Context, conf *config.Config) (*installed, *awss3.Bucket, error) {
	bucket, err := wiring.Bucket(ctx, conf, s.log)
	if err != nil {
		return nil, nil, err
	}
	view, err := wiring.View(ctx, conf, bucket, s.log)
	if err != nil {
		return nil, nil, err
	}
	sessions, err := wiring.Sessions(conf, bucket)
	if err != nil {
		return nil, nil, err
	}
	if before := s.now.Load(); before != nil && sessions != nil && before.sessions != nil {
		sessions.TakeOver(before.sessions)
	}
	b, err := wiring.Broker(conf, bucket, wiring.Offered(conf, bucket.Place(), sessions), s.record, s.counts, s.changes()...)
	if err != nil {
		return nil, nil, err
	}
	return &installed{b, conf, bucket, view, sessions}, bucket, nil
}

// tls is that of the next connection.
func (s *service) tls() (*tls.Config, error) { return loadTLS(s.now.Load().conf) }

func (s *service) close() error {
	err := s.file.Close()
	if s.counts != nil {
		err = errors.Join(err, s.counts.Close())
	}
	return err
}

// readyPatience is how long new credentials may take to come.
const readyPatience = 15 * time.Second

// reload reads the configuration again. Either all of it is used from the next
// request on, but for what needs a restart, or, with an error, nothing of it.
func (s *service) reload(ctx context.Context) (changed, waiting []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, readyPatience)
	defer cancel()
	read, err := config.Load(s.path, os.Environ())
	if err != nil {
		return nil, nil, err
	}
	conf, changed, waiting := s.now.Load().conf.Update(read)
	next, bucket, err := s.prepare(ctx, conf)
	if err != nil {
		return nil, nil, err
	}
	if _, err := loadTLS(conf); err != nil {
		return nil, nil, err
	}
	if err := bucket.Ready(ctx); err != nil { // the old ones go on if there are no new ones
		return nil, nil, err
	}
	file, err := s.file.open(conf.Audit, s.log)
	if err != nil {
		return nil, nil, err
	}
	s.install(next, file)
	for _, filter := range next.Filters() {
		if !slices.Contains(s.subscribed, filter) { // a mode that no kind had before
			waiting = append(waiting, "subscription to "+filter)
		}
	}
	return changed, waiting, nil
}

// install cannot fail.
func (s *service) install(next *installed, file *auditfile.File) {
	if err := s.file.use(file, next.conf.Audit.File); err != nil {
		s.log.Warn("the old audit file is not closed well", "error", err)
	}
	if r, ok := s.counts.(*quota.Redis); ok {
		_ = r.OnFailure(next.conf.Quota.OnFailure) // it has been checked
	}
	s.level.Set(next.conf.Log.Threshold())
	s.meter.SetKinds(kindNames(next.conf))
	s.now.Store(next)
	for _, text := range exposed(next.conf) {
		s.log.Warn(text)
	}
}
