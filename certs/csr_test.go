// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package certs_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"strings"
	"testing"

	"thingpass/certs"
)

func curveKey(tb testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	tb.Helper()
	return must(ecdsa.GenerateKey(curve, rand.Reader))(tb)
}

// request is a request in PEM for a key, as a thing would make it.
func request(tb testing.TB, key crypto.Signer, subject pkix.Name, extra ...pkix.Extension) []byte {
	tb.Helper()
	der := must(x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: subject, ExtraExtensions: extra, DNSNames: []string{"evil.example"},
	}, key))(tb)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
}

func TestSignIssuesForTheKeyOfTheRequestAndNothingElse(t *testing.T) {
	ca := newCA(t)
	key := curveKey(t, elliptic.P384())
	isCA := pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 19}, Critical: true, Value: []byte{0x30, 3, 1, 1, 0xff}}
	text := request(t, key, pkix.Name{CommonName: "cam1", OrganizationalUnit: []string{"service"}}, isCA)
	der, _ := pem.Decode(text)
	for form, data := range map[string][]byte{"PEM": text, "DER": der.Bytes, "text around": append([]byte("from cam1\n"), text...)} {
		id := must(ca.Sign("cam1", must(certs.ParseRequest(data))(t)))(t)
		leaf := id.Leaf
		if !key.PublicKey.Equal(leaf.PublicKey) || id.HasKey() || id.KeyPEM() != nil {
			t.Errorf("%s: another key was certified, or one is here", form)
		}
		if leaf.IsCA || leaf.DNSNames != nil || leaf.KeyUsage != x509.KeyUsageDigitalSignature {
			t.Errorf("%s: an extension of the request was granted: %+v", form, leaf)
		}
		if kind, name, err := certs.Subject(leaf); kind != certs.Thing || name != "cam1" || err != nil {
			t.Errorf("%s: Subject = %s, %s, %v", form, kind, name, err)
		}
	}
}

func TestParseRequestRefuses(t *testing.T) {
	good := request(t, curveKey(t, elliptic.P256()), pkix.Name{})
	block, _ := pem.Decode(good)
	forged := bytes.Clone(block.Bytes)
	forged[len(forged)-1] ^= 1
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	two := pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{
		{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: "cam1"}, {Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: "cam2"}}}
	id := must(newCA(t).Thing("cam1"))(t)
	for what, tc := range map[string]struct {
		data []byte
		why  string
	}{
		"nothing":       {nil, "make it again"},
		"noise":         {[]byte("hello"), "make it again"},
		"truncated PEM": {good[:200], "PEM is damaged"},
		"truncated DER": {block.Bytes[:100], "make it again"},
		"more behind":   {append(bytes.Clone(block.Bytes), 0), "trailing data"},
		"two requests":  {append(bytes.Clone(good), good...), "more than one PEM block"},
		"a private key": {id.KeyPEM(), "that is a private key"},
		"a certificate": {id.CertPEM(), "that is a certificate already"},
		"another block": {pem.EncodeToMemory(&pem.Block{Type: "DH PARAMETERS"}), "is no request"},
		"too long":      {bytes.Repeat([]byte("x"), 16<<10+1), "more than a request has"},
		"forged":        {forged, "not by its own key"},
		"P-224":         {request(t, curveKey(t, elliptic.P224()), pkix.Name{}), "on the curve P-224: use ECDSA P-256"},
		"P-521":         {request(t, curveKey(t, elliptic.P521()), pkix.Name{}), "on the curve P-521: use ECDSA P-256"},
		"RSA 1024":      {request(t, must(rsa.GenerateKey(rand.Reader, 1024))(t), pkix.Name{}), "RSA key has 1024 bits"},
		"Ed25519":       {request(t, ed, pkix.Name{}), "use ECDSA P-256"},
		"several names": {request(t, curveKey(t, elliptic.P256()), two), "2 common names"},
		"SHA-1":         {sha1Request(t), "SHA-256 or better"},
	} {
		r, err := certs.ParseRequest(tc.data)
		if r != nil || err == nil || !strings.Contains(err.Error(), tc.why) {
			t.Errorf("%s: %v, want %q", what, err, tc.why)
		}
	}
}

func sha1Request(t *testing.T) []byte {
	t.Helper()
	der := must(x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		SignatureAlgorithm: x509.ECDSAWithSHA1}, curveKey(t, elliptic.P256())))(t)
	return der
}

func TestSignComparesTheName(t *testing.T) {
	ca := newCA(t)
	key := curveKey(t, elliptic.P256())
	for _, tc := range []struct {
		name, asked string
		opts        []certs.Option
		why         string
	}{
		{"cam1", "", nil, ""},
		{"cam1", "cam1", nil, ""},
		{"cam1", "cam2", nil, `asks for the common name "cam2": make it for "cam1"`},
		{"cam1", "Cam1", nil, "make it for"},
		{"cam1", "cam2", []certs.Option{certs.AnySubject()}, ""},
		{"cam+", "", nil, "an MQTT wildcard"},
		{"", "cam1", nil, "must not be empty"},
		{"cam1", "", []certs.Option{certs.Days(0)}, "use 1 to 36500"},
	} {
		r := must(certs.ParseRequest(request(t, key, pkix.Name{CommonName: tc.asked})))(t)
		id, err := ca.Sign(tc.name, r, tc.opts...)
		switch {
		case tc.why == "" && (err != nil || id.Leaf.Subject.CommonName != tc.name):
			t.Errorf("%q asked for as %q: %v", tc.name, tc.asked, err)
		case tc.why != "" && (err == nil || !strings.Contains(err.Error(), tc.why) || id != (certs.Identity{})):
			t.Errorf("%q asked for as %q: %v, want %q", tc.name, tc.asked, err, tc.why)
		}
	}
}

// Whatever is read as a request can be kept and read again, as the same.
func FuzzParseRequest(f *testing.F) {
	good := request(f, curveKey(f, elliptic.P256()), pkix.Name{CommonName: "cam1"})
	block, _ := pem.Decode(good)
	f.Add(good)
	f.Add(block.Bytes)
	f.Add([]byte("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := certs.ParseRequest(data)
		if (r == nil) == (err == nil) {
			t.Fatalf("ParseRequest = %v, %v: want one of them", r, err)
		}
		if r == nil {
			return
		}
		again, err := certs.ParseRequest(r.PEM())
		if err != nil || again.Name() != r.Name() {
			t.Errorf("kept and read again: %v", err)
		}
	})
}
