// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package presign

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// The parameters of SigV4, in canonical order.
const (
	algorithm          = "AWS4-HMAC-SHA256"
	paramAlgorithm     = "X-Amz-Algorithm"
	paramCredential    = "X-Amz-Credential"
	paramDate          = "X-Amz-Date"
	paramExpires       = "X-Amz-Expires"
	paramToken         = "X-Amz-Security-Token"
	paramSignature     = "X-Amz-Signature"
	paramSignedHeaders = "X-Amz-SignedHeaders"
)

// pair is a query parameter, escaped.
type pair struct{ name, value []byte }

// sortQuery sets w.pairs to the caller's parameters in canonical order: by name,
// then value, both as encoded, which is not the order of the plain text.
func (w *scribe) sortQuery(query []Header) error {
	w.extra = w.extra[:0]
	w.pairs = w.pairs[:0]
	if len(query) == 0 {
		return nil
	}
	for i := range query {
		q := &query[i]
		if err := checkParam(q); err != nil {
			return err
		}
		start := len(w.extra)
		w.extra = appendEscaped(w.extra, q.Name)
		middle := len(w.extra)
		w.extra = appendEscaped(w.extra, q.Value)
		w.pairs = append(w.pairs, pair{w.extra[start:middle], w.extra[middle:]})
	}
	slices.SortFunc(w.pairs, func(a, b pair) int {
		if n := bytes.Compare(a.name, b.name); n != 0 {
			return n
		}
		return bytes.Compare(a.value, b.value)
	})
	return nil
}

// checkParam refuses a parameter that would be ours, or nobody's.
func checkParam(q *Header) error {
	if q.Name == "" || !utf8.ValidString(q.Name) || !utf8.ValidString(q.Value) {
		return fmt.Errorf("query parameter %q is empty or not UTF-8: leave it out", q.Name)
	}
	for _, ours := range [...]string{paramAlgorithm, paramCredential, paramDate, paramExpires,
		paramToken, paramSignature, paramSignedHeaders} {
		if strings.EqualFold(q.Name, ours) {
			return fmt.Errorf("query parameter %s is set by signing: leave it out", ours)
		}
	}
	return nil
}

// appendQuery appends the canonical query, ours and the caller's merged, with a
// '&' before each pair.
func (w *scribe) appendQuery(b []byte, sh *shape) []byte {
	next := w.pairs
	if len(next) > 0 && string(next[0].name) < paramSignedHeaders {
		b, next = w.moment.appendQuery(b, next)
	} else {
		b = append(b, w.moment.query...)
	}
	b = append(b, sh.query...)
	return appendPairs(b, next)
}

// appendParam appends those of the caller's pairs that come before name, then
// text, which begins with name. It also returns the pairs still to come.
func appendParam(b []byte, next []pair, name, text string) ([]byte, []pair) {
	n := 0
	for n < len(next) && string(next[n].name) < name {
		n++
	}
	b = appendPairs(b, next[:n])
	return append(b, text...), next[n:]
}

func appendPairs(b []byte, pairs []pair) []byte {
	for _, p := range pairs {
		b = append(b, '&')
		b = append(b, p.name...)
		b = append(b, '=')
		b = append(b, p.value...)
	}
	return b
}
