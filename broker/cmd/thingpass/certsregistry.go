// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"thingpass/certs"
	"thingpass/policies/registry"
)

// thingRegistry keeps a registry file in step with what is issued and revoked.
// Without a file it does nothing.
type thingRegistry struct{ store *registry.Store }

func addRegistryFlag(c *cobra.Command) *string {
	return c.Flags().String("registry", "", "keep this registry `FILE` in step")
}

func openRegistry(path string) (thingRegistry, error) {
	if path == "" {
		return thingRegistry{}, nil
	}
	s, err := registry.Open(path)
	if err != nil {
		return thingRegistry{}, err
	}
	return thingRegistry{s}, nil
}

// add adds the certificate, and its thing unless that is there: into the groups
// into which jitp would put it, or none.
func (r thingRegistry) add(id certs.Identity) error {
	if r.store == nil {
		return nil
	}
	err := r.store.Edit(func(d *registry.Draft) error {
		if r.store.Registry().Thing(id.Name) == nil {
			if err := d.AddThing(registry.Thing{Name: id.Name, Groups: r.store.Registry().AdmissionGroups()}); err != nil {
				return err
			}
		}
		return d.AddCertificate(registry.Certificate{ID: id.Fingerprint(), Status: registry.Active, Things: []string{id.Name}})
	})
	if err != nil {
		return fmt.Errorf("the certificate of %q was issued (id %s), but %s was not changed: %w", id.Name, id.Fingerprint(), r.store.Path(), err)
	}
	return nil
}

// revoke marks the certificates.
func (r thingRegistry) revoke(ids ...string) error {
	if r.store == nil {
		return nil
	}
	err := r.store.Edit(func(d *registry.Draft) error {
		for _, id := range ids {
			if err := d.Revoke(id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("revoked, but %s was not changed: %w", r.store.Path(), err)
	}
	return nil
}
