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

// The record is a folder per certificate and a folder per revocation, each made
// whole or not at all: it needs no lock, and no crash can damage what is there.
const (
	issuedShelf    = "issued"
	revokedShelf   = "revoked"
	issuedFile     = "certificate.crt"
	revocationFile = "revocation.json"
)

// A Status says what became of a certificate.
type Status string

// The states of an issued certificate.
const (
	Current    Status = "current"    // its owner's folder holds it
	Next       Status = "next"       // the new one of a rotation that is under way
	Superseded Status = "superseded" // still good, but its owner has a newer one
	Revoked    Status = "revoked"
	Ended      Status = "expired"
)

// Issued is the record of one certificate.
type Issued struct {
	Kind        Kind      `json:"kind"`
	Name        string    `json:"name"`
	Serial      string    `json:"serial"`
	Fingerprint string    `json:"fingerprint"`
	NotBefore   time.Time `json:"notBefore"`
	NotAfter    time.Time `json:"notAfter"`
	Status      Status    `json:"status"`

	// RevokedAt is when it was, or will be, revoked; zero if that is not planned.
	RevokedAt time.Time `json:"revokedAt,omitzero"`
	Reason    Reason    `json:"reason,omitempty"`

	cert *x509.Certificate
}

func serialOf(cert *x509.Certificate) string { return fmt.Sprintf("%032x", cert.SerialNumber) }

func (d *Dir) record(id Identity) error {
	folder := filepath.Join(d.path, issuedShelf, serialOf(id.Leaf))
	if err := publish(folder, []newFile{{issuedFile, certPEM(id.Leaf), 0o644}}); err != nil {
		return fmt.Errorf("record %s %q: %w", id.Kind, id.Name, err)
	}
	return nil
}

// forget takes back the record of a certificate that nobody got.
func (d *Dir) forget(id Identity) {
	_ = os.RemoveAll(filepath.Join(d.path, issuedShelf, serialOf(id.Leaf)))
}

// Issued lists all certificates that were ever issued, in the order in which
// their validity begins. It knows those of an earlier version, which kept no
// record, by their folders.
func (d *Dir) Issued(now time.Time) ([]Issued, error) {
	held, err := d.held()
	if err != nil {
		return nil, err
	}
	all := make(map[string]*x509.Certificate)
	for _, h := range held {
		all[serialOf(h.cert)] = h.cert
	}
	folders, err := readDir(filepath.Join(d.path, issuedShelf))
	if err != nil {
		return nil, fmt.Errorf("read the record: %w", err)
	}
	for _, f := range folders {
		cert, err := readCert(filepath.Join(d.path, issuedShelf, f, issuedFile))
		if err != nil {
			return nil, fmt.Errorf("read the record of %s: %w: restore it from a backup", f, err)
		}
		all[serialOf(cert)] = cert
	}
	var out []Issued
	for serial, cert := range all {
		i, err := d.describe(serial, cert, held, now)
		if err != nil {
			return nil, err
		}
		out = append(out, i)
	}
	slices.SortFunc(out, func(a, b Issued) int {
		if c := a.NotBefore.Compare(b.NotBefore); c != 0 {
			return c
		}
		return strings.Compare(a.Serial, b.Serial)
	})
	return out, nil
}

func (d *Dir) describe(serial string, cert *x509.Certificate, held map[string]holding, now time.Time) (Issued, error) {
	i := Issued{Name: nameOf(cert), Serial: serial, Fingerprint: Fingerprint(cert),
		NotBefore: cert.NotBefore, NotAfter: cert.NotAfter, Status: Superseded, cert: cert}
	if ou := cert.Subject.OrganizationalUnit; len(ou) == 1 {
		i.Kind = Kind(ou[0])
	}
	if h, ok := held[serial]; ok {
		i.Status = h.status
	}
	r, err := d.revocation(serial)
	if err != nil {
		return Issued{}, err
	}
	i.RevokedAt, i.Reason = r.At, r.Reason
	if now.After(cert.NotAfter) {
		i.Status = Ended
	}
	if !r.At.IsZero() && !r.At.After(now) {
		i.Status = Revoked
	}
	return i, nil
}

type holding struct {
	cert   *x509.Certificate
	status Status
}

// held are the certificates in their owners' folders, by serial number. What
// cannot be read is List's matter.
func (d *Dir) held() (map[string]holding, error) {
	held := make(map[string]holding)
	for i, ca := range d.authorities {
		if i > 0 {
			held[serialOf(ca.id.Leaf)] = holding{ca.id.Leaf, Current}
		}
	}
	for _, s := range []string{shelf(Thing), shelf(Server)} {
		folders, err := readDir(filepath.Join(d.path, s))
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", d.path, err)
		}
		for _, f := range folders {
			folder := filepath.Join(d.path, s, f)
			file := string(d.kindOf(s, f)) + ".crt"
			if cert, err := readCert(filepath.Join(folder, file)); err == nil {
				held[serialOf(cert)] = holding{cert, Current}
			}
			if cert, err := readCert(filepath.Join(folder, nextFolder, file)); err == nil {
				if _, promoted := held[serialOf(cert)]; !promoted {
					held[serialOf(cert)] = holding{cert, Next}
				}
			}
		}
	}
	return held, nil
}

// readDir returns the names in a folder but for hidden ones; none if there is
// no folder.
func readDir(path string) ([]string, error) {
	entries, err := os.ReadDir(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

func (d *Dir) revocation(serial string) (Revocation, error) {
	data, err := os.ReadFile(filepath.Join(d.path, revokedShelf, serial, revocationFile))
	if errors.Is(err, fs.ErrNotExist) {
		return Revocation{}, nil
	}
	var r Revocation
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err == nil && r.At.IsZero() {
		err = errors.New("no time is given")
	}
	if err != nil { // taking it for not revoked would be the wrong way to fail
		return Revocation{}, fmt.Errorf("read the revocation of %s: %w: restore it, or remove its folder and revoke again", serial, err)
	}
	return r, nil
}
