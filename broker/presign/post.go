// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package presign

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
)

// MaxPostSize is the size of the largest object that one POST stores, in bytes.
const MaxPostSize = 5 << 30

// maxForm is for the names and values of a form, in bytes. S3 takes 20 KB before
// the file: the rest is for the key, the free fields and the form's own lines.
const maxForm = 14 << 10

// Post is what the bearer of a signed form will be allowed to do: store any
// number of objects below a prefix, by a POST of multipart/form-data each.
//
// S3 compares the form with the signed policy. It cannot be told that a key must
// be new: an upload under a key that is there replaces the object.
type Post struct {
	// KeyPrefix is what every key begins with. It ends with a slash: otherwise
	// it would also be the beginning of a neighbour's.
	KeyPrefix string

	MinSize, MaxSize int64 // of the file, in bytes

	// Fields are sent just so, such as Content-Type or x-amz-meta-fw. Values are
	// visible US-ASCII and inner spaces.
	Fields []Header

	// Free names the fields that each upload has to carry with a value of its own.
	Free []string

	Expires time.Duration // 1 s to MaxExpires, cut to whole seconds
}

// SignedPost is a form. Besides Fields, it takes the field key, those that are
// free, and as the last one the file.
type SignedPost struct {
	URL     string
	Fields  []Header
	Expires time.Time // UTC, whole seconds
}

// SignPost returns a form by which p can be done from now on. It lives for
// p.Expires, or less if c expires before. Errors are those of Sign.
func (s *Signer) SignPost(now time.Time, c Credentials, p Post) (SignedPost, error) {
	signed, err := s.signPost(now, &c, &p)
	if err != nil {
		return SignedPost{}, fmt.Errorf("presign: %w", err)
	}
	return signed, nil
}

func (s *Signer) signPost(now time.Time, c *Credentials, p *Post) (SignedPost, error) {
	if err := p.check(); err != nil {
		return SignedPost{}, err
	}
	date, err := unixTime(now)
	if err != nil {
		return SignedPost{}, err
	}
	seconds, err := lifetime(date, c.Expires, p.Expires)
	if err != nil {
		return SignedPost{}, err
	}
	sc, err := s.scope(date, c)
	if err != nil {
		return SignedPost{}, err
	}
	end := time.Unix(date+seconds, 0).UTC()
	fields := s.form(sc, date, seconds, p, end)
	if size := formSize(fields); size > maxForm {
		return SignedPost{}, fmt.Errorf("form has %d bytes: S3 takes some %d before the file", size, maxForm)
	}
	return SignedPost{URL: s.endpoint.post(), Fields: fields, Expires: end}, nil
}

func formSize(fields []Header) int {
	size := 0
	for i := range fields {
		size += len(fields[i].Name) + len(fields[i].Value)
	}
	return size
}

// post is where forms are sent: the bucket itself.
func (e Endpoint) post() string {
	if e.path == "/" {
		return e.origin + "/"
	}
	return e.origin + strings.TrimSuffix(e.path, "/")
}

// form returns the fields, the signature among them.
func (s *Signer) form(sc *scope, date, seconds int64, p *Post, end time.Time) []Header {
	w := s.scribe()
	defer s.release(w)
	w.moment.be(sc, date, seconds)
	clock := sc.path[1:len("\n20060102")] + string(w.moment.clock[:])
	fields := make([]Header, 0, len(p.Fields)+6)
	fields = append(fields, p.Fields...)
	bound := len(fields)
	fields = append(fields, Header{fieldAlgorithm, algorithm}, Header{fieldCredential, sc.signer}, Header{fieldDate, clock})
	if token := sc.credentials.SessionToken; token != "" {
		fields = append(fields, Header{fieldToken, token})
	}
	b := appendPolicy(w.text[:0], s.endpoint.bucket, p, fields, bound, end)
	policy := len(b)
	b = base64.StdEncoding.AppendEncode(b, b[:policy])
	w.text = b
	text := string(b[policy:])
	return append(fields, Header{fieldPolicy, text}, Header{fieldSignature, w.signPolicy(b[policy:])})
}

// signPolicy returns the signature of a policy in base64, which is the whole
// string to sign.
func (w *scribe) signPolicy(policy []byte) string {
	mac := w.moment.mac
	mac.Reset()
	mac.Write(policy)
	mac.Sum(w.sum[:0])
	var hex [2 * len(w.sum)]byte
	return string(appendHex(hex[:0], &w.sum))
}

// check refuses what no S3 would accept, or what would bind less than it says.
func (p *Post) check() error {
	switch {
	case !strings.HasSuffix(p.KeyPrefix, "/") || p.KeyPrefix == "/":
		return fmt.Errorf("key prefix %q: end it with a slash, or it is a neighbour's too", p.KeyPrefix)
	case len(p.KeyPrefix) >= MaxKey:
		return fmt.Errorf("key prefix has %d bytes: S3 allows %d for a key", len(p.KeyPrefix), MaxKey)
	case !visible(p.KeyPrefix) || strings.Contains(p.KeyPrefix, "$"):
		return errors.New("key prefix has a space, a dollar sign or a character that is not US-ASCII: forms differ in what they make of it")
	case p.MinSize < 0 || p.MinSize > p.MaxSize:
		return fmt.Errorf("sizes of %d to %d: choose 0 to %d", p.MinSize, p.MaxSize, int64(MaxPostSize))
	case p.MaxSize > MaxPostSize:
		return fmt.Errorf("size of %d: one POST stores at most %d", p.MaxSize, int64(MaxPostSize))
	}
	return p.checkFields()
}
