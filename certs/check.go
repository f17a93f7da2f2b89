// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"time"
)

// A Finding is something wrong with a certificate, or with what lies beside it.
type Finding struct {
	File     string `json:"file"`
	Position int    `json:"position"` // of the PEM block in the file, from 1; 0: the file itself
	Subject  string `json:"subject,omitempty"`
	Problem  string `json:"problem"`
	Fix      string `json:"fix"`
}

func (f Finding) String() string {
	where := f.File
	if f.Position > 0 {
		where += fmt.Sprintf(": block %d", f.Position)
	}
	if f.Subject != "" {
		where += fmt.Sprintf(" (%.80q)", f.Subject)
	}
	return where + ": " + f.Problem + ": " + f.Fix
}

// A Checkup says what certificates are compared with. The zero value looks at
// the certificates alone, but for Now, which is needed.
type Checkup struct {
	Now     time.Time
	Kind    Kind                   // Thing, Service or Server; empty: what its usage says
	Name    string                 // the common name, or a host of a server; empty: any
	Roots   []*x509.Certificate    // the chain must lead to one of them; empty: to any
	CRLs    []*x509.RevocationList // of whom the signature has been checked
	Revoked func(*x509.Certificate) (Revocation, error)
}

// CheckedFile is a file with certificates, keys, or both, in PEM, or with one
// certificate in DER.
type CheckedFile struct {
	Name string
	Data []byte
}

type located struct {
	cert     *x509.Certificate
	file     string
	position int
}

func (l located) finding(problem, fix string, args ...any) Finding {
	return Finding{l.file, l.position, nameOf(l.cert), problem, fmt.Sprintf(fix, args...)}
}

// Check finds all that is wrong. Of a file's certificates the first is the
// owner's; behind it stands the chain. Keys are compared with the owner's.
func Check(files []CheckedFile, c Checkup) []Finding {
	var findings []Finding
	var owners []located
	var keys []keyAt
	for _, f := range files {
		chain, k, bad := readBlocks(f)
		findings, keys = append(findings, bad...), append(keys, k...)
		for i, l := range chain {
			findings = append(findings, c.dates(l)...)
			findings = append(findings, c.revoked(l)...)
			if i > 0 {
				findings = append(findings, link(chain[i-1], l)...)
			}
		}
		if len(chain) > 0 {
			findings = append(findings, c.trust(chain)...)
			if !chain[0].cert.IsCA {
				owners = append(owners, chain[0])
				findings = append(findings, c.owner(chain[0])...)
			}
		}
	}
	return append(findings, matchKeys(owners, keys)...)
}

type keyAt struct {
	file     string
	position int
	public   crypto.PublicKey
}

func readBlocks(f CheckedFile) (certs []located, keys []keyAt, findings []Finding) {
	if cert, err := x509.ParseCertificate(f.Data); err == nil {
		return []located{{cert, f.Name, 1}}, nil, nil
	}
	rest := f.Data
	for position := 1; ; position++ {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil {
			if position == 1 {
				findings = append(findings, Finding{f.Name, 0, "", "neither PEM nor a certificate in DER", "give a .crt, .pem or .key file, whole and as it was made"})
			} else if strings.Contains(string(rest), "-----BEGIN ") {
				findings = append(findings, Finding{f.Name, position, "", "the PEM is damaged", "copy the file again, whole and as it is"})
			}
			return certs, keys, findings
		}
		switch {
		case block.Type == pemCert:
			cert, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				findings = append(findings, Finding{f.Name, position, "", "no readable certificate: " + err.Error(), "copy the file again, whole and as it is"})
				continue
			}
			certs = append(certs, located{cert, f.Name, position})
		case strings.HasSuffix(block.Type, pemKey):
			public, err := publicHalf(block)
			if err != nil {
				findings = append(findings, Finding{f.Name, position, "", "no readable key: " + err.Error(), "use PKCS #8 without a password, ECDSA or RSA"})
				continue
			}
			keys = append(keys, keyAt{f.Name, position, public})
		default:
			findings = append(findings, Finding{f.Name, position, "", fmt.Sprintf("a PEM block %.40q is neither certificate nor key", block.Type), "leave it out"})
		}
	}
}

func publicHalf(block *pem.Block) (crypto.PublicKey, error) {
	var key any
	var err error
	switch block.Type {
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case pemKey:
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	default:
		return nil, fmt.Errorf("%q is encrypted or unknown", block.Type)
	}
	if err != nil {
		return nil, err
	}
	switch k := key.(type) {
	case *ecdsa.PrivateKey:
		return k.Public(), nil
	case *rsa.PrivateKey:
		return k.Public(), nil
	case ed25519.PrivateKey:
		return k.Public(), nil
	}
	return nil, fmt.Errorf("a key %T", key)
}

func matchKeys(owners []located, keys []keyAt) []Finding {
	var findings []Finding
	for _, k := range keys {
		fits := len(owners) == 0
		for _, o := range owners {
			p, ok := o.cert.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
			fits = fits || ok && p.Equal(k.public)
		}
		if !fits {
			findings = append(findings, Finding{k.file, k.position, "", fmt.Sprintf("this key is not that of %s in %s", nameOf(owners[0].cert), owners[0].file), "give the pair that was made together; a mismatched one fails at the handshake"})
		}
	}
	return findings
}
