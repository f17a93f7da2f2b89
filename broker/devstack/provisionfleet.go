// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

import (
	"crypto/x509"
	"errors"
	"fmt"
	"sync"

	"thingpass/policies/registry"
)

// registryFleet enters provisioned things into a registry file, where whoever decides
// about connections finds them.
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

// memoryFleet is a registry of provisioned things in memory. It stands in where there is
// no registry file.
type memoryFleet struct {
	mu           sync.Mutex
	certificates map[string]string // id → thing; "" is PENDING_ACTIVATION
	things       map[string]string // → group
}

func newMemoryFleet() *memoryFleet {
	return &memoryFleet{certificates: make(map[string]string), things: make(map[string]string)}
}

func (f *memoryFleet) Add(leaf *x509.Certificate) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.certificates[certificateID(leaf)] = ""
	return nil
}

func (f *memoryFleet) Register(id, thing, group string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if owner, ok := f.certificates[id]; !ok || owner != "" {
		return fmt.Errorf("certificate %s is not PENDING_ACTIVATION", id)
	}
	f.certificates[id] = thing
	if _, ok := f.things[thing]; !ok {
		f.things[thing] = group
	}
	return nil
}

func (f *memoryFleet) Drop(id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.certificates[id] != "" {
		return fmt.Errorf("certificate %s is in use", id)
	}
	delete(f.certificates, id)
	return nil
}

func (f *memoryFleet) Has(thing string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, ok := f.things[thing]
	return ok
}

// find returns the thing of a certificate; known is false for one that is not ours.
func (f *memoryFleet) find(leaf *x509.Certificate) (thing string, known bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	thing, known = f.certificates[certificateID(leaf)]
	if known && thing == "" {
		return "", true, errors.New("the certificate is PENDING_ACTIVATION: its thing was not registered")
	}
	return thing, known, nil
}
