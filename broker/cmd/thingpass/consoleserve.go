// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"thingpass/broker"
	"thingpass/broker/awss3"
	"thingpass/broker/cmd/thingpass/config"
	"thingpass/broker/cmd/thingpass/wiring"
	"thingpass/broker/console/access"
	"thingpass/broker/console/pages"
	"thingpass/broker/console/thumbs"
	"thingpass/broker/mqttconn"
)

// viewTTL is how long a browser has to begin to load a photo.
const viewTTL = time.Minute

// startConsole begins to serve the console, and to keep what it knows. The function
// that it returns ends that, and puts what is known into the bucket.
func (s *service) startConsole(ctx context.Context, client *mqttconn.Client, mqtt mqttconn.Config, stderr io.Writer) (end func(), err error) {
	if s.people == nil {
		return func() {}, nil
	}
	s.people.client.Store(client)
	if self, err := mqttconn.Name(mqtt); err == nil {
		s.people.self.Store(&self)
	}
	load, cancel := context.WithTimeout(ctx, readyPatience)
	defer cancel()
	if err := s.people.desk.Load(load); err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	shown, err := s.pages()
	if err != nil {
		return nil, err
	}
	guard, err := s.guard(origins(s.now.Load().view))
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	c := s.now.Load().conf.Console
	server, err := access.Listen(ctx, access.ServerConfig{Listen: string(c.Listen), Cert: c.Cert, Key: c.Key, Guard: guard, Handler: shown, Log: s.log})
	if err != nil {
		return nil, err
	}
	announce(s.now.Load().conf.Log, stderr, s.log, "console: "+server.URL())
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	var all sync.WaitGroup
	all.Go(func() { s.people.desk.Run(working) })
	all.Go(func() {
		if err := s.people.fleet.Run(working); err != nil {
			s.log.Warn("not all that the console knows is kept", "err", err)
		}
	})
	return func() {
		shown.Close()
		if err := server.Close(); err != nil {
			s.log.Warn("the console did not end well", "err", err)
		}
		stop()
		all.Wait()
	}, nil
}

func (s *service) pages() (*pages.Pages, error) {
	certificates, err := s.certificates(s.now.Load().conf.Console)
	if err != nil {
		return nil, err
	}
	return pages.New(pages.Config{
		Fleet: s.people.fleet, Operations: s.people.desk, Certificates: certificates, Quota: s.used,
		Thumbs: thumbs.New(thumbs.Config{Files: liveFiles{s}, Log: s.log}),
		View: func(ctx context.Context, key string) (string, error) {
			return s.now.Load().view.SignView(ctx, key, time.Now(), viewTTL)
		},
		ViewOrigins: origins(s.now.Load().view),
		Version:     version(), Log: s.log,
	}), nil
}

// guard is who may come in.
func (s *service) guard(images []string) (*access.Guard, error) {
	c := s.now.Load().conf.Console
	a := access.Config{HTTPS: c.Cert != "", Key: c.SessionKey, Images: images, Audit: s.record, Log: s.log}
	switch c.Access {
	case config.AccessLoopback:
		a.Loopback = true
	case config.AccessPassword:
		a.Users = c.Users
	case config.AccessCertificate:
		roots, err := wiring.Roots(c.ClientCA)
		if err != nil {
			return nil, fmt.Errorf("client_ca: %w", err)
		}
		a.Certificates = &access.Certificates{CAs: roots, Operators: c.Operators}
	case config.AccessOIDC:
		secret, err := os.ReadFile(c.OIDC.ClientSecret)
		if err != nil {
			return nil, fmt.Errorf("oidc.client_secret: %w", err)
		}
		a.OIDC = &access.OIDC{Issuer: c.OIDC.Issuer, ClientID: c.OIDC.ClientID, ClientSecret: strings.TrimSpace(string(secret)),
			RedirectURL: c.URL + "/oidc/callback", Operators: c.Operators, Viewers: c.OIDC.Viewers}
	}
	return access.New(a)
}

// origins are where the URLs of a view point to.
func origins(view *awss3.Bucket) []string {
	place := view.Place()
	u, err := url.Parse(place.Endpoint)
	if err != nil {
		return nil
	}
	if !place.PathStyle {
		u.Host = place.Bucket + "." + u.Host
	}
	return []string{u.Scheme + "://" + u.Host}
}

// used tells what a thing has used of its limits today.
func (s *service) used(ctx context.Context, thing string) ([]pages.Use, error) {
	conf, now := s.now.Load().conf, time.Now()
	var uses []pages.Use
	add := func(kind string, l broker.Limits) error {
		suffix := ""
		if kind != "" {
			suffix = " of kind " + kind
		}
		for _, one := range []struct {
			unit  broker.Unit
			limit int64
			what  string
		}{{broker.Requests, l.RequestsPerMinute, "requests this minute"}, {broker.Bytes, l.BytesPerDay, "bytes today"}} {
			if one.limit == 0 {
				continue
			}
			n, err := s.counts.Used(ctx, broker.Charge{Thing: thing, Kind: kind, Unit: one.unit, Now: now})
			if err != nil {
				return err
			}
			uses = append(uses, pages.Use{What: one.what + suffix, Used: n, Limit: one.limit, Bytes: one.unit == broker.Bytes})
		}
		return nil
	}
	if err := add("", conf.BrokerLimits()); err != nil {
		return nil, err
	}
	for _, k := range conf.BrokerKinds() {
		if err := add(k.Name, k.Limits); err != nil {
			return nil, err
		}
	}
	return uses, nil
}
