// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"thingpass/broker"
	"thingpass/broker/credprovider"
	"thingpass/certs"
)

// DefaultRoleAlias is what the credential provider answers to.
const DefaultRoleAlias = "thingpass"

// providerSession is how long its sessions last: as long as AWS IoT's by default.
const providerSession = time.Hour

// startProvider serves what AWS IoT's credential provider is on AWS: sessions for
// things that show their certificates. Unlike `thingpass run`'s it asks no broker.
func (s *Stack) startProvider(ctx context.Context, o *Options, h hosts, d *certs.Dir, server certs.Identity) error {
	key, err := LoadAccessKey(o.keyFile())
	if err != nil {
		return err
	}
	handler, err := credprovider.New(credprovider.Config{
		RoleAliases: []string{DefaultRoleAlias},
		Issuer:      issuer{key, o.Bucket},
		Audit:       loggedAudit{o.Log},
		Now:         time.Now,
		Log:         o.Log,
		Admit:       s.admit,
	})
	if err != nil {
		return err
	}
	address := net.JoinHostPort(h.listen, strconv.Itoa(o.ProviderPort))
	listener, err := listen(ctx, "Provider", address)
	if err != nil {
		return err
	}
	s.Provider, err = credprovider.Serve(listener, credprovider.ServerConfig{Certificate: server.TLSCertificate(), ClientCAs: d.CA().Pool(), Handler: handler, Log: o.Log})
	if err != nil {
		return err
	}
	s.ready.Provider = &ReadyProvider{
		Endpoint:  "https://" + net.JoinHostPort(h.public, strconv.Itoa(portOf(s.Provider.Addr()))),
		RoleAlias: DefaultRoleAlias,
	}
	return nil
}

// admit asks the registry's file, if there is one: who is revoked or blocked at
// the MQTT server gets no credentials either.
func (s *Stack) admit(leaf *x509.Certificate, thing string) error {
	if s.registry == nil {
		return nil
	}
	who, err := s.registry.Registry().Find(leaf)
	if err != nil {
		return err
	}
	if who.Thing == nil || who.Thing.Name != thing {
		return fmt.Errorf("the certificate is not attached to thing %s", thing)
	}
	return nil
}

// issuer makes sessions without STS: it has the key that STS would use.
type issuer struct {
	key    AccessKey
	bucket string
}

func (i issuer) Issue(_ context.Context, thing string) (broker.Session, error) {
	policy, err := thingPolicy(i.bucket, thing)
	if err != nil {
		return broker.Session{}, err
	}
	session, err := NewSession(i.key, policy, time.Now().Add(providerSession))
	return broker.Session(session), err
}

// loggedAudit is an audit for development: the log.
type loggedAudit struct{ log *slog.Logger }

func (a loggedAudit) Record(entries ...broker.Entry) error {
	for _, e := range entries {
		a.log.Info("credentials", "thing", e.Thing, "code", string(e.Code), "session", e.AccessKeyID, "reason", e.Reason)
	}
	return nil
}
