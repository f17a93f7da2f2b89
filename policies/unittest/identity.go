// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package unittest

import (
	"cmp"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/netip"
	"strings"

	"go.yaml.in/yaml/v3"

	"thingpass/policies"
	"thingpass/policies/explain"
)

func (l *loader) readIdentities(n *yaml.Node) {
	l.pairs(n, "identities", func(key, value *yaml.Node) {
		id := explain.Identity{
			Bucket: cmp.Or(l.values.Bucket, defaultBucket),
			At: policies.Place{
				Partition: cmp.Or(l.values.Get("partition"), "aws"),
				Region:    cmp.Or(l.values.Region, defaultRegion), Account: cmp.Or(l.values.Account, defaultAccount),
			},
		}
		l.identity(key, value, &id)
		l.suite.identities[key.Value] = explain.New(id)
	})
}

func (l *loader) identity(key, n *yaml.Node, id *explain.Identity) {
	given := map[string]bool{}
	keys := map[string]func(*yaml.Node){
		"thing":       func(v *yaml.Node) { id.Who.Thing = l.thing(v) },
		"certificate": func(v *yaml.Node) { l.certificate(v, id) },
		"policies":    func(v *yaml.Node) { id.Documents = l.attached(v) },
		"clientId":    func(v *yaml.Node) { id.ClientID = l.text(v, "clientId") },
		"exclusive":   func(v *yaml.Node) { id.Who.Exclusive = l.yes(v, "exclusive") },
		"http":        func(v *yaml.Node) { id.HTTP = l.yes(v, "http") },
		"persistent":  func(v *yaml.Node) { id.Persistent = l.yes(v, "persistent") },
		"will":        func(v *yaml.Node) { id.Will = l.text(v, "will") },
		"context":     func(v *yaml.Node) { id.Context = l.context(v) },
		"ip": func(v *yaml.Node) {
			var err error
			if id.IP, err = netip.ParseAddr(v.Value); err != nil {
				l.fail(v, "such as 192.0.2.7", "%q is no address", v.Value)
			}
		},
	}
	for name, read := range keys {
		keys[name] = func(v *yaml.Node) { given[name] = true; read(v) }
	}
	l.mapping(n, "identity "+key.Value, keys)
	switch {
	case !given["policies"]:
		l.fail(key, "add policies: [...]", "identity %s has no policies", key.Value)
	case !given["thing"] && !given["clientId"]:
		l.fail(key, "add thing: NAME, or clientId: ID", "identity %s has neither a thing nor a client id", key.Value)
	case given["exclusive"] && !given["thing"]:
		l.fail(key, "", "identity %s is exclusive, but of no thing", key.Value)
	}
}

func (l *loader) thing(n *yaml.Node) *policies.Thing {
	name := l.text(n, "thing")
	if t := l.things[name]; t != nil {
		return t
	}
	l.fail(n, "add it to things:", "there is no thing %q", name)
	return nil
}

func (l *loader) attached(n *yaml.Node) []*policies.Document {
	if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		return nil // nothing attached: a test worth having
	}
	var out []*policies.Document
	for _, item := range l.texts(n, "a policy") {
		d := l.documents[item.Value]
		if d == nil {
			l.fail(item, "add it to policies:", "there is no policy %q", item.Value)
			continue
		}
		out = append(out, d)
	}
	return out
}

func (l *loader) context(n *yaml.Node) map[string][]string {
	out := map[string][]string{}
	l.pairs(n, "context", func(key, value *yaml.Node) { out[key.Value] = l.strings(value, key.Value) })
	return out
}

// certificate makes one up: nobody verifies it, only its names matter.
func (l *loader) certificate(n *yaml.Node, id *explain.Identity) {
	var name pkix.Name
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Raw: []byte(l.file)}
	l.mapping(n, "certificate", map[string]func(*yaml.Node){
		"id":                 func(v *yaml.Node) { id.Who.ID = strings.ToLower(l.text(v, "id")) },
		"commonName":         func(v *yaml.Node) { name.CommonName = l.text(v, "commonName") },
		"organization":       func(v *yaml.Node) { name.Organization = l.strings(v, "organization") },
		"organizationalUnit": func(v *yaml.Node) { name.OrganizationalUnit = l.strings(v, "organizationalUnit") },
		"country":            func(v *yaml.Node) { name.Country = l.strings(v, "country") },
		"dnsNames":           func(v *yaml.Node) { c.DNSNames = l.strings(v, "dnsNames") },
	})
	c.Subject.FillFromRDNSequence(ptr(name.ToRDNSequence()))
	id.Who.Certificate = c
}

func ptr[T any](v T) *T { return &v }
