// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// How a key is replaced without a moment in which none is right:
//
//	clients/cam1/{thing.crt,thing.key}      old: in use
//	clients/cam1/next/{thing.crt,thing.key} new: Rotate makes it; both are valid
//	                                        now the thing is given the new one
//	FinishRotation: revokes the old one, copies next/ over it, removes next/
//
// The new pair stays complete in next/ until its copy is: whatever a crash
// leaves, FinishRotation can be run again.

// KindOf tells whether a name is a thing's, a service's or a server's. The error
// wraps fs.ErrNotExist if it is none's.
func (d *Dir) KindOf(name string) (Kind, error) {
	client := exists(d.Files(Thing, name).Folder)
	server := exists(d.Files(Server, name).Folder)
	switch {
	case client && server:
		return "", fmt.Errorf("%q is the name of a client and of a server: remove one of the folders", name)
	case client:
		return d.kindOf(shelf(Thing), folderName(name)), nil
	case server:
		return Server, nil
	}
	return "", &fileError{fmt.Sprintf("there is no thing, service or server %.80q in %s: see certs list", name, d.path), fs.ErrNotExist}
}

// Renew issues a certificate for the same key and the same name, and puts it in
// the place of the one before, which stays valid and on record.
func (d *Dir) Renew(kind Kind, name string, opts ...Option) (Identity, error) {
	old, err := d.settled(kind, name)
	if err != nil {
		return Identity{}, err
	}
	if r, err := d.revocation(serialOf(old.Leaf)); err != nil || !r.At.IsZero() {
		return Identity{}, cmp.Or(err, fmt.Errorf("renew %s %q: it is revoked (%s), and its key with it: use certs rotate", kind, name, r.Reason))
	}
	id, err := d.reissue(old, old.key, old.request, old.Leaf.PublicKey, opts)
	if err != nil {
		return Identity{}, err
	}
	if err := replaceFile(d.Files(id.Kind, id.Name).Cert, id.CertPEM(), 0o644); err != nil {
		d.forget(id)
		return Identity{}, fmt.Errorf("renew %s %q: %w", id.Kind, id.Name, err)
	}
	return id, nil
}

// RenewKey is Renew with a new key, which takes the old one's place at once: for
// servers and services, which read their files again. The old certificate stays
// valid until it is revoked.
func (d *Dir) RenewKey(kind Kind, name string, opts ...Option) (Identity, error) {
	if _, err := d.Rotate(kind, name, nil, opts...); err != nil {
		return Identity{}, err
	}
	return d.promote(kind, name)
}

// Rotate issues a second certificate beside the one in use, with a new key, or
// for the key of a request if r is not nil. Both are valid until FinishRotation.
func (d *Dir) Rotate(kind Kind, name string, r *Request, opts ...Option) (Identity, error) {
	old, err := d.settled(kind, name)
	if err != nil {
		return Identity{}, err
	}
	id, err := d.successor(old, r, opts)
	if err != nil {
		return Identity{}, err
	}
	err = publish(d.NextFiles(kind, name).Folder, d.contents(id))
	if err != nil {
		d.forget(id)
		return Identity{}, fmt.Errorf("rotate %s %q: %w", kind, name, err)
	}
	return id, nil
}

// successor is the identity of the same name with another key.
func (d *Dir) successor(old Identity, r *Request, opts []Option) (Identity, error) {
	if r == nil {
		key, err := newKey()
		if err != nil {
			return Identity{}, err
		}
		return d.reissue(old, key, nil, &key.PublicKey, opts)
	}
	if old.Kind != Thing {
		return Identity{}, fmt.Errorf("rotate %s %q: only things bring requests: leave it out", old.Kind, old.Name)
	}
	id, err := d.ca.Sign(old.Name, r, opts...)
	if err == nil {
		err = d.record(id)
	}
	return id, err
}

// settled loads what is not being rotated.
func (d *Dir) settled(kind Kind, name string) (Identity, error) {
	if exists(d.NextFiles(kind, name).Folder) {
		return Identity{}, &fileError{fmt.Sprintf("%s %q is being rotated: end that first, with certs rotate --finish or --abandon", kind, name), fs.ErrExist}
	}
	return d.Load(kind, name)
}

func (d *Dir) reissue(old Identity, key *ecdsa.PrivateKey, r *Request, pub crypto.PublicKey, opts []Option) (Identity, error) {
	template := clientTemplate()
	if old.Kind == Server {
		template = serverTemplate(old.Leaf.DNSNames)
	}
	id, err := d.ca.certify(Identity{Kind: old.Kind, Name: old.Name, key: key, request: r}, opts, template, pub)
	if err == nil {
		err = d.record(id)
	}
	if err != nil {
		return Identity{}, err
	}
	return id, nil
}

// NextFiles says where a rotation keeps the new identity.
func (d *Dir) NextFiles(kind Kind, name string) Files {
	return filesIn(filepath.Join(d.Files(kind, name).Folder, nextFolder), kind)
}

// LoadNext returns the new identity of a rotation that is under way. The error
// wraps fs.ErrNotExist if there is none.
func (d *Dir) LoadNext(kind Kind, name string) (Identity, error) {
	f := d.NextFiles(kind, name)
	if !exists(f.Folder) {
		return Identity{}, &fileError{fmt.Sprintf("%s %q is not being rotated: begin with certs rotate", kind, name), fs.ErrNotExist}
	}
	id, err := d.readFiles(kind, f)
	if err == nil {
		err = d.checkIssuer(id)
	}
	if err != nil {
		return Identity{}, fmt.Errorf("load the next %s %q: %w", kind, name, err)
	}
	return id, nil
}

// FinishRotation revokes the old certificate from that time on, and puts the new
// one into its place. It may be repeated after a crash.
func (d *Dir) FinishRotation(kind Kind, name string, revokeAt time.Time) (Identity, error) {
	next, err := d.LoadNext(kind, name)
	if err != nil {
		return Identity{}, err
	}
	old, err := readCert(d.Files(kind, name).Cert)
	if err != nil {
		return Identity{}, fmt.Errorf("finish the rotation of %q: %w", name, err)
	}
	if !old.Equal(next.Leaf) {
		if err := d.Revoke(serialOf(old), Revocation{revokeAt, ReasonSuperseded}); err != nil {
			return Identity{}, err
		}
	}
	return d.promote(kind, name)
}

// AbandonRotation revokes the new certificate, and forgets its key.
func (d *Dir) AbandonRotation(kind Kind, name string, now time.Time) error {
	next, err := d.LoadNext(kind, name)
	if err != nil {
		return err
	}
	if cert, err := readCert(d.Files(kind, name).Cert); err == nil && cert.Equal(next.Leaf) {
		return fmt.Errorf("the rotation of %q is half finished: run certs rotate --finish", name)
	}
	if err := d.Revoke(serialOf(next.Leaf), Revocation{now, CessationOfOperation}); err != nil {
		return err
	}
	return discard(d.NextFiles(kind, name).Folder)
}

// promote copies next over the current files, the certificate last: until then
// one can tell what was in use before.
func (d *Dir) promote(kind Kind, name string) (Identity, error) {
	id, err := d.LoadNext(kind, name)
	if err != nil {
		return Identity{}, err
	}
	f := d.Files(kind, name)
	if id.HasKey() {
		err = errors.Join(replaceFile(f.Key, id.KeyPEM(), 0o600), remove(requestFile(f)))
	} else {
		err = errors.Join(replaceFile(requestFile(f), id.request.PEM(), 0o644), remove(f.Key))
	}
	if err == nil {
		err = replaceFile(f.Cert, id.CertPEM(), 0o644)
	}
	if err == nil {
		err = discard(d.NextFiles(kind, name).Folder)
	}
	if err != nil {
		return Identity{}, fmt.Errorf("finish the rotation of %q: %w: run certs rotate --finish again", name, err)
	}
	return id, nil
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
