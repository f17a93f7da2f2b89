// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"context"
	"crypto/hmac"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const (
	askTimeout = 10 * time.Second // for all that one sign-in asks of the provider
	maxAnswer  = 1 << 20          // bytes
	maxAsking  = 8                // sign-ins at once
)

// algorithms are those with a public key. What the provider says that it supports
// does not matter: "none" and secrets shared with it never do.
var algorithms = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512,
	oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA}

// provider asks an OpenID Connect provider.
type provider struct {
	OIDC
	name    string
	keys    keys
	now     func() time.Time
	client  *http.Client
	binding [bindingSize]byte // changes with the rules, which ends sessions
	asking  chan struct{}

	mu    sync.Mutex
	found *oidc.Provider // nil until it has answered
}

func newProvider(o OIDC, k keys, now func() time.Time) (*provider, error) {
	rules, err := json.Marshal([]any{o.Issuer, o.ClientID, o.RoleClaim, o.OperatorValues, o.ViewerValues, o.Operators, o.Viewers})
	if err != nil {
		return nil, err
	}
	issuer, err := url.Parse(o.Issuer)
	if err != nil {
		return nil, err
	}
	p := &provider{OIDC: o, name: o.Name, keys: k, now: now, binding: k.binding(string(rules)), asking: make(chan struct{}, maxAsking)}
	if p.name == "" {
		p.name = issuer.Host
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
		ResponseHeaderTimeout: askTimeout, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true}
	p.client = &http.Client{Timeout: askTimeout, Transport: bounded{transport}}
	return p, nil
}

// bounded bounds answers: the libraries read them whole.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	if !secure(r.URL) {
		return nil, errors.New("the provider leads to a URL without TLS")
	}
	answer, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		answer.Body = http.MaxBytesReader(nil, answer.Body, maxAnswer)
	}
	return answer, err
}

// discover finds the provider's endpoints, once.
func (p *provider) discover(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found == nil {
		found, err := oidc.NewProvider(ctx, p.Issuer)
		if err != nil {
			return nil, fmt.Errorf("ask %s: %w", p.Issuer, err)
		}
		p.found = found
	}
	return p.found, nil
}

func (p *provider) oauth(found *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{ClientID: p.ClientID, ClientSecret: p.ClientSecret, Endpoint: found.Endpoint(),
		RedirectURL: p.RedirectURL, Scopes: append([]string{oidc.ScopeOpenID, "email"}, p.Scopes...)}
}

// begin reserves room to ask the provider, within askTimeout.
func (p *provider) begin(ctx context.Context) (context.Context, func(), error) {
	select {
	case p.asking <- struct{}{}:
	default:
		return nil, nil, errBusy
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, p.client), askTimeout)
	return ctx, func() { cancel(); <-p.asking }, nil
}

// The verifier and the nonce are made from the state, so that the browser's cookie
// needs to hold nothing else, and nobody else can make them.
func (p *provider) verifier(state string) string { return p.derive("pkce", state) }
func (p *provider) nonce(state string) string    { return p.derive("nonce", state) }

func (p *provider) derive(what, state string) string {
	return base64.RawURLEncoding.EncodeToString(sum(p.keys.proof, []byte(what+" "+state)))
}

// redeem returns who the code is for.
func (p *provider) redeem(ctx context.Context, code, state string) (User, error) {
	found, err := p.discover(ctx)
	if err != nil {
		return User{}, err
	}
	token, err := p.oauth(found).Exchange(ctx, code, oauth2.VerifierOption(p.verifier(state)))
	if err != nil {
		return User{}, fmt.Errorf("redeem the code: %w", brief(err))
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return User{}, errors.New("the provider sent no ID token")
	}
	id, err := found.VerifierContext(ctx, &oidc.Config{ClientID: p.ClientID, SupportedSigningAlgs: algorithms, Now: p.now}).Verify(ctx, raw)
	if err != nil {
		return User{}, fmt.Errorf("verify the ID token: %w", err)
	}
	if !hmac.Equal([]byte(id.Nonce), []byte(p.nonce(state))) {
		return User{}, errors.New("the ID token has another nonce")
	}
	c := claims{}
	if err := errors.Join(id.Claims(&c), id.Claims(&c.all)); err != nil {
		return User{}, fmt.Errorf("read the ID token: %w", err)
	}
	if azp, found := c.all["azp"]; found && azp != p.ClientID {
		return User{}, errors.New("the ID token is for another client (azp)")
	}
	return p.user(c)
}

// brief leaves out the provider's answer, which may repeat what was sent.
func brief(err error) error {
	if answer := (*oauth2.RetrieveError)(nil); errors.As(err, &answer) && answer.Response != nil {
		return fmt.Errorf("the provider answered %s %q", answer.Response.Status, clip(answer.ErrorCode))
	}
	return err
}
