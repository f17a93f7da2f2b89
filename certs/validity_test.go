// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package certs_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"thingpass/certs"
)

var noon = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

func TestDefaultValidity(t *testing.T) {
	ca := newCA(t, certs.At(noon))
	thing := must(ca.Thing("cam1", certs.At(noon.AddDate(1, 0, 0))))(t)
	for _, tc := range []struct {
		what      string
		got, want time.Time
	}{
		{"CA begins", ca.Certificate().NotBefore, noon.Add(-time.Hour)},
		{"CA ends", ca.Certificate().NotAfter, noon.AddDate(0, 0, 3650)},
		{"thing begins", thing.Leaf.NotBefore, noon.AddDate(1, 0, 0).Add(-time.Hour)},
		{"thing ends", thing.Leaf.NotAfter, noon.AddDate(1, 0, 825)},
	} {
		if !tc.got.Equal(tc.want) {
			t.Errorf("%s %s, want %s", tc.what, tc.got, tc.want)
		}
	}
}

func TestCertificateStaysWithinItsCA(t *testing.T) {
	ca := newCA(t, certs.At(noon), certs.Days(10))
	thing := must(ca.Thing("cam1", certs.At(noon.Add(-time.Minute))))(t)
	if c := ca.Certificate(); !thing.Leaf.NotAfter.Equal(c.NotAfter) || !thing.Leaf.NotBefore.Equal(c.NotBefore) {
		t.Errorf("thing valid %s to %s, CA %s to %s", thing.Leaf.NotBefore, thing.Leaf.NotAfter, c.NotBefore, c.NotAfter)
	}
}

func TestValidityErrors(t *testing.T) {
	ca := newCA(t, certs.At(noon), certs.Days(10))
	for _, tc := range []struct {
		name string
		opts []certs.Option
		why  string
	}{
		{"zero days", []certs.Option{certs.At(noon), certs.Days(0)}, "use 1 to 36500"},
		{"negative days", []certs.Option{certs.At(noon), certs.Days(-1)}, "use 1 to 36500"},
		{"too many days", []certs.Option{certs.At(noon), certs.Days(36501)}, "use 1 to 36500"},
		{"ends before it begins", []certs.Option{certs.Between(noon, noon.Add(-time.Second))}, "never valid"},
		{"CA expired", []certs.Option{certs.At(noon.AddDate(0, 0, 10))}, "expired on 2030-01-11: make a new CA"},
		{"CA not valid yet", []certs.Option{certs.At(noon.Add(-2 * time.Hour))}, "clock"},
	} {
		id, err := ca.Thing("cam1", tc.opts...)
		if err == nil || !strings.Contains(err.Error(), tc.why) || id != (certs.Identity{}) {
			t.Errorf("%s: %v, want %q and no identity", tc.name, err, tc.why)
		}
	}
}

// What ESP32s (mbedTLS), Mosquitto (OpenSSL) and AWS all accept.
func TestCertificateProfile(t *testing.T) {
	ca := newCA(t)
	seen := make(map[string]bool)
	for _, leaf := range []*x509.Certificate{
		ca.Certificate(), must(ca.Thing("cam1"))(t).Leaf, must(ca.Thing("cam1"))(t).Leaf,
		must(ca.Service("broker"))(t).Leaf, must(ca.Server([]string{"localhost"}))(t).Leaf,
	} {
		what := leaf.Subject.String()
		if key, ok := leaf.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() || leaf.SignatureAlgorithm != x509.ECDSAWithSHA256 {
			t.Errorf("%s: %T, %s; want P-256 and ECDSA-SHA256", what, leaf.PublicKey, leaf.SignatureAlgorithm)
		}
		usage := x509.KeyUsageDigitalSignature
		if leaf.IsCA {
			usage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
		}
		if leaf.KeyUsage != usage || leaf.IsCA != (leaf.Subject.CommonName == "test CA") || leaf.Version != 3 {
			t.Errorf("%s: key usage %b, CA %v", what, leaf.KeyUsage, leaf.IsCA)
		}
		serial := leaf.SerialNumber
		if serial.Sign() <= 0 || serial.BitLen() > 127 || serial.BitLen() < 64 || seen[serial.String()] {
			t.Errorf("%s: serial %x: want 127 random bits, never twice", what, serial)
		}
		seen[serial.String()] = true
	}
}
