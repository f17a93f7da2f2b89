// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"

	"thingpass/policies"
	"thingpass/policies/explain"
	"thingpass/policies/registry"
	"thingpass/policies/templates"
)

// fromRegistry looks the identity up. Who is not let in at all, whatever the
// policies say, is an error that says why.
func (f *identityFlags) fromRegistry(id *explain.Identity, values templates.Values) error {
	r, err := registry.Load(f.registry)
	if err != nil {
		return unstartable(err)
	}
	who, err := f.find(r)
	var refusal *registry.Refusal
	if errors.As(err, &refusal) {
		return failed(fmt.Errorf("refused before any policy is asked: %w (%s)", err, f.registry))
	}
	if err != nil {
		return unstartable(err)
	}
	extra, err := policyDocuments(f.policies, values)
	if err != nil {
		return err
	}
	*id = registryIdentity(*id, r, who, extra)
	return nil
}

// registryIdentity is who asks, with what the registry attaches to it and, as
// IAM's documents are not the registry's, others besides.
func registryIdentity(id explain.Identity, r *registry.Registry, who *registry.Identity, extra []*policies.Document) explain.Identity {
	id.Who, id.At = who.Principal, r.Place
	id.Attached = func(clientID string) []*policies.Document {
		docs := who.Set(clientID).Documents()
		return append(docs[:len(docs):len(docs)], extra...)
	}
	if id.ClientID == "" && who.Thing == nil {
		id.ClientID = who.Name // a service's client id is its certificate's common name
	}
	return id
}

func (f *identityFlags) find(r *registry.Registry) (*registry.Identity, error) {
	switch {
	case f.certificateID != "":
		return r.FindID(f.certificateID)
	case f.certificate != "":
		cert, err := readCertificate(f.certificate)
		if err != nil {
			return nil, err
		}
		return r.Find(cert)
	}
	return r.FindThing(f.thing)
}
