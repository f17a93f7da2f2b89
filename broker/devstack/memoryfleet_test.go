// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

import (
	"crypto/x509"
	"fmt"
	"sync"
)

// memoryFleet is a registry of provisioned things that can be looked into.
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
