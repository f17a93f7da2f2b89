// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

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
	if err != nil {
		return CRL{}, fmt.Errorf("read the revocation list: %w", err)
	}
	return d.parseCRL(index, number, der)
}

func (d *Dir) parseCRL(index int, number int64, der []byte) (CRL, error) {
	path := d.crlPath(d.slug(index), number)
	list, err := x509.ParseRevocationList(der)
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
