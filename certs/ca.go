// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
)

// A CA issues certificates. Its methods may be called concurrently.
//
// A CA in memory keeps no record of what it issued: that a name is given only
// once is the promise of a Dir.
type CA struct {
	id   Identity
	root *x509.Certificate // whom the world trusts: id's own, unless id is an intermediate
}

// NewCA makes a CA with a fresh key. It can issue certificates, but no other CA
// can hang below it (path length 0). The name is for people to read.
func NewCA(name string, opts ...Option) (*CA, error) { return newRoot(name, 0, opts) }

// NewRoot makes a CA that is there to make others: see CA.Intermediate. What it
// signed can outlive its key's absence: the key may be kept off the network.
func NewRoot(name string, opts ...Option) (*CA, error) { return newRoot(name, 1, opts) }

func newRoot(name string, below int, opts []Option) (*CA, error) {
	if err := checkLabel(name); err != nil {
		return nil, fmt.Errorf("make CA: %w", err)
	}
	t, err := newTerms(CADays, opts)
	if err != nil {
		return nil, fmt.Errorf("make CA %q: %w", name, err)
	}
	id, err := sign(t, Identity{Kind: Authority, Name: name}, nil, authority(below))
	if err != nil {
		return nil, fmt.Errorf("make CA %q: %w", name, err)
	}
	return &CA{id, id.Leaf}, nil
}

// Intermediate makes a CA below c, which c must allow (see NewRoot). What it
// issues carries its certificate along, so that who trusts c needs no other.
func (c *CA) Intermediate(name string, opts ...Option) (*CA, error) {
	if err := checkLabel(name); err != nil {
		return nil, fmt.Errorf("make intermediate: %w", err)
	}
	if c.id.Leaf.MaxPathLen < 1 {
		return nil, fmt.Errorf("make intermediate: the CA %q allows none below it (path length 0): make a root with certs init --intermediate in another directory", c.id.Name)
	}
	t, err := newTerms(IntermediateDays, opts)
	if err == nil {
		t, err = t.within(c.id)
	}
	var id Identity
	if err == nil {
		id, err = sign(t, Identity{Kind: Intermediate, Name: name}, c, authority(0))
	}
	if err != nil {
		return nil, fmt.Errorf("make intermediate %q: %w", name, err)
	}
	return &CA{id, c.root}, nil
}

// authority is a CA below which there may be so many levels of CAs.
func authority(below int) *x509.Certificate {
	return &x509.Certificate{
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLen:            below,
		MaxPathLenZero:        below == 0,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
}

// Thing issues a certificate to a thing: for TLS clients only, CN = name.
func (c *CA) Thing(name string, opts ...Option) (Identity, error) {
	return c.client(Thing, name, opts)
}

// Service issues a certificate to a service, such as the broker: for TLS
// clients only, CN = name.
func (c *CA) Service(name string, opts ...Option) (Identity, error) {
	return c.client(Service, name, opts)
}

func (c *CA) client(kind Kind, name string, opts []Option) (Identity, error) {
	if err := CheckName(name); err != nil {
		return Identity{}, fmt.Errorf("issue %s: %w", kind, err)
	}
	return c.issue(Identity{Kind: kind, Name: name}, opts, clientTemplate())
}

func clientTemplate() *x509.Certificate {
	return &x509.Certificate{
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
}

// Server issues a certificate to a TLS server that is reached under any of the
// hosts: DNS names, of which the first label may be *, or IP addresses, both
// without port. The first host is the name of the identity.
func (c *CA) Server(hosts []string, opts ...Option) (Identity, error) {
	hosts, err := checkHosts(hosts)
	if err != nil {
		return Identity{}, fmt.Errorf("issue server: %w", err)
	}
	return c.issue(Identity{Kind: Server, Name: hosts[0]}, opts, serverTemplate(hosts))
}

func serverTemplate(hosts []string) *x509.Certificate {
	t := &x509.Certificate{
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		// IP addresses as DNS names too: mbedTLS before 3.5 (Debian 12, ESP-IDF
		// before 5.2) compares nothing else with the address that it was given
		// (https://github.com/Mbed-TLS/mbedtls/issues/5082); others ignore them.
		DNSNames: hosts,
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		}
	}
	return t
}

func (c *CA) issue(id Identity, opts []Option, template *x509.Certificate) (Identity, error) {
	key, err := newKey()
	if err != nil {
		return Identity{}, fmt.Errorf("issue %s %q: %w", id.Kind, id.Name, err)
	}
	id.key = key
	return c.certify(id, opts, template, &key.PublicKey)
}

func (c *CA) certify(id Identity, opts []Option, template *x509.Certificate, pub crypto.PublicKey) (Identity, error) {
	t, err := newTerms(LeafDays, opts)
	if err == nil {
		t, err = t.within(c.id)
	}
	if err == nil {
		id, err = certify(t, id, c, template, pub)
	}
	if err != nil {
		return Identity{}, fmt.Errorf("issue %s %q: %w", id.Kind, id.Name, err)
	}
	return id, nil
}

// Pool holds the root alone: for tls.Config's RootCAs or ClientCAs.
func (c *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(c.root)
	return pool
}

// CertPEM is the root's certificate: what things flash, and Mosquitto's cafile.
func (c *CA) CertPEM() []byte { return certPEM(c.root) }

// Certificate is the certificate of the key that issues, not to be changed: the
// root's, or an intermediate's.
func (c *CA) Certificate() *x509.Certificate { return c.id.Leaf }

// Root is the certificate that is to be trusted, not to be changed.
func (c *CA) Root() *x509.Certificate { return c.root }

// sign makes a key for id and certifies it; a nil ca means by itself. On error
// the key and certificate of the result are missing, but its name is not.
func sign(t terms, id Identity, ca *CA, template *x509.Certificate) (Identity, error) {
	key, err := newKey()
	if err != nil {
		return id, err
	}
	named := id
	id.key = key
	if id, err = certify(t, id, ca, template, &key.PublicKey); err != nil {
		return named, err
	}
	return id, nil
}

func newKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// certify certifies that pub, whose private half is id's key if it is known, is
// id's. A nil ca means by itself.
func certify(t terms, id Identity, ca *CA, template *x509.Certificate, pub crypto.PublicKey) (Identity, error) {
	serial, err := newSerial()
	if err != nil {
		return id, err
	}
	template.SerialNumber = serial
	template.NotBefore, template.NotAfter = t.notBefore, t.notAfter
	template.Subject = pkix.Name{OrganizationalUnit: []string{string(id.Kind)}}
	if len(id.Name) <= MaxName { // a host may be longer: then it stands in the SAN only
		template.Subject.CommonName = id.Name
	}
	parent, signer := template, id.key
	if ca != nil {
		parent, signer = ca.id.Leaf, ca.id.key
		if ca.id.Kind == Intermediate {
			id.Issuer = ca.id.Leaf
		}
	}
	if signer == nil {
		return id, fmt.Errorf("the key of the CA %q is not here: bring it back, or issue with an intermediate", ca.id.Name)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, pub, signer)
	if err != nil {
		return id, err
	}
	id.Leaf, err = x509.ParseCertificate(der)
	return id, err
}

// newSerial is 127 random bits: positive in 16 bytes, as RFC 5280 wants it
// (non-zero, at most 20), and never given twice without a counter on disk.
func newSerial() (*big.Int, error) {
	limit := new(big.Int).Lsh(big.NewInt(1), 127)
	for {
		n, err := rand.Int(rand.Reader, limit)
		if err != nil || n.Sign() > 0 {
			return n, err
		}
	}
}
