// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package revoke_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"thingpass/broker/operate"
	"thingpass/broker/operate/revoke"
	"thingpass/certs"
	"thingpass/policies/awsiot"
	"thingpass/policies/awsiot/fakeiot"
	"thingpass/policies/registry"
	"thingpass/policies/templates"
)

var (
	_ operate.Revoker = (*revoke.Files)(nil)
	_ operate.Revoker = revoke.AWS{}
)

func must[T any](v T, err error) func(testing.TB) T {
	return func(tb testing.TB) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

// newFiles is a CA, and a registry that admits who has a certificate of it.
func newFiles(t *testing.T) *revoke.Files {
	t.Helper()
	path := filepath.Join(t.TempDir(), "registry.yaml")
	if err := os.WriteFile(path, []byte("# ours\n"+registry.Default(templates.Values{})), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := must(certs.Init(filepath.Join(t.TempDir(), "certs"), "test CA"))(t)
	return &revoke.Files{Dir: dir, Registry: must(registry.Open(path))(t), Now: time.Now}
}

func onList(t *testing.T, dir *certs.Dir) (serials int) {
	t.Helper()
	text, err := os.ReadFile(dir.CRLBundle())
	if err != nil {
		return 0
	}
	block, _ := pem.Decode(text)
	return len(must(x509.ParseRevocationList(block.Bytes))(t).RevokedCertificateEntries)
}

func TestOnlyTheThingsOwnCertificates(t *testing.T) { // not parallel: it changes directory
	f := newFiles(t)
	t.Chdir(t.TempDir()) // where a file has the name of a thing
	other := must(f.Dir.Thing("cam2"))(t)
	service := must(f.Dir.Service("svc"))(t)
	if err := os.WriteFile("cam9", other.CertPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, thing := range []string{"cam9", "svc", "", "cam", "CAM2", other.Fingerprint(), "../cam2"} {
		if n, err := f.Revoke(t.Context(), thing); n != 0 || err == nil || !strings.Contains(err.Error(), "no certificate") {
			t.Errorf("%q: %d, %v", thing, n, err)
		}
	}
	for _, id := range []certs.Identity{other, service} {
		if _, err := f.Registry.Registry().Find(id.Leaf); err != nil && id.Name != "svc" {
			t.Errorf("%s is shut out: %v", id.Name, err)
		}
	}
	if n := onList(t, f.Dir); n != 0 {
		t.Errorf("%d certificates are on the list", n)
	}
}

func TestAllCertificatesOfAThing(t *testing.T) {
	t.Parallel()
	f := newFiles(t)
	first := must(f.Dir.Thing("cam1"))(t)
	second := must(f.Dir.RenewKey(certs.Thing, "cam1"))(t)
	other := must(f.Dir.Thing("cam2"))(t)
	if _, err := f.Registry.Registry().Find(first.Leaf); err != nil {
		t.Fatal("it was never let in:", err)
	}
	elsewhere := strings.Repeat("e", 64) // the registry's, issued by another CA
	if err := f.Registry.Edit(func(d *registry.Draft) error {
		if err := d.AddThing(registry.Thing{Name: "cam1"}); err != nil {
			return err
		}
		return d.AddCertificate(registry.Certificate{ID: elsewhere, Status: registry.Active, Things: []string{"cam1"}})
	}); err != nil {
		t.Fatal(err)
	}
	for round, want := range []int{3, 0} { // it may be repeated
		if n, err := f.Revoke(t.Context(), "cam1"); n != want || err != nil {
			t.Errorf("round %d: %d, %v", round, n, err)
		}
		if n := onList(t, f.Dir); n != 2 {
			t.Errorf("round %d: %d on the list", round, n)
		}
		text := must(os.ReadFile(f.Registry.Path()))(t)
		r := must(registry.Open(f.Registry.Path()))(t).Registry()
		for _, id := range []certs.Identity{first, second} {
			if _, err := r.Find(id.Leaf); err == nil || !strings.Contains(err.Error(), "REVOKED") {
				t.Errorf("round %d: %v", round, err)
			}
		}
		if c, _ := r.Certificate(elsewhere); c.Status != registry.Revoked {
			t.Errorf("round %d: %+v", round, c)
		}
		if _, err := r.Find(other.Leaf); err != nil || !strings.HasPrefix(string(text), "# ours\n") {
			t.Errorf("round %d: cam2: %v", round, err)
		}
	}
}

// Another process, such as `thingpass certs`, has edited the file meanwhile.
func TestTheRegistryIsReadAnew(t *testing.T) {
	t.Parallel()
	f := newFiles(t)
	cam1 := must(f.Dir.Thing("cam1"))(t)
	theirs := must(registry.Open(f.Registry.Path()))(t)
	if err := theirs.Edit(func(d *registry.Draft) error {
		if err := d.AddThing(registry.Thing{Name: "cam1"}); err != nil {
			return err
		}
		if err := d.AddCertificate(registry.Certificate{ID: strings.Repeat("e", 64), Status: registry.Active, Things: []string{"cam1"}}); err != nil {
			return err
		}
		return d.AddCertificate(registry.Certificate{ID: cam1.Fingerprint(), Status: registry.Active, Policies: []string{"thing"}})
	}); err != nil {
		t.Fatal(err)
	}
	if n, err := f.Revoke(t.Context(), "cam1"); n != 2 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func TestOneOfBothFails(t *testing.T) {
	t.Parallel()
	f := newFiles(t)
	must(f.Dir.Thing("cam1"))(t)
	if err := os.WriteFile(f.Registry.Path(), []byte("thinks: {"), 0o600); err != nil {
		t.Fatal(err)
	}
	if n, err := f.Revoke(t.Context(), "cam1"); n != 1 || err == nil || onList(t, f.Dir) != 1 {
		t.Errorf("a damaged registry: %d, %v, %d on the list", n, err, onList(t, f.Dir))
	}
	g := newFiles(t)
	cam1 := must(g.Dir.Thing("cam1"))(t)
	if err := os.WriteFile(filepath.Join(g.Dir.Path(), "crl"), nil, 0o600); err != nil { // where a folder should be
		t.Fatal(err)
	}
	n, err := g.Revoke(t.Context(), "cam1")
	if _, found := g.Registry.Registry().Find(cam1.Leaf); n != 1 || found == nil {
		t.Errorf("no list can be written: %d, %v, in the registry %v", n, err, found)
	}
	if err == nil {
		t.Error("nobody is told that the list is old")
	}
}

func TestEitherIsEnough(t *testing.T) {
	t.Parallel()
	f := newFiles(t)
	must(f.Dir.Thing("cam1"))(t)
	if n, err := (&revoke.Files{Dir: f.Dir, Now: time.Now}).Revoke(t.Context(), "cam1"); n != 1 || err != nil {
		t.Errorf("the CA alone: %d, %v", n, err)
	}
	if n, err := (&revoke.Files{Registry: f.Registry, Now: time.Now}).Revoke(t.Context(), "cam1"); n != 0 || err == nil {
		t.Errorf("the registry alone, which does not name it: %d, %v", n, err)
	}
}

func registered(t *testing.T, s *fakeiot.Server, thing string) (id string) {
	t.Helper()
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	der := must(x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key))(t)
	r := awsiot.Registration{Thing: thing, Groups: []string{"cams"}, CSR: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})}
	r.Keep = func(i string, _ []byte) error { id = i; return nil }
	if err := awsiot.Register(t.Context(), s.Client(), r, func(string) {}); err != nil {
		t.Fatal(err)
	}
	return id
}

func TestAWS(t *testing.T) {
	t.Parallel()
	s := fakeiot.Start(t)
	s.AddGroup("cams")
	var told []string
	a := revoke.AWS{API: s.Client(), Tell: func(line string) { told = append(told, line) }}
	if n, err := a.Revoke(t.Context(), "cam1"); n != 0 || err == nil || !strings.Contains(err.Error(), "thing cam1") {
		t.Errorf("a thing that is not there: %d, %v", n, err)
	}
	first, second, other := registered(t, s, "cam1"), registered(t, s, "cam1"), registered(t, s, "cam2")
	s.Fail("UpdateCertificate", "ThrottlingException")
	if n, err := a.Revoke(t.Context(), "cam1"); n != 1 || err == nil || !strings.Contains(err.Error(), "run it again") {
		t.Errorf("one of two fails: %d, %v", n, err)
	}
	if n, err := a.Revoke(t.Context(), "cam1"); n != 1 || err != nil {
		t.Errorf("again: %d, %v", n, err)
	}
	if n, err := a.Revoke(t.Context(), "cam1"); n != 0 || err == nil || !strings.Contains(err.Error(), "block the thing") {
		t.Errorf("nothing left: %d, %v", n, err)
	}
	if s.Status(first) != "REVOKED" || s.Status(second) != "REVOKED" || s.Status(other) != "ACTIVE" {
		t.Errorf("%s, %s, other %s", s.Status(first), s.Status(second), s.Status(other))
	}
	if !slices.ContainsFunc(told, func(line string) bool { return strings.Contains(line, first) }) {
		t.Errorf("told %q", told)
	}
	s.Fail("ListThingPrincipalsV2", "UnauthorizedException")
	if n, err := a.Revoke(t.Context(), "cam2"); n != 0 || err == nil || s.Status(other) != "ACTIVE" {
		t.Errorf("forbidden: %d, %v", n, err)
	}
}
