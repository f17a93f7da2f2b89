// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package presign signs S3 URLs with AWS Signature Version 4, in the query, and
// the policies of S3's POST uploads (see [Post]).
//
// A URL binds its bearer to what was signed: the method, the key, the host,
// and every header in [Request.Headers]. The bearer must send those headers
// with those values, or S3 answers 403. That is how a size, a type, a checksum
// or "only if new" becomes a promise.
//
// The AWS SDK can do the same, but its presigner costs some forty times the two
// hashes that are needed, and it decides by itself which headers become query
// parameters (S3 then ignores some of them) and which stay unsigned. Here the
// caller decides, and what cannot be bound is refused. The tests hold the two
// together: for everything both can express, the bytes are identical.
//
// A signed URL is a secret until it expires. Never log it.
package presign

import (
	"errors"
	"fmt"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	// MinRemaining is how much longer credentials must live to sign anything.
	// A URL that dies sooner would fail in the thing's hands instead of ours.
	MinRemaining = 30 * time.Second

	// MaxExpires is the longest life that SigV4 allows a URL.
	MaxExpires = 7 * 24 * time.Hour

	// MaxKey is the longest object key that S3 allows, in bytes.
	MaxKey = 1024
)

// ErrExpiring means that the credentials have expired, or will within
// MinRemaining: fetch new ones and sign again.
var ErrExpiring = errors.New("credentials expire too soon to sign with: fetch new ones")

// Header is a name and a value, of an HTTP header or of a query parameter.
type Header struct{ Name, Value string }

// Request is what the bearer of a URL will be allowed to do.
type Request struct {
	Method string // PUT, GET or HEAD
	Key    string // as stored, not escaped; signed literally, "." and "//" too

	// Headers are all signed, in any order. Names are sent as written here and
	// signed in lower case; values are visible US-ASCII and spaces. Host is
	// added; give Content-Length as well to bind the size.
	Headers []Header

	// Query holds further parameters, not escaped, in any order.
	Query []Header

	Expires time.Duration // 1 s to MaxExpires, cut to whole seconds
}

// Signed is a URL and the moment from which S3 refuses it.
type Signed struct {
	URL     string
	Expires time.Time // UTC, whole seconds
}

// Signer signs URLs for one endpoint. It is safe for concurrent use.
type Signer struct {
	endpoint Endpoint
	service  string // other than "s3" only to meet AWS's published vectors
	payload  string // likewise; S3 does not see the body when we sign
	scopes   scopes
	scribes  sync.Pool // of *scribe
}

// New returns a Signer for e.
func New(e Endpoint) *Signer {
	return &Signer{endpoint: e, service: "s3", payload: "UNSIGNED-PAYLOAD"}
}

// Sign returns a URL with which r can be done from now on.
//
// The URL lives for r.Expires, or less if c expires before: a grant never
// outlives what signed it. The error is ErrExpiring if c is at its end;
// otherwise r, c or the endpoint cannot be signed as they are.
func (s *Signer) Sign(now time.Time, c Credentials, r Request) (Signed, error) {
	signed, err := s.sign(now, &c, &r)
	if err != nil {
		return Signed{}, fmt.Errorf("presign: %w", err)
	}
	return signed, nil
}

func (s *Signer) sign(now time.Time, c *Credentials, r *Request) (Signed, error) {
	if err := r.check(); err != nil {
		return Signed{}, err
	}
	date, err := unixTime(now)
	if err != nil {
		return Signed{}, err
	}
	seconds, err := lifetime(date, c.Expires, r.Expires)
	if err != nil {
		return Signed{}, err
	}
	url, err := s.presign(date, seconds, c, r)
	if err != nil {
		return Signed{}, err
	}
	return Signed{URL: url, Expires: time.Unix(date+seconds, 0).UTC()}, nil
}

// presign signs r for a life that has been judged already.
func (s *Signer) presign(date, seconds int64, c *Credentials, r *Request) (string, error) {
	sc, err := s.scope(date, c)
	if err != nil {
		return "", err
	}
	w := s.scribe()
	defer s.release(w)
	if err := w.writeRequest(s, sc, r, date, seconds); err != nil {
		return "", err
	}
	w.sign()
	return w.url(s.endpoint.origin), nil
}

// release keeps w for the next signature, unless a huge request made it huge.
func (s *Signer) release(w *scribe) {
	if !w.huge() {
		s.scribes.Put(w)
	}
}

// check refuses what no S3 would accept. Headers and Query are judged as they
// are written.
func (r *Request) check() error {
	switch r.Method {
	case "PUT", "GET", "HEAD":
	default:
		return fmt.Errorf("method %q: only PUT, GET and HEAD can be signed", r.Method)
	}
	switch {
	case r.Key == "":
		return errors.New("key is empty: name an object")
	case len(r.Key) > MaxKey:
		return fmt.Errorf("key has %d bytes: S3 allows %d", len(r.Key), MaxKey)
	case !utf8.ValidString(r.Key):
		return errors.New("key is not valid UTF-8: S3 could not store it")
	}
	return nil
}

// unixTime is now in seconds, if SigV4 can write it.
func unixTime(now time.Time) (int64, error) {
	const year10000 = 253402300800
	date := now.Unix()
	if date < 0 || date >= year10000 {
		return 0, fmt.Errorf("time %v cannot be signed: set the clock", now)
	}
	return date, nil
}

// lifetime is the number of seconds that a URL signed at date may live.
func lifetime(date int64, credentialsEnd time.Time, want time.Duration) (int64, error) {
	if want < time.Second || want > MaxExpires {
		return 0, fmt.Errorf("life of %v: choose 1s to %v", want, MaxExpires)
	}
	if !credentialsEnd.IsZero() {
		left := credentialsEnd.Sub(time.Unix(date, 0))
		if left < MinRemaining {
			return 0, ErrExpiring
		}
		want = min(want, left)
	}
	return int64(want / time.Second), nil
}
