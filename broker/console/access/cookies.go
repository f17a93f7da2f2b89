// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"crypto/rand"
	"net/http"
	"time"
)

// Names of cookies, to which __Host- is added with HTTPS: then no other host, and
// nobody without TLS, can set them.
const (
	cookieSession = "thingpass-session"
	cookieForm    = "thingpass-form"   // before there is a session
	cookieDevice  = "thingpass-device" // a browser that somebody signed in with
	cookieFlow    = "thingpass-flow"   // while the OIDC provider is asked
)

const formSize = 26 // characters of rand.Text

func (g *Guard) cookie(name string) string {
	if g.https {
		return "__Host-" + name
	}
	return name
}

// set sets a cookie; life 0 is until the browser is closed, less deletes it. All are
// SameSite=Strict but the flow's: with it, the provider's site leads back to ours.
func (g *Guard) set(w http.ResponseWriter, name, value string, life time.Duration) {
	c := &http.Cookie{Name: g.cookie(name), Value: value, Path: "/", Secure: g.https, HttpOnly: true, SameSite: http.SameSiteStrictMode}
	if life != 0 {
		c.MaxAge = max(int(life/time.Second), -1)
	}
	if name == cookieFlow {
		c.SameSite = http.SameSiteLaxMode
	}
	http.SetCookie(w, c)
}

func (g *Guard) setSession(w http.ResponseWriter, t ticket) {
	left := t.issued.Add(g.whole).Sub(g.now())
	g.set(w, cookieSession, seal(g.keys.session, t.append(nil)), max(left, time.Second))
}

// formToken returns the token of forms for who has no session, and sets the cookie
// that it belongs to.
func (g *Guard) formToken(w http.ResponseWriter, r *http.Request) [idSize]byte {
	if token, ok := g.formOf(r); ok {
		return token
	}
	value := rand.Text()
	g.set(w, cookieForm, value, 0)
	return g.formFor(value)
}

func (g *Guard) formOf(r *http.Request) ([idSize]byte, bool) {
	c, err := r.Cookie(g.cookie(cookieForm))
	if err != nil || len(c.Value) != formSize {
		return [idSize]byte{}, false
	}
	return g.formFor(c.Value), true
}

func (g *Guard) formFor(value string) (token [idSize]byte) {
	copy(token[:], sum(g.keys.form, []byte("before "+value)))
	return token
}
