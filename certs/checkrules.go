// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"
)

func (c Checkup) dates(l located) []Finding {
	switch {
	case c.Now.After(l.cert.NotAfter):
		return []Finding{l.finding("expired on "+day(l.cert.NotAfter), "renew it: thingpass certs renew, or rotate for a new key")}
	case c.Now.Before(l.cert.NotBefore):
		return []Finding{l.finding("not valid before "+l.cert.NotBefore.UTC().Format(time.RFC3339), "set the clock of this machine, or of the one that issued it, and issue again")}
	}
	return nil
}

func (c Checkup) revoked(l located) []Finding {
	const fix = "issue another, with a new key: thingpass certs rotate"
	if c.Revoked != nil {
		r, err := c.Revoked(l.cert)
		if err != nil {
			return []Finding{l.finding("its revocation cannot be read", "%v", err)}
		}
		if !r.At.IsZero() && !r.At.After(c.Now) {
			return []Finding{l.finding(fmt.Sprintf("revoked on %s (%s)", day(r.At), r.Reason), fix)}
		}
	}
	var findings []Finding
	for _, list := range c.CRLs {
		if !bytes.Equal(list.RawIssuer, l.cert.RawIssuer) || !bytes.Equal(list.AuthorityKeyId, l.cert.AuthorityKeyId) {
			continue
		}
		if c.Now.After(list.NextUpdate) {
			findings = append(findings, l.finding("the revocation list of its issuer ended on "+day(list.NextUpdate), "write a new one: thingpass certs crl; servers that hold this one refuse everyone"))
		}
		for _, e := range list.RevokedCertificateEntries {
			if e.SerialNumber.Cmp(l.cert.SerialNumber) == 0 {
				return append(findings, l.finding("revoked on "+day(e.RevocationTime)+", says the list", fix))
			}
		}
	}
	return findings
}

// link checks that the upper certificate issued the lower one.
func link(lower, upper located) []Finding {
	if !upper.cert.IsCA {
		return []Finding{upper.finding("stands in the chain, but is no CA's", "leave it out: behind the owner's certificate belong its intermediates alone")}
	}
	if err := lower.cert.CheckSignatureFrom(upper.cert); err != nil {
		return []Finding{upper.finding("did not issue the certificate before it", "put the chain into the order owner, intermediate")}
	}
	return nil
}

// trust checks that a chain is one, and whose.
func (c Checkup) trust(chain []located) []Finding {
	first, last := chain[0], chain[len(chain)-1]
	var findings []Finding
	if !first.cert.IsCA && selfSigned(first.cert) {
		return []Finding{first.finding("self-signed", "have a CA issue it: thingpass certs sign with a request for its key; no server takes its own word")}
	}
	if len(chain) > 1 && selfSigned(last.cert) {
		findings = append(findings, last.finding("the root stands in the chain", "leave it out: who trusts it has it, others will not from here"))
	}
	if len(c.Roots) == 0 {
		return findings
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	for _, r := range c.Roots {
		roots.AddCert(r)
	}
	for _, l := range chain[1:] {
		between.AddCert(l.cert)
	}
	_, err := first.cert.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: middle(first.cert), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	var unknown x509.UnknownAuthorityError
	if errors.As(err, &unknown) {
		fix := "issue it with this CA, or trust its own (%s)"
		if first.cert.Issuer.String() != c.Roots[0].Subject.String() {
			fix = "add the intermediate %s behind it, or trust the CA that issued it"
		}
		findings = append(findings, first.finding("does not lead to the CA", fix, first.cert.Issuer))
	} else if err != nil && first.cert.NotAfter.After(first.cert.NotBefore) && !errors.As(err, new(x509.CertificateInvalidError)) {
		findings = append(findings, first.finding(err.Error(), "issue it again"))
	}
	return findings
}

// middle is a moment at which dates are no matter: Checkup.dates looks at them.
func middle(c *x509.Certificate) time.Time { return c.NotBefore.Add(c.NotAfter.Sub(c.NotBefore) / 2) }

func selfSigned(c *x509.Certificate) bool {
	return bytes.Equal(c.RawIssuer, c.RawSubject) && c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

// owner checks whose the certificate is and what for.
func (c Checkup) owner(l located) []Finding {
	var findings []Finding
	if err := checkKey(l.cert.PublicKey); err != nil {
		findings = append(findings, l.finding(err.Error(), "rotate to a new key"))
	}
	kind := c.Kind
	if kind == "" {
		kind = Thing
		if slices.Equal(l.cert.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}) {
			kind = Server
		}
	}
	want, word, command := x509.ExtKeyUsageClientAuth, "clients", "thingpass certs thing or service"
	if kind == Server {
		want, word, command = x509.ExtKeyUsageServerAuth, "servers", "thingpass certs server"
	}
	if !slices.Equal(l.cert.ExtKeyUsage, []x509.ExtKeyUsage{want}) {
		findings = append(findings, l.finding("its extended key usage is not for "+word+" alone", "issue it with %s", command))
	}
	if kind == Server {
		return append(findings, c.host(l)...)
	}
	return append(findings, c.client(l, kind)...)
}

func (c Checkup) host(l located) []Finding {
	if c.Name == "" {
		return nil
	}
	if err := l.cert.VerifyHostname(c.Name); err != nil {
		return []Finding{l.finding("not for the host "+c.Name, "issue one for every name and address under which it is reached: thingpass certs server %s …", c.Name)}
	}
	return nil
}

func (c Checkup) client(l located, kind Kind) []Finding {
	var findings []Finding
	cn := l.cert.Subject.CommonName
	if err := CheckName(cn); err != nil {
		findings = append(findings, l.finding("its common name will not do: "+err.Error(), "issue it under a name of that alphabet: AWS does not put others into policies, Mosquitto would take + and # for wildcards"))
	}
	if c.Name != "" && cn != c.Name {
		findings = append(findings, l.finding(fmt.Sprintf("it names %q, not %q", cn, c.Name), "give the certificate of %s, or issue one under that name", c.Name))
	}
	if c.Kind != "" && !slices.Equal(l.cert.Subject.OrganizationalUnit, []string{string(kind)}) {
		findings = append(findings, l.finding("it is no "+string(kind)+"'s", "issue it with thingpass certs %s", kind))
	}
	return findings
}
