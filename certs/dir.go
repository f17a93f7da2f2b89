// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// A Dir is a CA that keeps itself, and all that it issues, in a directory:
//
//	.gitignore                  all of these: keys do not belong into Git
//	ca/ca.crt  ca/ca.key        the root; its key may be elsewhere, if there is
//	intermediates/1/            ca.crt  intermediate.crt intermediate.key
//	clients/cam1/               ca.crt  thing.crt   thing.key
//	clients/cam1/next/          the same, of a rotation that is under way
//	clients/cam2/               ca.crt  thing.crt   thing.csr: the key is cam2's
//	clients/broker/             ca.crt  service.crt service.key
//	servers/localhost/          ca.crt  server.crt  server.key
//	issued/<serial>/            every certificate that was ever issued
//	revoked/<serial>/           when and why
//	crl/ca/<number>/  crl.pem   revocation lists, and all of the newest in one file
//
// Each folder is all that its owner needs. Things and services share clients/,
// because they share one name space. A folder is prepared under another name
// and renamed when it is complete and on the disk, which the system does for
// one caller only: no crash leaves half an entry, no two processes issue the
// same name, and no lock file is left behind by either.
//
// Its methods may be called concurrently, also from several processes.
type Dir struct {
	path        string
	ca          *CA   // the one that issues
	authorities []*CA // the root, and its intermediates in the order of their numbers
}

// Files says where an identity is kept.
type Files struct {
	Folder string `json:"folder"`
	CA     string `json:"caFile"`
	Cert   string `json:"certFile"`
	Key    string `json:"keyFile"`

	// Request is where the certificate's request is kept if there is one; then
	// there is no Key. Set by List only.
	Request string `json:"requestFile,omitempty"`
}

const (
	caFile     = "ca.crt"
	nextFolder = "next"
)

// Init makes a CA in the directory path, which it creates (mode 0700) if need
// be. The error wraps fs.ErrExist if there is a CA already.
func Init(path, name string, opts ...Option) (*Dir, error) {
	ca, err := NewCA(name, opts...)
	if err != nil {
		return nil, err
	}
	d := &Dir{path: path, ca: ca, authorities: []*CA{ca}}
	if err := d.create(); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *Dir) create() error {
	if err := os.MkdirAll(d.path, 0o700); err != nil {
		return fmt.Errorf("make CA in %s: %w", d.path, err)
	}
	if err := d.ignoreByGit(); err != nil { // before there is a key to be ignored
		return fmt.Errorf("make CA in %s: %w", d.path, err)
	}
	return d.publish(d.ca.id)
}

// ignoreByGit leaves a .gitignore alone that is there already, and names our
// folders only: the directory may be one that holds other things.
func (d *Dir) ignoreByGit() error {
	ours := ""
	for _, name := range []string{shelf(Authority), shelf(Intermediate), shelf(Thing), shelf(Server), issuedShelf, revokedShelf, crlShelf, crlBundle, unfinished + "*"} {
		ours += "/" + name + "\n"
	}
	err := writeNew(filepath.Join(d.path, ".gitignore"), []byte(ours), 0o644)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// Open opens the directory of a CA made by Init. The error wraps
// fs.ErrNotExist if there is none.
func Open(path string) (*Dir, error) {
	d := &Dir{path: path}
	id, err := d.read(Authority, "")
	if err != nil && !exists(d.Files(Authority, "").Folder) {
		return nil, fmt.Errorf("open the CA in %s: %w: make one with thingpass certs init --dir %s", path, err, path)
	}
	if err == nil {
		err = checkAuthority(id)
	}
	if err == nil {
		root := &CA{id, id.Leaf}
		d.ca, d.authorities = root, []*CA{root}
		err = d.readIntermediates()
	}
	if err != nil {
		return nil, fmt.Errorf("open the CA in %s: %w: restore ca.crt and ca.key, or make a new CA in another directory", path, err)
	}
	if d.ca.id.Kind == Authority && id.Leaf.MaxPathLen > 0 {
		return nil, fmt.Errorf("open the CA in %s: there is a root, but no intermediate yet: run thingpass certs init --intermediate --dir %s again", path, path)
	}
	return d, nil
}

func checkAuthority(id Identity) error {
	if !id.Leaf.IsCA {
		return errors.New("ca.crt is not a CA's certificate")
	}
	return id.Leaf.CheckSignatureFrom(id.Leaf)
}

// CA is the directory's CA. What it issues itself is not kept.
func (d *Dir) CA() *CA { return d.ca }

// Path is the directory as it was given to Init or Open.
func (d *Dir) Path() string { return d.path }

// Thing issues a certificate to a thing and keeps it. The error wraps
// fs.ErrExist if the name is taken, by a thing or by a service.
func (d *Dir) Thing(name string, opts ...Option) (Identity, error) {
	return d.keep(d.ca.Thing(name, opts...))
}

// Service issues a certificate to a service and keeps it. The error wraps
// fs.ErrExist if the name is taken, by a service or by a thing.
func (d *Dir) Service(name string, opts ...Option) (Identity, error) {
	return d.keep(d.ca.Service(name, opts...))
}

// Sign issues a certificate to a thing for the key of its request (see CA.Sign)
// and keeps both. The error wraps fs.ErrExist if the name is taken.
func (d *Dir) Sign(name string, r *Request, opts ...Option) (Identity, error) {
	return d.keep(d.ca.Sign(name, r, opts...))
}

// Server issues a certificate to a server (see CA.Server) and keeps it under
// its first host. The error wraps fs.ErrExist if that host has one.
func (d *Dir) Server(hosts []string, opts ...Option) (Identity, error) {
	return d.keep(d.ca.Server(hosts, opts...))
}

func (d *Dir) keep(id Identity, err error) (Identity, error) {
	if err != nil {
		return Identity{}, err
	}
	if exists(d.Files(id.Kind, id.Name).Folder) {
		return Identity{}, &fileError{d.taken(id), fs.ErrExist}
	}
	if err := d.record(id); err != nil { // before anyone has it: it may have to be revoked
		return Identity{}, err
	}
	if err := d.publish(id); err != nil {
		d.forget(id)
		return Identity{}, err
	}
	return id, nil
}

// Load returns what was issued before; name is a server's first host. The error
// wraps fs.ErrNotExist if nothing was, or if a file is missing. Load does not
// look at the clock: an expired identity is returned as any other.
func (d *Dir) Load(kind Kind, name string) (Identity, error) {
	id, err := d.read(kind, name)
	if err == nil && id.Name != name {
		err = fmt.Errorf("the certificate names %q", id.Name)
	}
	if err == nil {
		err = d.checkIssuer(id)
	}
	if err != nil {
		return Identity{}, fmt.Errorf("load %s %q: %w", kind, name, err)
	}
	return id, nil
}
