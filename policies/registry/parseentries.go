// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"go.yaml.in/yaml/v3"

	"thingpass/policies"
)

func (b *builder) typesOf(n *yaml.Node) {
	if n == nil {
		return
	}
	b.mapping(n, "types", func(key, value *yaml.Node) {
		b.name(key, "a thing type", thingName)
		b.section(value, "type "+key.Value, "description")
		b.out.types[key.Value] = true
	})
}

func (b *builder) groupsOf(n *yaml.Node) {
	if n == nil {
		return
	}
	b.mapping(n, "groups", func(key, value *yaml.Node) {
		b.name(key, "a thing group", thingName)
		f := b.section(value, "group "+key.Value, "policies", "description")
		g := &Group{Name: key.Value, Policies: references(&b.reader, f["policies"], "policies", "policy", b.out.documents)}
		b.out.groups[g.Name] = g
		b.attach(g.Policies)
	})
}

func (b *builder) thingsOf(n *yaml.Node) {
	if n == nil {
		return
	}
	b.mapping(n, "things", func(key, value *yaml.Node) {
		b.name(key, "a thing", thingName)
		b.note("things", key)
		f := b.section(value, "thing "+key.Value, "type", "attributes", "groups", "blocked")
		t := &Thing{
			Name: key.Value, Type: b.text(f["type"], "type"), Attributes: map[string]string{},
			Groups:  references(&b.reader, f["groups"], "groups", "group", b.out.groups),
			Blocked: b.truth(f["blocked"], "blocked"),
		}
		if t.Type != "" && !b.out.types[t.Type] {
			b.fail(f["type"], "define it below types:", "there is no thing type %q", t.Type)
		}
		if f["attributes"] != nil {
			b.attributes(t, f["attributes"])
		}
		if len(t.Groups) > maxGroups {
			b.fail(f["groups"], "", "thing %s is in %d groups, AWS allows %d (thing-groups)", t.Name, len(t.Groups), maxGroups)
		}
		b.out.things[t.Name] = t
	})
}

func (b *builder) attributes(t *Thing, n *yaml.Node) {
	b.mapping(n, "attributes", func(key, value *yaml.Node) {
		if !thingName.MatchString(key.Value) {
			b.fail(key, "", "an attribute cannot be called %q", clip(key.Value))
		}
		v := b.text(value, "attribute "+key.Value)
		if v != "" && !attribute.MatchString(v) {
			b.fail(value, "AWS's form is "+attribute.String(), "attribute %s cannot be %q", key.Value, clip(v))
		}
		t.Attributes[key.Value] = v
		b.attributesSeen[key.Value] = true
	})
	switch {
	case t.Type == "" && len(t.Attributes) > maxUntyped:
		b.fail(n, "give it a type", "thing %s has %d attributes, AWS allows %d without a thing type", t.Name, len(t.Attributes), maxUntyped)
	case len(t.Attributes) > maxAttributes:
		b.fail(n, "", "thing %s has %d attributes, AWS allows %d", t.Name, len(t.Attributes), maxAttributes)
	}
}

func (b *builder) admissionOf(n *yaml.Node) {
	if n == nil {
		return
	}
	f := b.section(n, "jitp", "groups")
	b.out.admission = &Admission{Groups: references(&b.reader, f["groups"], "groups", "group", b.out.groups)}
}

func (b *builder) certificatesOf(n *yaml.Node) {
	for _, item := range b.list(n, "certificates") {
		b.certificate(item)
	}
	for i := range b.out.certificates { // the slice does not move any more
		c := &b.out.certificates[i]
		if c.ID != "" {
			b.out.byID[c.ID] = c
		} else {
			b.out.byName[c.CommonName] = c
		}
	}
}

func (b *builder) certificate(n *yaml.Node) {
	f := b.section(n, "a certificate", "id", "commonName", "status", "things", "exclusive", "policies")
	c := Certificate{
		ID: b.text(f["id"], "id"), CommonName: b.text(f["commonName"], "commonName"), Status: Status(b.text(f["status"], "status")),
		Things:    references(&b.reader, f["things"], "things", "thing", b.out.things),
		Exclusive: b.truth(f["exclusive"], "exclusive"),
		Policies:  references(&b.reader, f["policies"], "policies", "policy", b.out.documents),
	}
	switch {
	case (c.ID == "") == (c.CommonName == ""):
		b.fail(n, "write one of them", "a certificate is known by id or by commonName")
	case c.ID != "" && !hexID.MatchString(c.ID):
		b.fail(f["id"], "`openssl x509 -in thing.crt -noout -fingerprint -sha256`, without colons, in lower case", "an id has 64 hexadecimal digits")
	case c.CommonName != "" && !thingName.MatchString(c.CommonName):
		b.fail(f["commonName"], "", "a common name that policies can use has the form of a thing's name")
	case b.known[c.ID+"/"+c.CommonName]:
		b.fail(n, "join the two", "the certificate %s%s is there twice", c.ID, c.CommonName)
	}
	switch c.Status {
	case "":
		c.Status = Active
	case Active, Inactive, Revoked, PendingActivation:
	default:
		b.fail(f["status"], "known are ACTIVE, INACTIVE, REVOKED, PENDING_ACTIVATION", "there is no status %q", c.Status)
	}
	if c.Exclusive && len(c.Things) != 1 {
		b.fail(f["exclusive"], "", "a certificate that is attached exclusively has one thing, not %d", len(c.Things))
	}
	if len(c.Policies) > maxPolicies {
		b.fail(f["policies"], "", "%d policies, AWS attaches %d", len(c.Policies), maxPolicies)
	}
	b.known[c.ID+"/"+c.CommonName] = true
	b.where["certificates/"+c.ID+c.CommonName] = policies.Position{Line: n.Line, Column: n.Column}
	b.noteCertificate(&c)
	b.out.certificates = append(b.out.certificates, c)
}
