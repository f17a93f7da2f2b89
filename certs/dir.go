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
)

// A Dir is a CA that keeps itself, and all that it issues, in a directory:
//
//	.gitignore                  all of these: keys do not belong into Git
//	ca/ca.crt  ca/ca.key
//	clients/cam1/               ca.crt  thing.crt   thing.key
//	clients/broker/             ca.crt  service.crt service.key
//	servers/localhost/          ca.crt  server.crt  server.key
//
// Each folder is all that its owner needs. Things and services share clients/,
// because they share one name space. A folder is prepared under another name
// and renamed when it is complete and on the disk, which the system does for
// one caller only: no crash leaves half an entry, no two processes issue the
// same name, and no lock file is left behind by either.
//
// Its methods may be called concurrently, also from several processes.
type Dir struct {
	path string
	ca   *CA
}

// Files says where an identity is kept.
type Files struct {
	Folder string `json:"folder"`
	CA     string `json:"caFile"`
	Cert   string `json:"certFile"`
	Key    string `json:"keyFile"`
}

const caFile = "ca.crt"

// Init makes a CA in the directory path, which it creates (mode 0700) if need
// be. The error wraps fs.ErrExist if there is a CA already.
func Init(path, name string, opts ...Option) (*Dir, error) {
	ca, err := NewCA(name, opts...)
	if err != nil {
		return nil, err
	}
	d := &Dir{path, ca}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("make CA in %s: %w", path, err)
	}
	if err := d.ignoreByGit(); err != nil { // before there is a key to be ignored
		return nil, fmt.Errorf("make CA in %s: %w", path, err)
	}
	if err := d.publish(ca.id); err != nil {
		return nil, err
	}
	return d, nil
}

// ignoreByGit leaves a .gitignore alone that is there already, and names our
// folders only: the directory may be one that holds other things.
func (d *Dir) ignoreByGit() error {
	ours := fmt.Sprintf("/%s/\n/%s/\n/%s/\n/%s*/\n", shelf(Authority), shelf(Thing), shelf(Server), unfinished)
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
	if err != nil {
		return nil, fmt.Errorf("open the CA in %s: %w: restore ca.crt and ca.key, or make a new CA in another directory", path, err)
	}
	d.ca = &CA{id, id.Leaf}
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

// Server issues a certificate to a server (see CA.Server) and keeps it under
// its first host. The error wraps fs.ErrExist if that host has one.
func (d *Dir) Server(hosts []string, opts ...Option) (Identity, error) {
	return d.keep(d.ca.Server(hosts, opts...))
}

func (d *Dir) keep(id Identity, err error) (Identity, error) {
	if err != nil {
		return Identity{}, err
	}
	if err := d.publish(id); err != nil {
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
		err = id.Leaf.CheckSignatureFrom(d.ca.id.Leaf)
	}
	if err != nil {
		return Identity{}, fmt.Errorf("load %s %q: %w", kind, name, err)
	}
	return id, nil
}

func (d *Dir) read(kind Kind, name string) (Identity, error) {
	f := d.Files(kind, name)
	cert, certErr := os.ReadFile(f.Cert)
	key, keyErr := os.ReadFile(f.Key)
	if err := cmp.Or(certErr, keyErr); err != nil {
		return Identity{}, missing(f, certErr, keyErr, err)
	}
	return parseIdentity(kind, cert, key)
}

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
	folder := filepath.Join(d.path, shelf(kind), folderName(name))
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
	case Server:
		return "servers"
	}
	return "clients"
}

// publish keeps id, all or nothing.
func (d *Dir) publish(id Identity) error {
	contents := []newFile{
		{string(id.Kind) + ".key", id.KeyPEM(), 0o600},
		{string(id.Kind) + ".crt", id.CertPEM(), 0o644},
	}
	name := id.Name
	if id.Kind == Authority {
		name = "" // the one CA, whatever it is called
	} else {
		contents = append(contents, newFile{caFile, d.ca.CertPEM(), 0o644})
	}
	err := publish(d.Files(id.Kind, name).Folder, contents)
	if errors.Is(err, fs.ErrExist) {
		return &fileError{d.taken(id), fs.ErrExist}
	}
	if err != nil {
		return fmt.Errorf("keep %s %q: %w", id.Kind, id.Name, err)
	}
	return nil
}

// fileError is a text of its own with the nature of another error.
type fileError struct {
	text  string
	cause error
}

func (e *fileError) Error() string { return e.text }
func (e *fileError) Unwrap() error { return e.cause }
