// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
)

// A Kind says what a certificate is for.
type Kind string

// The kinds; each is also the OU of its certificates' subject.
const (
	Authority    Kind = "ca"
	Intermediate Kind = "intermediate" // a CA that issues on behalf of the root
	Thing        Kind = "thing"
	Service      Kind = "service"
	Server       Kind = "server"
)

// Identity is a certificate together with its private key. It prints without
// the key. The zero Identity is nobody.
type Identity struct {
	Kind Kind
	Name string            // the thing, the service, a server's first host, the CA's name
	Leaf *x509.Certificate // not to be changed

	// Issuer is the intermediate that issued Leaf, nil if the root itself did.
	// A peer trusts the root alone, so it must be sent along.
	Issuer *x509.Certificate

	key     *ecdsa.PrivateKey // nil: it is where the request was made
	request *Request          // for which it was issued, or nil
}

// CertPEM is what the owner shows: the certificate, and the intermediate that
// issued it, if there is one.
func (i Identity) CertPEM() []byte {
	if i.Issuer == nil {
		return certPEM(i.Leaf)
	}
	return append(certPEM(i.Leaf), certPEM(i.Issuer)...)
}

func certPEM(cert *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: pemCert, Bytes: cert.Raw})
}

// HasKey tells whether the private key is here. It is not if the certificate
// was issued for a request.
func (i Identity) HasKey() bool { return i.key != nil }

// KeyPEM is the private key in PKCS #8, the form that OpenSSL, mbedTLS, Go and
// Java all read; nil without a key.
func (i Identity) KeyPEM() []byte {
	if i.key == nil {
		return nil
	}
	der, _ := x509.MarshalPKCS8PrivateKey(i.key) // fails for other curves only
	return pem.EncodeToMemory(&pem.Block{Type: pemKey, Bytes: der})
}

// TLSCertificate is the identity as crypto/tls wants it; without a key it is of
// no use there.
func (i Identity) TLSCertificate() tls.Certificate {
	c := tls.Certificate{Certificate: [][]byte{i.Leaf.Raw}, Leaf: i.Leaf}
	if i.Issuer != nil {
		c.Certificate = append(c.Certificate, i.Issuer.Raw)
	}
	if i.key != nil {
		c.PrivateKey = i.key
	}
	return c
}

// Fingerprint is the certificate's SHA-256 in lower-case hexadecimal.
func (i Identity) Fingerprint() string { return Fingerprint(i.Leaf) }

// Fingerprint is a certificate's SHA-256 in lower-case hexadecimal, which AWS
// IoT and the registry call the certificate's id.
func Fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return hex.EncodeToString(sum[:])
}

// Subject returns which thing or service a client certificate was issued to.
//
// The certificate must have been verified: Subject reads what the CA wrote and
// does not ask which CA it was. A certificate without exactly one name and one
// kind, or whose extended key usage is not the client's, is an error.
func Subject(leaf *x509.Certificate) (Kind, string, error) {
	ou := leaf.Subject.OrganizationalUnit
	if len(ou) != 1 || len(leaf.Subject.Names) != 2 || leaf.Subject.CommonName == "" {
		return "", "", fmt.Errorf("subject %q is not ours: want one CN and one OU", leaf.Subject)
	}
	kind, name := Kind(ou[0]), leaf.Subject.CommonName
	if kind != Thing && kind != Service {
		return "", "", fmt.Errorf("subject %q is a %s: want a thing or a service", leaf.Subject, kind)
	}
	if err := CheckName(name); err != nil {
		return "", "", fmt.Errorf("subject: %w", err)
	}
	if !slices.Equal(leaf.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}) || leaf.IsCA {
		return "", "", fmt.Errorf("certificate of %q is not for clients only", name)
	}
	return kind, name, nil
}

const (
	pemCert    = "CERTIFICATE"
	pemKey     = "PRIVATE KEY"
	pemRequest = "CERTIFICATE REQUEST"
)

// parseIdentity reads a certificate and its key, and checks that they belong
// together and to kind. A nil key is one that is not here.
func parseIdentity(kind Kind, certPEM, keyPEM []byte) (Identity, error) {
	leaf, issuer, err := parseChain(certPEM)
	if err != nil {
		return Identity{}, err
	}
	id := Identity{Kind: kind, Name: nameOf(leaf), Leaf: leaf, Issuer: issuer}
	if keyPEM != nil {
		if id.key, err = parseKey(keyPEM); err != nil {
			return Identity{}, err
		}
		if !id.key.PublicKey.Equal(leaf.PublicKey) {
			return Identity{}, errors.New("key and certificate do not belong together")
		}
	}
	if !slices.Equal(leaf.Subject.OrganizationalUnit, []string{string(kind)}) {
		return Identity{}, fmt.Errorf("certificate of %q is no %s's", id.Name, kind)
	}
	return id, nil
}

// parseSigned reads a certificate and the request for which it was issued.
func parseSigned(kind Kind, certPEM, csr []byte) (Identity, error) {
	id, err := parseIdentity(kind, certPEM, nil)
	if err != nil {
		return Identity{}, err
	}
	if id.request, err = ParseRequest(csr); err != nil {
		return Identity{}, err
	}
	key, ok := id.Leaf.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !key.Equal(id.request.csr.PublicKey) {
		return Identity{}, errors.New("request and certificate do not belong together")
	}
	return id, nil
}

func parseKey(keyPEM []byte) (*ecdsa.PrivateKey, error) {
	block, err := onlyBlock(keyPEM, pemKey)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("key: a %T and certificate do not belong together", parsed)
	}
	return key, nil
}

// parseChain reads a certificate, behind which its intermediate may stand.
func parseChain(text []byte) (leaf, issuer *x509.Certificate, err error) {
	first, rest := pem.Decode(text)
	if first != nil && first.Type == pemCert && len(bytes.TrimSpace(rest)) > 0 {
		if issuer, err = parseCert(rest); err != nil {
			return nil, nil, fmt.Errorf("behind the first: %w", err)
		}
		text = pem.EncodeToMemory(first)
	}
	if leaf, err = parseCert(text); err != nil {
		return nil, nil, err
	}
	return leaf, issuer, nil
}

func parseCert(certPEM []byte) (*x509.Certificate, error) {
	block, err := onlyBlock(certPEM, pemCert)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(block)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	return leaf, nil
}

// onlyBlock refuses files that were concatenated: which block counts would
// depend on the reader.
func onlyBlock(data []byte, kind string) ([]byte, error) {
	block, rest := pem.Decode(data)
	if block == nil || block.Type != kind {
		return nil, fmt.Errorf("no PEM block %q", kind)
	}
	if more, _ := pem.Decode(rest); more != nil {
		return nil, fmt.Errorf("more than one PEM block, want one %q", kind)
	}
	return block.Bytes, nil
}

// nameOf is the CN, or a server's first host where that was too long for a CN.
func nameOf(leaf *x509.Certificate) string {
	if leaf.Subject.CommonName == "" && len(leaf.DNSNames) > 0 {
		return leaf.DNSNames[0]
	}
	return leaf.Subject.CommonName
}
