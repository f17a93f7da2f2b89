// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A Reason says why a certificate is revoked, in the words of RFC 5280, 5.3.1.
type Reason string

// The reasons that fit. "Hold" is not among them: nothing is taken back.
const (
	Unspecified          Reason = "unspecified"
	KeyCompromise        Reason = "key-compromise"
	AffiliationChanged   Reason = "affiliation-changed"
	ReasonSuperseded     Reason = "superseded"
	CessationOfOperation Reason = "cessation-of-operation"
	PrivilegeWithdrawn   Reason = "privilege-withdrawn"
)

var reasonCodes = map[Reason]int{Unspecified: 0, KeyCompromise: 1, AffiliationChanged: 3,
	ReasonSuperseded: 4, CessationOfOperation: 5, PrivilegeWithdrawn: 9}

// Reasons are all of them, sorted.
func Reasons() []Reason {
	var all []Reason
	for r := range reasonCodes {
		all = append(all, r)
	}
	slices.Sort(all)
	return all
}

// Revocation says when and why a certificate ends before its time.
type Revocation struct {
	At     time.Time `json:"at"`
	Reason Reason    `json:"reason"`
}

// Revoke records that the certificate of that serial number is revoked, from a
// time on that may lie ahead. It takes effect where the next list (WriteCRLs)
// is read. To revoke again is to say so earlier: what was revoked stays so.
func (d *Dir) Revoke(serial string, r Revocation) error {
	if _, ok := reasonCodes[r.Reason]; !ok {
		return fmt.Errorf("revoke %s: there is no reason %q: use one of %s", serial, r.Reason, reasonWords())
	}
	r.At = r.At.UTC().Truncate(time.Second)
	old, err := d.revocation(serial)
	if err != nil {
		return err
	}
	if !old.At.IsZero() && !r.At.Before(old.At) {
		return nil
	}
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("revoke %s: %w", serial, err)
	}
	folder := filepath.Join(d.path, revokedShelf, serial)
	if old.At.IsZero() {
		err = publish(folder, []newFile{{revocationFile, append(data, '\n'), 0o644}})
		if errors.Is(err, fs.ErrExist) { // another process was quicker
			return d.Revoke(serial, r)
		}
	} else {
		err = replaceFile(filepath.Join(folder, revocationFile), append(data, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("revoke %s: %w", serial, err)
	}
	return nil
}

func reasonWords() string {
	var words []string
	for _, r := range Reasons() {
		words = append(words, string(r))
	}
	return strings.Join(words, ", ")
}

// Find returns what was issued under a name, a serial number or a fingerprint,
// or is in a certificate file. A name stands for all certificates of its owner
// that have not expired.
func (d *Dir) Find(what string, now time.Time) ([]Issued, error) {
	all, err := d.Issued(now)
	if err != nil {
		return nil, err
	}
	var found []Issued
	for _, i := range all {
		if i.Serial == what || i.Fingerprint == what || i.Name == what && i.Status != Ended {
			found = append(found, i)
		}
	}
	if len(found) == 0 {
		return d.findFile(what, all)
	}
	for _, i := range found[1:] {
		if i.Kind != found[0].Kind {
			return nil, fmt.Errorf("%q is a %s and a %s: give the serial number, see certs list --issued", what, found[0].Kind, i.Kind)
		}
	}
	return found, nil
}

func (d *Dir) findFile(path string, all []Issued) ([]Issued, error) {
	if info, err := os.Stat(path); err != nil || info.IsDir() {
		return nil, &fileError{fmt.Sprintf("nothing was issued under the name, serial number or fingerprint %.80q, and it is no file: see certs list --issued", path), fs.ErrNotExist}
	}
	cert, err := readCert(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, i := range all {
		if i.cert.Equal(cert) {
			return []Issued{i}, nil
		}
	}
	return nil, fmt.Errorf("%s: the certificate of %q was not issued by the CA in %s: only its issuer can revoke it", path, nameOf(cert), d.path)
}

// Revocation tells when and why a certificate was, or will be, revoked; zero if
// that is not planned.
func (d *Dir) Revocation(cert *x509.Certificate) (Revocation, error) {
	return d.revocation(serialOf(cert))
}
