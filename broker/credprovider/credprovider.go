// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package credprovider gives things temporary credentials over HTTPS, in the
// form of AWS IoT's credential provider: a thing that can use that can use this,
// with another endpoint and nothing else.
//
//	GET /role-aliases/<alias>/credentials
//	x-amzn-iot-thingname: <thing>
//
// A thing is known by its certificate, whose common name is its name. AWS IoT
// knows more things than one for a certificate and wants the header to tell
// which; here it can only say again what the certificate says. It is required
// nevertheless: on AWS a request without it gets credentials that reach no
// thing's prefix, and a thing that forgot it should find out here, not there.
//
// Nothing is given without a line in the audit. Whom to give anything is for the
// broker to say, which is the Issuer: limits and reserved names hold here, too.
package credprovider

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"thingpass/broker"
)

// Request is what the audit calls a request to a provider.
const Request = "credential-provider"

// Config is all that a Handler is made of. Only Admit and Log may be nil.
type Config struct {
	RoleAliases []string // the names that are answered to; case matters
	Issuer      broker.Issuer
	Audit       broker.Auditor
	Now         func() time.Time
	Log         *slog.Logger

	// Admit returns an error if a verified certificate may not be used for the thing
	// of that name all the same: it was revoked, the thing is blocked. It is asked
	// for each request.
	Admit func(leaf *x509.Certificate, thing string) error
}

// Handler answers requests for credentials. It is safe for concurrent use, and
// refuses everybody whose certificate the server has not verified.
type Handler struct{ Config }

// New returns a Handler, or an error that names what is wrong.
func New(c Config) (*Handler, error) {
	if c.Issuer == nil || c.Audit == nil || c.Now == nil {
		return nil, errors.New("a credential provider needs an issuer, an auditor and a clock")
	}
	if len(c.RoleAliases) == 0 {
		return nil, errors.New("a credential provider needs a role alias")
	}
	for _, alias := range c.RoleAliases {
		if err := CheckRoleAlias(alias); err != nil {
			return nil, err
		}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Handler{c}, nil
}

var roleAlias = regexp.MustCompile(`^[A-Za-z0-9_=,@-]{1,128}$`)

// CheckRoleAlias returns an error unless alias can be a role alias: AWS IoT's
// rule.
func CheckRoleAlias(alias string) error {
	if !roleAlias.MatchString(alias) {
		return fmt.Errorf("role alias %q: want 1 to 128 of A-Z, a-z, 0-9 and _ = , @ -", alias)
	}
	return nil
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := h.Now()
	id := strings.ToLower(rand.Text())
	w.Header().Set("x-amzn-RequestId", id)
	thing, err := h.requester(r, started)
	var session broker.Session
	if err == nil {
		session, err = h.session(r, thing)
	}
	if err == nil || !err.quiet() {
		err = h.record(r, thing, id, started, session, err)
	}
	if err != nil {
		refuse(w, r, err)
		return
	}
	give(w, session)
}

// record writes the audit and the log, and returns the refusal that stands then.
func (h *Handler) record(r *http.Request, thing, id string, started time.Time, session broker.Session, err *refusal) *refusal {
	entry := broker.Entry{Time: started, Thing: thing, Request: Request, ID: id, Mode: broker.ModeCredentials, Form: broker.FormSession,
		AccessKeyID: session.AccessKeyID, Code: broker.CodeGranted, Micros: h.Now().Sub(started).Microseconds()}
	if err != nil {
		entry.Code, entry.Reason = err.code, err.message
	} else {
		entry.ExpiresAt = session.Expires.Unix()
	}
	if audit := h.Audit.Record(entry); audit != nil && err == nil {
		err = unavailable(audit)
	}
	if err != nil {
		h.Log.Info("credentials refused", "thing", thing, "status", err.status, "message", err.message, "err", err.cause, "remote", r.RemoteAddr)
	}
	return err
}

// requester returns the name in the certificate, as soon as there is a verified
// one, and an error if it may not go on.
func (h *Handler) requester(r *http.Request, now time.Time) (string, *refusal) {
	invalid := &refusal{http.StatusForbidden, "AccessDeniedException", "Certificate is invalid on this endpoint", broker.CodeKeyNotAllowed, nil}
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 || len(r.TLS.PeerCertificates) == 0 {
		return "", invalid
	}
	leaf := r.TLS.PeerCertificates[0]
	thing, ok := commonName(leaf)
	if !ok || now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) { // a connection may outlive its certificate
		return "", invalid
	}
	if names := r.Header.Values(broker.ThingNameHeader); len(names) != 1 || names[0] != thing {
		return thing, &refusal{http.StatusForbidden, "AccessDeniedException", "Invalid thing name passed", broker.CodeKeyNotAllowed, nil}
	}
	if h.Admit != nil {
		if err := h.Admit(leaf, thing); err != nil {
			return thing, &refusal{http.StatusForbidden, "AccessDeniedException", "Certificate is invalid on this endpoint", broker.CodeKeyNotAllowed, err}
		}
	}
	return thing, nil
}

// commonName returns the one common name of a certificate, if it can be a
// thing's.
func commonName(leaf *x509.Certificate) (string, bool) {
	names := 0
	for _, part := range leaf.Subject.Names {
		if part.Type.Equal(asn1.ObjectIdentifier{2, 5, 4, 3}) {
			names++
		}
	}
	return leaf.Subject.CommonName, names == 1 && broker.ValidThing(leaf.Subject.CommonName)
}

// session decides on what is asked for, and gets it.
func (h *Handler) session(r *http.Request, thing string) (broker.Session, *refusal) {
	// The path as it was sent: nothing in a role alias needs an escape.
	alias, found := strings.CutPrefix(r.URL.EscapedPath(), "/role-aliases/")
	alias, ends := strings.CutSuffix(alias, "/credentials")
	switch {
	case !found || !ends || strings.Contains(alias, "/"):
		return broker.Session{}, &refusal{http.StatusNotFound, "ResourceNotFoundException", "Not Found", broker.CodeBadRequest, nil}
	case r.Method != http.MethodGet:
		return broker.Session{}, &refusal{http.StatusMethodNotAllowed, "MethodNotAllowedException", "Method Not Allowed", broker.CodeBadRequest, nil}
	case r.ContentLength != 0:
		return broker.Session{}, &refusal{http.StatusBadRequest, "InvalidRequestException", "Bad Request", broker.CodeBadRequest, nil}
	case !slices.Contains(h.RoleAliases, alias):
		return broker.Session{}, &refusal{http.StatusNotFound, "ResourceNotFoundException", "Role alias does not exist", broker.CodeModeNotAllowed, nil}
	}
	session, err := h.Issuer.Issue(r.Context(), thing)
	if err == nil {
		err = session.Usable(h.Now())
	}
	if err != nil {
		return broker.Session{}, refused(err)
	}
	return session, nil
}

func give(w http.ResponseWriter, s broker.Session) {
	type credentials struct {
		AccessKeyID     string `json:"accessKeyId"`
		SecretAccessKey string `json:"secretAccessKey"`
		SessionToken    string `json:"sessionToken"`
		Expiration      string `json:"expiration"`
	}
	write(w, http.StatusOK, map[string]credentials{"credentials": {
		s.AccessKeyID, s.SecretAccessKey, s.SessionToken, s.Expires.UTC().Format("2006-01-02T15:04:05Z")}})
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(body) // the thing may have gone
}
