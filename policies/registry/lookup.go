// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"maps"
	"slices"

	"thingpass/policies"
)

// FindThing is who a thing is by its first active certificate, or by jitp, for
// simulations: nothing of the certificate but its id is known.
func (r *Registry) FindThing(name string) (*Identity, error) {
	t := r.things[name]
	for i := range r.certificates {
		c := &r.certificates[i]
		if slices.Contains(c.Things, name) && c.Status == Active {
			return r.identify(c, nil, c.ID)
		}
	}
	switch {
	case t == nil && r.admission == nil:
		return nil, refuse("there is no thing %q in the registry", name)
	case r.admission == nil:
		return nil, refuse("thing %s has no active certificate", name)
	}
	return r.admit(name, nil, "")
}

// FindID is who a certificate is, by its id or its common name.
func (r *Registry) FindID(id string) (*Identity, error) {
	c := r.byID[id]
	if c == nil {
		c = r.byName[id]
	}
	if c == nil {
		return nil, refuse("there is no certificate %q in the registry", clip(id))
	}
	who, err := r.identify(c, nil, c.ID)
	if who != nil && who.Name == "" {
		who.Name = c.CommonName
	}
	return who, err
}

// Things are the names of all things, in order.
func (r *Registry) Things() []string { return slices.Sorted(maps.Keys(r.things)) }

// Thing returns what is known of a thing, not to be changed; nil if it is not
// there.
func (r *Registry) Thing(name string) *Thing { return r.things[name] }

// Certificates are all entries, not to be changed.
func (r *Registry) Certificates() []Certificate { return r.certificates }

// Group returns a thing group, not to be changed; nil if there is none.
func (r *Registry) Group(name string) *Group { return r.groups[name] }

// Document is a policy by its name in the registry; nil if there is none.
func (r *Registry) Document(name string) *policies.Document { return r.documents[name] }

// Documents are the names of all policies, in order.
func (r *Registry) Documents() []string { return slices.Sorted(maps.Keys(r.documents)) }

// Admits is true if things that are not named are let in.
func (r *Registry) Admits() bool { return r.admission != nil }

// AdmissionPolicies are the names of the policies that things get which jitp
// admits, in order; nil if it admits none.
func (r *Registry) AdmissionPolicies() []string {
	if r.admission == nil {
		return nil
	}
	return sorted(r.policiesOf(r.admission.Groups))
}

// ThingPolicies are the names of the policies of a thing's groups, in order; of
// a thing without groups, what jitp gives it.
func (r *Registry) ThingPolicies(name string) []string {
	t := r.things[name]
	if t == nil || len(t.Groups) == 0 {
		return r.AdmissionPolicies()
	}
	return sorted(r.policiesOf(t.Groups))
}

func sorted(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

// Files are the documents that the registry names: who watches it watches them.
func (r *Registry) Files() []string { return r.files }

// Groups are the names of all thing groups, in order.
func (r *Registry) Groups() []string { return slices.Sorted(maps.Keys(r.groups)) }

// AdmissionGroups are those that things get which jitp admits, not to be changed.
func (r *Registry) AdmissionGroups() []string {
	if r.admission == nil {
		return nil
	}
	return r.admission.Groups
}

// Certificate is the entry of an id.
func (r *Registry) Certificate(id string) (Certificate, bool) {
	c := r.byID[id]
	if c == nil {
		return Certificate{}, false
	}
	return *c, true
}
