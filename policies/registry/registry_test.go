// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"thingpass/certs"
	"thingpass/policies"
	"thingpass/policies/registry"
	"thingpass/policies/templates"
)

func parse(t testing.TB, text string) *registry.Registry {
	t.Helper()
	r, err := registry.Parse("registry.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var ca = func() *certs.CA {
	ca, err := certs.NewCA("test CA")
	if err != nil {
		panic(err)
	}
	return ca
}()

func certificate(t testing.TB, name string) *x509.Certificate {
	t.Helper()
	id, err := ca.Thing(name)
	if err != nil {
		t.Fatal(err)
	}
	return id.Leaf
}

func service(t testing.TB, name string) *x509.Certificate {
	t.Helper()
	id, err := ca.Service(name)
	if err != nil {
		t.Fatal(err)
	}
	return id.Leaf
}

const head = `
account: "123456789012"
region: eu-central-1
policies: {thing: {builtin: thing}, broker: {builtin: broker}}
types: {camera: {}}
groups: {cameras: {policies: [thing]}, none: {}}
`

func text(id, more string) string {
	return head + `
things:
  cam1: {type: camera, attributes: {site: north}, groups: [cameras]}
  cam2: {groups: [cameras]}
  cam3: {groups: [cameras], blocked: true}
certificates:
  - {id: ` + id + `, ` + more + `}
`
}

func TestWhoACertificateIs(t *testing.T) {
	t.Parallel()
	cert := certificate(t, "anything")
	id := policies.CertificateID(cert)
	own := "thingpass/cam1/upload-request"
	for _, c := range []struct {
		what, more, client string
		refusal            string
		connects, asks     bool
	}{
		{"its thing", "things: [cam1]", "cam1", "", true, true},
		{"another client id", "things: [cam1]", "cam2", "", false, false},
		{"attached to two, as the second", "things: [cam2, cam1]", "cam1", "", true, true},
		{"attached to none", "policies: [thing]", "cam1", "", false, false},
		{"exclusive", "things: [cam1], exclusive: true", "cam1", "", true, true},
		{"inactive", "things: [cam1], status: INACTIVE", "cam1", "is INACTIVE", false, false},
		{"revoked", "things: [cam1], status: REVOKED", "cam1", "is REVOKED", false, false},
		{"pending", "things: [cam1], status: PENDING_ACTIVATION", "cam1", "PENDING_ACTIVATION", false, false},
		{"blocked", "things: [cam3]", "cam3", "thing cam3 is blocked", false, false},
	} {
		r := parse(t, text(id, c.more))
		who, err := r.Find(cert)
		var refusal *registry.Refusal
		if c.refusal != "" {
			if !errors.As(err, &refusal) || !strings.Contains(err.Error(), c.refusal) {
				t.Errorf("%s: %v", c.what, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		session, connected := r.Connect(who, policies.ConnectRequest{ClientID: c.client})
		if connected.Allowed() != c.connects || session.Publish(own, false).Allowed() != c.asks {
			t.Errorf("%s: connect %v, publish %v", c.what, connected, session.Publish(own, false))
		}
		if session.Publish("thingpass/cam9/upload-request", false).Allowed() {
			t.Errorf("%s: reaches a neighbour", c.what)
		}
	}
}

func TestWhoIsNotNamedIsRefusedOrAdmitted(t *testing.T) {
	t.Parallel()
	closed := parse(t, head)
	if _, err := closed.Find(certificate(t, "cam7")); err == nil || !strings.Contains(err.Error(), "not registered") {
		t.Error(err)
	}
	open := parse(t, head+"things: {cam8: {blocked: true}, cam9: {groups: [none]}}\njitp: {groups: [cameras]}\n")
	who, err := open.Find(certificate(t, "cam7"))
	if err != nil || who.Name != "cam7" {
		t.Fatal(who, err)
	}
	if _, connected := open.Connect(who, policies.ConnectRequest{ClientID: "cam7"}); !connected.Allowed() {
		t.Error(connected)
	}
	if _, connected := open.Connect(who, policies.ConnectRequest{ClientID: "cam1"}); connected.Allowed() {
		t.Error("connects as another")
	}
	if _, err := open.Find(certificate(t, "cam8")); err == nil {
		t.Error("a blocked thing is admitted")
	}
	if who, err = open.Find(certificate(t, "cam9")); err != nil {
		t.Fatal(err)
	}
	if _, connected := open.Connect(who, policies.ConnectRequest{ClientID: "cam9"}); connected.Allowed() {
		t.Error("a thing with groups of its own gets jitp's as well")
	}
}

func TestDefaultIsForACAOfOnesOwn(t *testing.T) {
	t.Parallel()
	var v templates.Values
	if err := v.Set("root", "acme"); err != nil {
		t.Fatal(err)
	}
	r := parse(t, registry.Default(v))
	for name, topic := range map[string]string{"cam1": "acme/cam1/upload-request", "thingpass-broker": "acme/cam1/response"} {
		cert := certificate(t, name)
		if name == "thingpass-broker" {
			cert = service(t, name)
		}
		who, err := r.Find(cert)
		if err != nil {
			t.Fatal(err)
		}
		session, connected := r.Connect(who, policies.ConnectRequest{ClientID: name})
		if !connected.Allowed() || !session.Publish(topic, false).Allowed() || session.Publish("acme/cam2/upload-request", false).Allowed() {
			t.Errorf("%s: %v", name, connected)
		}
	}
}

// Each mistake is told with its place, and all of them at once.
func TestMistakesHaveAPlace(t *testing.T) {
	t.Parallel()
	id := strings.Repeat("5f", 32)
	for _, c := range []struct{ text, want string }{
		{"things: {}", "account and region are missing"},
		{head + "thigns: {}", `7:1: a registry has no "thigns"; known are`},
		{head + "things:\n  cam1: {}\n  cam1: {}\n", `9:3: "cam1" is there twice, first in line 8`},
		{head + "things: {cam 1: {}}", `7:10: a thing cannot be called "cam 1"`},
		{head + "things: {cam1: {groups: [x]}}", `7:26: there is no group "x"`},
		{head + "things: {cam1: {groups: cameras}}", "7:25: groups is a list; write [cameras]"},
		{head + "things: {cam1: {groups: [cameras, cameras]}}", "twice"},
		{head + "things: {cam1: {type: x}}", `there is no thing type "x"`},
		{head + "things: {cam1: {blocked: yes}}", "blocked is true or false"},
		{head + "things: {cam1: {attributes: {site: 'a b'}}}", `attribute site cannot be "a b"`},
		{head + "things: [cam1]", "7:9: things is a mapping"},
		{head + "certificates: [{id: 5F}]", "64 hexadecimal digits"},
		{head + "certificates: [{status: ACTIVE}]", "known by id or by commonName"},
		{head + "certificates: [{id: " + id + ", commonName: x}]", "known by id or by commonName"},
		{head + "certificates: [{commonName: '*'}]", "form of a thing's name"},
		{head + "certificates: [{id: " + id + ", status: OK}]", `there is no status "OK"`},
		{head + "certificates: [{id: " + id + "}, {id: " + id + "}]", "is there twice"},
		{head + "certificates: [{id: " + id + ", exclusive: true}]", "has one thing, not 0"},
		{head + "certificates: [{id: " + id + ", things: [x], policies: [y]}]", `there is no policy "y"`},
		{head + "jitp: {groups: [x]}", `there is no group "x"`},
		{head + "things: {cam1: {attributes: {a: x, b: x, c: x, d: x}}}", "4 attributes, AWS allows 3 without a thing type"},
		{strings.Replace(head, "{builtin: thing}", "{builtin: thing, values: {root: '#'}}", 1), "policy thing: root"},
		{strings.Replace(head, "{builtin: thing}", "{file: x.json, values: {root: x}}", 1), "values of policy thing are for builtin"},
		{"account: 12\nregion: eu-central-1\n", "account"},
		{"account: '123456789012'\nregion: here\n", "region"},
		{head + "values: {roots: x}", "roots"},
		{strings.Replace(head, "{builtin: thing}", "{builtin: thin}", 1), `policy thing: `},
		{strings.Replace(head, "{builtin: thing}", "{file: none.json}", 1), "none.json"},
		{strings.Replace(head, "{builtin: thing}", "{}", 1), "either a file or one of ours"},
		{head + "things: &a {}\n", "anchors"},
		{head + "---\nthings: {}\n", "a second document begins here"},
		{"[]", "a registry is a mapping"},
		{"a: [", "this is not YAML"},
	} {
		_, err := registry.Parse("registry.yaml", []byte(c.text))
		var problems policies.Problems
		if !errors.As(err, &problems) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", strings.TrimPrefix(c.text, head), err, c.want)
		}
	}
	_, err := registry.Parse("r", []byte(head+"thigns: {}\nthings: {cam1: {type: x, groups: [y]}}\n"))
	var problems policies.Problems
	if !errors.As(err, &problems) || len(problems) != 3 {
		t.Errorf("%d problems: %v", len(problems), err)
	}
}

func TestAnEditKeepsCommentsAndIsAllOrNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "registry.yaml")
	before := "# ours\n" + strings.TrimSpace(head) + "\nthings: # all of them\n  cam1: {groups: [cameras]} # the gate\ncertificates:\n"
	if err := os.WriteFile(path, []byte(before), 0o640); err != nil {
		t.Fatal(err)
	}
	s, err := registry.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	cert := certificate(t, "x")
	id := policies.CertificateID(cert)
	add := func(d *registry.Draft) error {
		return errors.Join(d.AddThing(registry.Thing{Name: "cam2", Type: "camera", Attributes: map[string]string{"site": "yes"}, Groups: []string{"cameras"}}),
			d.AddCertificate(registry.Certificate{ID: id, Status: registry.PendingActivation, Policies: []string{"thing"}}))
	}
	if err := s.Edit(add); err != nil {
		t.Fatal(err)
	}
	if err := s.Edit(add); err == nil || !strings.Contains(err.Error(), "already") {
		t.Error(err)
	}
	if _, err := s.Registry().Find(cert); err == nil {
		t.Error("a pending certificate is let in")
	}
	err = s.Edit(func(d *registry.Draft) error {
		return errors.Join(d.Attach(id, "cam2"), d.Attach(id, "cam2"), d.SetStatus(id, registry.Active))
	})
	if err != nil {
		t.Fatal(err)
	}
	if who, err := s.Registry().Find(cert); err != nil || who.Thing.Attributes["site"] != "yes" {
		t.Error(who, err)
	}
	if err := s.Edit(func(d *registry.Draft) error { return d.Attach(id, "cam9") }); err == nil || !strings.Contains(err.Error(), `no thing "cam9"`) {
		t.Error(err)
	}
	if err := s.Edit(func(d *registry.Draft) error { return d.SetStatus(id, registry.Revoked) }); err != nil {
		t.Error(err)
	}
	if err := s.Edit(func(d *registry.Draft) error { return d.SetStatus(id, registry.Active) }); err == nil {
		t.Error("a revoked certificate came back")
	}
	if err := s.Edit(func(d *registry.Draft) error { return d.SetBlocked("cam1", true) }); err != nil || !s.Registry().Thing("cam1").Blocked {
		t.Error(err)
	}
	after, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(after), "# ours") || !strings.Contains(string(after), "# the gate") || !strings.Contains(string(after), "# all of them") {
		t.Errorf("%v:\n%s", err, after)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Error(info.Mode(), err)
	}
	if again, err := registry.Open(path); err != nil || len(again.Registry().Certificates()) != 1 {
		t.Errorf("%v:\n%s", err, after)
	}
}

func TestABrokenFileChangesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "registry.yaml")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(head + "things: {cam1: {groups: [cameras]}}\n")
	s, err := registry.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	write(head + "things: {cam1: {groups: [camera]}}\n")
	if changed, err := s.Reload(); err == nil || s.Registry().Thing("cam1") == nil {
		t.Errorf("%v %v", changed, err)
	}
	if err := s.Edit(func(*registry.Draft) error { return nil }); err == nil {
		t.Error("edited a broken file")
	}
	write(head)
	if changed, err := s.Reload(); err != nil || !changed || s.Registry().Thing("cam1") != nil {
		t.Errorf("%v %v", changed, err)
	}
	if changed, err := s.Reload(); err != nil || changed {
		t.Errorf("%v %v", changed, err)
	}
}

func large(n int) []byte {
	var b strings.Builder
	b.WriteString(head + "things:\n")
	for i := range n {
		fmt.Fprintf(&b, "  cam%d: {type: camera, attributes: {site: north}, groups: [cameras]}\n", i)
	}
	b.WriteString("certificates:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {id: %064x, status: ACTIVE, things: [cam%d]}\n", i, i)
	}
	return []byte(b.String())
}

// 10,000 things are read in under a second.
func TestTenThousandThings(t *testing.T) {
	t.Parallel()
	began := time.Now()
	r := parse(t, string(large(10000)))
	took := time.Since(began)
	if len(r.Things()) != 10000 || took > 10*time.Second { // machines of CI may be slow; BenchmarkLoad has the number
		t.Errorf("%d things, %v", len(r.Things()), took)
	}
}

// 10,000 things with certificates: 0.32 s (one core of an EPYC, 2026-11).
func BenchmarkLoad(b *testing.B) {
	text := large(10000)
	for b.Loop() {
		if _, err := registry.Parse("registry.yaml", text); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(head + "things: {cam1: {groups: [cameras]}}\njitp: {groups: [cameras]}")
	f.Add(registry.Default(templates.Values{}))
	f.Add("a: &b {<<: *b}")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := registry.Parse("registry.yaml", []byte(text))
		if err != nil {
			return
		}
		for _, name := range r.Things() {
			_, _ = r.FindThing(name)
		}
		for _, c := range r.Certificates() {
			_, _ = r.FindID(c.ID + c.CommonName)
		}
	})
}

func TestTheExampleIsAGoodRegistry(t *testing.T) {
	t.Parallel()
	r, err := registry.Load("../registry.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if who, err := r.FindThing("cam1"); err != nil || who.Thing.Type != "camera" {
		t.Error(who, err)
	}
	if _, err := r.FindThing("cam2"); err == nil {
		t.Error("a blocked thing is found")
	}
	for _, w := range r.Warnings() {
		if !strings.Contains(w.Text, "cam2") { // which has no certificate, but is let in by jitp
			t.Error(w)
		}
	}
}
