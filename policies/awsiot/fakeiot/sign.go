// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fakeiot

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"time"
)

// sign issues a certificate for a request's key with a key of its own; nobody
// verifies the chain.
func (s *Server) sign(request *x509.CertificateRequest) (*x509.Certificate, error) {
	id, err := s.ca.Thing("issuer")
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "AWS IoT Certificate"},
		NotBefore: s.now, NotAfter: time.Unix(2524607999, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, id.Leaf, request.PublicKey, id.TLSCertificate().PrivateKey)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}
