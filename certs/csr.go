// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// A Request is a certificate signing request (PKCS #10) that has been checked:
// it is signed by the key that it names, and that key is strong enough. The
// key itself stays where it was made, which is the point of a request.
//
// Of what a request asks for only the key is granted, and its common name is
// compared (see CA.Sign). Extensions, such as other names or the wish to be a
// CA, are ignored: who may be what is not for the requester to say.
type Request struct{ csr *x509.CertificateRequest }

// maxRequest is more than any request of a P-384 or RSA 4096 key has.
const maxRequest = 16 << 10

var commonNameOID = asn1.ObjectIdentifier{2, 5, 4, 3}

// ParseRequest reads a request in PEM or DER.
func ParseRequest(data []byte) (*Request, error) {
	der, err := requestDER(data)
	if err != nil {
		return nil, fmt.Errorf("certificate request: %w", err)
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, fmt.Errorf("certificate request: %w: make it again, such as with openssl req -new", err)
	}
	if err := checkRequest(csr); err != nil {
		return nil, fmt.Errorf("certificate request: %w", err)
	}
	return &Request{csr}, nil
}

// Name is the common name that the request asks for, or empty.
func (r *Request) Name() string { return r.csr.Subject.CommonName }

// PEM is the request, for keeping.
func (r *Request) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: pemRequest, Bytes: r.csr.Raw})
}

func requestDER(data []byte) ([]byte, error) {
	if len(data) > maxRequest {
		return nil, fmt.Errorf("%d bytes are more than a request has (at most %d)", len(data), maxRequest)
	}
	if !bytes.Contains(data, []byte("-----BEGIN ")) {
		return data, nil
	}
	block, rest := pem.Decode(data)
	if block == nil {
		return nil, errors.New("the PEM is damaged: copy the file again, whole and as it is")
	}
	if more, _ := pem.Decode(rest); more != nil {
		return nil, errors.New("more than one PEM block: give the request alone")
	}
	switch t := block.Type; {
	case t == pemRequest || t == "NEW "+pemRequest:
		return block.Bytes, nil
	case strings.HasSuffix(t, "PRIVATE KEY"):
		return nil, errors.New("that is a private key, which no one else should have: give the request that was made with it")
	case t == pemCert:
		return nil, errors.New("that is a certificate already: give the request (BEGIN CERTIFICATE REQUEST)")
	default:
		return nil, fmt.Errorf("a PEM block %.40q is no request: give one that begins with BEGIN CERTIFICATE REQUEST", t)
	}
}

func checkRequest(csr *x509.CertificateRequest) error {
	if err := checkKey(csr.PublicKey); err != nil {
		return err
	}
	switch csr.SignatureAlgorithm {
	case x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA, x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS,
		x509.SHA512WithRSAPSS, x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512:
	default:
		return fmt.Errorf("it is signed with %s: sign it with SHA-256 or better", csr.SignatureAlgorithm)
	}
	if err := csr.CheckSignature(); err != nil {
		return fmt.Errorf("its signature is not by its own key (%w): make the request again on the thing", err)
	}
	names := 0
	for _, n := range csr.Subject.Names {
		if n.Type.Equal(commonNameOID) {
			names++
		}
	}
	if names > 1 {
		return fmt.Errorf("it has %d common names: give it one, or none", names)
	}
	return nil
}

// checkKey lets pass what AWS IoT, mbedTLS and OpenSSL all take from a thing.
func checkKey(key crypto.PublicKey) error {
	const use = "use ECDSA P-256 or P-384, or RSA with 2048 to 4096 bits"
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() && k.Curve != elliptic.P384() {
			return fmt.Errorf("its key is on the curve %s: %s", k.Curve.Params().Name, use)
		}
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits < 2048 || bits > 4096 {
			return fmt.Errorf("its RSA key has %d bits: %s", bits, use)
		}
	default:
		return fmt.Errorf("its key is a %T: %s", key, use)
	}
	return nil
}

// Sign issues a certificate to a thing for the key of its request: for TLS
// clients only, CN = name. A common name in the request must be that name,
// unless the option AnySubject is given. The identity has no key (see HasKey).
func (c *CA) Sign(name string, r *Request, opts ...Option) (Identity, error) {
	if err := CheckName(name); err != nil {
		return Identity{}, fmt.Errorf("sign request: %w", err)
	}
	t, err := newTerms(LeafDays, opts)
	if err != nil {
		return Identity{}, fmt.Errorf("sign request of %q: %w", name, err)
	}
	if cn := r.Name(); cn != "" && cn != name && !t.anySubject {
		return Identity{}, fmt.Errorf("sign request of %q: it asks for the common name %.80q: make it for %q, or without a name", name, cn, name)
	}
	return c.certify(Identity{Kind: Thing, Name: name, request: r}, opts, clientTemplate(), r.csr.PublicKey)
}
