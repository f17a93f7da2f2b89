// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"time"

	"thingpass/certs"
)

// claimIssuer signs certificates that have no thing's name in them: as on AWS, it is the
// registry that knows whose they are.
type claimIssuer struct {
	ca  *x509.Certificate
	key crypto.Signer
}

// signerOf takes the key of the CA in the stack's folder.
func signerOf(d *certs.Dir) (crypto.Signer, error) {
	text, err := os.ReadFile(d.Files(certs.Authority, "").Key)
	if err != nil {
		return nil, fmt.Errorf("the CA's key: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("the CA's key: no PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("the CA's key: %w", err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("the CA's key cannot sign")
	}
	return signer, nil
}

// fromCSR certifies the key of a CSR, and takes nothing else from it.
func (i *claimIssuer) fromCSR(text string, validity time.Duration) (*x509.Certificate, error) {
	block, rest := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE REQUEST" {
		return nil, errors.New("certificateSigningRequest is no PEM block CERTIFICATE REQUEST")
	}
	if more, _ := pem.Decode(rest); more != nil {
		return nil, errors.New("certificateSigningRequest has more than one PEM block")
	}
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("the signing request cannot be read: %w", err)
	}
	if err := csr.CheckSignature(); err != nil {
		return nil, fmt.Errorf("the signing request is not signed with its key: %w", err)
	}
	switch key := csr.PublicKey.(type) {
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() && key.Curve != elliptic.P384() && key.Curve != elliptic.P521() {
			return nil, errors.New("a key on this curve is not taken: use P-256")
		}
	case *rsa.PublicKey:
		if key.N.BitLen() < 2048 {
			return nil, fmt.Errorf("an RSA key of %d bits is too short: 2048 at least", key.N.BitLen())
		}
	default:
		return nil, errors.New("a key of this kind is not taken: use ECDSA P-256 or RSA")
	}
	return i.sign(csr.PublicKey, validity)
}

// withKey makes a key as well, and returns it in PEM.
func (i *claimIssuer) withKey(validity time.Duration) (*x509.Certificate, string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, "", err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, "", err
	}
	leaf, err := i.sign(&key.PublicKey, validity)
	return leaf, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), err
}

func (i *claimIssuer) sign(key any, validity time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	until := time.Now().Add(validity)
	if until.After(i.ca.NotAfter) {
		until = i.ca.NotAfter
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "AWS IoT Certificate"}, // as AWS's have it
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     until,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, i.ca, key, i.key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// certificateID is AWS IoT's: the SHA-256 of the certificate.
func certificateID(leaf *x509.Certificate) string {
	sum := sha256.Sum256(leaf.Raw)
	return hex.EncodeToString(sum[:])
}

func certPEM(leaf *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw})
}
