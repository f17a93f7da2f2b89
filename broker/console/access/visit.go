// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"time"
)

// visit is a request of somebody.
type visit struct {
	user   User
	key    string       // of limits and of the audit
	form   [idSize]byte // what the token of forms is made of
	ticket *ticket      // nil without a session
}

// visitor returns who asks. A certificate goes before a session, a session before
// the machine.
func (g *Guard) visitor(r *http.Request) (visit, error) {
	if g.certificates != nil {
		if u, print, err := g.certificates.user(r); err == nil {
			return g.visit(u, "certificate "+string(print[:]), nil), nil
		} else if err != errNobody && g.users == nil && g.oidc == nil {
			return visit{}, err
		}
	}
	if t, err := g.session(r); err == nil {
		return g.visit(User{t.name, t.role, t.way}, "session "+string(t.id[:]), &t), nil
	}
	if !g.loopback {
		return visit{}, errNobody
	}
	if err := local(r); err != nil {
		return visit{}, err
	}
	return g.visit(User{wayLoopback, Operator, wayLoopback}, wayLoopback, nil), nil
}

func (g *Guard) visit(u User, key string, t *ticket) visit {
	v := visit{user: u, key: key, ticket: t}
	copy(v.form[:], sum(g.keys.form, []byte(key)))
	return v
}

// session returns the request's ticket with the role that its user has now.
func (g *Guard) session(r *http.Request) (ticket, error) {
	c, err := r.Cookie(g.cookie(cookieSession))
	if err != nil {
		return ticket{}, errNobody
	}
	content, err := unseal(g.keys.session, c.Value)
	if err != nil {
		return ticket{}, errNobody
	}
	t, err := parseTicket(content)
	if err != nil || !t.within(g.now(), g.idle, g.whole) || g.ended.has(string(t.id[:])) {
		return ticket{}, errNobody
	}
	binding := [bindingSize]byte{}
	switch {
	case t.way == wayPassword && g.users != nil:
		rec, found := g.users.find(t.name)
		if !found {
			return ticket{}, errNobody
		}
		t.role, binding = rec.role, rec.binding
	case t.way == wayOIDC && g.oidc != nil:
		binding = g.oidc.binding
	default:
		return ticket{}, errNobody // a way that is no longer open
	}
	if !hmac.Equal(binding[:], t.binding[:]) {
		return ticket{}, errNobody
	}
	return t, nil
}

// renew gives a session a cookie that is newer, once a tenth of its idle time is over.
func (g *Guard) renew(w http.ResponseWriter, v visit) {
	if v.ticket == nil || g.now().Sub(v.ticket.seen) < g.idle/10 {
		return
	}
	t := *v.ticket
	t.seen = g.now()
	g.setSession(w, t)
}

// mask returns the token in a form that is new each time, so that a compressed
// page does not betray it.
func mask(token [idSize]byte) string {
	var b [2 * idSize]byte
	_, _ = rand.Read(b[:idSize]) // never fails
	subtle.XORBytes(b[idSize:], b[:idSize], token[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// carries says whether a request carries the token.
func (g *Guard) carries(r *http.Request, token [idSize]byte) bool {
	s := r.Header.Get("X-CSRF-Token")
	if s == "" {
		s = r.PostFormValue("csrf")
	}
	if len(s) != base64.RawURLEncoding.EncodedLen(2*idSize) {
		return false
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) != 2*idSize {
		return false
	}
	var got [idSize]byte
	subtle.XORBytes(got[:], b[:idSize], b[idSize:])
	return hmac.Equal(got[:], token[:])
}

// stream bounds an answer that goes on: it ends, for the browser to come again, when
// its time is over, and soon after its session has ended. done must be called.
func (g *Guard) stream(ctx context.Context, w http.ResponseWriter, r *http.Request) (context.Context, func()) {
	ctx, cancel := context.WithTimeout(ctx, g.streamLife)
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{}) // the server's would end it
	_ = control.SetWriteDeadline(time.Now().Add(g.streamLife + 10*time.Second))
	ticker := time.NewTicker(g.streamLook)
	go func() {
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			if _, err := g.visitor(r); err != nil {
				cancel()
			}
		}
	}()
	return ctx, cancel
}
