// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"thingpass/policies"
	"thingpass/policies/explain"
	"thingpass/policies/templates"
)

// identityFlags say who asks: from a registry, or made up on the spot.
type identityFlags struct {
	values func() (templates.Values, error)

	registry, certificate, certificateID string
	policies                             []string

	thing, thingType string
	attributes       []string
	notAttached      bool
	exclusive        bool

	clientID, ip, will string
	http, persistent   bool
	context            []string
}

func addIdentityFlags(c *cobra.Command) *identityFlags {
	f, flags := &identityFlags{values: addValueFlags(c)}, c.Flags()
	flags.StringVar(&f.registry, "registry", "", "the registry `FILE` that knows things, certificates and their policies")
	flags.StringVar(&f.thing, "thing", "", "who asks: the thing of that `NAME`")
	flags.StringVar(&f.certificate, "certificate", "", "who asks: the certificate in that PEM `FILE`")
	flags.StringVar(&f.certificateID, "certificate-id", "", "who asks: the certificate of that `ID` in the registry")
	flags.StringArrayVar(&f.policies, "policy", nil, "a document: a file, or the name of one of ours; besides those of the registry (may be given often)")
	flags.StringVar(&f.thingType, "type", "", "without a registry: the thing's type")
	flags.StringArrayVar(&f.attributes, "attribute", nil, "without a registry: an attribute of the thing, `NAME=VALUE` (may be given often)")
	flags.BoolVar(&f.notAttached, "not-attached", false, "the certificate is attached to no thing")
	flags.BoolVar(&f.exclusive, "exclusive", false, "the thing is attached to the certificate exclusively")
	flags.StringVar(&f.clientID, "client-id", "", "the client `ID` (default: the thing's name)")
	flags.StringVar(&f.ip, "ip", "", "the client's `ADDRESS`")
	flags.BoolVar(&f.http, "http", false, "over HTTPS instead of MQTT")
	flags.BoolVar(&f.persistent, "persistent", false, "connect: with a persistent session")
	flags.StringVar(&f.will, "will", "", "connect: with a will for that `TOPIC`")
	flags.StringArrayVar(&f.context, "context", nil, "a condition key, `KEY=VALUE`; often, for one of several values")
	return f
}

// identity puts together what was given.
func (f *identityFlags) identity() (explain.Identity, error) {
	values, err := f.values()
	if err != nil {
		return explain.Identity{}, unstartable(err)
	}
	if err := f.contradictions(); err != nil {
		return explain.Identity{}, unstartable(err)
	}
	id := explain.Identity{HTTP: f.http, Persistent: f.persistent, Will: f.will, ClientID: f.clientID}
	if f.registry != "" {
		err = f.fromRegistry(&id, values)
	} else {
		err = f.madeUp(&id, values)
	}
	if err == nil {
		err = f.address(&id)
	}
	if err != nil {
		return explain.Identity{}, err
	}
	if id.At == (policies.Place{}) {
		id.At = placeOf(values, id.Documents)
	}
	id.Bucket = bucketOf(values, id.Documents)
	return id, nil
}

func (f *identityFlags) contradictions() error {
	madeUp := f.thingType != "" || len(f.attributes) > 0 || f.exclusive || f.notAttached
	named := 0
	for _, who := range []string{f.thing, f.certificate, f.certificateID} {
		if who != "" {
			named++
		}
	}
	switch {
	case f.registry == "" && len(f.policies) == 0:
		return errors.New("whose policies? give --registry FILE, or --policy NAME (a file, or one of ours such as thing)")
	case f.registry != "" && madeUp:
		return errors.New("--type, --attribute, --exclusive and --not-attached are the registry's to say: leave them out, or --registry")
	case f.registry != "" && named != 1:
		return errors.New("who of the registry asks? give one of --thing NAME, --certificate FILE and --certificate-id ID")
	case f.registry == "" && f.certificateID != "":
		return errors.New("--certificate-id is looked up in a registry: give --registry FILE")
	case f.thing == "" && madeUp:
		return errors.New("--type, --attribute, --exclusive and --not-attached speak of a thing: give --thing NAME")
	case f.thing == "" && f.certificate == "" && f.certificateID == "" && f.clientID == "":
		return errors.New("who asks? give --thing NAME, or --client-id ID for a client that is no thing")
	case f.thing != "" && !policies.IsThingName(f.thing):
		return fmt.Errorf("--thing %q is no name of a thing: 1 to 128 letters, digits and : _ -", f.thing)
	}
	return nil
}

// madeUp is an identity without a registry.
func (f *identityFlags) madeUp(id *explain.Identity, values templates.Values) (err error) {
	if id.Documents, err = policyDocuments(f.policies, values); err != nil {
		return err
	}
	if f.certificate != "" {
		if id.Who.Certificate, err = readCertificate(f.certificate); err != nil {
			return unstartable(err)
		}
		id.Who.ID = policies.CertificateID(id.Who.Certificate)
	}
	if f.thing == "" {
		return nil
	}
	if id.ClientID == "" {
		id.ClientID = f.thing
	}
	if f.notAttached {
		return nil
	}
	thing := &policies.Thing{Name: f.thing, Type: f.thingType}
	if thing.Attributes, err = f.attributeMap(); err != nil {
		return unstartable(err)
	}
	id.Who.Thing, id.Who.Exclusive = thing, f.exclusive
	return nil
}

func (f *identityFlags) attributeMap() (map[string]string, error) {
	out := map[string]string{}
	for _, a := range f.attributes {
		name, value, found := strings.Cut(a, "=")
		if !found || name == "" {
			return nil, fmt.Errorf("--attribute %q: want NAME=VALUE", a)
		}
		out[name] = value
	}
	return out, nil
}

// address reads --ip and --context.
func (f *identityFlags) address(id *explain.Identity) (err error) {
	if f.ip != "" {
		if id.IP, err = netip.ParseAddr(f.ip); err != nil {
			return unstartable(fmt.Errorf("--ip %q: want an address, such as 192.0.2.7", f.ip))
		}
	}
	for _, c := range f.context {
		key, value, found := strings.Cut(c, "=")
		if !found || key == "" {
			return unstartable(fmt.Errorf("--context %q: want KEY=VALUE, such as aws:SourceIp=192.0.2.7", c))
		}
		if id.Context == nil {
			id.Context = map[string][]string{}
		}
		id.Context[key] = append(id.Context[key], value)
	}
	return nil
}

func readCertificate(file string) (*x509.Certificate, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--certificate: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, fmt.Errorf("--certificate %s: there is no certificate in it, only what is not between BEGIN CERTIFICATE and END CERTIFICATE", file)
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("--certificate %s: %w", file, err)
	}
	return c, nil
}
