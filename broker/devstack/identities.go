// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"thingpass/certs"
)

// certsFolder is in Dir: `thingpass certs --dir <Dir>/certs` works on it, too.
const certsFolder = "certs"

// openCerts opens the stack's certificates, or makes its CA. The server's
// certificate is not among them: it is made at each start, for the addresses of
// that start, so that no address and no expiry is ever out of date. What things
// hold is the CA.
func openCerts(dir string) (*certs.Dir, error) {
	path := filepath.Join(dir, certsFolder)
	d, err := certs.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		d, err = certs.Init(path, "thingpass development CA")
	}
	if errors.Is(err, fs.ErrExist) { // another process was quicker
		d, err = certs.Open(path)
	}
	return d, err
}

// service returns the certificate of a service, which is made if need be.
func service(d *certs.Dir, name string) (certs.Files, error) {
	files := d.Files(certs.Service, name)
	id, err := d.Load(certs.Service, name)
	if errors.Is(err, fs.ErrNotExist) {
		id, err = d.Service(name)
		if errors.Is(err, fs.ErrExist) { // another process was quicker
			id, err = d.Load(certs.Service, name)
		}
	}
	if err != nil {
		return certs.Files{}, err
	}
	if time.Now().After(id.Leaf.NotAfter) {
		return certs.Files{}, fmt.Errorf("the certificate of service %s has expired: delete %s, and a new one is made", name, files.Folder)
	}
	return files, nil
}
