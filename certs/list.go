// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A State says in a few words whether an entry can be used.
type State string

// The states, the worst first: an entry in several is reported in the first.
const (
	KeyMissing         State = "key missing"
	CertificateMissing State = "certificate missing"
	Damaged            State = "damaged"
	IsRevoked          State = "revoked"
	Expired            State = "expired"
	NotYetValid        State = "not yet valid"
	KeyExposed         State = "key exposed" // other users may read the key file
	Rotating           State = "rotating"    // a second certificate is valid, too
	ExpiresSoon        State = "expires soon"
	Valid              State = "valid"
)

// An Entry is what List tells of one identity. Without a readable certificate
// all between Name and State is zero.
type Entry struct {
	Kind        Kind      `json:"kind"`
	Name        string    `json:"name"`
	Hosts       []string  `json:"hosts,omitempty"` // of a server
	Serial      string    `json:"serial,omitempty"`
	Fingerprint string    `json:"fingerprint,omitempty"` // see Identity.Fingerprint
	NotBefore   time.Time `json:"notBefore,omitzero"`
	NotAfter    time.Time `json:"notAfter,omitzero"`
	DaysLeft    int       `json:"daysLeft"` // whole days; negative once expired
	State       State     `json:"state"`
	Problem     string    `json:"problem,omitempty"`  // what to do about the state
	Next        bool      `json:"next,omitempty"`     // the new one of a rotation
	RevokedAt   time.Time `json:"revokedAt,omitzero"` // may lie ahead
	Files
}

// List describes the CA and all that it issued, in this order: the CA, its
// intermediates, things and services by name, servers. A rotation's new
// certificate follows the old one. "Expires soon" is within soon from now.
//
// A broken entry is an Entry with a Problem, not an error.
func (d *Dir) List(now time.Time, soon time.Duration) ([]Entry, error) {
	entries := []Entry{d.inspect(Authority, "", now, soon)}
	entries[0].Name = d.authorities[0].id.Name
	for i, ca := range d.authorities[1:] {
		e := d.inspectFiles(filesIn(filepath.Join(d.path, shelf(Intermediate), fmt.Sprint(i+1)), Intermediate), Intermediate, ca.id.Name, nil, now, soon)
		entries = append(entries, e)
	}
	for _, s := range []string{shelf(Thing), shelf(Server)} {
		folders, err := os.ReadDir(filepath.Join(d.path, s))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("list %s: %w", d.path, err)
		}
		for _, f := range folders {
			if strings.HasPrefix(f.Name(), ".") {
				continue // unfinished, or some program's own
			}
			e := d.inspectFolder(s, f.Name(), now, soon)
			entries = append(entries, e)
			if d.kindKnown(e) && exists(d.NextFiles(e.Kind, e.Name).Folder) {
				entries = append(entries, d.inspectNext(e.Kind, e.Name, now, soon))
			}
		}
	}
	return entries, nil
}

func (d *Dir) inspectFolder(shelfName, folder string, now time.Time, soon time.Duration) Entry {
	kind, name := d.kindOf(shelfName, folder), nameOfFolder(folder)
	if folderName(name) == folder {
		return d.inspect(kind, name, now, soon)
	}
	return Entry{Kind: kind, Name: name, State: Damaged,
		Files:   Files{Folder: filepath.Join(d.path, shelfName, folder)},
		Problem: fmt.Sprintf("no name leads to a folder %q: remove or rename it", folder)}
}

// kindOf tells services from things by the files that are there.
func (d *Dir) kindOf(shelfName, folder string) Kind {
	if shelfName == shelf(Server) {
		return Server
	}
	for _, suffix := range []string{".crt", ".key"} {
		if exists(filepath.Join(d.path, shelfName, folder, string(Service)+suffix)) {
			return Service
		}
	}
	return Thing
}

// kindKnown tells an entry from a stray folder.
func (d *Dir) kindKnown(e Entry) bool { return e.Folder == d.Files(e.Kind, e.Name).Folder }

func (d *Dir) inspect(kind Kind, name string, now time.Time, soon time.Duration) Entry {
	return d.inspectFiles(d.Files(kind, name), kind, name, d.check(kind, name), now, soon)
}

func (d *Dir) inspectNext(kind Kind, name string, now time.Time, soon time.Duration) Entry {
	_, err := d.LoadNext(kind, name)
	e := d.inspectFiles(d.NextFiles(kind, name), kind, name, err, now, soon)
	e.Next = true
	return e
}

// inspectFiles tells about files of which err says whether they are in order.
func (d *Dir) inspectFiles(f Files, kind Kind, name string, err error, now time.Time, soon time.Duration) Entry {
	e := Entry{Kind: kind, Name: name, Files: f}
	if leaf, err := readCert(e.Cert); err == nil {
		e.describe(leaf, now)
	}
	if r := requestFile(f); exists(r) && !exists(e.Key) {
		e.Key, e.Request = "", r
	}
	away := e.Request != "" || kind == Authority || kind == Intermediate // the key, rightly
	switch {
	case err != nil && exists(filepath.Join(f.Folder, nextFolder)):
		e.State, e.Problem = Damaged, "its rotation was interrupted: run thingpass certs rotate --finish "+name
	case err != nil && exists(e.Cert) && !exists(e.Key) && !away:
		e.State, e.Problem = KeyMissing, "restore "+e.Key+", or remove the folder and issue again"
	case err != nil && exists(e.Key) && !exists(e.Cert):
		e.State, e.Problem = CertificateMissing, "restore "+e.Cert+", or remove the folder and issue again"
	case err != nil:
		e.State, e.Problem = Damaged, err.Error()
	default:
		e.State, e.Problem = e.judge(d, now, soon)
	}
	return e
}

func (d *Dir) check(kind Kind, name string) error {
	if kind == Authority {
		return nil // Open did, or Init made it
	}
	_, err := d.Load(kind, name)
	return err
}

// describe fills in what the certificate says.
func (e *Entry) describe(leaf *x509.Certificate, now time.Time) {
	e.Serial = serialOf(leaf)
	e.Fingerprint = Fingerprint(leaf)
	e.NotBefore, e.NotAfter = leaf.NotBefore, leaf.NotAfter
	e.DaysLeft = int(math.Floor(leaf.NotAfter.Sub(now).Hours() / 24))
	if e.Kind == Server {
		e.Hosts = leaf.DNSNames
	}
}

// judge is the state of an entry whose files are in order.
func (e *Entry) judge(d *Dir, now time.Time, soon time.Duration) (State, string) {
	again := "thingpass certs renew " + e.Name
	switch e.Kind {
	case Authority:
		again = "make a new CA in another directory, and issue again"
	case Intermediate:
		again = "bring the root's key back, and make the next one with thingpass certs init --intermediate"
	}
	r, err := d.revocation(e.Serial)
	e.RevokedAt = r.At
	info, statErr := os.Stat(e.Key)
	switch {
	case err != nil:
		return Damaged, err.Error()
	case !r.At.IsZero() && !r.At.After(now):
		return IsRevoked, "run thingpass certs rotate " + e.Name + " for a new one, or remove the folder"
	case now.After(e.NotAfter):
		return Expired, again
	case now.Before(e.NotBefore):
		return NotYetValid, "set this machine's clock, or wait until " + e.NotBefore.Format(time.RFC3339)
	case statErr == nil && info.Mode().Perm()&0o077 != 0:
		return KeyExposed, "chmod 600 " + e.Key
	case exists(filepath.Join(e.Folder, nextFolder)):
		return Rotating, "give its owner what is in " + filepath.Join(e.Folder, nextFolder) + ", then run thingpass certs rotate --finish " + e.Name
	case e.NotAfter.Sub(now) < soon:
		return ExpiresSoon, again
	}
	return Valid, ""
}

// taken says why id cannot be kept: its folder exists.
func (d *Dir) taken(id Identity) string {
	if id.Kind == Authority {
		return fmt.Sprintf("%s holds a CA already, and keys are never overwritten: use it, or choose another directory", d.path)
	}
	f := d.Files(id.Kind, id.Name)
	e := d.inspectFolder(shelf(id.Kind), filepath.Base(f.Folder), time.Now(), 0)
	switch {
	case e.State == KeyMissing || e.State == CertificateMissing || e.State == Damaged:
		return fmt.Sprintf("%s %q: %s is %s, and keys are never overwritten: restore it, or remove the folder and issue again", id.Kind, id.Name, f.Folder, incomplete(e.State))
	case e.Kind != id.Kind:
		return fmt.Sprintf("%q is the name of a %s already, and a %s must not pass as one: choose another name", id.Name, e.Kind, id.Kind)
	}
	return fmt.Sprintf("%s %q has a certificate until %s in %s, and keys are never overwritten: use it, or remove the folder and issue again", id.Kind, id.Name, day(e.NotAfter), f.Folder)
}

func incomplete(s State) string {
	switch s {
	case KeyMissing:
		return "without its key"
	case CertificateMissing:
		return "without its certificate"
	}
	return "damaged"
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func readCert(path string) (*x509.Certificate, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	leaf, _, err := parseChain(data)
	return leaf, err
}
