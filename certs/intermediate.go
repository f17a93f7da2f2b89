// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// InitIntermediate makes a root and an intermediate that issues in its stead,
// so that the root's key can be kept elsewhere: things go on trusting the root
// when the intermediate is replaced. Where there is such a root already, and
// its key, it makes the next intermediate; earlier ones issue no more.
func InitIntermediate(path, name string, root, intermediate []Option) (*Dir, error) {
	d, err := openRoot(path)
	if errors.Is(err, fs.ErrNotExist) && !exists(filepath.Join(path, shelf(Authority))) {
		d, err = initRoot(path, name, root)
	}
	if err != nil {
		return nil, err
	}
	first := d.authorities[0]
	number := len(d.authorities)
	next, err := first.Intermediate(fmt.Sprintf("%s, intermediate %d", first.id.Name, number), intermediate...)
	if err != nil {
		return nil, err
	}
	if err := d.record(next.id); err != nil {
		return nil, err
	}
	folder := filepath.Join(path, shelf(Intermediate), strconv.Itoa(number))
	if err := publish(folder, d.contents(next.id)); err != nil {
		d.forget(next.id)
		return nil, fmt.Errorf("keep intermediate %d: %w", number, err)
	}
	d.ca, d.authorities = next, append(d.authorities, next)
	// while the root's key is here: its list says that the intermediates are good
	if _, err := d.WriteCRLs(time.Now(), CRLDays); err != nil {
		return nil, err
	}
	return d, nil
}

func initRoot(path, name string, opts []Option) (*Dir, error) {
	if err := checkLabel(name + ", intermediate 999"); err != nil {
		return nil, fmt.Errorf("make CA: with \", intermediate 999\" behind it, %w", err)
	}
	ca, err := NewRoot(name, opts...)
	if err != nil {
		return nil, err
	}
	d := &Dir{path: path, ca: ca, authorities: []*CA{ca}}
	return d, d.create()
}

// openRoot opens a directory also while it has no intermediate yet.
func openRoot(path string) (*Dir, error) {
	d := &Dir{path: path}
	id, err := d.read(Authority, "")
	if err == nil {
		err = checkAuthority(id)
	}
	if err != nil {
		return nil, fmt.Errorf("open the CA in %s: %w", path, err)
	}
	d.ca = &CA{id, id.Leaf}
	d.authorities = []*CA{d.ca}
	return d, d.readIntermediates()
}

// readIntermediates appends them to the authorities; the last one issues.
func (d *Dir) readIntermediates() error {
	root := d.authorities[0]
	for number := 1; ; number++ {
		folder := filepath.Join(d.path, shelf(Intermediate), strconv.Itoa(number))
		if !exists(folder) {
			return nil
		}
		f := filesIn(folder, Intermediate)
		if !exists(f.Key) { // one that issues no more may be put away, too
			if cert, err := os.ReadFile(f.Cert); err == nil && exists(filepath.Join(d.path, shelf(Intermediate), strconv.Itoa(number+1))) {
				id, err := parseIdentity(Intermediate, cert, nil)
				if err != nil {
					return fmt.Errorf("intermediate %d: %w", number, err)
				}
				d.authorities = append(d.authorities, &CA{id, root.root})
				continue
			}
		}
		id, err := d.readFiles(Intermediate, f)
		if err == nil {
			err = id.Leaf.CheckSignatureFrom(root.id.Leaf)
		}
		if err != nil {
			return fmt.Errorf("intermediate %d: %w", number, err)
		}
		d.ca = &CA{id, root.root}
		d.authorities = append(d.authorities, d.ca)
	}
}

// slug names an authority's revocation lists: ca, intermediate-1 …
func (d *Dir) slug(index int) string {
	if index == 0 {
		return shelf(Authority)
	}
	return fmt.Sprintf("%s-%d", Intermediate, index)
}
