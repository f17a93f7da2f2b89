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
