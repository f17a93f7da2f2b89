// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
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

// checkIssuer makes sure that one of our CAs issued id, and that the file holds
// the chain up to the root.
func (d *Dir) checkIssuer(id Identity) error {
	for _, ca := range d.authorities {
		root := ca.id.Kind == Authority
		if root && id.Issuer == nil || !root && ca.id.Leaf.Equal(id.Issuer) {
			return id.Leaf.CheckSignatureFrom(ca.id.Leaf)
		}
	}
	return errors.New("certificate: more than one PEM block, and the second is no intermediate of this CA")
}

func (d *Dir) read(kind Kind, name string) (Identity, error) {
	return d.readFiles(kind, d.Files(kind, name))
}

func (d *Dir) readFiles(kind Kind, f Files) (Identity, error) {
	cert, certErr := os.ReadFile(f.Cert)
	key, keyErr := os.ReadFile(f.Key)
	if certErr == nil && errors.Is(keyErr, fs.ErrNotExist) {
		if csr, err := os.ReadFile(requestFile(f)); err == nil {
			return parseSigned(kind, cert, csr)
		}
		if kind == Authority && exists(filepath.Join(d.path, shelf(Intermediate))) {
			return parseIdentity(kind, cert, nil) // the root's key is kept elsewhere
		}
	}
	if err := cmp.Or(certErr, keyErr); err != nil {
		return Identity{}, missing(f, certErr, keyErr, err)
	}
	return parseIdentity(kind, cert, key)
}

// requestFile is where the request of a certificate is kept.
func requestFile(f Files) string { return strings.TrimSuffix(f.Cert, ".crt") + ".csr" }

// missing words the two cases in which half a pair is there.
func missing(f Files, certErr, keyErr, err error) error {
	switch {
	case certErr == nil && errors.Is(keyErr, fs.ErrNotExist):
		return &fileError{fmt.Sprintf("%s has no key beside it: restore %s", f.Cert, filepath.Base(f.Key)), fs.ErrNotExist}
	case keyErr == nil && errors.Is(certErr, fs.ErrNotExist):
		return &fileError{fmt.Sprintf("%s has no certificate beside it: restore %s", f.Key, filepath.Base(f.Cert)), fs.ErrNotExist}
	}
	return err
}

// Files says where the identity of that kind and name is kept, or would be.
func (d *Dir) Files(kind Kind, name string) Files {
	return filesIn(filepath.Join(d.path, shelf(kind), folderName(name)), kind)
}

func filesIn(folder string, kind Kind) Files {
	return Files{
		Folder: folder,
		CA:     filepath.Join(folder, caFile),
		Cert:   filepath.Join(folder, string(kind)+".crt"),
		Key:    filepath.Join(folder, string(kind)+".key"),
	}
}

// shelf is the folder below which a kind's folders stand; the CA has its own.
func shelf(kind Kind) string {
	switch kind {
	case Authority:
		return "ca"
	case Intermediate:
		return "intermediates"
	case Server:
		return "servers"
	}
	return "clients"
}

// publish keeps id, all or nothing.
func (d *Dir) publish(id Identity) error {
	name := id.Name
	if id.Kind == Authority {
		name = "" // the one CA, whatever it is called
	}
	err := publish(d.Files(id.Kind, name).Folder, d.contents(id))
	if errors.Is(err, fs.ErrExist) {
		return &fileError{d.taken(id), fs.ErrExist}
	}
	if err != nil {
		return fmt.Errorf("keep %s %q: %w", id.Kind, id.Name, err)
	}
	return nil
}

// contents are the files of id's folder.
func (d *Dir) contents(id Identity) []newFile {
	files := []newFile{{string(id.Kind) + ".crt", id.CertPEM(), 0o644}}
	if id.HasKey() {
		files = append(files, newFile{string(id.Kind) + ".key", id.KeyPEM(), 0o600})
	} else if id.request != nil {
		files = append(files, newFile{string(id.Kind) + ".csr", id.request.PEM(), 0o644})
	}
	if id.Kind != Authority {
		files = append(files, newFile{caFile, d.ca.CertPEM(), 0o644})
	}
	return files
}

// fileError is a text of its own with the nature of another error.
type fileError struct {
	text  string
	cause error
}

func (e *fileError) Error() string { return e.text }
func (e *fileError) Unwrap() error { return e.cause }
