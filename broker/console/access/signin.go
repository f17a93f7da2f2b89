// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"encoding/binary"
	"errors"
	"net/http"
	"time"

	"thingpass/broker"
)

// deviceLife is how long a browser is known. With it, somebody who tries passwords
// for a name slows all strangers who come with that name, but not the browsers that
// its user has signed in with before; another way (OIDC, a certificate) is open as
// well. Nobody can lock a user out for good: the limit gives a try every 6 s.
const deviceLife = 90 * 24 * time.Hour

func (g *Guard) showSignIn(w http.ResponseWriter, r *http.Request) {
	next := returnPath(r.URL.Query().Get("next"))
	_, err := g.visitor(r)
	switch {
	case err == nil:
		w.Header().Set("Location", next)
		w.WriteHeader(http.StatusSeeOther)
	case g.users == nil && g.oidc == nil:
		g.stranger(w, r, err)
	default:
		g.askAgain(w, r, http.StatusOK, next, "")
	}
}

func (g *Guard) signIn(w http.ResponseWriter, r *http.Request) {
	next := returnPath(r.PostFormValue("next"))
	token, ok := g.formOf(r)
	switch {
	case g.users == nil:
		g.refuse(w, r, http.StatusNotFound, "Nobody signs in with a password here.")
		return
	case !ok || !g.carries(r, token):
		g.askAgain(w, r, http.StatusForbidden, next, "This page was too old, or your browser takes no cookies. Try again.")
		return
	}
	name, from := r.PostFormValue("name"), place(r.RemoteAddr)
	if len(name) > maxName {
		name = "" // nobody's
	}
	giveBack, wait := g.maySignIn(r, name, from)
	if wait > 0 {
		retryAfter(w, wait)
		_ = g.audit.failed(g.known(name), "too many tries, password from "+from)
		g.askAgain(w, r, http.StatusTooManyRequests, next, "Too many tries. Try again in "+seconds(wait)+" s.")
		return
	}
	rec, right, err := g.users.check(r.Context(), name, r.PostFormValue("password"), g.device(r, name) != "")
	switch {
	case err != nil:
		giveBack()
		retryAfter(w, 2*time.Second)
		g.askAgain(w, r, http.StatusServiceUnavailable, next, "Too many people sign in at once. Try again in 2 s.")
	case !right:
		_ = g.audit.failed(g.known(name), "wrong name or password, from "+from)
		g.askAgain(w, r, http.StatusUnauthorized, next, "The name or the password is wrong.")
	default:
		giveBack()
		g.welcome(w, r, User{rec.name, rec.role, wayPassword}, rec.binding, next)
	}
}

// known is name if there is such a user, for the audit.
func (g *Guard) known(name string) string {
	if _, found := g.users.find(name); found {
		return name
	}
	return ""
}

// maySignIn takes a try from the limits that count for the request, or returns how
// long to wait.
func (g *Guard) maySignIn(r *http.Request, name, from string) (giveBack func(), wait time.Duration) {
	if id := g.device(r, name); id != "" {
		return func() { g.signDevice.give(id) }, g.signDevice.take(id)
	}
	if wait := g.signPlace.take(from); wait > 0 {
		return nil, wait
	}
	return func() { g.signPlace.give(from); g.signName.give(name) }, g.signName.take(name)
}

var errAudit = errors.New("the audit cannot be written, so nobody is let in")

// welcome begins a session and leads to next. A password's page goes on at once; from
// the provider's site, a page of ours must lead on, or the browser would keep the
// session's cookie back.
func (g *Guard) welcome(w http.ResponseWriter, r *http.Request, u User, binding [bindingSize]byte, next string) {
	if err := g.audit.write(auditSignIn, u.Name, broker.CodeDone, reasonOf(u.Way, place(r.RemoteAddr))); err != nil {
		g.log.Error("a sign-in cannot be audited", "err", err)
		g.refuse(w, r, http.StatusServiceUnavailable, "Not let in: "+errAudit.Error()+".")
		return
	}
	g.setSession(w, newTicket(u, binding, g.now()))
	if u.Way == wayOIDC {
		g.set(w, cookieFlow, "", -time.Second)
		g.show(w, http.StatusOK, page{Title: "Signed in", Go: next})
		return
	}
	g.remember(w, r, u.Name)
	w.Header().Set("Location", next)
	w.WriteHeader(http.StatusSeeOther)
}

// remember makes the browser known for name.
func (g *Guard) remember(w http.ResponseWriter, r *http.Request, name string) {
	id := newTicket(User{}, [bindingSize]byte{}, g.now()).id
	content := binary.BigEndian.AppendUint64(id[:], uint64(g.now().Add(deviceLife).Unix()))
	g.set(w, cookieDevice, seal(g.keys.device, append(content, name...)), deviceLife)
}

// device is the id of a browser that is known for name, or empty.
func (g *Guard) device(r *http.Request, name string) string {
	c, err := r.Cookie(g.cookie(cookieDevice))
	if err != nil {
		return ""
	}
	content, err := unseal(g.keys.device, c.Value)
	if err != nil || len(content) <= idSize+8 || string(content[idSize+8:]) != name {
		return ""
	}
	if until := int64(binary.BigEndian.Uint64(content[idSize:])); g.now().Unix() >= until {
		return ""
	}
	return string(content[:idSize])
}

func (g *Guard) showSignOut(w http.ResponseWriter, r *http.Request) {
	v, err := g.visitor(r)
	switch {
	case err != nil:
		g.show(w, http.StatusOK, page{Title: "Signed out", Text: "Nobody is signed in.", Back: "/"})
	case v.ticket == nil:
		g.show(w, http.StatusOK, page{Title: "Sign out", Text: "You are here by your " + v.user.Way + ": there is no session to end.", Back: "/"})
	default:
		g.show(w, http.StatusOK, page{Title: "Sign out", Text: "Signed in as " + v.user.Name + ".", Token: mask(v.form), SignOut: true, Back: "/"})
	}
}

// signOut ends the session in this browser, and in this process for whoever has a
// copy of the cookie; other replicas take a copy until it ends by time. A new
// password ends all sessions everywhere.
func (g *Guard) signOut(w http.ResponseWriter, r *http.Request) {
	v, err := g.visitor(r)
	if err != nil || v.ticket == nil {
		g.showSignOut(w, r)
		return
	}
	if !g.carries(r, v.form) {
		g.refuse(w, r, http.StatusForbidden, "This form is too old, or not of this console. Nothing was done: load the page again.")
		return
	}
	t := v.ticket
	g.ended.add(string(t.id[:]), t.issued.Add(g.whole).Sub(g.now()))
	g.set(w, cookieSession, "", -time.Second)
	if err := g.audit.write(auditSignOut, v.user.Name, broker.CodeDone, reasonOf(v.user.Way, place(r.RemoteAddr))); err != nil {
		g.log.Error("a sign-out cannot be audited", "err", err)
	}
	g.show(w, http.StatusOK, page{Title: "Signed out", Text: "You are signed out.", Back: "/"})
}
