// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

import (
	"crypto/x509"

	"thingpass/policies/registry"
)

// registryFleet enters provisioned things into the registry, where whoever decides about
// connections finds them.
type registryFleet struct{ store *registry.Store }

func (f registryFleet) Add(leaf *x509.Certificate) error {
	return f.store.Edit(func(d *registry.Draft) error {
		return d.AddCertificate(registry.Certificate{ID: certificateID(leaf), Status: registry.PendingActivation})
	})
}

// Register puts a thing that is there already into no other group: an operator may have
// taken it out of one.
func (f registryFleet) Register(id, thing, group string) error {
	return f.store.Edit(func(d *registry.Draft) error {
		if !f.Has(thing) {
			t := registry.Thing{Name: thing}
			if group != "" {
				t.Groups = []string{group}
			}
			if err := d.AddThing(t); err != nil {
				return err
			}
		}
		if err := d.Attach(id, thing); err != nil {
			return err
		}
		return d.SetStatus(id, registry.Active)
	})
}

func (f registryFleet) Drop(id string) error {
	return f.store.Edit(func(d *registry.Draft) error { return d.RemovePending(id) })
}

func (f registryFleet) Has(thing string) bool { return f.store.Registry().Thing(thing) != nil }
