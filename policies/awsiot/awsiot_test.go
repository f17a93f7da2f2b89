// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awsiot_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"thingpass/policies/awsiot"
	"thingpass/policies/awsiot/fakeiot"
)

const document = `{"Version": "2012-10-17", "Statement": [
  {"Sid": "Connect", "Effect": "Allow", "Action": "iot:Connect",
   "Resource": "arn:aws:iot:eu-central-1:123456789012:client/${iot:Connection.Thing.ThingName}"},
  {"Sid": "Ask", "Effect": "Allow", "Action": "iot:Publish",
   "Resource": "arn:aws:iot:eu-central-1:123456789012:topic/%s/${iot:Connection.Thing.ThingName}/upload-request"}]}`

func wanted(root string, groups ...string) awsiot.Wanted {
	return awsiot.Wanted{Name: "thing", Document: fmt.Appendf(nil, document, root), Groups: groups}
}

func plan(t *testing.T, s *fakeiot.Server, w ...awsiot.Wanted) *awsiot.Plan {
	t.Helper()
	p, err := awsiot.MakePlan(t.Context(), s.Client(), w)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func apply(t *testing.T, s *fakeiot.Server, p *awsiot.Plan) []string {
	t.Helper()
	var told []string
	if err := awsiot.Apply(t.Context(), s.Client(), p, func(line string) { told = append(told, line) }); err != nil {
		t.Fatal(err)
	}
	return told
}

func TestAPolicyIsCreatedOnceAndAttached(t *testing.T) {
	t.Parallel()
	s := fakeiot.Start(t)
	s.AddGroup("cameras")
	s.AddGroup("gates")
	p := plan(t, s, wanted("a", "cameras", "gates"))
	if step := p.Steps[0]; step.Action != awsiot.Create || !slices.Equal(step.Attach, []string{"cameras", "gates"}) || p.Idle() {
		t.Fatalf("planned %+v", step)
	}
	if len(s.Calls()) != 0 {
		t.Fatalf("planning did %q", s.Calls())
	}
	apply(t, s, p)
	if p := plan(t, s, wanted("a", "cameras", "gates")); !p.Idle() {
		t.Errorf("planned again: %+v", p.Steps[0])
	}
	if text, n := s.Document("thing"); n != 1 || strings.ContainsAny(text, "\n\t") {
		t.Errorf("%d versions, %s", n, text)
	}
}

func TestTheOldestVersionGoesAndNeverTheDefault(t *testing.T) {
	t.Parallel()
	s := fakeiot.Start(t)
	for i := range 5 {
		apply(t, s, plan(t, s, wanted(fmt.Sprint("root", i))))
	}
	apply(t, s, plan(t, s, wanted("root0"))) // the oldest is the default again
	if got := s.Calls(); got[len(got)-1] != "SetDefaultPolicyVersion" {
		t.Fatalf("calls: %q", got)
	}
	p := plan(t, s, wanted("root5"))
	if step := p.Steps[0]; step.Action != awsiot.Update || step.Prune != "2" || step.Default != "1" {
		t.Fatalf("planned %+v", step)
	}
	told := strings.Join(apply(t, s, p), "\n")
	if text, n := s.Document("thing"); n != 5 || !strings.Contains(text, "root5") || !strings.Contains(told, "version 2 deleted") {
		t.Errorf("%d versions, %s, told %s", n, text, told)
	}
}

func TestWhatChangedSinceThePlanIsLeftAlone(t *testing.T) {
	t.Parallel()
	s := fakeiot.Start(t)
	create := plan(t, s, wanted("a"))
	apply(t, s, plan(t, s, wanted("b")))
	for _, p := range []*awsiot.Plan{create, plan(t, s, wanted("c"))} {
		if p != create {
			apply(t, s, plan(t, s, wanted("d")))
		}
		before := len(s.Calls())
		err := awsiot.Apply(t.Context(), s.Client(), p, func(string) {})
		if err == nil || !strings.Contains(err.Error(), "plan again") || len(s.Calls()) != before {
			t.Errorf("%v, calls %q", err, s.Calls()[before:])
		}
	}
}

func TestWhatAWSWouldRefuseIsNotPlanned(t *testing.T) {
	t.Parallel()
	s := fakeiot.Start(t)
	for what, w := range map[string]awsiot.Wanted{
		"2048":                        wanted(strings.Repeat("x", 2000)),
		"not JSON":                    {Name: "thing", Document: []byte("{")},
		`there is no thing group "x"`: wanted("a", "x"),
	} {
		_, err := awsiot.MakePlan(t.Context(), s.Client(), []awsiot.Wanted{w})
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestErrorsOfAWSSayWhatToDo(t *testing.T) {
	t.Parallel()
	s := fakeiot.Start(t)
	for code, advice := range map[string]string{
		"AccessDeniedException":          "give who runs this leave for iot:CreatePolicy",
		"MalformedPolicyException":       "thingpass policy lint",
		"ThrottlingException":            "run it again",
		"ExpiredTokenException":          "log in again",
		"VersionsLimitExceededException": "plan again",
		"InternalFailureException":       "InternalFailureException",
	} {
		p := plan(t, s, wanted("a"))
		s.Fail("CreatePolicy", code)
		err := awsiot.Apply(t.Context(), s.Client(), p, func(string) {})
		if err == nil || !strings.Contains(err.Error(), advice) || !strings.HasPrefix(err.Error(), "policy thing: ") {
			t.Errorf("%s: %v", code, err)
		}
	}
}

func newCSR(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
}

// register returns the certificate's id.
func register(t *testing.T, s *fakeiot.Server, r awsiot.Registration) (string, error) {
	t.Helper()
	id := r.CertificateID
	r.Keep = func(i string, text []byte) error {
		if id = i; s.Status(i) != "INACTIVE" || !strings.Contains(string(text), "BEGIN CERTIFICATE") {
			t.Errorf("kept when %s: %s", s.Status(i), text)
		}
		return nil
	}
	return id, awsiot.Register(t.Context(), s.Client(), r, func(string) {})
}

func mustRegister(t *testing.T, s *fakeiot.Server, r awsiot.Registration) string {
	t.Helper()
	var id string
	r.Keep = func(i string, _ []byte) error { id = i; return nil }
	if err := awsiot.Register(t.Context(), s.Client(), r, func(string) {}); err != nil {
		t.Fatal(err)
	}
	return id
}

// Whatever breaks off, nothing that can connect is left behind, and the same
// call goes on.
func TestARegistrationGoesOnWhereItBrokeOff(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"CreateThing", "AddThingToThingGroup", "CreateCertificateFromCsr", "AttachThingPrincipal", "UpdateCertificate"} {
		s := fakeiot.Start(t)
		s.AddGroup("cameras")
		r := awsiot.Registration{Thing: "cam1", Attributes: map[string]string{"site": "north"}, Groups: []string{"cameras"}, CSR: newCSR(t)}
		s.Fail(at, "InternalFailureException")
		var kept string
		r.Keep = func(id string, _ []byte) error { kept = id; return nil }
		err := awsiot.Register(t.Context(), s.Client(), r, func(string) {})
		if err == nil || kept != "" && s.Status(kept) != "INACTIVE" {
			t.Fatalf("%s: %v, certificate %s", at, err, s.Status(kept))
		}
		if kept != "" && !strings.Contains(err.Error(), "--certificate-id "+kept) {
			t.Errorf("%s: %v", at, err)
		}
		r.CertificateID = kept
		if err := awsiot.Register(t.Context(), s.Client(), r, func(string) {}); err != nil {
			t.Fatalf("%s: again: %v", at, err)
		}
		all, err := awsiot.Certificates(t.Context(), s.Client(), "cam1")
		if err != nil || len(all) != 1 || all[0].Status != "ACTIVE" || all[0].ID != kept {
			t.Errorf("%s: %+v, %v", at, all, err)
		}
	}
}

func TestACertificateThatCannotBeKeptIsOfNoUse(t *testing.T) {
	t.Parallel()
	s := fakeiot.Start(t)
	s.AddGroup("cameras")
	var id string
	err := awsiot.Register(t.Context(), s.Client(), awsiot.Registration{
		Thing: "cam1", Groups: []string{"cameras"}, CSR: newCSR(t),
		Keep: func(i string, _ []byte) error { id = i; return errors.New("disk full") },
	}, func(string) {})
	if err == nil || !strings.Contains(err.Error(), "disk full") || s.Status(id) != "INACTIVE" {
		t.Errorf("%v, certificate is %s", err, s.Status(id))
	}
}

func TestRegisterRefuses(t *testing.T) {
	t.Parallel()
	s := fakeiot.Start(t)
	s.AddGroup("cameras")
	ok := awsiot.Registration{Thing: "cam1", Type: "camera", Attributes: map[string]string{"site": "north"}, Groups: []string{"cameras"}, CSR: newCSR(t)}
	mustRegister(t, s, ok)
	for what, change := range map[string]func(*awsiot.Registration){
		"name a thing group":             func(r *awsiot.Registration) { r.Groups = nil },
		`no thing group "gates"`:         func(r *awsiot.Registration) { r.Groups = []string{"gates"} },
		`with type "camera", not "gate"`: func(r *awsiot.Registration) { r.Type = "gate" },
		`site = "north", not "south"`:    func(r *awsiot.Registration) { r.Attributes = map[string]string{"site": "south"} },
		"PKCS #10":                       func(r *awsiot.Registration) { r.CSR = []byte("rubbish") },
	} {
		r := ok
		change(&r)
		before := len(s.Calls())
		if _, err := register(t, s, r); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v (%q)", what, err, s.Calls()[before:])
		}
	}
	r := ok
	r.Attributes, r.Type = nil, "" // a successor's certificate needs neither
	if _, err := register(t, s, r); err != nil {
		t.Error(err)
	}
}

func TestTheLastCertificateIsNotRetiredByMistake(t *testing.T) {
	t.Parallel()
	s := fakeiot.Start(t)
	s.AddGroup("cameras")
	r := awsiot.Registration{Thing: "cam1", Groups: []string{"cameras"}, CSR: newCSR(t)}
	first := mustRegister(t, s, r)
	retire := func(id string, force bool) error {
		return awsiot.Retire(t.Context(), s.Client(), "cam1", id, true, force, func(string) {})
	}
	if err := retire(first, false); err == nil || s.Status(first) != "ACTIVE" {
		t.Fatalf("%v: %s", err, s.Status(first))
	}
	if err := retire("0123", false); err == nil || !strings.Contains(err.Error(), "not attached") {
		t.Error(err)
	}
	r.CSR = newCSR(t)
	second := mustRegister(t, s, r) // both are valid now
	if s.Status(first) != "ACTIVE" || s.Status(second) != "ACTIVE" {
		t.Fatal("no overlap")
	}
	if err := retire(first, false); err != nil || s.Status(first) != "REVOKED" {
		t.Errorf("%v: %s", err, s.Status(first))
	}
	if err := retire(second, true); err != nil || s.Status(second) != "REVOKED" {
		t.Errorf("%v: %s", err, s.Status(second))
	}
}

func questions(t *testing.T, lines ...string) []awsiot.Question {
	t.Helper()
	var out []awsiot.Question
	for _, line := range lines {
		verb, name, _ := strings.Cut(line, " ")
		q, err := awsiot.ParseQuestion(verb, name, "cam1")
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, q)
	}
	return out
}

func TestAWSAndTheEvaluatorAreCompared(t *testing.T) {
	t.Parallel()
	s := fakeiot.Start(t)
	s.AddGroup("cameras")
	apply(t, s, plan(t, s, wanted("thingpass", "cameras")))
	mustRegister(t, s, awsiot.Registration{Thing: "cam1", Groups: []string{"cameras"}, CSR: newCSR(t)})
	lines := []string{"connect", "connect cam2", "publish thingpass/cam1/upload-request", "publish thingpass/cam2/upload-request"}
	for i := range 20 { // more than one call takes
		lines = append(lines, fmt.Sprintf("receive thingpass/cam1/%d", i))
	}
	lines = append(lines, "subscribe thingpass/cam1/response")
	answers, err := awsiot.Verify(t.Context(), s.Client(), "cam1", "", questions(t, lines...))
	if err != nil || len(answers) != len(lines) {
		t.Fatalf("%d answers, %v", len(answers), err)
	}
	for i, a := range answers {
		allowed := i == 0 || i == 2
		if !a.Agrees() || a.Ours.Allowed() != allowed {
			t.Errorf("%s: AWS %s, ours %v", lines[i], a.AWS, a.Ours)
		}
	}

	s.Decide = func(action, resource, decision string) string { return "ALLOWED" } // AWS knows better
	answers, err = awsiot.Verify(t.Context(), s.Client(), "cam1", "", questions(t, "publish thingpass/cam2/upload-request"))
	if err != nil || answers[0].Agrees() || answers[0].Why == nil {
		t.Errorf("%+v, %v", answers, err)
	}
}

func TestVerifyNeedsAThingWithACertificate(t *testing.T) {
	t.Parallel()
	s := fakeiot.Start(t)
	s.AddGroup("cameras")
	ask := func() error {
		_, err := awsiot.Verify(t.Context(), s.Client(), "cam1", "", questions(t, "connect"))
		return err
	}
	if err := ask(); err == nil || !strings.Contains(err.Error(), `no thing "cam1"`) {
		t.Error(err)
	}
	id := mustRegister(t, s, awsiot.Registration{Thing: "cam1", Groups: []string{"cameras"}, CSR: newCSR(t)})
	if err := awsiot.Retire(context.Background(), s.Client(), "cam1", id, false, true, func(string) {}); err != nil {
		t.Fatal(err)
	}
	if err := ask(); err == nil || !strings.Contains(err.Error(), "ACTIVE") {
		t.Error(err)
	}
	for _, verb := range []string{"retain", "publish"} {
		if _, err := awsiot.ParseQuestion(verb, "", "cam1"); err == nil {
			t.Errorf("%s: no error", verb)
		}
	}
}
