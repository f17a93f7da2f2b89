// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"crypto/rand"
	"crypto/rsa"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"thingpass/broker"
	"thingpass/broker/console/access"
)

// newOIDC is a world whose only way in is the provider.
func newOIDC(t *testing.T, changes ...func(*access.OIDC)) (*world, *idp) {
	t.Helper()
	var p *idp
	w := newWorld(t, func(c *access.Config) {
		p = newIDP(t, c.Now)
		c.Users = ""
		c.OIDC = &access.OIDC{Issuer: p.server.URL, ClientID: clientID, ClientSecret: clientSecret, RedirectURL: redirectURL,
			Operators: []string{"otto@example.com"}, Viewers: []string{"vera@example.com"}}
		for _, change := range changes {
			change(c.OIDC)
		}
	})
	return w, p
}

// start follows the button to the provider, and returns where that leads back to.
func (b *browser) start(next string) *url.URL {
	b.t.Helper()
	rec := b.get("/oidc/start?next=" + url.QueryEscape(next))
	if rec.Code != http.StatusSeeOther {
		b.t.Fatalf("start: %d %s", rec.Code, rec.Body)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Get(rec.Header().Get("Location"))
	if err != nil {
		b.t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
	back, err := answer.Location()
	if err != nil {
		b.t.Fatalf("the provider answered %d", answer.StatusCode)
	}
	return back
}

func (b *browser) oidc(next string) *httptest.ResponseRecorder {
	b.t.Helper()
	return b.get(b.start(next).RequestURI(), header("Sec-Fetch-Site", "cross-site"))
}

func TestOIDCLetsInWhomARuleNames(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{"RS256", "ES256"} {
		w, p := newOIDC(t)
		p.alg = alg
		b := w.browser()
		if page := b.get("/sign-in?next=/wall").Body.String(); !strings.Contains(page, `href="/oidc/start?next=%2fwall"`) {
			t.Errorf("no button on\n%s", page)
		}
		rec := b.oidc("/wall")
		if rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), `content="0;url=/wall"`) {
			t.Fatalf("%s: %d %s", alg, rec.Code, rec.Body)
		}
		if got := b.seen(); got != "oidc operator otto@example.com" {
			t.Errorf("%s: seen as %q", alg, got)
		}
		if b.cookies["__Host-thingpass-flow"] != nil {
			t.Error("the flow's cookie is still there")
		}
		last := w.audit.all()[0]
		if last.Actor != "otto@example.com" || last.Code != broker.CodeDone || last.Reason != "oidc from 203.0.113.9" {
			t.Errorf("the audit has %+v", last)
		}
	}
}

func TestRolesOfOIDC(t *testing.T) {
	t.Parallel()
	type change = func(*access.OIDC)
	groups := func(o *access.OIDC) { o.RoleClaim, o.Operators, o.Viewers = "groups", nil, nil }
	list := func(operators, viewers string) change {
		return func(o *access.OIDC) { o.Operators, o.Viewers = strings.Fields(operators), strings.Fields(viewers) }
	}
	for name, c := range map[string]struct {
		rules  change
		person map[string]any
		want   string
	}{
		"no rule":                   {list("a@example.com", ""), nil, ""},
		"unverified":                {nil, map[string]any{"email_verified": false}, ""},
		"verified is missing":       {nil, map[string]any{"email_verified": nil}, ""},
		"verified is a word":        {nil, map[string]any{"email_verified": "yes"}, ""},
		"verified is 1":             {nil, map[string]any{"email_verified": 1}, ""},
		"verified as text":          {nil, map[string]any{"email_verified": "true"}, "oidc operator otto@example.com"},
		"other case":                {nil, map[string]any{"email": "Otto@Example.com"}, "oidc operator otto@example.com"},
		"a letter that folds":       {list("kim@example.com", ""), map[string]any{"email": "\u212aim@example.com"}, ""},
		"a name that looks alike":   {nil, map[string]any{"email": "оtto@example.com"}, ""},
		"no address":                {nil, map[string]any{"email": ""}, ""},
		"address in sub":            {nil, map[string]any{"sub": "otto@example.com", "email": "x@evil.example"}, ""},
		"subject":                   {list("sub:1234", ""), map[string]any{"email": ""}, "oidc operator 1234"},
		"another subject":           {list("sub:12345", ""), nil, ""},
		"domain":                    {list("", "@example.com"), nil, "oidc viewer otto@example.com"},
		"domain's end":              {list("", "@example.com"), map[string]any{"email": "otto@evil-example.com"}, ""},
		"domain below":              {list("", "@example.com"), map[string]any{"email": "otto@a.example.com"}, ""},
		"two ats":                   {list("", "@example.com"), map[string]any{"email": "otto@example.com@evil.example"}, ""},
		"domain, unverified":        {list("", "@example.com"), map[string]any{"email_verified": false}, ""},
		"everybody":                 {list("", "*"), map[string]any{"email_verified": false}, "oidc viewer 1234"},
		"operator before viewer":    {list("otto@example.com", "*"), nil, "oidc operator otto@example.com"},
		"claim, list":               {groups, map[string]any{"groups": []string{"x", "operator"}}, "oidc operator otto@example.com"},
		"claim, text":               {groups, map[string]any{"groups": "viewer"}, "oidc viewer otto@example.com"},
		"claim, part of a text":     {groups, map[string]any{"groups": "viewer operator"}, ""},
		"claim, missing":            {groups, nil, ""},
		"claim, number":             {groups, map[string]any{"groups": 1}, ""},
		"claim, object":             {groups, map[string]any{"groups": map[string]any{"operator": true}}, ""},
		"claim, other case":         {groups, map[string]any{"groups": "Operator"}, ""},
		"names with control bytes":  {list("", "*"), map[string]any{"sub": "a\r\nSet-Cookie: x=y"}, ""},
		"names that turn the line":  {list("", "*"), map[string]any{"sub": "a\u202eb", "email": ""}, ""},
		"names without end":         {list("", "*"), map[string]any{"sub": strings.Repeat("a", 300)}, ""},
		"no subject":                {list("", "*"), map[string]any{"sub": ""}, ""},
		"an address with a newline": {list("", "*"), map[string]any{"email": "a@b\nc"}, "oidc viewer 1234"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, p := newOIDC(t)
			if c.rules != nil {
				w, p = newOIDC(t, c.rules)
			}
			maps.Copy(p.person, c.person)
			b := w.browser()
			b.oidc("/")
			if got := b.seen(); got != c.want {
				t.Errorf("seen as %q, want %q", got, c.want)
			}
		})
	}
}

func TestBadTokensLetNobodyIn(t *testing.T) {
	t.Parallel()
	claim := func(name string, value any) func(*idp) {
		return func(p *idp) { p.claims = func(c map[string]any) { c[name] = value } }
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*idp){
		"another issuer":           claim("iss", "https://evil.example"),
		"no issuer":                claim("iss", nil),
		"another audience":         claim("aud", "another-client"),
		"no audience":              claim("aud", nil),
		"another authorised party": func(p *idp) { p.claims = func(c map[string]any) { c["aud"] = []string{clientID, "x"}; c["azp"] = "x" } },
		"another nonce":            claim("nonce", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
		"no nonce":                 claim("nonce", nil),
		"expired":                  func(p *idp) { claim("exp", p.now().Add(-time.Second).Unix())(p) },
		"no expiry":                claim("exp", nil),
		"not yet":                  func(p *idp) { claim("nbf", p.now().Add(time.Hour).Unix())(p) },
		"another key":              func(p *idp) { p.sign = (&idp{t: p.t, alg: "RS256", rsa: other}).signature },
		"alg none":                 func(p *idp) { p.alg, p.sign = "none", func([]byte) []byte { return nil } },
		"alg None":                 func(p *idp) { p.alg, p.sign = "None", func([]byte) []byte { return nil } },
		"the client's secret":      func(p *idp) { p.alg, p.sign = "HS256", hs256([]byte(clientSecret)) },
		"the public key as secret": func(p *idp) { p.alg, p.sign = "HS256", hs256(p.rsa.N.Bytes()) },
		"no signature":             func(p *idp) { p.sign = func([]byte) []byte { return nil } },
		"a key in the header":      func(p *idp) { p.sign = (&idp{t: p.t, alg: "RS256", rsa: other}).signature; p.header = jwkOf(other) },
		"RSA's key for ES256":      func(p *idp) { p.header = func(h map[string]any) { h["alg"] = "ES256" } },
		"no token": func(p *idp) {
			p.answer = func(w http.ResponseWriter) bool { p.reply(w, map[string]any{"access_token": "x"}); return true }
		},
		"nonsense": func(p *idp) {
			p.answer = func(w http.ResponseWriter) bool { _, _ = io.WriteString(w, "x"); return true }
		},
		"an error": func(p *idp) { p.answer = func(w http.ResponseWriter) bool { w.WriteHeader(500); return true } },
		"without end": func(p *idp) {
			p.answer = func(w http.ResponseWriter) bool { _, _ = io.CopyN(w, rand.Reader, 8<<20); return true }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, p := newOIDC(t)
			spoil(p)
			b := w.browser()
			rec := b.oidc("/")
			if got := b.seen(); got != "" || rec.Code != http.StatusForbidden || b.cookies[session] != nil {
				t.Errorf("%d, seen as %q", rec.Code, got)
			}
			if all := w.audit.all(); len(all) != 1 || all[0].Code != broker.CodeFailed || all[0].Actor != "" {
				t.Errorf("the audit has %+v", all)
			}
		})
	}
}

func jwkOf(k *rsa.PrivateKey) func(map[string]any) {
	return func(h map[string]any) {
		h["jwk"] = map[string]any{"kty": "RSA", "n": b64(k.N.Bytes()), "e": "AQAB"}
		delete(h, "kid")
	}
}

func TestAnswersOfOtherSignInsAreRefused(t *testing.T) {
	t.Parallel()
	w, _ := newOIDC(t)
	victim, attacker := w.browser(), w.browser()
	back := attacker.start("/")
	if rec := victim.get(back.RequestURI()); rec.Code != http.StatusForbidden || victim.seen() != "" {
		t.Errorf("without a sign-in of its own: %d", rec.Code)
	}
	victim.start("/")
	if rec := victim.get(back.RequestURI()); rec.Code != http.StatusForbidden || victim.seen() != "" {
		t.Errorf("another's answer: %d", rec.Code)
	}
	for name, spoil := range map[string]func(url.Values){
		"no state":         func(q url.Values) { q.Del("state") },
		"another state":    func(q url.Values) { q.Set("state", "AAAAAAAAAAAAAAAAAAAAAAAAAA") },
		"another issuer":   func(q url.Values) { q.Set("iss", "https://evil.example") },
		"no code":          func(q url.Values) { q.Del("code") },
		"another code":     func(q url.Values) { q.Set("code", "x") },
		"another's code":   func(q url.Values) { q.Set("code", w.browser().start("/").Query().Get("code")) },
		"the user refuses": func(q url.Values) { q.Set("error", "access_denied<script>") },
	} {
		b := w.browser()
		back := b.start("/")
		q := back.Query()
		spoil(q)
		if rec := b.get("/oidc/callback?" + q.Encode()); rec.Code != http.StatusForbidden || b.seen() != "" || strings.Contains(rec.Body.String(), "<script") {
			t.Errorf("%s: %d", name, rec.Code)
		}
	}
}

func TestAnswersAreGoodOnceAndNotForLong(t *testing.T) {
	t.Parallel()
	w, _ := newOIDC(t)
	b := w.browser()
	back := b.start("/")
	again := b.copy()
	if b.get(back.RequestURI()); b.seen() == "" {
		t.Fatal("the first was refused")
	}
	if rec := again.get(back.RequestURI()); rec.Code != http.StatusForbidden {
		t.Errorf("again: %d", rec.Code)
	}
	late := w.browser()
	back = late.start("/")
	w.clock.pass(10 * time.Minute)
	if rec := late.get(back.RequestURI()); rec.Code != http.StatusForbidden {
		t.Errorf("after 10 minutes: %d", rec.Code)
	}
}

func TestOtherRulesEndOIDCsSessions(t *testing.T) {
	t.Parallel()
	w, p := newOIDC(t)
	b := w.browser()
	b.oidc("/")
	for viewers, want := range map[string]string{"vera@example.com": "oidc operator otto@example.com", "*": ""} {
		second := newWorld(t, func(c *access.Config) {
			c.Users, c.Key = "", w.dir+"/key"
			c.OIDC = &access.OIDC{Issuer: p.server.URL, ClientID: clientID, ClientSecret: clientSecret, RedirectURL: redirectURL,
				Operators: []string{"otto@example.com"}, Viewers: []string{viewers}}
		})
		c := second.browser()
		c.cookies = b.cookies
		if got := c.seen(); got != want {
			t.Errorf("viewers %s: seen as %q", viewers, got)
		}
	}
}

func TestProvidersThatDoNotAnswerAreAskedAgain(t *testing.T) {
	t.Parallel()
	w, p := newOIDC(t)
	p.issuer = "https://evil.example"
	b := w.browser()
	if rec := b.get("/oidc/start"); rec.Code != http.StatusBadGateway || !strings.Contains(rec.Body.String(), `role="alert"`) {
		t.Errorf("another issuer: %d", rec.Code)
	}
	p.issuer = ""
	if b.oidc("/"); b.seen() == "" {
		t.Error("it was not asked again")
	}
}

// The code and the secret go nowhere that others on the way can read.
func TestCodesAreNotSentWithoutTLS(t *testing.T) {
	t.Parallel()
	w, p := newOIDC(t)
	p.metaURL = "http://192.0.2.1/token"
	b := w.browser()
	if rec := b.oidc("/"); rec.Code != http.StatusForbidden || b.seen() != "" {
		t.Errorf("%d", rec.Code)
	}
}
