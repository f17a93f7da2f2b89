// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"go.yaml.in/yaml/v3"

	"thingpass/policies"
	"thingpass/policies/templates"
)

// Load reads a registry file. Documents that it names lie beside it. The error
// has all that is wrong, as policies.Problems.
func Load(path string) (*Registry, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the registry: %w", err)
	}
	return Parse(path, text)
}

// Parse is Load of a text; the path is for messages, and for the folder of the
// documents.
func Parse(path string, text []byte) (*Registry, error) {
	tree, err := parseTree(path, text)
	if err != nil {
		return nil, err
	}
	return build(path, tree)
}

func build(path string, tree *yaml.Node) (*Registry, error) {
	b := &builder{reader: reader{file: path}, dir: filepath.Dir(path), known: map[string]bool{}}
	b.out = &Registry{
		documents: map[string]*policies.Document{}, types: map[string]bool{}, groups: map[string]*Group{},
		things: map[string]*Thing{}, byID: map[string]*Certificate{}, byName: map[string]*Certificate{},
	}
	root := b.section(tree.Content[0], "a registry",
		"account", "region", "partition", "values", "policies", "types", "groups", "things", "certificates", "jitp")
	b.place(root)
	b.policies(root["policies"])
	b.typesOf(root["types"])
	b.groupsOf(root["groups"])
	b.thingsOf(root["things"])
	b.certificatesOf(root["certificates"])
	b.admissionOf(root["jitp"])
	if len(b.problems) > 0 {
		return nil, b.problems
	}
	b.out.compile()
	return b.out, nil
}

type builder struct {
	reader
	dir   string
	out   *Registry
	known map[string]bool // certificates
}

func (b *builder) place(root fields) {
	values := map[string]string{}
	for _, name := range []string{"account", "region", "partition"} {
		if n := root[name]; n != nil {
			values[name] = b.text(n, name)
		}
	}
	if n := root["values"]; n != nil {
		b.mapping(n, "values", func(key, value *yaml.Node) {
			if _, twice := values[key.Value]; twice {
				b.fail(key, "it stands above", "%s is not one of values", key.Value)
			}
			values[key.Value] = b.text(value, key.Value)
			if _, err := templates.FromMap(map[string]string{key.Value: value.Value}); err != nil {
				b.fail(value, "", "%v", err)
				delete(values, key.Value)
			}
		})
	}
	v, err := templates.FromMap(values)
	if err != nil {
		b.fail(firstOf(root["account"], root["region"], root["partition"]), "", "%v", err)
	}
	b.out.Values = v
	b.out.Place = policies.Place{Partition: v.Get("partition"), Region: v.Get("region"), Account: v.Get("account")}
	if b.out.Place.Account == "" || b.out.Place.Region == "" {
		b.fail(nil, `write account: "123456789012" and region: eu-central-1, or whatever the policies name`, "account and region are missing: policies name resources by them")
	}
}

func firstOf(nodes ...*yaml.Node) *yaml.Node {
	for _, n := range nodes {
		if n != nil {
			return n
		}
	}
	return nil
}

// policies reads name → {file: …} or {builtin: …}.
func (b *builder) policies(n *yaml.Node) {
	if n == nil {
		return
	}
	b.mapping(n, "policies", func(key, value *yaml.Node) {
		b.name(key, "a policy", policyName)
		f := b.section(value, "policy "+key.Value, "file", "builtin")
		b.out.documents[key.Value] = &policies.Document{Name: key.Value} // so that who refers to it is not at fault
		var text []byte
		var err error
		name := ""
		switch {
		case f["file"] != nil && f["builtin"] != nil, f["file"] == nil && f["builtin"] == nil:
			b.fail(key, "write {file: thing.json} or {builtin: thing}", "policy %s is either a file or one of ours", key.Value)
			return
		case f["file"] != nil:
			name = b.text(f["file"], "file")
			if !filepath.IsAbs(name) {
				name = filepath.Join(b.dir, name)
			}
			text, err = os.ReadFile(name)
		default:
			name = b.text(f["builtin"], "builtin")
			text, err = templates.Render(name, b.out.Values)
		}
		if err != nil {
			b.fail(value, "", "policy %s: %v", key.Value, err)
			return
		}
		doc, err := policies.Parse(name, text)
		if err != nil {
			b.fail(value, "", "policy %s: %v", key.Value, err)
			return
		}
		b.out.documents[key.Value] = doc
	})
}

var (
	policyName = regexp.MustCompile(`^[\w+=,.@-]{1,128}$`)     // CreatePolicy
	thingName  = regexp.MustCompile(`^[a-zA-Z0-9:_-]{1,128}$`) // CreateThing, CreateThingGroup, CreateThingType
	attribute  = regexp.MustCompile(`^[a-zA-Z0-9_.,@/:#=\[\]-]{1,800}$`)
	hexID      = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

func (b *builder) name(n *yaml.Node, what string, form *regexp.Regexp) {
	if !form.MatchString(n.Value) {
		b.fail(n, "AWS's form is "+form.String(), "%s cannot be called %q", what, clip(n.Value))
	}
}

func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

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
	})
}

func (b *builder) thingsOf(n *yaml.Node) {
	if n == nil {
		return
	}
	b.mapping(n, "things", func(key, value *yaml.Node) {
		b.name(key, "a thing", thingName)
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
			b.fail(f["groups"], "", "thing %s is in %d groups, AWS allows %d", t.Name, len(t.Groups), maxGroups)
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
	})
	if len(t.Attributes) > maxAttributes {
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
	b.out.certificates = append(b.out.certificates, c)
}
