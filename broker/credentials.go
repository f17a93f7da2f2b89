// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// ModeCredentials is the mode of what a credentials-request is answered with
// [P-14]. It is no mode of kinds: a session is good for all of a thing's prefix.
const ModeCredentials = "credentials"

// The two forms of an answer [P-14.1].
const (
	FormSession  = "session"
	FormProvider = "provider"
)

// MinSessionLife is the least life that a session has left when it is given
// away [P-14.4].
const MinSessionLife = 5 * time.Minute

// An Issuer makes temporary credentials for one thing.
//
// They must be good for nothing but objects below "<thing>/" of the bucket, and
// never for listing or deleting there. An error means that nothing was given;
// the thing is told `unavailable`. Things may ask as often as they like: the
// Issuer hands out what it has while that lasts.
type Issuer interface {
	Issue(ctx context.Context, thing string) (Session, error)
}

// Session is a set of temporary credentials. Printing it shows no secret.
type Session struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
	Expires         time.Time
}

// String is the part of a session that may be known.
func (s Session) String() string {
	return fmt.Sprintf("session %s until %s", s.AccessKeyID, s.Expires.UTC().Format(time.RFC3339))
}

// GoString keeps the secret parts out of %#v.
func (s Session) GoString() string { return s.String() }

// LogValue keeps the secret parts out of every log.
func (s Session) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Usable returns an error unless the session is complete and has enough life
// left at the time.
func (s Session) Usable(now time.Time) error {
	switch {
	case s.AccessKeyID == "" || s.SecretAccessKey == "" || s.SessionToken == "":
		return errors.New("a session without all of its three parts")
	case s.Expires.Sub(now) < MinSessionLife:
		return fmt.Errorf("a session with less than %v left", MinSessionLife)
	}
	return nil
}

// Credentials says what a thing that asks for credentials is told. One of
// Issuer and Provider is required, or both.
type Credentials struct {
	Issuer   Issuer    // nil: no sessions over MQTT
	Provider *Provider // nil: no pointer to a provider
	Place    Place
}

// Provider is where things get credentials over HTTPS with their certificates:
// AWS IoT's credential provider, or one of the same form.
type Provider struct {
	Endpoint  string // https://host[:port]
	RoleAlias string
}

// Place is where a thing uses its credentials.
type Place struct {
	Endpoint  string // https://host[:port], without the bucket
	Region    string
	Bucket    string
	PathStyle bool // the bucket is in the path, not in the host's name
}

func (c *Credentials) check() error {
	switch {
	case c.Issuer == nil && c.Provider == nil:
		return errors.New("credentials need an issuer or a provider")
	case c.Provider != nil && (c.Provider.Endpoint == "" || c.Provider.RoleAlias == ""):
		return errors.New("a credential provider needs an endpoint and a role alias")
	case c.Place.Endpoint == "" || c.Place.Region == "" || c.Place.Bucket == "":
		return errors.New("credentials need an endpoint, a region and a bucket to be used with")
	}
	return nil
}

// credentialsReply is the JSON of a credentials-request's answer [P-14.2, P-14.3].
type credentialsReply struct {
	ID              string         `json:"id"`
	Status          string         `json:"status"`
	Time            int64          `json:"time"`
	Mode            string         `json:"mode"`
	AccessKeyID     string         `json:"accessKeyId,omitempty"`
	SecretAccessKey string         `json:"secretAccessKey,omitempty"`
	SessionToken    string         `json:"sessionToken,omitempty"`
	Provider        *providerReply `json:"provider,omitempty"`
	Endpoint        string         `json:"endpoint"`
	Region          string         `json:"region"`
	Bucket          string         `json:"bucket"`
	PathStyle       bool           `json:"pathStyle,omitempty"`
	Prefix          string         `json:"prefix"`
	ExpiresAt       int64          `json:"expiresAt,omitempty"`
}

type providerReply struct {
	Endpoint  string            `json:"endpoint"`
	RoleAlias string            `json:"roleAlias"`
	Headers   map[string]string `json:"headers"`
}

func (b *credentialsReply) stamp(now int64) { b.Time = now }

// ThingNameHeader is the header in which a thing names itself to a credential
// provider.
const ThingNameHeader = "x-amzn-iot-thingname"

// credentialsRequest answers a credentials-request [P-14]. The prefix is that of
// the topic's thing; nothing in the payload can name another.
func (r *request) credentialsRequest(ctx context.Context, payload []byte) ([]Message, error) {
	id, form, err := decodeCredentialsRequest(payload)
	if err == nil {
		form, err = r.broker.credentials.form(form)
	}
	if err != nil {
		return r.refuse(verbCredentialsRequest, id, payload, err)
	}
	place := r.broker.credentials.Place
	body := &credentialsReply{ID: id, Status: statusSuccess, Mode: ModeCredentials,
		Endpoint: place.Endpoint, Region: place.Region, Bucket: place.Bucket, PathStyle: place.PathStyle, Prefix: r.thing + "/"}
	if form == FormProvider {
		p := r.broker.credentials.Provider
		body.Provider = &providerReply{p.Endpoint, p.RoleAlias, map[string]string{ThingNameHeader: r.thing}}
	} else if err := r.issue(ctx, body); err != nil {
		return r.refuse(verbCredentialsRequest, id, payload, err)
	}
	entry := Entry{Request: verbCredentialsRequest, ID: id, Mode: ModeCredentials, Form: form,
		AccessKeyID: body.AccessKeyID, ExpiresAt: body.ExpiresAt, Code: CodeGranted}
	if err := r.record(entry); err != nil {
		refusal := unaudited(err)
		failed := refusalReply(id, refusal)
		return r.send(&failed, refusal)
	}
	return r.send(body, nil)
}

// issue puts a session into the answer.
func (r *request) issue(ctx context.Context, body *credentialsReply) error {
	s, err := r.broker.credentials.Issuer.Issue(ctx, r.thing)
	if err == nil {
		err = s.Usable(r.broker.now())
	}
	if err != nil {
		return &Refusal{Code: CodeUnavailable, Text: "no credentials to give; ask again later", Cause: err}
	}
	body.AccessKeyID, body.SecretAccessKey, body.SessionToken = s.AccessKeyID, s.SecretAccessKey, s.SessionToken
	body.ExpiresAt = s.Expires.Unix()
	return nil
}

// Issue gives a thing a session, for requests that come another way than over
// MQTT: the same things get some, within the same limits. Whoever calls it knows
// the thing by its certificate, and keeps the audit.
func (b *Broker) Issue(ctx context.Context, thing string) (Session, error) {
	if !ValidThing(thing) || b.credentials == nil || b.credentials.Issuer == nil {
		return Session{}, refuse(CodeModeNotAllowed, "no credentials are offered")
	}
	r := &request{broker: b, thing: thing, now: b.now()}
	if err := r.enter(ctx); err != nil {
		return Session{}, err
	}
	return b.credentials.Issuer.Issue(ctx, thing)
}

// form returns the form that is answered with, or a refusal [P-14.1].
func (c *Credentials) form(wanted string) (string, error) {
	switch {
	case wanted == "" && c.Issuer != nil:
		return FormSession, nil
	case wanted == "":
		return FormProvider, nil
	case wanted == FormSession && c.Issuer != nil, wanted == FormProvider && c.Provider != nil:
		return wanted, nil
	}
	return "", refuse(CodeModeNotAllowed, "credentials are not offered in mode %q", printable(wanted, 40))
}

func decodeCredentialsRequest(payload []byte) (id, form string, err error) {
	err = readObject(payload, func(r *jsonReader, name string) (err error) {
		switch name {
		case "id":
			id, err = r.id()
		case "mode":
			form, err = r.text(name)
		default:
			err = unknownField(name, "id", "mode")
		}
		return err
	})
	if err == nil && id == "" {
		err = refuse(CodeBadRequest, "id is missing")
	}
	return id, form, err
}
