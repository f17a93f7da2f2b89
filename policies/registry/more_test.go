// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"thingpass/policies"
	"thingpass/policies/registry"
	"thingpass/policies/templates"
)

// A thing cannot pass for a service, whoever issued its certificate, and a service
// is no thing.
func TestNamesOfServicesBelongToServices(t *testing.T) {
	t.Parallel()
	r := parse(t, registry.Default(templates.Values{}))
	for _, c := range []struct{ name, refusal string }{
		{"thingpass-broker", "is a thing's (OU=thing)"},
		{"thingpass-broker-1", "belong to service thingpass-broker"},
		{"thingpass-observer-", "belong to service thingpass-observer"},
		{"thingpass-broker1", ""},
		{"thingpass", ""},
		{"-", ""},
	} {
		who, err := r.Find(certificate(t, c.name))
		if c.refusal == "" && (err != nil || who.Thing == nil) || c.refusal != "" && (err == nil || !strings.Contains(err.Error(), c.refusal)) {
			t.Errorf("%s: %v %v", c.name, who, err)
		}
		if _, err := r.FindThing(c.name); (err != nil) != (c.refusal != "") {
			t.Errorf("simulated %s: %v", c.name, err)
		}
	}
	if _, err := r.Find(service(t, "intruder")); err == nil || !strings.Contains(err.Error(), `no service "intruder"`) {
		t.Error(err)
	}
	if who, err := r.Find(service(t, "thingpass-broker")); err != nil || who.Thing != nil {
		t.Error(who, err)
	}
}

func TestAPolicyMayHaveValuesOfItsOwn(t *testing.T) {
	t.Parallel()
	r := parse(t, strings.Replace(head, "broker: {builtin: broker}", "two: {builtin: broker, values: {broker: svc-two, group: g2}}", 1)+
		"certificates: [{commonName: svc-two, policies: [two]}]\n")
	who, err := r.Find(service(t, "svc-two"))
	if err != nil {
		t.Fatal(err)
	}
	session, connected := r.Connect(who, policies.ConnectRequest{ClientID: "svc-two-1"})
	if !connected.Allowed() || !session.Subscribe("$share/g2/thingpass/+/upload-request").Allowed() {
		t.Error(connected)
	}
	if _, connected := r.Connect(who, policies.ConnectRequest{ClientID: "thingpass-broker"}); connected.Allowed() {
		t.Error("has the broker's client id as well")
	}
}

func TestDisagreementsAreTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	document := `{"Version": "2012-10-17", "Statement": [{"Sid": "Go", "Effect": "Allow", "Action": "iot:Publish",
  "Resource": "arn:aws:iot:us-east-1:123456789012:topic/${iot:Connection.Thing.Attributes[zone]}/x",
  "Condition": {"StringEquals": {"iot:Connection.Thing.ThingTypeName": ["camera", "bell"]}}}]}`
	if err := os.WriteFile(filepath.Join(dir, "p.json"), []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(head, "broker: {builtin: broker}", "p: {file: p.json}", 1) + `
things:
  cam1: {groups: [cameras], attributes: {site: north}}
  cam2: {groups: [none]}
  svc-9: {groups: [cameras]}
certificates:
  - commonName: svc
`
	r, err := registry.Parse(filepath.Join(dir, "r.yaml"), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	got := r.Warnings().Error()
	for _, want := range []string{
		"r.yaml:4:37: policy p is attached to nothing",
		`p.json:2:15: region us-east-1, but the registry's is eu-central-1`,
		`p.json:2:15: no thing has an attribute "zone"`,
		`p.json:3:83: there is no thing type "bell"`,
		"r.yaml:11:3: thing svc-9 can take over a session of service svc",
		"r.yaml:10:3: things have no policy and may do nothing: cam2",
		"r.yaml:9:3: things have no certificate and cannot connect: cam1, cam2, svc-9",
		"r.yaml:13:5: certificate svc is ACTIVE and may do nothing",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	if len(r.Warnings()) != 8 {
		t.Errorf("%d warnings", len(r.Warnings()))
	}
	if w := parse(t, registry.Default(templates.Values{})).Warnings(); len(w) > 0 {
		t.Error(w)
	}
}

// Problems of a document have their own place, beside those of the registry.
func TestABrokenDocumentIsToldWithItsPlace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "p.json"), []byte("{\"Version\": \"2012-10-17\",\n \"Statemen\": []}"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := registry.Parse(filepath.Join(dir, "r.yaml"), []byte(strings.Replace(head, "{builtin: broker}", "{file: p.json}", 1)+"thigns: {}\n"))
	var problems policies.Problems
	if !errors.As(err, &problems) || !strings.Contains(err.Error(), "p.json:2:2: ") || !strings.Contains(err.Error(), "r.yaml:7:1: ") {
		t.Error(err)
	}
}

func TestWatchSeesTheFileAndItsDocuments(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) { // as editors do
		t.Helper()
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path+"~", []byte(text), 0o600), os.Rename(path+"~", path)); err != nil {
			t.Fatal(err)
		}
	}
	var v templates.Values
	if err := errors.Join(v.Set("account", "123456789012"), v.Set("region", "eu-central-1")); err != nil {
		t.Fatal(err)
	}
	thing, err := templates.Render("thing", v)
	if err != nil {
		t.Fatal(err)
	}
	write("thing.json", string(thing))
	text := strings.Replace(head, "{builtin: thing}", "{file: thing.json}", 1) + "things: {cam1: {groups: [cameras]}}\njitp: {groups: [cameras]}\n"
	write("r.yaml", text)
	s, err := registry.Open(filepath.Join(dir, "r.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	calls := make(chan struct{}, 9)
	s.OnChange(func() { calls <- struct{}{} })
	told := make(chan error, 9)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Watch(ctx, time.Millisecond, func(_ bool, err error) { told <- err })
	}()
	await := func(what string, wantErr bool) {
		t.Helper()
		select {
		case err := <-told:
			if (err != nil) != wantErr {
				t.Fatalf("%s: %v", what, err)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: nothing is told", what)
		}
	}
	write("r.yaml", strings.Replace(text, "groups: [cameras]}}", "groups: [cameras], blocked: true}}", 1))
	await("blocked", false)
	if _, err := s.Registry().FindThing("cam1"); err == nil {
		t.Error("not blocked")
	}
	write("r.yaml", "things: [")
	await("broken", true)
	write("r.yaml", text)
	await("mended", false)
	write("thing.json", strings.Replace(string(thing), "upload-request", "upload-nothing", 1))
	await("the document", false)
	who, err := s.Registry().FindThing("cam1")
	if err != nil {
		t.Fatal(err)
	}
	session, _ := s.Registry().Connect(who, policies.ConnectRequest{ClientID: "cam1"})
	if session.Publish("thingpass/cam1/upload-request", false).Allowed() || len(calls) != 3 {
		t.Errorf("the old document counts; %d calls", len(calls))
	}
	cancel()
	<-done
}

func TestEditsOfProvisioning(t *testing.T) {
	t.Parallel()
	s, err := registry.InMemory(registry.Default(templates.Values{}))
	if err != nil {
		t.Fatal(err)
	}
	changes := 0
	s.OnChange(func() { changes++ })
	cert := certificate(t, "x")
	id := policies.CertificateID(cert)
	err = s.Edit(func(d *registry.Draft) error {
		return errors.Join(
			d.AddBuiltin("claim-fleet", "claim", map[string]string{"template": "fleet", "claim": "my-claim"}),
			d.AddCertificate(registry.Certificate{CommonName: "my-claim", Policies: []string{"claim-fleet"}}),
			d.AddGroup(registry.Group{Name: "cameras", Policies: []string{"thing"}}),
			d.AddThing(registry.Thing{Name: "cam1"}),
			d.AddToGroup("cam1", "cameras"), d.AddToGroup("cam1", "cameras"),
			d.AddCertificate(registry.Certificate{ID: id, Things: []string{"cam1"}}))
	})
	if err != nil || changes != 1 {
		t.Fatal(err, changes)
	}
	who, err := s.Registry().Find(cert)
	if err != nil {
		t.Fatal(err)
	}
	if _, connected := s.Registry().Connect(who, policies.ConnectRequest{ClientID: "cam1"}); !connected.Allowed() {
		t.Error(connected)
	}
	claim, err := s.Registry().Find(service(t, "my-claim"))
	if err != nil {
		t.Fatal(err)
	}
	session, connected := s.Registry().Connect(claim, policies.ConnectRequest{ClientID: "my-claim-7"})
	if !connected.Allowed() || !session.Publish("$aws/provisioning-templates/fleet/provision/json", false).Allowed() ||
		session.Publish("$aws/provisioning-templates/thingpass/provision/json", false).Allowed() {
		t.Error(connected)
	}
	for what, edit := range map[string]func(*registry.Draft) error{
		"a policy twice":   func(d *registry.Draft) error { return d.AddBuiltin("thing", "thing", nil) },
		"a group twice":    func(d *registry.Draft) error { return d.AddGroup(registry.Group{Name: "cameras"}) },
		"an unknown group": func(d *registry.Draft) error { return d.AddToGroup("cam1", "nowhere") },
		"an unknown thing": func(d *registry.Draft) error { return d.AddToGroup("cam9", "cameras") },
		"a bad value":      func(d *registry.Draft) error { return d.AddBuiltin("c", "claim", map[string]string{"template": "a/b"}) },
	} {
		if err := s.Edit(edit); err == nil || changes != 1 {
			t.Errorf("%s: %v, %d changes", what, err, changes)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	r := parse(b, string(large(10000))+"jitp: {groups: [cameras]}\n")
	cert := certificate(b, "cam7")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Find(cert); err != nil {
			b.Fatal(err)
		}
	}
}
