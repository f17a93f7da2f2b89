// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

const (
	crlShelf  = "crl"
	crlBundle = "crl.pem"
	crlFile   = "list.crl"
	keptCRLs  = 3 // per CA: the newest, and what may be in someone's hands just now

	// CRLDays is how long a list is good for unless told otherwise. A server
	// that holds an older one refuses every client, so it is longer than any
	// holiday of whoever renews it.
	CRLDays = 30

	// RootCRLDays is the same for the root of an intermediate: its key is
	// fetched from where it is kept once a year.
	RootCRLDays = 400
)

// A CRL is one CA's list of the certificates that it revoked.
type CRL struct {
	Issuer     string    `json:"issuer"`
	Slug       string    `json:"slug"` // ca, intermediate-1 …
	Number     int64     `json:"number"`
	ThisUpdate time.Time `json:"thisUpdate"`
	NextUpdate time.Time `json:"nextUpdate"` // from then on servers refuse everyone
	Revoked    int       `json:"revoked"`
	File       string    `json:"file"`              // DER
	Problem    string    `json:"problem,omitempty"` // the key is away, and that matters
	der        []byte
}

// WriteCRLs makes a new list for each CA whose key is here, valid for so many
// days, and one file of all lists, in PEM: see CRLBundle.
func (d *Dir) WriteCRLs(now time.Time, days int) ([]CRL, error) {
	if days < 1 || days > maxDays {
		return nil, fmt.Errorf("a revocation list cannot be valid for %d days: use 1 to %d", days, maxDays)
	}
	issued, err := d.Issued(now)
	if err != nil {
		return nil, err
	}
	var lists []CRL
	for i, ca := range d.authorities {
		valid := days
		if ca.id.Leaf.MaxPathLen > 0 {
			valid = max(days, RootCRLDays)
		}
		entries := revokedBy(ca, issued)
		var l CRL
		if ca.id.HasKey() {
			l, err = d.newCRL(i, entries, now, valid)
		} else {
			l, err = d.oldCRL(i, entries, now)
		}
		if err != nil {
			return nil, err
		}
		lists = append(lists, l)
	}
	return lists, d.writeBundle()
}

// CRLBundle is where the newest lists of all CAs are kept in PEM: Mosquitto's crlfile.
func (d *Dir) CRLBundle() string { return filepath.Join(d.path, crlBundle) }

func revokedBy(ca *CA, issued []Issued) []x509.RevocationListEntry {
	var entries []x509.RevocationListEntry
	for _, i := range issued {
		if i.Status == Revoked && bytes.Equal(i.cert.AuthorityKeyId, ca.id.Leaf.SubjectKeyId) {
			entries = append(entries, x509.RevocationListEntry{SerialNumber: i.cert.SerialNumber,
				RevocationTime: i.RevokedAt, ReasonCode: reasonCodes[i.Reason]})
		}
	}
	return entries
}

// newCRL signs a list under the next number; of several callers each gets its own.
func (d *Dir) newCRL(index int, entries []x509.RevocationListEntry, now time.Time, days int) (CRL, error) {
	ca, slug := d.authorities[index], d.slug(index)
	for {
		numbers, err := d.crlNumbers(slug)
		if err != nil {
			return CRL{}, err
		}
		number, made := int64(1), now.Add(-Skew)
		if len(numbers) > 0 {
			last, err := d.readCRL(index, numbers[len(numbers)-1])
			if err != nil {
				return CRL{}, err
			}
			number = last.Number + 1
			made = later(made, last.ThisUpdate.Add(time.Second))
		}
		der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{Number: big.NewInt(number),
			ThisUpdate: made, NextUpdate: now.AddDate(0, 0, days), RevokedCertificateEntries: entries}, ca.id.Leaf, ca.id.key)
		if err != nil {
			return CRL{}, fmt.Errorf("make the revocation list of %q: %w", ca.id.Name, err)
		}
		err = publish(filepath.Dir(d.crlPath(slug, number)), []newFile{{crlFile, der, 0o644}})
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return CRL{}, fmt.Errorf("keep the revocation list of %q: %w", ca.id.Name, err)
		}
		for _, n := range numbers[:max(0, len(numbers)-keptCRLs+1)] {
			_ = os.RemoveAll(filepath.Dir(d.crlPath(slug, n)))
		}
		return d.readCRL(index, number)
	}
}

// later keeps each list dated after the one before, were they made in the same
// second: a Mosquitto that reads its crlfile again keeps the old list as well,
// and OpenSSL takes the one of the later date, or the first of the same.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// oldCRL is the newest list of a CA whose key is elsewhere.
func (d *Dir) oldCRL(index int, entries []x509.RevocationListEntry, now time.Time) (CRL, error) {
	name, slug := d.authorities[index].id.Name, d.slug(index)
	numbers, err := d.crlNumbers(slug)
	if err != nil {
		return CRL{}, err
	}
	if len(numbers) == 0 {
		return CRL{}, fmt.Errorf("there is no revocation list of %q, and its key is elsewhere: bring it back and run certs crl", name)
	}
	l, err := d.readCRL(index, numbers[len(numbers)-1])
	if err != nil {
		return CRL{}, err
	}
	switch left := l.NextUpdate.Sub(now); {
	case left < 0:
		l.Problem = "it has expired, so that servers refuse everyone: bring the CA's key back and run certs crl"
	case len(entries) != l.Revoked:
		l.Problem = "it lacks what was revoked since: bring the CA's key back and run certs crl"
	case left < CRLDays*24*time.Hour:
		l.Problem = "it expires soon: bring the CA's key back and run certs crl"
	}
	return l, nil
}

func (d *Dir) crlPath(slug string, number int64) string {
	return filepath.Join(d.path, crlShelf, slug, fmt.Sprintf("%08d", number), crlFile)
}

func (d *Dir) crlNumbers(slug string) ([]int64, error) {
	names, err := readDir(filepath.Join(d.path, crlShelf, slug))
	if err != nil {
		return nil, fmt.Errorf("read the revocation lists: %w", err)
	}
	var numbers []int64
	for _, name := range names {
		if n, err := strconv.ParseInt(name, 10, 64); err == nil && n > 0 {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

func (d *Dir) readCRL(index int, number int64) (CRL, error) {
	path := d.crlPath(d.slug(index), number)
	der, err := os.ReadFile(path)
	var list *x509.RevocationList
	if err == nil {
		list, err = x509.ParseRevocationList(der)
	}
	if err == nil {
		err = list.CheckSignatureFrom(d.authorities[index].id.Leaf)
	}
	if err != nil {
		return CRL{}, fmt.Errorf("read the revocation list %s: %w: remove its folder and run certs crl", path, err)
	}
	return CRL{Issuer: d.authorities[index].id.Name, Slug: d.slug(index), Number: number, ThisUpdate: list.ThisUpdate,
		NextUpdate: list.NextUpdate, Revoked: len(list.RevokedCertificateEntries), File: path, der: der}, nil
}

// CRLs are the newest list of each CA that has one.
func (d *Dir) CRLs() ([]CRL, error) {
	var lists []CRL
	for i := range d.authorities {
		numbers, err := d.crlNumbers(d.slug(i))
		if err != nil {
			return nil, err
		}
		if len(numbers) > 0 {
			l, err := d.readCRL(i, numbers[len(numbers)-1])
			if err != nil {
				return nil, err
			}
			lists = append(lists, l)
		}
	}
	return lists, nil
}

// DER is the list as it is served under application/pkix-crl.
func (l CRL) DER() []byte { return l.der }

// writeBundle writes the newest lists into one file, and again if another
// process made a newer one meanwhile.
func (d *Dir) writeBundle() error {
	for written := []byte(nil); ; {
		lists, err := d.CRLs()
		if err != nil {
			return err
		}
		var text []byte
		for _, l := range lists {
			text = append(text, pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: l.der})...)
		}
		if bytes.Equal(text, written) {
			return nil
		}
		if err := replaceFile(d.CRLBundle(), text, 0o644); err != nil {
			return fmt.Errorf("write %s: %w", d.CRLBundle(), err)
		}
		written = text
	}
}
