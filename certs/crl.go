// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
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
	var lists []CRL
	for i, ca := range d.authorities {
		valid := days
		if ca.id.Leaf.MaxPathLen > 0 {
			valid = max(days, RootCRLDays)
		}
		list := d.newCRL
		if !ca.id.HasKey() {
			list = d.oldCRL
		}
		l, err := list(i, now, valid)
		if err != nil {
			return nil, err
		}
		lists = append(lists, l)
	}
	return lists, d.writeBundle()
}

// CRLBundle is where the newest lists of all CAs are kept in PEM: Mosquitto's crlfile.
func (d *Dir) CRLBundle() string { return filepath.Join(d.path, crlBundle) }

func (d *Dir) revokedBy(ca *CA, now time.Time) ([]x509.RevocationListEntry, error) {
	issued, err := d.Issued(now)
	if err != nil {
		return nil, err
	}
	var entries []x509.RevocationListEntry
	for _, i := range issued {
		if i.Status == Revoked && bytes.Equal(i.cert.AuthorityKeyId, ca.id.Leaf.SubjectKeyId) {
			entries = append(entries, x509.RevocationListEntry{SerialNumber: i.cert.SerialNumber,
				RevocationTime: i.RevokedAt, ReasonCode: reasonCodes[i.Reason]})
		}
	}
	return entries, nil
}

// newCRL signs a list under the next number; of several callers each gets its
// own. The record is read after the number is chosen: who gets the number before
// has its revocations in the record by then, so no list lacks what an earlier
// one had.
func (d *Dir) newCRL(index int, now time.Time, days int) (CRL, error) {
	slug, name := d.slug(index), d.authorities[index].id.Name
	for {
		numbers, err := d.crlNumbers(slug)
		if err != nil {
			return CRL{}, err
		}
		number, der, err := d.signCRL(index, numbers, now, days)
		if err != nil {
			return CRL{}, fmt.Errorf("make the revocation list of %q: %w", name, err)
		}
		folder := filepath.Dir(d.crlPath(slug, number))
		err = publish(folder, []newFile{{crlFile, der, 0o644}})
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return CRL{}, fmt.Errorf("keep the revocation list of %q: %w", name, err)
		}
		after, err := d.crlNumbers(slug)
		if err != nil {
			return CRL{}, err
		}
		if len(after) == 0 || after[len(after)-1] != number { // others were quicker, and swept ours away or will
			continue
		}
		for _, n := range after[:max(0, len(after)-keptCRLs)] {
			_ = os.RemoveAll(filepath.Dir(d.crlPath(slug, n)))
		}
		return d.parseCRL(index, number, der)
	}
}

// signCRL makes the list behind those of the numbers.
func (d *Dir) signCRL(index int, numbers []int64, now time.Time, days int) (int64, []byte, error) {
	ca := d.authorities[index]
	number, made := int64(1), now.Add(-Skew)
	if len(numbers) > 0 {
		number = numbers[len(numbers)-1] + 1
		if last, err := d.readCRL(index, number-1); err == nil { // a damaged one is replaced
			made = later(made, last.ThisUpdate.Add(time.Second))
		}
	}
	entries, err := d.revokedBy(ca, now)
	if err != nil {
		return 0, nil, err
	}
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{Number: big.NewInt(number),
		ThisUpdate: made, NextUpdate: now.AddDate(0, 0, days), RevokedCertificateEntries: entries}, ca.id.Leaf, ca.id.key)
	return number, der, err
}

// later keeps each list dated after the one before, were they made in the same
// second: whoever holds both, as OpenSSL may, tells the newer by its date.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// oldCRL is the newest list of a CA whose key is elsewhere.
func (d *Dir) oldCRL(index int, now time.Time, _ int) (CRL, error) {
	name, slug := d.authorities[index].id.Name, d.slug(index)
	numbers, err := d.crlNumbers(slug)
	entries, entriesErr := d.revokedBy(d.authorities[index], now)
	if err := cmp.Or(err, entriesErr); err != nil {
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
