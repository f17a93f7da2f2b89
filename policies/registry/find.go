// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	"thingpass/policies"
)

// An Identity is who a certificate belongs to, and what is attached to it.
type Identity struct {
	policies.Principal
	Name string // the thing's, or the certificate's common name: for logs

	own   *policies.Set // of the certificate
	all   *policies.Set // and of the thing's groups
	entry *Certificate
}

// Set is what counts under a client id: policies of groups only if it is the
// thing's name, or the thing is attached exclusively (iot-policies: "the clientId
// and the thing name must match").
func (i *Identity) Set(clientID string) *policies.Set {
	if i.Thing != nil && (i.Exclusive || clientID == i.Thing.Name) {
		return i.all
	}
	return i.own
}

// Connect decides whether the identity may connect so, and returns the session
// of the connection.
func (r *Registry) Connect(who *Identity, request policies.ConnectRequest) (*policies.Session, policies.Result) {
	who = r.as(who, request.ClientID)
	return who.Set(request.ClientID).Connect(r.Place, who.Principal, request)
}

// as picks the thing that has the client id for its name, where a certificate is
// attached to several.
func (r *Registry) as(who *Identity, clientID string) *Identity {
	if len(who.entry.Things) < 2 || !slices.Contains(who.entry.Things, clientID) || r.things[clientID].Blocked {
		return who
	}
	t := r.things[clientID]
	return r.identity(who.entry, t, t.Groups, who.Certificate, who.ID)
}

// A Refusal says why a certificate is not let in at all.
type Refusal struct{ Text string }

func (r *Refusal) Error() string { return r.Text }

func refuse(format string, args ...any) error { return &Refusal{fmt.Sprintf(format, args...)} }

// Find returns who a certificate belongs to, whose chain has been verified. The
// error is a *Refusal.
func (r *Registry) Find(cert *x509.Certificate) (*Identity, error) {
	id := policies.CertificateID(cert)
	if c := r.byID[id]; c != nil {
		return r.identify(c, cert, id)
	}
	name := cert.Subject.CommonName
	if c := r.byName[name]; c != nil {
		if isUnit(cert, unitThing) && len(c.Things) == 0 {
			return nil, refuse("certificate %s is a thing's (OU=thing), and the name %s belongs to a service: give the thing another", id, name)
		}
		return r.identify(c, cert, id)
	}
	if r.admission == nil {
		return nil, refuse("certificate %s (CN %q) is not registered: add it to certificates, or let jitp admit it", id, clip(name))
	}
	if isUnit(cert, unitService) {
		return nil, refuse("certificate %s is a service's (OU=service), and there is no service %q in the registry: add it to certificates", id, clip(name))
	}
	return r.admit(name, cert, id)
}

// `thingpass certs` writes into OU which of the two a certificate is for. Others'
// certificates say something else there, or nothing, and are judged by name alone.
const (
	unitThing   = "thing"
	unitService = "service"
)

func isUnit(cert *x509.Certificate, unit string) bool {
	return slices.Equal(cert.Subject.OrganizationalUnit, []string{unit})
}

// Knows is true if a certificate has an entry of its own, by its id: whatever its
// subject says then matters to nobody.
func (r *Registry) Knows(cert *x509.Certificate) bool {
	return r.byID[policies.CertificateID(cert)] != nil
}

// Owner is the service whose client ids a name would be one of, or "": the
// service's own name, and those that begin with it and a hyphen. A thing of that
// name could take over the service's session.
func (r *Registry) Owner(name string) string {
	for i := len(name); i > 0; i-- {
		if i < len(name) && name[i] != '-' {
			continue
		}
		if c := r.byName[name[:i]]; c != nil && len(c.Things) == 0 {
			return c.CommonName
		}
	}
	return ""
}

// admit is just-in-time provisioning.
func (r *Registry) admit(name string, cert *x509.Certificate, id string) (*Identity, error) {
	if !thingName.MatchString(name) {
		return nil, refuse("%q is no thing's name", clip(name))
	}
	if owner := r.Owner(name); owner != "" {
		return nil, refuse("thing %s: client ids of that kind belong to service %s: give it another name", name, owner)
	}
	t := r.things[name]
	if t == nil {
		t = &Thing{Name: name}
	}
	if t.Blocked {
		return nil, refuse("thing %s is blocked", name)
	}
	groups := t.Groups
	if len(groups) == 0 {
		groups = r.admission.Groups
	}
	return r.identity(&Certificate{}, t, groups, cert, id), nil
}

func (r *Registry) identify(c *Certificate, cert *x509.Certificate, id string) (*Identity, error) {
	switch c.Status {
	case Active:
	case PendingActivation:
		return nil, refuse("certificate %s is PENDING_ACTIVATION: it has no thing yet", id)
	default:
		return nil, refuse("certificate %s is %s", id, c.Status)
	}
	var t *Thing
	var groups []string
	if len(c.Things) > 0 {
		t = r.things[c.Things[0]]
	}
	if t != nil {
		if t.Blocked {
			return nil, refuse("thing %s is blocked", t.Name)
		}
		groups = t.Groups
	}
	return r.identity(c, t, groups, cert, id), nil
}

func (r *Registry) identity(c *Certificate, t *Thing, groups []string, cert *x509.Certificate, id string) *Identity {
	out := &Identity{Principal: policies.Principal{Certificate: cert, ID: id, Exclusive: c.Exclusive}, entry: c}
	if cert != nil {
		out.Name = cert.Subject.CommonName
	}
	if t != nil {
		out.Name = t.Name
		out.Thing = &policies.Thing{Name: t.Name, Type: t.Type, Attributes: t.Attributes}
	}
	out.own = r.set(c.Policies)
	out.all = r.set(c.Policies, r.policiesOf(groups)...)
	return out
}

func (r *Registry) policiesOf(groups []string) []string {
	var names []string
	for _, g := range groups {
		names = append(names, r.groups[g].Policies...)
	}
	return names
}

// set is that of the names, each counted once.
func (r *Registry) set(own []string, more ...string) *policies.Set {
	names := slices.Concat(own, more)
	slices.Sort(names)
	names = slices.Compact(names)
	if s := r.sets[strings.Join(names, "\x00")]; s != nil {
		return s
	}
	return r.newSet(names) // of a combination that no entry has
}

func (r *Registry) newSet(names []string) *policies.Set {
	docs := make([]*policies.Document, len(names))
	for i, name := range names {
		docs[i] = r.documents[name]
	}
	return policies.Compile(policies.IoT, docs...)
}

// compile prepares the sets that entries have, so that finding one makes none.
func (r *Registry) compile() {
	r.sets = map[string]*policies.Set{}
	prepare := func(own []string, groups []string) {
		for _, more := range [][]string{nil, r.policiesOf(groups)} {
			names := slices.Concat(own, more)
			slices.Sort(names)
			names = slices.Compact(names)
			if key := strings.Join(names, "\x00"); r.sets[key] == nil {
				r.sets[key] = r.newSet(names)
			}
		}
	}
	for i := range r.certificates {
		c := &r.certificates[i]
		prepare(c.Policies, nil)
		for _, name := range c.Things {
			prepare(c.Policies, r.things[name].Groups)
		}
	}
	for _, t := range r.things {
		prepare(nil, t.Groups)
	}
	if r.admission != nil {
		prepare(nil, r.admission.Groups)
	}
}
