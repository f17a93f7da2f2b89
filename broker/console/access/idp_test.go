// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"
)

const (
	clientID     = "thingpass-console"
	clientSecret = "a secret of the client"
	redirectURL  = "https://console.example.com/oidc/callback"
)

// idp is an OpenID Connect provider that checks what it is asked: the client's
// secret, the redirect URL, PKCE, and that a code is redeemed once. Each hook changes
// one thing that a bad or broken provider would get wrong.
type idp struct {
	t      *testing.T
	server *httptest.Server
	now    func() time.Time
	rsa    *rsa.PrivateKey
	ec     *ecdsa.PrivateKey

	alg     string
	person  map[string]any       // claims
	header  func(map[string]any) // of the token
	claims  func(map[string]any)
	sign    func(input []byte) []byte // instead of the key of alg
	answer  func(http.ResponseWriter) bool
	issuer  string // that discovery tells, if another
	metaURL string // of the token endpoint, if another

	mu    sync.Mutex
	codes map[string]url.Values // what was asked with
}

// rsaKey is one for all: making one takes long.
var rsaKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func newIDP(t *testing.T, now func() time.Time) *idp {
	t.Helper()
	p := &idp{t: t, now: now, alg: "RS256", codes: map[string]url.Values{},
		person: map[string]any{"sub": "1234", "email": "otto@example.com", "email_verified": true}}
	var err error
	if p.rsa, err = rsaKey(); err != nil {
		t.Fatal(err)
	}
	if p.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /keys", p.keys)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	p.server = httptest.NewServer(mux)
	t.Cleanup(p.server.Close)
	return p
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (p *idp) reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		p.t.Error(err)
	}
}

func (p *idp) discovery(w http.ResponseWriter, _ *http.Request) {
	issuer, token := p.server.URL, p.server.URL+"/token"
	if p.issuer != "" {
		issuer = p.issuer
	}
	if p.metaURL != "" {
		token = p.metaURL
	}
	p.reply(w, map[string]any{"issuer": issuer, "authorization_endpoint": p.server.URL + "/authorize", "token_endpoint": token,
		"jwks_uri": p.server.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256", "ES256", "HS256", "none"}})
}

func (p *idp) keys(w http.ResponseWriter, _ *http.Request) {
	point, err := p.ec.PublicKey.Bytes() // 4, x, y
	if err != nil {
		p.t.Error(err)
	}
	p.reply(w, map[string]any{"keys": []any{
		map[string]any{"kty": "RSA", "kid": "rsa", "use": "sig", "n": b64(p.rsa.N.Bytes()), "e": b64(big.NewInt(int64(p.rsa.E)).Bytes())},
		map[string]any{"kty": "EC", "kid": "ec", "use": "sig", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])},
	}})
}

func (p *idp) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("client_id") != clientID || q.Get("redirect_uri") != redirectURL || q.Get("response_type") != "code" ||
		q.Get("code_challenge_method") != "S256" || len(q.Get("state")) < 16 || len(q.Get("nonce")) < 16 {
		p.t.Errorf("asked with %v", q)
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	code := rand.Text()
	p.mu.Lock()
	p.codes[code] = q
	p.mu.Unlock()
	back := url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {p.server.URL}}
	http.Redirect(w, r, redirectURL+"?"+back.Encode(), http.StatusFound)
}

func (p *idp) token(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	if id == "" {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	code := r.PostFormValue("code")
	p.mu.Lock()
	asked, found := p.codes[code]
	delete(p.codes, code)
	p.mu.Unlock()
	verifier := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	secret, _ = url.QueryUnescape(secret)
	if !found || id != clientID || secret != clientSecret || r.PostFormValue("redirect_uri") != redirectURL || b64(verifier[:]) != asked.Get("code_challenge") {
		w.WriteHeader(http.StatusBadRequest)
		p.reply(w, map[string]any{"error": "invalid_grant"})
		return
	}
	if p.answer != nil && p.answer(w) {
		return
	}
	p.reply(w, map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": p.idToken(asked.Get("nonce"))})
}

func (p *idp) idToken(nonce string) string {
	now := p.now()
	head := map[string]any{"alg": p.alg, "kid": map[string]string{"RS256": "rsa", "ES256": "ec"}[p.alg], "typ": "JWT"}
	c := map[string]any{"iss": p.server.URL, "aud": clientID, "nonce": nonce, "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix()}
	for k, v := range p.person {
		c[k] = v
	}
	if p.header != nil {
		p.header(head)
	}
	if p.claims != nil {
		p.claims(c)
	}
	h, _ := json.Marshal(head)
	b, _ := json.Marshal(c)
	input := b64(h) + "." + b64(b)
	sign := p.sign
	if sign == nil {
		sign = p.signature
	}
	return input + "." + b64(sign([]byte(input)))
}

func (p *idp) signature(input []byte) []byte {
	digest := sha256.Sum256(input)
	if p.alg == "ES256" {
		r, s, err := ecdsa.Sign(rand.Reader, p.ec, digest[:])
		if err != nil {
			p.t.Error(err)
		}
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	}
	sig, err := rsa.SignPKCS1v15(rand.Reader, p.rsa, crypto.SHA256, digest[:])
	if err != nil {
		p.t.Error(err)
	}
	return sig
}

// hs256 signs with a secret that everybody knows: the public key, or the client's.
func hs256(secret []byte) func([]byte) []byte {
	return func(input []byte) []byte {
		mac := hmac.New(sha256.New, secret)
		mac.Write(input)
		return mac.Sum(nil)
	}
}
