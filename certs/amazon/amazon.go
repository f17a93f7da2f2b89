// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package amazon knows the roots behind AWS's endpoints, and tells which of
// them a thing must have to trust one.
//
// The files in roots/ are Amazon Trust Services' certificates as they publish
// them; a test holds them to the SHA-256 that they publish beside.
package amazon

import (
	"crypto/x509"
	"embed"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"
)

//go:embed roots/*.pem
var files embed.FS

// A Root is a certificate that a thing can trust.
type Root struct {
	Name string // "Amazon Root CA 1"
	File string // the name under which Amazon publishes it: AmazonRootCA1.pem
	PEM  []byte
	Cert *x509.Certificate
}

// Roots are Amazon Root CA 1 to 4, and the older root that vouches for them,
// Starfield Services Root Certificate Authority - G2.
func Roots() ([]Root, error) {
	var roots []Root
	for _, file := range []string{"AmazonRootCA1.pem", "AmazonRootCA2.pem", "AmazonRootCA3.pem", "AmazonRootCA4.pem", "SFSRootCAG2.pem"} {
		text, err := files.ReadFile("roots/" + file)
		if err != nil {
			return nil, err
		}
		block, _ := pem.Decode(text)
		if block == nil {
			return nil, fmt.Errorf("%s: no PEM", file)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		roots = append(roots, Root{cert.Subject.CommonName, file, text, cert})
	}
	return roots, nil
}

// Anchors returns those of the roots to which the chain that a server showed
// leads, in their order; any one of them is enough. Host is checked unless it is
// empty, and dates are checked as of now. The error says what the usual mistake is.
func Anchors(roots []Root, chain []*x509.Certificate, host string, now time.Time) ([]Root, error) {
	if len(chain) == 0 {
		return nil, errors.New("the server showed no certificate")
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	var anchors []Root
	var why error
	for _, r := range roots {
		pool := x509.NewCertPool()
		pool.AddCert(r.Cert)
		_, err := chain[0].Verify(x509.VerifyOptions{Roots: pool, Intermediates: between, DNSName: host, CurrentTime: now})
		if err == nil {
			anchors = append(anchors, r)
		} else if why == nil || !errors.As(err, new(x509.UnknownAuthorityError)) {
			why = err
		}
	}
	if len(anchors) == 0 {
		return nil, explain(chain, host, why)
	}
	return anchors, nil
}

// explain says what is likely wrong with a chain that leads to no root.
func explain(chain []*x509.Certificate, host string, why error) error {
	last := chain[len(chain)-1]
	issuer := last.Issuer.String()
	switch {
	case strings.Contains(issuer, "VeriSign") || strings.Contains(issuer, "Symantec"):
		return fmt.Errorf("the chain leads to %s: this is the legacy endpoint (iot:Data); use the one that aws iot describe-endpoint --endpoint-type iot:Data-ATS names", issuer)
	case len(chain) == 1 && last.CheckSignature(last.SignatureAlgorithm, last.RawTBSCertificate, last.Signature) == nil:
		return fmt.Errorf("the server's certificate is self-signed (%s): this is no AWS endpoint; flash the CA that made it", chain[0].Subject)
	case errors.As(why, new(x509.UnknownAuthorityError)):
		return fmt.Errorf("the chain leads to %s, which is none of Amazon's roots: is it an AWS endpoint, or is there a proxy that breaks TLS?", issuer)
	}
	return fmt.Errorf("the chain of %s is not good: %w", host, why)
}

var iotHost = regexp.MustCompile(`^([a-z0-9]+)(-ats)?\.iot\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$`)

// CheckHost names the mistakes that an endpoint's name shows, or returns nil.
func CheckHost(host string) error {
	if net.ParseIP(host) != nil {
		return fmt.Errorf("%s is an address: AWS's certificates hold names, so use the endpoint's", host)
	}
	m := iotHost.FindStringSubmatch(strings.ToLower(host))
	if m != nil && m[2] == "" && m[1] != "data" {
		return fmt.Errorf("%s is the legacy endpoint (iot:Data), whose chain things no longer have: use the one with -ats (aws iot describe-endpoint --endpoint-type iot:Data-ATS)", host)
	}
	return nil
}

// CheckAnchors finds what a thing cannot use of what it is to trust: each error
// is about one certificate of the file, whose position it names.
func CheckAnchors(certs []*x509.Certificate, now time.Time) []error {
	var problems []error
	for i, c := range certs {
		var why string
		switch {
		case isDevice(c):
			why = "is a device's certificate: it says who a thing is, and vouches for no server; flash an Amazon root instead"
		case !c.IsCA:
			why = "is a server's certificate: it is replaced within months; flash the root to which it leads"
		case c.CheckSignatureFrom(c) != nil:
			why = "is an intermediate: Amazon replaces these without notice; flash the root"
		case now.After(c.NotAfter):
			why = "has expired on " + c.NotAfter.Format("2006-01-02") + ": flash one that is valid"
		default:
			continue
		}
		problems = append(problems, fmt.Errorf("certificate %d (%s) %s", i+1, c.Subject, why))
	}
	return problems
}

// isDevice recognizes what AWS IoT issues to things, and what is for clients only.
func isDevice(c *x509.Certificate) bool {
	return !c.IsCA && (c.Subject.CommonName == "AWS IoT Certificate" ||
		slices.Contains(c.Issuer.OrganizationalUnit, "Amazon Web Services O=Amazon.com Inc. L=Seattle ST=Washington C=US") ||
		slices.Equal(c.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}))
}
