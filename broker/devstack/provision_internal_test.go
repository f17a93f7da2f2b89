// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"thingpass/policies"
	"thingpass/policies/registry"
)

func testProvisioner(t testing.TB) (*provisioner, *memoryFleet, *time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now(), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if ca, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	p, err := newProvisioner([]Template{{Name: "fleet"}})
	if err != nil {
		t.Fatal(err)
	}
	fleet, now := newMemoryFleet(), time.Now()
	p.issuer, p.fleet, p.now = &claimIssuer{ca, key}, fleet, func() time.Time { return now }
	return p, fleet, &now
}

func leafOf(t testing.TB, c certified) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode([]byte(c.CertificatePEM))
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

func csrOf(t testing.TB, key any) string {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}

func TestATokenEndsAfterAnHour(t *testing.T) {
	for after, ok := range map[time.Duration]bool{59 * time.Minute: true, 61 * time.Minute: false} {
		p, fleet, now := testProvisioner(t)
		c, err := p.makeKey()
		if err != nil {
			t.Fatal(err)
		}
		*now = now.Add(after)
		_, err = p.register("fleet", registration{c.Token, map[string]string{"SerialNumber": "7"}})
		if (err == nil) != ok {
			t.Errorf("after %v: %v", after, err)
		}
		if !ok && (refusalOf(err).ErrorCode != "InvalidCertificateOwnershipToken" || len(fleet.certificates) != 0) {
			t.Errorf("after %v: %v, %d certificates are left", after, err, len(fleet.certificates))
		}
	}
}

func TestKeysThatAreTaken(t *testing.T) {
	p, _, _ := testProvisioner(t)
	p224, _ := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	rsa2048, _ := rsa.GenerateKey(rand.Reader, 2048)
	for name, probe := range map[string]struct {
		key any
		ok  bool
	}{"P-224": {p224, false}, "P-384": {p384, true}, "RSA 2048": {rsa2048, true}} {
		c, err := p.certify(csrOf(t, probe.key))
		if (err == nil) != probe.ok {
			t.Errorf("%s: %v", name, err)
		}
		if !probe.ok {
			continue
		}
		leaf := leafOf(t, c)
		if leaf.CheckSignatureFrom(p.issuer.ca) != nil || leaf.NotAfter.After(p.issuer.ca.NotAfter) || leaf.IsCA {
			t.Errorf("%s: the certificate is not as it should be", name)
		}
	}
}

func TestProvisionedThingsAreInTheRegistry(t *testing.T) {
	p, _, now := testProvisioner(t)
	store, err := registry.InMemory("account: \"123456789012\"\nregion: eu-central-1\npolicies: {thing: {builtin: thing}}\n" +
		"groups: {things: {policies: [thing]}}\nthings: {cam1: {groups: [things], blocked: true}}\n")
	if err != nil {
		t.Fatal(err)
	}
	p.fleet = registryFleet{store}
	p.templates["fleet"] = Template{Name: "fleet", Group: "things", Once: true}
	unused, err := p.makeKey()
	if err != nil {
		t.Fatal(err)
	}
	*now = now.Add(2 * tokenLife)
	c, err := p.makeKey()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Registry().FindID(unused.CertificateID); err == nil {
		t.Error("a certificate that nobody used is still there")
	}
	leaf := leafOf(t, c)
	if who, err := store.Registry().Find(leaf); err == nil {
		t.Errorf("PENDING_ACTIVATION is let in as %+v", who)
	}
	if _, err := p.register("fleet", registration{c.Token, map[string]string{"SerialNumber": "cam1"}}); refusalOf(err).StatusCode != 409 {
		t.Errorf("a thing that is there: %v", err)
	}
	if _, err := p.register("fleet", registration{c.Token, map[string]string{"SerialNumber": "cam2"}}); err != nil {
		t.Fatal(err)
	}
	who, err := store.Registry().Find(leaf)
	if err != nil || who.Name != "cam2" {
		t.Fatalf("registered: %+v, %v", who, err)
	}
	session, result := store.Registry().Connect(who, policies.ConnectRequest{ClientID: "cam2"})
	if session == nil || !session.Publish("thingpass/cam2/upload-request", false).Allowed() || session.Publish("thingpass/cam1/upload-request", false).Allowed() {
		t.Errorf("rights of the new thing: %v", result)
	}
}

func TestTopicsOfQuestions(t *testing.T) {
	for topic, want := range map[string]string{
		"$aws/certificates/create-from-csr/json":            "",
		"$aws/certificates/create/json":                     "",
		"$aws/provisioning-templates/fleet/provision/json":  "fleet",
		"$aws/provisioning-templates/a-b_9/provision/json":  "a-b_9",
		"$aws/provisioning-templates//provision/json":       "none",
		"$aws/provisioning-templates/a/b/provision/json":    "none",
		"$aws/provisioning-templates/+/provision/json":      "none",
		"$aws/provisioning-templates/fleet/provision/cbor":  "none",
		"$aws/provisioning-templates/fleet/provision/json/": "none",
		"$aws/certificates/create/json/accepted":            "none",
		"aws/certificates/create/json":                      "none",
		"":                                                  "none",
	} {
		if _, template, ok := provisioningTopic(topic); ok != (want != "none") || ok && template != want {
			t.Errorf("%s: %q %v", topic, template, ok)
		}
		if _, _, ok := provisioningReply(topic + "/accepted"); ok != (want != "none") {
			t.Errorf("the answer of %s: %v", topic, ok)
		}
	}
}

// Whatever a claim says, it gets an answer in one of the two forms, and no thing whose
// name a topic may not have.
func FuzzProvisioning(f *testing.F) {
	p, fleet, _ := testProvisioner(f)
	c, err := p.makeKey()
	if err != nil {
		f.Fatal(err)
	}
	f.Add("", `{"certificateSigningRequest":"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"}`)
	f.Add("fleet", `{"certificateOwnershipToken":"`+c.Token+`","parameters":{"SerialNumber":"7"}}`)
	f.Add("fleet", `{"certificateOwnershipToken":"x","parameters":{"SerialNumber":["7"]}}`)
	f.Add("another", `{`)
	f.Fuzz(func(t *testing.T, template, payload string) {
		topic := string(fromCSR)
		if template != "" {
			topic = string(register) + template + provisionEnd
		}
		on, reply := p.answer(topic, []byte(payload))
		if _, _, ok := provisioningTopic(topic); !ok {
			if on != "" || reply != nil {
				t.Fatalf("an answer to %q", topic)
			}
			return
		}
		var r refusal
		if err := json.Unmarshal(reply, &r); err != nil {
			t.Fatalf("%s: %v", reply, err)
		}
		rejected := strings.HasSuffix(on, "/rejected")
		if rejected != (r.StatusCode >= 400 && r.ErrorCode != "") {
			t.Fatalf("%s %s", on, reply)
		}
		for thing := range fleet.things {
			if strings.ContainsAny(thing, "/+#$ ") || thing == "" {
				t.Fatalf("a thing %q", thing)
			}
		}
	})
}
