// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iot"

	"thingpass/broker/cmd/thingpass/config"
	"thingpass/broker/operate"
	"thingpass/broker/operate/revoke"
	"thingpass/certs"
	"thingpass/policies/awsiot"
	"thingpass/policies/registry"
)

// expiryLife is how long it is believed when a thing's certificate ends.
const expiryLife = time.Minute

// revoker is what revokes a thing's certificates, or nil.
func (s *service) revoker(ctx context.Context, c config.Console) (operate.Revoker, error) {
	switch c.Revoke {
	case config.RevokeAWS:
		api, err := s.iot(ctx)
		if err != nil {
			return nil, err
		}
		return revoke.AWS{API: api, Tell: func(line string) { s.log.Info(line) }}, nil
	case config.RevokeFiles:
		files := &revoke.Files{Now: time.Now}
		var err error
		if c.Certs != "" {
			if files.Dir, err = certs.Open(c.Certs); err != nil {
				return nil, fmt.Errorf("console.certs: %w", err)
			}
		}
		if c.Registry != "" {
			if files.Registry, err = registry.Open(c.Registry); err != nil {
				return nil, fmt.Errorf("console.registry: %w", err)
			}
		}
		return files, nil
	}
	return nil, nil
}

func (s *service) iot(ctx context.Context) (*iot.Client, error) {
	return awsiot.Open(ctx, awsiot.Options{})
}

// certificates returns what tells when a thing's newest certificate ends, or nil.
func (s *service) certificates(c config.Console) (func(thing string) (time.Time, bool), error) {
	switch {
	case c.Certs != "":
		dir, err := certs.Open(c.Certs)
		if err != nil {
			return nil, fmt.Errorf("console.certs: %w", err)
		}
		e := &expiries{read: func() (map[string]time.Time, error) { return issued(dir) }}
		return e.of, nil
	case c.Revoke == config.RevokeAWS:
		api, err := s.iot(context.Background())
		if err != nil {
			return nil, err
		}
		return func(thing string) (time.Time, bool) { return endAtAWS(api, thing) }, nil
	}
	return nil, nil
}

// endAtAWS asks for one thing: an account may have a million.
func endAtAWS(api *iot.Client, thing string) (newest time.Time, ok bool) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	list, err := awsiot.Certificates(ctx, api, thing)
	if err != nil {
		return time.Time{}, false
	}
	for _, c := range list {
		if c.Status == "ACTIVE" && c.NotAfter.After(newest) {
			newest = c.NotAfter
		}
	}
	return newest, !newest.IsZero()
}

// issued are the ends of the things' newest certificates that are not revoked.
func issued(dir *certs.Dir) (map[string]time.Time, error) {
	list, err := dir.Issued(time.Now())
	ends := map[string]time.Time{}
	for _, i := range list {
		if i.Kind == certs.Thing && i.Status != certs.Revoked && i.NotAfter.After(ends[i.Name]) {
			ends[i.Name] = i.NotAfter
		}
	}
	return ends, err
}

// expiries remembers for a while what takes long to read.
type expiries struct {
	read func() (map[string]time.Time, error)

	mu   sync.Mutex
	ends map[string]time.Time
	at   time.Time
}

func (e *expiries) of(thing string) (time.Time, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if time.Since(e.at) > expiryLife {
		if ends, err := e.read(); err == nil {
			e.ends = ends
		}
		e.at = time.Now() // after an error, too: what fails is not tried for each page
	}
	end, ok := e.ends[thing]
	return end, ok
}
