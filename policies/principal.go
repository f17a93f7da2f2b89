// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package policies

import (
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// A Principal is who connects: a certificate, and the thing that it is attached
// to.
type Principal struct {
	Certificate *x509.Certificate // nil: not known, as in a simulation; its variables do not resolve
	ID          string            // AWS IoT's certificate id; "": that of Certificate
	Thing       *Thing            // nil: attached to none
	Exclusive   bool              // attached exclusively: the client id need not be the thing's name
}

// A Thing is what the registry knows of a thing.
type Thing struct {
	Name       string
	Type       string            // "": none
	Attributes map[string]string // searchable attributes
}

// CertificateID is AWS IoT's id of a certificate: the SHA-256 of its DER, in
// lower-case hexadecimal digits.
func CertificateID(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// Context is what policies can know of a connection under that client id.
// Variables of the thing resolve only if the certificate is attached to it, and
// the client id is its name or the attachment is exclusive
// (thing-policy-variables, exclusive-thing).
func (p Principal) Context(clientID string, ip netip.Addr) Context {
	var ctx Context
	ctx.Set("iot:ClientId", clientID)
	if ip.IsValid() {
		ctx.Set("aws:SourceIp", ip.Unmap().String())
	}
	if p.Certificate != nil {
		certificateKeys(&ctx, p.Certificate)
	}
	if p.ID != "" {
		certificateID(&ctx, p.ID)
	}
	attached := p.Thing != nil && (p.Exclusive || clientID == p.Thing.Name)
	ctx.Set("iot:Connection.Thing.IsAttached", strconv.FormatBool(attached))
	if attached {
		ctx.Set("iot:Connection.Thing.ThingName", p.Thing.Name)
		if p.Thing.Type != "" {
			ctx.Set("iot:Connection.Thing.ThingTypeName", p.Thing.Type)
		}
		for name, value := range p.Thing.Attributes {
			ctx.Set("iot:Connection.Thing.Attributes["+name+"]", value)
		}
	}
	return ctx
}

// certificateID sets the key under both names that are in use for it.
func certificateID(ctx *Context, id string) {
	ctx.Set("iot:Certificate.Id", id)
	ctx.Set("iot:CertificateId", id)
}

// certificateKeys are the variables of cert-policy-variables, but for
// the issuer's alternative name and a directory name, which do not resolve here.
func certificateKeys(ctx *Context, c *x509.Certificate) {
	certificateID(ctx, CertificateID(c))
	ctx.Set("iot:Certificate.SerialNumber", strings.ToUpper(c.SerialNumber.Text(16)))
	nameKeys(ctx, "iot:Certificate.Subject.", c.Subject)
	nameKeys(ctx, "iot:Certificate.Issuer.", c.Issuer)
	const alternative = "iot:Certificate.Subject.AlternativeName."
	uris := make([]string, len(c.URIs))
	for i, u := range c.URIs {
		uris[i] = u.String()
	}
	addresses := make([]string, len(c.IPAddresses))
	for i, a := range c.IPAddresses {
		addresses[i] = a.String()
	}
	list(ctx, alternative+"RFC822Name", c.EmailAddresses)
	list(ctx, alternative+"DNSName", c.DNSNames)
	list(ctx, alternative+"UniformResourceIdentifier", uris)
	list(ctx, alternative+"IPAddress", addresses)
}

// nameAttributes are those of a distinguished name, by object identifier.
var nameAttributes = map[string]string{
	"2.5.4.3": "CommonName", "2.5.4.6": "Country", "2.5.4.10": "Organization", "2.5.4.11": "OrganizationalUnit",
	"2.5.4.8": "State", "2.5.4.7": "Locality" /* not AWS's */, "2.5.4.5": "SerialNumber", "2.5.4.12": "Title",
	"2.5.4.4": "Surname", "2.5.4.42": "GivenName", "2.5.4.43": "Initials", "2.5.4.65": "Pseudonym",
	"2.5.4.44": "GenerationQualifier", "2.5.4.46": "DistinguishedNameQualifier",
}

func nameKeys(ctx *Context, prefix string, name pkix.Name) {
	values := map[string][]string{}
	for _, a := range name.Names {
		if key, ok := nameAttributes[a.Type.String()]; ok {
			if s, ok := a.Value.(string); ok {
				values[key] = append(values[key], s)
			}
		}
	}
	for key, v := range values {
		list(ctx, prefix+key, v)
	}
}

// list sets the three forms of a key: plain (the first value), .List, and .1 for
// the second (at most five values, cert-policy-variables).
func list(ctx *Context, key string, values []string) {
	if len(values) == 0 {
		return
	}
	values = slices.Clone(values[:min(len(values), 5)])
	ctx.Set(key, values[0])
	ctx.Set(key+".List", values...)
	for i, v := range values[1:] {
		ctx.Set(key+"."+strconv.Itoa(i+1), v)
	}
}

// isFor is true if a statement speaks of the principal in the context: always,
// unless it names principals, as bucket and trust policies do.
func (s *Statement) isFor(ctx Context) bool {
	if len(s.Principals) == 0 {
		return true
	}
	found := false
	for _, p := range s.Principals {
		found = found || principalIs(p.Value, ctx)
	}
	return found != s.NotPrincipal
}

func principalIs(principal string, ctx Context) bool {
	kind, value, _ := strings.Cut(principal, ":")
	switch {
	case principal == "*" || principal == "AWS:*":
		return true
	case kind == "AWS":
		account := value
		if rest, found := strings.CutSuffix(value, ":root"); found {
			account = rest[strings.LastIndexByte(rest, ':')+1:]
		}
		arn, _ := ctx.Lookup("aws:PrincipalArn")
		of, _ := ctx.Lookup("aws:PrincipalAccount")
		return slices.Contains(arn, value) || slices.Contains(of, account)
	case kind == "Service":
		service, _ := ctx.Lookup("aws:PrincipalServiceName")
		return slices.Contains(service, value)
	}
	return false
}
