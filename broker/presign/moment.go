// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package presign

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"strconv"
)

// A moment is all that follows from the credentials, the second and the life of
// a URL alone. A busy broker signs many URLs in one, so a scribe keeps its last.
type moment struct {
	scope         *scope
	date, seconds int64
	mac           hash.Hash // keyed for scope: its Reset costs next to nothing
	clock         [len("T150405Z")]byte
	query         []byte // "&X-Amz-Algorithm=…&X-Amz-SignedHeaders="
	toSign        []byte // the string to sign, up to the hash
}

// be makes m the moment date, in seconds since 1970, for a life in seconds.
func (m *moment) be(sc *scope, date, seconds int64) {
	if m.scope == sc && m.date == date && m.seconds == seconds {
		return
	}
	if m.scope != sc {
		m.mac = hmac.New(sha256.New, sc.key)
	}
	m.scope, m.date, m.seconds = sc, date, seconds
	m.clock = clock(date % secondsPerDay)
	m.query, _ = m.appendQuery(m.query[:0], nil)
	m.toSign = append(m.toSign[:0], algorithm+"\n"...)
	m.toSign = append(m.toSign, sc.date[len(sc.date)-len("20060102"):]...)
	m.toSign = append(m.toSign, m.clock[:]...)
	m.toSign = append(m.toSign, sc.path...)
}

// clock is the time of day as X-Amz-Date has it after the day.
func clock(seconds int64) [len("T150405Z")]byte {
	c := [...]byte{'T', '0', '0', '0', '0', '0', '0', 'Z'}
	for i, n := range [...]int64{seconds / 3600, seconds / 60 % 60, seconds % 60} {
		c[1+2*i] += byte(n / 10)
		c[2+2*i] += byte(n % 10)
	}
	return c
}

// appendQuery appends our parameters, up to the last one's '=', and between
// them those of next that come before. It also returns the pairs still to come.
func (m *moment) appendQuery(b []byte, next []pair) ([]byte, []pair) {
	b, next = appendParam(b, next, paramAlgorithm, "&"+paramAlgorithm+"="+algorithm)
	b, next = appendParam(b, next, paramCredential, m.scope.credential)
	b, next = appendParam(b, next, paramDate, m.scope.date)
	b = append(b, m.clock[:]...)
	b, next = appendParam(b, next, paramExpires, "&"+paramExpires+"=")
	b = strconv.AppendInt(b, m.seconds, 10)
	if m.scope.token != "" {
		b, next = appendParam(b, next, paramToken, m.scope.token)
	}
	return appendParam(b, next, paramSignedHeaders, "&"+paramSignedHeaders+"=")
}
