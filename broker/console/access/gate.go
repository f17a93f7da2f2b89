// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"errors"
	"log/slog"
	"net/http"
	"time"
)

// The gate's own pages.
const (
	pathSignIn   = "/sign-in"
	pathSignOut  = "/sign-out"
	pathStart    = "/oidc/start"
	pathCallback = "/oidc/callback"
)

const maxBody = 1 << 20 // bytes of a request; forms have a few hundred

var errNobody = errors.New("nobody is signed in")

// Guard is the Gate. Wrap costs a request of a signed-in user about 5 µs, a sign-in
// with a password some 25 ms of one core (BenchmarkWrap, BenchmarkSignIn).
type Guard struct {
	loopback     bool
	certificates *Certificates
	users        *users // nil: no passwords
	oidc         *provider
	https        bool
	policy       string
	keys         keys
	idle, whole  time.Duration
	log          *slog.Logger
	now          func() time.Time
	origin       *http.CrossOriginProtection

	perSession, perPlace   *limiter // requests
	signPlace, signName    *limiter // sign-ins that failed, of strangers
	signDevice             *limiter // sign-ins that failed, of known browsers
	ended, used            *recent  // sessions that were signed out; states of OIDC
	audit                  *auditor
	streamLife, streamLook time.Duration
}

// New returns a guard. Files are read now, and again when they change; the OIDC
// provider is asked when the first user comes.
func New(c Config) (*Guard, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	c.fill()
	k, err := loadKeys(c.Key)
	if err != nil {
		return nil, err
	}
	g := &Guard{
		loopback: c.Loopback, certificates: c.Certificates, https: c.HTTPS, policy: policy(c.Images),
		keys: k, idle: c.Idle, whole: c.Lifetime, log: c.Log, now: c.Now,
		origin:     http.NewCrossOriginProtection(),
		perSession: newLimiter(c.Rate, 10*c.Rate, c.Now),
		perPlace:   newLimiter(10, 200, c.Now),
		signPlace:  newLimiter(1.0/6, 10, c.Now),
		signName:   newLimiter(1.0/6, 10, c.Now),
		signDevice: newLimiter(1.0/6, 10, c.Now),
		ended:      newRecent(c.Now),
		used:       newRecent(c.Now),
		audit:      &auditor{next: c.Audit, fail: newLimiter(1, 60, c.Now), now: c.Now, met: newRecent(c.Now)},
		streamLife: 10 * time.Minute, streamLook: 5 * time.Second,
	}
	if c.Users != "" {
		if g.users, err = newUsers(c.Users, k, c.Log, c.Now); err != nil {
			return nil, err
		}
	}
	if c.OIDC != nil {
		if g.oidc, err = newProvider(*c.OIDC, k, c.Now); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// Wrap is as Gate has it. Files below /static/ are for everybody, as the page for
// signing in needs them.
func (g *Guard) Wrap(next http.Handler) http.Handler {
	own := http.NewServeMux()
	own.HandleFunc("GET "+pathSignIn, g.showSignIn)
	own.HandleFunc("POST "+pathSignIn, g.signIn)
	own.HandleFunc("GET "+pathSignOut, g.showSignOut)
	own.HandleFunc("POST "+pathSignOut, g.signOut)
	if g.oidc != nil {
		own.HandleFunc("GET "+pathStart, g.startOIDC)
		own.HandleFunc("GET "+pathCallback, g.finishOIDC)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.harden(w.Header())
		if !g.sane(w, r) {
			return
		}
		switch {
		case isOwn(r.URL.Path):
			if g.slow(w, r, g.perPlace, place(r.RemoteAddr)) {
				return
			}
			own.ServeHTTP(w, r)
		case isStatic(r):
			next.ServeHTTP(w, r)
		default:
			g.admit(w, r, next)
		}
	})
}

// admit lets a request through to next, if somebody is signed in.
func (g *Guard) admit(w http.ResponseWriter, r *http.Request, next http.Handler) {
	v, err := g.visitor(r)
	if err != nil {
		if !g.slow(w, r, g.perPlace, place(r.RemoteAddr)) {
			g.stranger(w, r, err)
		}
		return
	}
	if g.slow(w, r, g.perSession, v.key) {
		return
	}
	if !safe(r) && !g.carries(r, v.form) {
		g.refuse(w, r, http.StatusForbidden, "This form is too old, or not of this console. Nothing was done: load the page again.")
		return
	}
	if err := g.audit.meet(v, place(r.RemoteAddr)); err != nil {
		g.refuse(w, r, http.StatusServiceUnavailable, "The audit cannot be written, so nobody is let in.")
		return
	}
	g.renew(w, v)
	ctx := With(r.Context(), v.user, mask(v.form))
	if isStream(r) {
		var done func()
		ctx, done = g.stream(ctx, w, r)
		defer done()
	}
	next.ServeHTTP(w, r.WithContext(ctx))
}
