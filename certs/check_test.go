// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package certs_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"thingpass/certs"
)

// selfSigned is a certificate that vouches for itself.
func selfSigned(t *testing.T) []byte {
	t.Helper()
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "cam1"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der := must(x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key))(t)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func encode(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func TestCheckFindsWhatIsWrong(t *testing.T) {
	root := must(certs.NewRoot("root"))(t)
	ca := must(root.Intermediate("below"))(t)
	now := time.Now()
	good, other := must(ca.Thing("cam1"))(t), must(ca.Thing("cam2"))(t)
	expired := must(ca.Thing("cam1", certs.Between(now.Add(-2*time.Hour), now.Add(-time.Hour))))(t)
	early := must(ca.Thing("cam1", certs.Between(now.Add(time.Hour), now.Add(2*time.Hour))))(t)
	server := must(ca.Server([]string{"localhost"}))(t)
	client := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	foreign := must(newCA(t).Thing("cam1"))(t)
	gone := func(c *x509.Certificate) (certs.Revocation, error) {
		if c.Equal(good.Leaf) {
			return certs.Revocation{At: now.Add(-time.Minute), Reason: certs.KeyCompromise}, nil
		}
		return certs.Revocation{}, nil
	}
	for what, tc := range map[string]struct {
		data  []byte
		c     certs.Checkup
		where string
		why   string
	}{
		"good":                 {join(good.CertPEM(), good.KeyPEM()), certs.Checkup{Name: "cam1", Kind: certs.Thing}, "", ""},
		"good server":          {server.CertPEM(), certs.Checkup{Name: "localhost"}, "", ""},
		"good DER":             {foreign.Leaf.Raw, certs.Checkup{Roots: []*x509.Certificate{}}, "", ""},
		"expired":              {expired.CertPEM(), certs.Checkup{}, `f.pem: block 1 ("cam1")`, "expired on"},
		"not yet valid":        {early.CertPEM(), certs.Checkup{}, `f.pem: block 1 ("cam1")`, "not valid before"},
		"wrong name":           {good.CertPEM(), certs.Checkup{Name: "cam2"}, "f.pem: block 1", `it names "cam1", not "cam2"`},
		"wrong host":           {server.CertPEM(), certs.Checkup{Name: "other"}, "f.pem: block 1", "not for the host other"},
		"server as a thing":    {server.CertPEM(), certs.Checkup{Kind: certs.Thing, Name: "localhost"}, "f.pem: block 1", "not for clients alone"},
		"thing as a server":    {good.CertPEM(), certs.Checkup{Kind: certs.Server}, "f.pem: block 1", "not for servers alone"},
		"thing as a service":   {good.CertPEM(), certs.Checkup{Kind: certs.Service}, "f.pem: block 1", "no service's"},
		"any usage":            {encode(forgeFor(t, foreign, []x509.ExtKeyUsage{x509.ExtKeyUsageAny}, "cam1", "thing")), certs.Checkup{Roots: []*x509.Certificate{}}, "f.pem: block 1", "not for clients alone"},
		"wildcard name":        {encode(forgeFor(t, foreign, client, "+", "thing")), certs.Checkup{Roots: []*x509.Certificate{}}, "f.pem: block 1", "an MQTT wildcard"},
		"policy wildcard":      {encode(forgeFor(t, foreign, client, "cam*", "thing")), certs.Checkup{Roots: []*x509.Certificate{}}, "f.pem: block 1", "a policy wildcard"},
		"odd characters":       {encode(forgeFor(t, foreign, client, "cam 1", "thing")), certs.Checkup{Roots: []*x509.Certificate{}}, "f.pem: block 1", "contains ' '"},
		"self-signed":          {selfSigned(t), certs.Checkup{}, "f.pem: block 1", "self-signed"},
		"another CA":           {foreign.CertPEM(), certs.Checkup{}, "f.pem: block 1", "does not lead to the CA"},
		"without its chain":    {encode(good.Leaf), certs.Checkup{}, "f.pem: block 1", "add the intermediate"},
		"root in the chain":    {join(good.CertPEM(), root.CertPEM()), certs.Checkup{}, "f.pem: block 3", "leave it out"},
		"wrong order":          {join(encode(ca.Certificate()), encode(good.Leaf)), certs.Checkup{}, "f.pem: block 2", "is no CA's"},
		"wrong intermediate":   {join(encode(good.Leaf), encode(must(root.Intermediate("x"))(t).Certificate()), encode(ca.Certificate())), certs.Checkup{}, "f.pem: block 2", "did not issue"},
		"another's key":        {join(good.CertPEM(), other.KeyPEM()), certs.Checkup{}, "f.pem: block 3", "this key is not that of cam1"},
		"revoked":              {good.CertPEM(), certs.Checkup{Revoked: gone}, "f.pem: block 1", "(key-compromise): issue another"},
		"no PEM":               {[]byte("hello"), certs.Checkup{}, "f.pem", "neither PEM"},
		"empty":                {nil, certs.Checkup{}, "f.pem", "neither PEM"},
		"truncated":            {good.CertPEM()[:300], certs.Checkup{}, "f.pem", "neither PEM"},
		"truncated chain":      {good.CertPEM()[:len(good.CertPEM())-40], certs.Checkup{}, "f.pem: block 2", "damaged"},
		"not a certificate":    {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}), certs.Checkup{}, "f.pem: block 1", "no readable certificate"},
		"encrypted key":        {pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY"}), certs.Checkup{}, "f.pem: block 1", "without a password"},
		"request in its place": {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST"}), certs.Checkup{}, "f.pem: block 1", "neither certificate nor key"},
	} {
		tc.c.Now = now
		if tc.c.Roots == nil {
			tc.c.Roots = []*x509.Certificate{root.Root()}
		}
		var text []string
		for _, f := range certs.Check([]certs.CheckedFile{{Name: "f.pem", Data: tc.data}}, tc.c) {
			text = append(text, f.String())
			if f.Fix == "" {
				t.Errorf("%s: no fix in %q", what, f)
			}
		}
		all := strings.Join(text, "\n")
		if tc.why == "" && all != "" || !strings.Contains(all, tc.why) || !strings.Contains(all, tc.where) {
			t.Errorf("%s: got\n%s\nwant %q: %q", what, all, tc.where, tc.why)
		}
	}
}

func FuzzCheck(f *testing.F) {
	ca, err := certs.NewCA("x")
	if err != nil {
		f.Fatal(err)
	}
	id, err := ca.Thing("cam1")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append(id.CertPEM(), id.KeyPEM()...))
	f.Add(id.Leaf.Raw)
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, found := range certs.Check([]certs.CheckedFile{{Name: "f", Data: data}}, certs.Checkup{Now: time.Now(), Roots: []*x509.Certificate{ca.Root()}}) {
			if found.File != "f" || found.Problem == "" || found.Fix == "" {
				t.Errorf("%+v", found)
			}
		}
	})
}
