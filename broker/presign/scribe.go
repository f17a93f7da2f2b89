// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package presign

import "crypto/sha256"

// A scribe holds the buffers in which one URL is written, and is used again for
// the next one. It keeps no reference to what the caller gave: only copies.
//
// The canonical request and the URL share the path and the query. So the URL is
// written over the canonical request, once that is hashed:
//
//	         PUT\n /key \n X-Amz-Algorithm=…&… \n host:… \n … UNSIGNED-PAYLOAD
//	https://bucket /key ?  X-Amz-Algorithm=…&… &X-Amz-Signature=…
//	        ^start ^path ^query                ^end                       ^request
type scribe struct {
	text                             []byte
	start, path, query, end, request int // where they are in text

	moment moment
	shapes [4]shape
	oldest int
	pairs  []pair
	extra  []byte // what pairs point into
	sum    [sha256.Size]byte
}

// scribe is one that nobody uses. It goes back by release.
func (s *Signer) scribe() *scribe {
	if w, _ := s.scribes.Get().(*scribe); w != nil {
		return w
	}
	return new(scribe)
}

// writeRequest writes the canonical request.
//
// Here and below the text is passed along as a value, not changed in the
// scribe: that would cost a write barrier for each piece while the garbage
// collector runs.
func (w *scribe) writeRequest(s *Signer, sc *scope, r *Request, date, seconds int64) error {
	sh, err := w.shape(r.Headers)
	if err != nil {
		return err
	}
	if err := w.sortQuery(r.Query); err != nil {
		return err
	}
	w.moment.be(sc, date, seconds)
	b := append(w.text[:0], s.endpoint.origin...) // as room for it
	w.start = len(b)
	b = append(b, r.Method...)
	b = append(b, '\n')
	w.path = len(b)
	b = append(b, s.endpoint.path...)
	b = appendPath(b, r.Key)
	w.query = len(b)
	b = w.appendQuery(b, sh)
	b[w.query] = '\n' // instead of the first pair's '&'
	w.end = len(b)
	b, err = sh.appendHeaders(b, s.endpoint.host, r.Headers)
	b = append(b, sh.list...)
	b = append(b, s.payload...)
	w.request = len(b)
	w.text = b
	return err
}

// sign appends the string to sign, and computes its signature.
func (w *scribe) sign() {
	w.sum = sha256.Sum256(w.text[w.start:])
	b := append(w.text, w.moment.toSign...)
	b = appendHex(b, &w.sum)
	mac := w.moment.mac
	mac.Reset()
	mac.Write(b[w.request:])
	mac.Sum(w.sum[:0])
	w.text = b
}

// url writes the URL over what was signed. Its string is the one allocation
// that a signature needs.
func (w *scribe) url(origin string) string {
	w.text[w.query] = '?'
	b := append(w.text[:w.end], "&"+paramSignature+"="...)
	b = appendHex(b, &w.sum)
	start := w.path - len(origin)
	copy(b[start:], origin)
	return string(b[start:])
}

// huge reports whether w has grown beyond what usual requests need.
func (w *scribe) huge() bool {
	const usual = 64 << 10
	for i := range w.shapes {
		if cap(w.shapes[i].memory) > usual {
			return true
		}
	}
	return cap(w.text) > usual || cap(w.extra) > usual
}
