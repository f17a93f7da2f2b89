// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"thingpass/broker"
	"thingpass/broker/awss3"
	"thingpass/broker/cmd/thingpass/config"
	"thingpass/broker/fleet"
	"thingpass/broker/mqttconn"
	"thingpass/broker/operate"
)

// people is what the console adds to a broker: what is known of the fleet, and what
// operators do.
type people struct {
	fleet  *fleet.Fleet
	desk   *operate.Desk
	client atomic.Pointer[mqttconn.Client] // nil until there is one
	self   atomic.Pointer[string]          // the name by which the broker asks its own group; nil until it is known
}

// openPeople makes the console's parts, which ask nobody yet.
func (s *service) openPeople(ctx context.Context, conf *config.Config) error {
	if conf.Console.Listen == "" {
		return nil
	}
	p := &people{}
	files := liveFiles{s}
	var err error
	p.fleet, err = fleet.Open(ctx, fleet.Config{
		Files: files, Root: conf.MQTT.Root, Replica: replica(conf.MQTT.ClientID), Reserved: reserved(conf),
		Log: s.log, SilentAfter: conf.Console.SilentAfter,
	})
	if err != nil {
		return err
	}
	revoker, err := s.revoker(ctx, conf.Console)
	if err != nil {
		return err
	}
	s.record = &witnessed{audit: s.audit, people: p}
	p.desk, err = operate.New(operate.Config{
		Files: files, Audit: s.record, Now: time.Now, Log: s.log,
		Command: s.command, Publish: p.publish, Revoker: revoker,
		Groups:   func() map[string][]string { return s.now.Load().conf.Groups },
		Kinds:    func() []string { return fetched(s.now.Load().conf) },
		OnBlocks: p.fleet.Touch, Known: p.known,
	})
	if err != nil {
		return err
	}
	p.fleet.SetBlocked(p.desk.Blocked)
	s.people = p
	return nil
}

// known tells whether there is such a thing, as far as the fleet knows all of them.
func (p *people) known(thing string) bool {
	_, ok := p.fleet.Thing(thing)
	return ok || !p.fleet.Overview().Complete
}

// changes are what a broker with a console has in addition.
func (s *service) changes() []func(*broker.Config) {
	if s.people == nil {
		return nil
	}
	return []func(*broker.Config){func(c *broker.Config) { c.Commands, c.Blocked = true, s.people.desk.Blocked }}
}

// witnessed is an audit whose records the console is told of, once they are kept.
type witnessed struct {
	audit  broker.Auditor
	people *people
}

// Record implements broker.Auditor.
func (w *witnessed) Record(entries ...broker.Entry) error {
	if err := w.audit.Record(entries...); err != nil {
		return err
	}
	if self := w.people.self.Load(); self != nil && len(entries) > 0 && entries[0].Thing == *self && entries[0].Actor == "" {
		return nil // the group watch, which is no thing
	}
	_ = w.people.fleet.Record(entries...) // never fails
	w.people.desk.Record(entries...)
	return nil
}

// command makes what a thing is told, by the configuration of now.
func (s *service) command(thing string, c operate.Command) (broker.Message, error) {
	return s.now.Load().Command(thing, broker.Command(c))
}

func (p *people) publish(ctx context.Context, m broker.Message) error {
	client := p.client.Load()
	if client == nil {
		return fmt.Errorf("the broker is not connected yet: try again in a moment")
	}
	return client.Publish(ctx, m)
}

// liveFiles are those of the bucket of now: a reload may change its key.
type liveFiles struct{ s *service }

var _ fleet.Files = liveFiles{}

func (f liveFiles) files() awss3.Files { return f.s.now.Load().bucket.Files() }

func (f liveFiles) Get(ctx context.Context, key string, limit int64) ([]byte, error) {
	return f.files().Get(ctx, key, limit)
}
func (f liveFiles) Put(ctx context.Context, key, contentType string, body []byte) error {
	return f.files().Put(ctx, key, contentType, body)
}
func (f liveFiles) PutNew(ctx context.Context, key, contentType string, body []byte) error {
	return f.files().PutNew(ctx, key, contentType, body)
}
func (f liveFiles) Delete(ctx context.Context, key string) error { return f.files().Delete(ctx, key) }
func (f liveFiles) List(ctx context.Context, l fleet.List) (fleet.Listing, error) {
	return f.files().List(ctx, l)
}

// replica is a client id as a name in the bucket: a client id may have what a key
// should not.
func replica(clientID string) string {
	name := []byte(clientID)
	for i, c := range name {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			name[i] = '_'
		}
	}
	return string(name)
}

// fetched are the kinds that things may be told to fetch.
func fetched(conf *config.Config) []string {
	var names []string
	for name, k := range conf.Kinds {
		if k.Object != "" && slices.Contains(k.Modes, broker.ModeGet) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// reserved are the folders of shared objects, which are no things.
func reserved(conf *config.Config) []string {
	var folders []string
	for _, k := range conf.Kinds {
		if folder, _, found := strings.Cut(k.Object, "/"); found {
			folders = append(folders, folder)
		}
	}
	return folders
}
