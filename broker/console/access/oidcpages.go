// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/coreos/go-oidc/v3/oidc"
)

// flowLife is how long somebody may take at the provider.
const flowLife = 10 * time.Minute

var errFlow = errors.New("this sign-in was not begun in this browser, or too long ago")

// flow is a sign-in that the provider is asked about: state, end, next.
type flow struct{ state, next string }

func (g *Guard) sealFlow(f flow) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(g.now().Add(flowLife).Unix()))
	return seal(g.keys.flow, append(b, f.state+f.next...))
}

func (g *Guard) flow(r *http.Request) (flow, error) {
	c, err := r.Cookie(g.cookie(cookieFlow))
	if err != nil {
		return flow{}, errFlow
	}
	b, err := unseal(g.keys.flow, c.Value)
	if err != nil || len(b) < 8+formSize || g.now().Unix() >= int64(binary.BigEndian.Uint64(b)) {
		return flow{}, errFlow
	}
	return flow{string(b[8 : 8+formSize]), returnPath(string(b[8+formSize:]))}, nil
}

// startOIDC leads to the provider. It changes nothing but this browser's cookie.
func (g *Guard) startOIDC(w http.ResponseWriter, r *http.Request) {
	next := returnPath(r.URL.Query().Get("next"))
	ctx, done, err := g.oidc.begin(r.Context())
	if err != nil {
		retryAfter(w, 2*time.Second)
		g.askAgain(w, r, http.StatusServiceUnavailable, next, "Too many people sign in at once. Try again in 2 s.")
		return
	}
	defer done()
	found, err := g.oidc.discover(ctx)
	if err != nil {
		g.log.Warn("the OIDC provider does not answer", "err", err)
		g.askAgain(w, r, http.StatusBadGateway, next, "The provider does not answer. Try again later.")
		return
	}
	f := flow{rand.Text(), next}
	g.set(w, cookieFlow, g.sealFlow(f), flowLife)
	w.Header().Set("Location", g.oidc.oauth(found).AuthCodeURL(f.state,
		oidc.Nonce(g.oidc.nonce(f.state)), oauth2.S256ChallengeOption(g.oidc.verifier(f.state))))
	w.WriteHeader(http.StatusSeeOther)
}

// finishOIDC is where the provider sends people back to.
func (g *Guard) finishOIDC(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	f, err := g.flow(r)
	if err != nil || q.Get("state") != f.state || !g.used.add(f.state, flowLife) {
		g.notIn(w, r, "/", errFlow)
		return
	}
	if iss := q.Get("iss"); iss != "" && iss != g.oidc.Issuer { // RFC 9207
		g.notIn(w, r, f.next, errors.New("the answer is another provider's"))
		return
	}
	if code := q.Get("error"); code != "" {
		g.notIn(w, r, f.next, errors.New("the provider says "+word(code)))
		return
	}
	ctx, done, err := g.oidc.begin(r.Context())
	if err != nil {
		g.notIn(w, r, f.next, err)
		return
	}
	defer done()
	u, err := g.oidc.redeem(ctx, q.Get("code"), f.state)
	if err != nil {
		g.notIn(w, r, f.next, err)
		return
	}
	g.welcome(w, r, u, g.oidc.binding, f.next)
}

// notIn answers whom the provider did not vouch for. Why is for the log: it may
// quote what the provider sent.
func (g *Guard) notIn(w http.ResponseWriter, r *http.Request, next string, why error) {
	from := place(r.RemoteAddr)
	g.log.Warn("no sign-in with OIDC", "from", from, "err", why)
	_ = g.audit.failed("", "oidc from "+from+" failed; the log says why")
	g.set(w, cookieFlow, "", -time.Second)
	alert := "Signing in did not work. Try again."
	if errors.Is(why, errNoRule) {
		alert = "You are signed in there, but no rule lets you into this console."
	}
	g.askAgain(w, r, http.StatusForbidden, next, alert)
}

// word is what is left of a foreign word that may be repeated.
func word(s string) string {
	return strings.Map(func(c rune) rune {
		if c == '_' || c >= 'a' && c <= 'z' {
			return c
		}
		return -1
	}, clip(s))
}
