// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

import (
	"errors"
	"fmt"
	"strings"

	"thingpass/certs"
	"thingpass/policies"
	"thingpass/policies/registry"
)

// Thing makes the certificate of a thing in the stack's folder, whether or not
// the stack runs. The error wraps fs.ErrExist if the name is taken already; the
// Files are right in that case, too.
func Thing(dir, name string) (certs.Files, error) {
	if err := certs.CheckName(name); err != nil {
		return certs.Files{}, err
	}
	if owner := ownerOf(name); owner != "" {
		return certs.Files{}, fmt.Errorf("thing %s: the MQTT server keeps that name for service %s: choose another", name, owner)
	}
	dir, err := prepareDir(dir)
	if err != nil {
		return certs.Files{}, err
	}
	d, err := openCerts(dir)
	if err != nil {
		return certs.Files{}, err
	}
	_, err = d.Thing(name)
	return d.Files(certs.Thing, name), err
}

// ownerOf is the service of the stack that keeps a name for its client ids, or "".
func ownerOf(name string) string {
	for _, service := range []string{DefaultBroker, DefaultObserver, DefaultClaim} {
		if name == service || strings.HasPrefix(name, service+"-") {
			return service
		}
	}
	return ""
}

// RegisterThing enters a thing that Thing has made into the registry file: with its
// certificate, in these groups, or else in those that jitp gives, or else in the only
// one. file is the registry; "" is the folder's registry.yaml, and where there is
// none, nothing is done: the stack lets in every thing of its CA. What is entered
// already stays as it is. It returns the file.
func RegisterThing(dir, file, name string, groups []string) (string, error) {
	file, err := registryOf(dir, file)
	if err != nil || file == "" {
		return "", err
	}
	store, err := registry.Open(file)
	if err != nil {
		return file, err
	}
	d, err := openCerts(dir)
	if err != nil {
		return file, err
	}
	id, err := d.Load(certs.Thing, name)
	if err != nil {
		return file, err
	}
	certificate := policies.CertificateID(id.Leaf)
	r := store.Registry()
	if owner := r.Owner(name); owner != "" {
		return file, fmt.Errorf("thing %s: the registry keeps that name for service %s: choose another", name, owner)
	}
	_, known := r.Certificate(certificate)
	if known {
		return file, nil
	}
	if groups, err = groupsFor(r, groups); err != nil {
		return file, fmt.Errorf("%s: %w", file, err)
	}
	return file, store.Edit(func(d *registry.Draft) error {
		var problems []error
		if r.Thing(name) == nil {
			problems = append(problems, d.AddThing(registry.Thing{Name: name, Groups: groups}))
		}
		problems = append(problems, d.AddCertificate(registry.Certificate{ID: certificate, Status: registry.Active, Things: []string{name}}))
		return errors.Join(problems...)
	})
}

func groupsFor(r *registry.Registry, groups []string) ([]string, error) {
	all := r.Groups()
	switch {
	case len(groups) > 0:
		return groups, nil
	case r.Admits():
		return r.AdmissionGroups(), nil
	case len(all) == 1:
		return all, nil
	}
	return nil, fmt.Errorf("which group is it for? Name one of %s with --group", strings.Join(all, ", "))
}
