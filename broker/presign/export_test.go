// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package presign

import "time"

const MaxScopes = maxScopes

// Hashed is what Sign hashes for r: the canonical request, the string to sign.
func (s *Signer) Hashed(now time.Time, c Credentials, r Request) (canonical, toSign string, err error) {
	date := now.Unix()
	sc, err := s.scope(date, &c)
	if err != nil {
		return "", "", err
	}
	var w scribe
	if err := w.writeRequest(s, sc, &r, date, int64(r.Expires/time.Second)); err != nil {
		return "", "", err
	}
	w.sign()
	return string(w.text[w.start:w.request]), string(w.text[w.request:]), nil
}

// NewFor is New for AWS's published vectors: another service and payload.
func NewFor(e Endpoint, service, payload string) *Signer {
	return &Signer{endpoint: e, service: service, payload: payload}
}

// EndpointAt is an endpoint with a host and no bucket, for the same vectors.
func EndpointAt(host, region string) Endpoint {
	return Endpoint{origin: "https://" + host, host: host, path: "/", region: region}
}

// SignUnjudged is Sign for methods and keys that Sign refuses.
func (s *Signer) SignUnjudged(now time.Time, c Credentials, r Request) (string, error) {
	return s.presign(now.Unix(), int64(r.Expires/time.Second), &c, &r)
}

// Scopes is how many signing keys s remembers.
func (s *Signer) Scopes() int {
	if list := s.scopes.list.Load(); list != nil {
		return len(*list)
	}
	return 0
}

// SignPolicy signs a policy that somebody else wrote, in base64.
func (s *Signer) SignPolicy(now time.Time, c Credentials, policy string) (string, error) {
	sc, err := s.scope(now.Unix(), &c)
	if err != nil {
		return "", err
	}
	var w scribe
	w.moment.be(sc, now.Unix(), 0)
	return w.signPolicy([]byte(policy)), nil
}
