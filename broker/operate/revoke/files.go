// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package revoke has those who revoke certificates for package operate: the files
// of one's own CA and registry, and AWS IoT. All that they do they do with
// packages certs, registry and awsiot, as the commands do; they are apart from
// operate, which stays clear of YAML and of AWS's SDK.
package revoke

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"thingpass/certs"
	"thingpass/policies/registry"
)

// Files revokes as `thingpass certs revoke --registry` does, followed by
// `thingpass certs crl`. Either may be nil. Its methods may be called
// concurrently; another process must not edit the registry at the same time.
type Files struct {
	Dir      *certs.Dir      // whose record says what a thing was given, and whose lists are written
	Registry *registry.Store // marks take effect where this file is watched
	Days     int             // that a list is good for; 0: certs.CRLDays
	Now      func() time.Time

	mu sync.Mutex
}

// Revoke revokes all certificates of a thing: those that the CA gave it, and those
// that the registry attaches to it. What one of both cannot do does not keep the
// other from doing it.
func (f *Files) Revoke(_ context.Context, thing string) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	issued, fresh, dirErr := f.revokeIssued(thing)
	registered, err := f.registered(thing)
	if err == nil {
		all := slices.Concat(issued, registered)
		slices.Sort(all)
		err = f.mark(slices.Compact(all), fresh)
	}
	if err = errors.Join(dirErr, err); err == nil && len(issued)+len(registered) == 0 {
		err = fmt.Errorf("no certificate of %s is known here: revoke it where it was issued, or block the thing", thing)
	}
	return len(fresh), err
}

// revokeIssued revokes in the CA's record, and writes the lists. A service that is
// called like the thing keeps its certificates. fresh are those that were not
// revoked before.
func (f *Files) revokeIssued(thing string) (all []string, fresh map[string]bool, err error) {
	fresh = map[string]bool{}
	if f.Dir == nil {
		return nil, fresh, nil
	}
	now := f.Now()
	record, err := f.Dir.Issued(now)
	if err != nil {
		return nil, fresh, err
	}
	for _, i := range record {
		if i.Kind != certs.Thing || i.Name != thing || i.Status == certs.Ended {
			continue
		}
		if err := f.Dir.Revoke(i.Serial, certs.Revocation{At: now, Reason: certs.PrivilegeWithdrawn}); err != nil {
			return all, fresh, err
		}
		all = append(all, i.Fingerprint)
		if i.Status != certs.Revoked {
			fresh[i.Fingerprint] = true
		}
	}
	if len(all) == 0 {
		return nil, fresh, nil
	}
	return all, fresh, f.writeLists(now)
}

func (f *Files) writeLists(now time.Time) error {
	days := f.Days
	if days == 0 {
		days = certs.CRLDays
	}
	lists, err := f.Dir.WriteCRLs(now, days)
	if err != nil {
		return fmt.Errorf("revoked, but the revocation lists are not written: %w: run `thingpass certs crl`", err)
	}
	for _, l := range lists {
		if l.Problem != "" {
			err = errors.Join(err, fmt.Errorf("the revocation list of %s: %s", l.Slug, l.Problem))
		}
	}
	return err
}

// registered are the certificates that the registry attaches to the thing.
func (f *Files) registered(thing string) (ids []string, err error) {
	if f.Registry == nil {
		return nil, nil
	}
	if _, err := f.Registry.Reload(); err != nil {
		return nil, err
	}
	for _, c := range f.Registry.Registry().Certificates() {
		if c.ID != "" && slices.Contains(c.Things, thing) {
			ids = append(ids, c.ID)
		}
	}
	return ids, nil
}

// mark marks them in the registry, and adds to fresh what it did not have as
// revoked.
func (f *Files) mark(ids []string, fresh map[string]bool) error {
	if f.Registry == nil || len(ids) == 0 {
		return nil
	}
	before := f.Registry.Registry()
	err := f.Registry.Edit(func(d *registry.Draft) error {
		for _, id := range ids {
			if err := d.Revoke(id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s was not changed: %w", f.Registry.Path(), err)
	}
	for _, id := range ids {
		if c, known := before.Certificate(id); known && c.Status != registry.Revoked {
			fresh[id] = true
		}
	}
	return nil
}
