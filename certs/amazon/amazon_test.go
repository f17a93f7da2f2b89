// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package amazon_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"math/big"
	"strings"
	"testing"
	"time"

	"thingpass/certs"
	"thingpass/certs/amazon"
)

// As published beside them on https://www.amazontrust.com/repository/.
var published = map[string]string{
	"AmazonRootCA1.pem": "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e",
	"AmazonRootCA2.pem": "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4",
	"AmazonRootCA3.pem": "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4",
	"AmazonRootCA4.pem": "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092",
	"SFSRootCAG2.pem":   "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5",
}

func TestTheRootsAreAmazons(t *testing.T) {
	roots, err := amazon.Roots()
	if err != nil || len(roots) != len(published) {
		t.Fatalf("%d roots, %v", len(roots), err)
	}
	for _, r := range roots {
		if sum := sha256.Sum256(r.Cert.Raw); hex.EncodeToString(sum[:]) != published[r.File] {
			t.Errorf("%s is not what Amazon publishes: %x", r.File, sum)
		}
		if err := r.Cert.CheckSignatureFrom(r.Cert); err != nil || !r.Cert.IsCA {
			t.Errorf("%s is no root: %v", r.File, err)
		}
	}
}

// maker makes chains as Amazon's are: root, intermediate, server.
type maker struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func (m maker) make(template *x509.Certificate) maker {
	m.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		m.t.Fatal(err)
	}
	if m.cert == nil {
		m.cert, m.key = template, key
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	template.BasicConstraintsValid = true
	der, err := x509.CreateCertificate(rand.Reader, template, m.cert, &key.PublicKey, m.key)
	if err != nil {
		m.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		m.t.Fatal(err)
	}
	return maker{m.t, cert, key}
}

func ca(name string) *x509.Certificate {
	return &x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, KeyUsage: x509.KeyUsageCertSign}
}

func server(host string) *x509.Certificate {
	return &x509.Certificate{Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
}

func TestAnchors(t *testing.T) {
	const host = "a1-ats.iot.eu-central-1.amazonaws.com"
	one, old, verisign := maker{t: t}.make(ca("Amazon Root CA 1")), maker{t: t}.make(ca("Starfield")), maker{t: t}.make(ca("VeriSign Class 3"))
	// as Amazon does: the root once more, signed by the older root, for the same key
	cross := func() *x509.Certificate {
		template := ca("Amazon Root CA 1")
		template.SerialNumber, template.NotBefore, template.NotAfter = big.NewInt(7), one.cert.NotBefore, one.cert.NotAfter
		template.BasicConstraintsValid, template.SubjectKeyId = true, one.cert.SubjectKeyId
		der, err := x509.CreateCertificate(rand.Reader, template, old.cert, &one.key.PublicKey, old.key)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return cert
	}()
	between := one.make(ca("Amazon RSA 2048 M01"))
	leaf := between.make(server(host))
	late := server(host)
	late.NotBefore, late.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	roots := []amazon.Root{{Name: "one", Cert: one.cert}, {Name: "old", Cert: old.cert}}
	self := maker{t: t}.make(server(host))
	for what, tc := range map[string]struct {
		chain     []*x509.Certificate
		host      string
		want, why string
	}{
		"short chain":     {[]*x509.Certificate{leaf.cert, between.cert}, host, "one", ""},
		"with the cross":  {[]*x509.Certificate{leaf.cert, between.cert, cross}, host, "one old", ""},
		"no host":         {[]*x509.Certificate{leaf.cert, between.cert}, "", "one", ""},
		"nothing":         {nil, host, "", "no certificate"},
		"another name":    {[]*x509.Certificate{leaf.cert, between.cert}, "other.example", "", "is not good"},
		"expired":         {[]*x509.Certificate{between.make(late).cert, between.cert}, host, "", "expired"},
		"lost its middle": {[]*x509.Certificate{leaf.cert}, host, "", "none of Amazon's roots"},
		"legacy":          {[]*x509.Certificate{verisign.make(server(host)).cert}, host, "", "legacy endpoint (iot:Data)"},
		"self-signed":     {[]*x509.Certificate{self.cert}, host, "", "self-signed"},
	} {
		got, err := amazon.Anchors(roots, tc.chain, tc.host, time.Now())
		var names []string
		for _, r := range got {
			names = append(names, r.Name)
		}
		if strings.Join(names, " ") != tc.want || (err == nil) != (tc.why == "") || err != nil && !strings.Contains(err.Error(), tc.why) {
			t.Errorf("%s: %q, %v; want %q, %q", what, names, err, tc.want, tc.why)
		}
	}
}

func TestCheckHost(t *testing.T) {
	for host, why := range map[string]string{
		"a1b2c3-ats.iot.eu-central-1.amazonaws.com":     "",
		"a1b2c3.iot.eu-central-1.amazonaws.com":         "use the one with -ats",
		"A1B2C3.iot.eu-central-1.amazonaws.com":         "use the one with -ats",
		"c1.credentials.iot.eu-central-1.amazonaws.com": "",
		"bucket.s3.eu-central-1.amazonaws.com":          "",
		"192.168.1.10":                                  "certificates hold names",
	} {
		if err := amazon.CheckHost(host); (err == nil) != (why == "") || err != nil && !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v, want %q", host, err, why)
		}
	}
}

func TestCheckAnchors(t *testing.T) {
	root := maker{t: t}.make(ca("root"))
	device := root.make(&x509.Certificate{Subject: pkix.Name{CommonName: "AWS IoT Certificate"}})
	dev, err := certs.NewCA("x")
	if err != nil {
		t.Fatal(err)
	}
	thing, err := dev.Thing("cam1")
	if err != nil {
		t.Fatal(err)
	}
	old := ca("old")
	old.NotBefore, old.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	for what, tc := range map[string]struct {
		cert *x509.Certificate
		why  string
	}{
		"device":       {device.cert, "is a device's certificate"},
		"thing":        {thing.Leaf, "is a device's certificate"},
		"server":       {root.make(server("x")).cert, "is a server's certificate"},
		"intermediate": {root.make(ca("M01")).cert, "is an intermediate"},
		"old root":     {maker{t: t}.make(old).cert, "has expired"},
	} {
		got := amazon.CheckAnchors([]*x509.Certificate{root.cert, tc.cert}, time.Now())
		if len(got) != 1 || !strings.HasPrefix(got[0].Error(), "certificate 2 (") || !strings.Contains(got[0].Error(), tc.why) {
			t.Errorf("%s: %v, want %q", what, got, tc.why)
		}
	}
}
