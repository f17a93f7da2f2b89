// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package presign

import (
	"crypto/hmac"
	"crypto/sha256"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const secondsPerDay = 24 * 60 * 60

// maxScopes is how many signing keys are remembered: the old and the new
// credentials of a rotation, on both sides of midnight.
const maxScopes = 4

// A scope is all that stays the same for one set of credentials on one UTC day.
// Deriving its key costs four HMACs, more than the rest of a signature.
type scope struct {
	credentials Credentials
	day         int64 // since 1970
	key         []byte

	// What is written of it, from the separator on.
	path       string // "\ndate/region/service/aws4_request\n"
	signer     string // "id/date/region/service/aws4_request", as in a form
	credential string // "&X-Amz-Credential=…", the same escaped
	date       string // "&X-Amz-Date=yyyymmdd"
	token      string // "&X-Amz-Security-Token=…", escaped; empty if there is none
}

// scopes is a small cache, newest first. A list is never changed once it is
// visible, so that readers need no lock.
type scopes struct {
	list  atomic.Pointer[[]*scope]
	write sync.Mutex
}

// scope finds or makes the scope of c on the day of date.
func (s *Signer) scope(date int64, c *Credentials) (*scope, error) {
	day := date / secondsPerDay
	if sc := s.scopes.find(day, c); sc != nil {
		return sc, nil
	}
	s.scopes.write.Lock()
	defer s.scopes.write.Unlock()
	if sc := s.scopes.find(day, c); sc != nil {
		return sc, nil // another goroutine was faster
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	if err := s.endpoint.check(); err != nil {
		return nil, err
	}
	sc := newScope(day, c, s.endpoint.region, s.service)
	s.scopes.add(sc)
	return sc, nil
}

func (s *scopes) find(day int64, c *Credentials) *scope {
	list := s.list.Load()
	if list == nil {
		return nil
	}
	for _, sc := range *list {
		if sc.day == day && sc.credentials.same(c) {
			return sc
		}
	}
	return nil
}

// add puts sc first and forgets the oldest. The caller holds the lock.
func (s *scopes) add(sc *scope) {
	list := []*scope{sc}
	if old := s.list.Load(); old != nil {
		list = append(list, (*old)[:min(len(*old), maxScopes-1)]...)
	}
	list = slices.Clip(list)
	s.list.Store(&list)
}

// same compares the secret too: a test server may change it under one name.
func (c *Credentials) same(d *Credentials) bool {
	return c.AccessKeyID == d.AccessKeyID &&
		c.SecretAccessKey == d.SecretAccessKey &&
		c.SessionToken == d.SessionToken
}

func newScope(day int64, c *Credentials, region, service string) *scope {
	date := time.Unix(day*secondsPerDay, 0).UTC().Format("20060102")
	path := date + "/" + region + "/" + service + "/aws4_request"
	signer := c.AccessKeyID + "/" + path
	sc := &scope{
		credentials: *c,
		day:         day,
		key:         signingKey(c.SecretAccessKey, date, region, service),
		path:        "\n" + path + "\n",
		signer:      signer,
		credential:  parameter(paramCredential, signer),
		date:        parameter(paramDate, date),
	}
	if c.SessionToken != "" {
		sc.token = parameter(paramToken, c.SessionToken)
	}
	return sc
}

// parameter is a query parameter as it is written after another.
func parameter(name, value string) string {
	return string(appendEscaped([]byte("&"+name+"="), value))
}

// signingKey is SigV4's chain: secret, day, region, service.
func signingKey(secret, date, region, service string) []byte {
	key := []byte("AWS4" + secret)
	for _, step := range []string{date, region, service, "aws4_request"} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(step))
		key = mac.Sum(nil)
	}
	return key
}
