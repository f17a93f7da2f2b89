// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"thingpass/broker/awss3"
	"thingpass/broker/cmd/thingpass/config"
	"thingpass/broker/cmd/thingpass/wiring"
	"thingpass/broker/credprovider"
)

// startProvider serves the credential provider, if there is to be one. It asks
// the broker, as things over MQTT do. The function that it returns ends it.
func (s *service) startProvider(ctx context.Context) (end func(), err error) {
	p := s.now.Load().conf.CredentialProvider
	if p.Listen == "" {
		return func() {}, nil
	}
	cert, err := tls.LoadX509KeyPair(p.Cert, p.Key)
	if err != nil {
		return nil, fmt.Errorf("credential_provider.cert, credential_provider.key: %w", err)
	}
	things, err := wiring.Roots(p.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("credential_provider.client_ca: %w", err)
	}
	handler, err := credprovider.New(credprovider.Config{RoleAliases: p.RoleAliases, Issuer: s, Audit: s.audit, Now: time.Now, Log: s.log})
	if err != nil {
		return nil, err
	}
	server, err := credprovider.Listen(ctx, credprovider.ServerConfig{Listen: p.Listen, Certificate: cert, ClientCAs: things, Handler: handler, Log: s.log})
	if err != nil {
		return nil, fmt.Errorf("credential_provider.listen: %w", err)
	}
	s.log.Info("credential provider listens", "address", server.Addr().String(), "role_aliases", p.RoleAliases)
	return func() {
		if err := server.Close(); err != nil {
			s.log.Warn("the credential provider did not end well", "err", err)
		}
	}, nil
}

// checkCredentials tries what things would get.
func checkCredentials(ctx context.Context, c *config.Config) []finding {
	if c.Credentials.RoleARN == "" {
		return nil
	}
	bucket, err := wiring.Bucket(ctx, c, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil // the bucket's findings tell
	}
	sessions, err := wiring.Sessions(c, bucket)
	if err != nil {
		return []finding{{"credentials", "", awss3.Problem, err.Error()}}
	}
	var findings []finding
	for _, f := range sessions.Probe(ctx) {
		findings = append(findings, finding{"credentials", f.Subject, f.Level, f.Text})
	}
	if c.CredentialProvider.Listen != "" {
		findings = append(findings, checkProvider(c.CredentialProvider))
	}
	return findings
}

// checkProvider reads what the provider would be started with. It does not
// listen: a running broker does.
func checkProvider(p config.CredentialProvider) finding {
	cert, err := tls.LoadX509KeyPair(p.Cert, p.Key)
	_, rootsErr := wiring.Roots(p.ClientCA)
	if err := errors.Join(err, rootsErr); err != nil {
		return finding{"credentials", "provider", awss3.Problem, fmt.Sprintf("it cannot start: %v", err)}
	}
	end := cert.Leaf.NotAfter
	text := fmt.Sprintf("listens on %s, with a certificate that is good until %s", p.Listen, end.UTC().Format(time.DateOnly))
	if time.Now().After(end) {
		return finding{"credentials", "provider", awss3.Problem, text + ": no thing accepts that: renew it"}
	}
	return finding{"credentials", "provider", awss3.OK, text}
}
