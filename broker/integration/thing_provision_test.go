// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thingpass/broker/devstack"
	"thingpass/certs"
)

// newFleetStack has the embedded MQTT server, which provisions things by these
// templates, in the test's own process: a template's hook is the test's.
func newFleetStack(tb testing.TB, templates ...devstack.Template) *stack {
	tb.Helper()
	s := &stack{tb: tb, dir: tb.TempDir()}
	tb.Cleanup(s.judgeTraces)
	s.startS3()
	d, err := certs.Open(s.path("dev/certs"))
	if err != nil {
		tb.Fatal(err)
	}
	id, err := d.CA().Server([]string{"127.0.0.1"})
	if err != nil {
		tb.Fatal(err)
	}
	m, err := devstack.StartMQTT(tb.Context(), devstack.MQTTOptions{
		Certificate:  id.TLSCertificate(),
		ClientCAs:    d.CA().Pool(),
		Strict:       &devstack.Strict{},
		Provisioning: &devstack.Provisioning{CA: d.CA().Certificate(), Key: keyOf(tb, d), Templates: templates},
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = m.Close() })
	s.mqtt = &server{ca: d.CA(), things: m.Addr().String(), services: m.Addr().String()}
	s.writeIdentity("broker", service(tb, d.CA(), serviceName))
	s.writeIdentity("claim", service(tb, d.CA(), devstack.DefaultClaim))
	s.write("mqtt-ca.crt", string(d.CA().CertPEM()))
	s.startBroker()
	return s
}

func keyOf(tb testing.TB, d *certs.Dir) crypto.Signer {
	tb.Helper()
	text, err := os.ReadFile(d.Files(certs.Authority, "").Key)
	if err != nil {
		tb.Fatal(err)
	}
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		tb.Fatal(err)
	}
	return key.(crypto.Signer)
}

// provision starts a virtual thing that gets itself an identity.
func (s *stack) provision(store, serial string, args ...string) *child {
	s.tb.Helper()
	return start(s.tb, "thingpass-thing", append([]string{"provision", "--server", s.mqtt.things, "--ca", s.path("mqtt-ca.crt"),
		"--claim-cert", s.path("claim.crt"), "--claim-key", s.path("claim.key"), "--template", "fleet", "--serial", serial,
		"--store", s.path(store), "--json", "--verbose"}, args...)...)
}

// storeDoes starts a virtual thing with the identity in its store.
func (s *stack) storeDoes(store, command string, args ...string) *child {
	s.tb.Helper()
	return start(s.tb, "thingpass-thing", append([]string{command, "--store", s.path(store), "--server", s.mqtt.things,
		"--ca", s.path("mqtt-ca.crt"), "--s3-ca", s.ready.CAFile, "--json"}, args...)...)
}

// identityLine is what provision prints.
type identityLine struct {
	Thing, CertificateID, Cert, Key string
	New                             bool
	Asks, Rounds                    int
}

func (s *stack) mustProvision(store, serial string, args ...string) identityLine {
	s.tb.Helper()
	c := s.provision(store, serial, args...)
	if code := c.wait(patience); code != 0 {
		s.tb.Fatalf("provision: exit code %d:\n%s", code, c.text())
	}
	var line identityLine
	for _, text := range c.lines() {
		if strings.HasPrefix(text, "{") {
			if err := json.Unmarshal([]byte(text), &line); err != nil {
				s.tb.Fatal(err)
			}
		}
	}
	s.learnKey(line.Key)
	return line
}

// learnKey has the tests look for a key that the thing made in all that is printed.
func (s *stack) learnKey(path string) []byte {
	s.tb.Helper()
	key, err := os.ReadFile(path)
	if err != nil {
		s.tb.Fatal(err)
	}
	secrets.LearnPEM("the key of a provisioned thing", key)
	return key
}

func TestAThingProvisionsItselfAndStoresPhotos(t *testing.T) {
	s := newFleetStack(t, devstack.Template{Name: "fleet", Prefix: "cam-"})
	line := s.mustProvision("identity", "7")
	if line.Thing != "cam-7" || !line.New || line.Asks != 2 || line.Rounds != 1 || len(line.CertificateID) != 64 {
		t.Errorf("provisioned: %+v", line)
	}
	if info, err := os.Stat(s.path("identity")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder with the key: %v, %v", info, err)
	}
	photos := folder(t, 3000, 40_000, 4)
	if code := s.storeDoes("identity", "camera", "--camera", photos, "--interval", "60").wait(patience); code != 0 {
		t.Errorf("camera: exit code %d", code)
	}
	s.mustHaveStored("cam-7", photos)
	if again := s.mustProvision("identity", "7"); again.New || again.CertificateID != line.CertificateID {
		t.Errorf("once more: %+v", again)
	}
	renewed := s.mustProvision("identity", "7", "--again", "--mqtt", "5")
	if !renewed.New || renewed.Thing != "cam-7" || renewed.CertificateID == line.CertificateID {
		t.Errorf("with --again: %+v", renewed)
	}
	more := folder(t, 5000)
	if code := s.storeDoes("identity", "upload", "--kind", "photo", filepath.Join(more, "000.jpg")).wait(patience); code != 0 {
		t.Errorf("upload with the new identity: exit code %d", code)
	}
	if left, _ := filepath.Glob(s.path("identity/*")); len(left) != 4 {
		t.Errorf("files of the identity: %v, want key, certificate, record and proof", left)
	}
}

func TestAPowerCutBetweenRegistrationAndItsAnswer(t *testing.T) {
	registering, dead := make(chan struct{}), make(chan struct{})
	first := true
	s := newFleetStack(t, devstack.Template{Name: "fleet", Prefix: "cam-", Allow: func(map[string]string) error {
		if first {
			first = false
			close(registering)
			<-dead // and then the thing is registered
		}
		return nil
	}})
	c := s.provision("identity", "7")
	<-registering
	c.kill9()
	key := s.learnKey(s.path("identity/KEYSLOT0.PEM"))
	close(dead)
	early := s.storeDoes("identity", "camera", "--count", "1")
	if code := early.wait(patience); code != 1 || !strings.Contains(early.text(), "no identity") {
		t.Errorf("a camera without an identity: exit code %d\n%s", code, early.text())
	}
	line := s.mustProvision("identity", "7")
	if line.Thing != "cam-7" || !bytes.Equal(key, s.learnKey(line.Key)) {
		t.Errorf("after the power cut: %+v; the key is another: %v", line, !bytes.Equal(key, s.learnKey(line.Key)))
	}
	photos := folder(t, 3000)
	if code := s.storeDoes("identity", "camera", "--camera", photos, "--interval", "60").wait(patience); code != 0 {
		t.Errorf("camera: exit code %d", code)
	}
	s.mustHaveStored("cam-7", photos)
}

// Where a template gives each name once, as that of policies/documents does, a thing
// that knows its name is not lost: neither when its power goes after it was
// registered, nor when it goes before.
func TestAPowerCutWhereNamesAreGivenOnce(t *testing.T) {
	for name, goesOn := range map[string]bool{"registered": true, "not registered": false} {
		t.Run(name, func(t *testing.T) {
			registering, dead := make(chan struct{}), make(chan struct{})
			first := true
			s := newFleetStack(t, devstack.Template{Name: "fleet", Prefix: "cam-", Once: true, Allow: func(map[string]string) error {
				if !first {
					return nil
				}
				first = false
				close(registering)
				<-dead
				if goesOn {
					return nil
				}
				return errors.New("the server's power went as well")
			}})
			c := s.provision("identity", "7", "--thing", "cam-7")
			<-registering
			c.kill9()
			close(dead)
			line := s.mustProvision("identity", "7", "--thing", "cam-7")
			if line.Thing != "cam-7" || line.New == goesOn {
				t.Errorf("after the power cut: %+v", line)
			}
			c = s.provision("other", "7", "--thing", "cam-7")
			if code := c.wait(patience); code != 1 || !strings.Contains(c.text(), "there is a thing of that name already") {
				t.Errorf("somebody else with that name: exit code %d\n%s", code, c.text())
			}
			if left, _ := filepath.Glob(s.path("other/REC*")); len(left) != 0 {
				t.Errorf("it has an identity: %v", left)
			}
		})
	}
}

func TestWhatAProvisioningThingIsTold(t *testing.T) {
	s := newFleetStack(t, devstack.Template{Name: "fleet", Prefix: "cam-", Allow: func(p map[string]string) error {
		if p["SerialNumber"] == "stolen" {
			return errors.New("it was reported stolen")
		}
		return nil
	}})
	other, err := certs.NewCA("another CA")
	if err != nil {
		t.Fatal(err)
	}
	s.writeIdentity("stranger", service(t, other, devstack.DefaultClaim))
	s.writeIdentity("cam9", mustThing(t, s.mqtt.ca, "cam9"))
	for name, probe := range map[string]struct {
		serial string
		args   []string
		says   string
	}{
		"a serial number that makes no name": {"a/b", nil, "the template wants other parameters, or its hook said no"},
		"one that the hook refuses":          {"stolen", nil, "the claim may not do this"},
		"a template that is not the claim's": {"7", []string{"--template", "other"}, "does not let thingpass-claim"},
		"a template's name with a slash":     {"7", []string{"--template", "a/b"}, "--template"},
		"a claim of another CA":              {"7", []string{"--claim-cert", s.path("stranger.crt"), "--claim-key", s.path("stranger.key")}, "stranger.crt"},
		"a thing's certificate":              {"7", []string{"--claim-cert", s.path("cam9.crt"), "--claim-key", s.path("cam9.key")}, "refuse"},
		"the claim under another name":       {"7", []string{"--name", "cam9"}, "refuse"},
	} {
		c := s.provision("none", probe.serial, probe.args...)
		if code := c.wait(patience); code != 1 || !strings.Contains(c.text(), probe.says) {
			t.Errorf("%s: exit code %d, want 1 and %q:\n%s", name, code, probe.says, c.text())
		}
	}
	if left, _ := filepath.Glob(s.path("none/REC*")); len(left) != 0 {
		t.Errorf("an identity is there: %v", left)
	}
	c := start(t, "thingpass-thing", "camera", "--name", devstack.DefaultClaim, "--server", s.mqtt.things, "--ca", s.path("mqtt-ca.crt"),
		"--cert", s.path("claim.crt"), "--key", s.path("claim.key"), "--count", "1")
	if code := c.wait(patience); code != 1 || len(s.stored()) != 0 {
		t.Errorf("a camera with the claim: exit code %d\n%s", code, c.text())
	}
}

func mustThing(tb testing.TB, ca *certs.CA, name string) certs.Identity {
	tb.Helper()
	id, err := ca.Thing(name)
	if err != nil {
		tb.Fatal(err)
	}
	return id
}
