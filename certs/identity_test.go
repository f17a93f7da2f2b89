// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package certs_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"thingpass/certs"
)

// forge makes a client certificate with a subject of the forger's choice,
// signed by the identity by.
func forge(t *testing.T, by certs.Identity, cn string, ou ...string) *x509.Certificate {
	t.Helper()
	return forgeFor(t, by, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, cn, ou...)
}

func forgeFor(t *testing.T, by certs.Identity, usage []x509.ExtKeyUsage, cn string, ou ...string) *x509.Certificate {
	t.Helper()
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: cn, OrganizationalUnit: ou},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  usage,
	}
	der := must(x509.CreateCertificate(rand.Reader, template, by.Leaf, &key.PublicKey, by.TLSCertificate().PrivateKey))(t)
	return must(x509.ParseCertificate(der))(t)
}

func TestSubjectTellsThingsFromServices(t *testing.T) {
	ca := newCA(t)
	for _, id := range []certs.Identity{must(ca.Thing("Cam:1_a-b"))(t), must(ca.Service("broker"))(t)} {
		kind, name, err := certs.Subject(id.Leaf)
		if kind != id.Kind || name != id.Name || err != nil {
			t.Errorf("Subject of %s %s = %s, %s, %v", id.Kind, id.Name, kind, name, err)
		}
	}
}

func TestSubjectRefusesWhatIsNotAClient(t *testing.T) {
	ca := newCA(t)
	thing := must(ca.Thing("cam1"))(t)
	for what, leaf := range map[string]*x509.Certificate{
		"a server":             must(ca.Server([]string{"localhost"}))(t).Leaf,
		"the CA":               ca.Certificate(),
		"no kind":              forge(t, thing, "broker"),
		"two kinds":            forge(t, thing, "cam1", "thing", "service"),
		"an unknown kind":      forge(t, thing, "cam1", "root"),
		"no name":              forge(t, thing, "", "service"),
		"a wildcard name":      forge(t, thing, "+", "thing"),
		"a name too long":      forge(t, thing, strings.Repeat("a", 65), "thing"),
		"kind by lettercase":   forge(t, thing, "cam1", "Service"),
		"no usage":             forgeFor(t, thing, nil, "cam1", "thing"),
		"any usage":            forgeFor(t, thing, []x509.ExtKeyUsage{x509.ExtKeyUsageAny}, "cam1", "thing"),
		"a server's usage too": forgeFor(t, thing, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}, "cam1", "thing"),
	} {
		if kind, name, err := certs.Subject(leaf); err == nil || kind != "" || name != "" {
			t.Errorf("%s: Subject = %q, %q, %v; want an error alone", what, kind, name, err)
		}
	}
}

func TestIdentityPrintsWithoutItsKey(t *testing.T) {
	id := must(newCA(t).Thing("cam1"))(t)
	key := id.TLSCertificate().PrivateKey.(*ecdsa.PrivateKey)
	d := must(key.Bytes())(t)
	js := must(json.Marshal(id))(t)
	for _, out := range []string{fmt.Sprintf("%v", id), fmt.Sprintf("%+v", id), fmt.Sprintf("%#v", id), string(js)} {
		for _, secret := range []string{fmt.Sprintf("%x", d), fmt.Sprint(new(big.Int).SetBytes(d)), fmt.Sprint(d), "PRIVATE KEY"} {
			if strings.Contains(strings.ToLower(out), strings.ToLower(secret)) {
				t.Errorf("the key is in %.200s", out)
			}
		}
	}
}
