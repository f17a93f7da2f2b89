// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"thingpass/policies/awsiot"
	"thingpass/policies/awsiot/fakeiot"
)

// atAWS runs a command line at a fake AWS; in is what the user types.
func atAWS(t *testing.T, s *fakeiot.Server, in, line string) (string, int) {
	t.Helper()
	c := rootCommand()
	var out bytes.Buffer
	c.SetIn(strings.NewReader(in))
	c.SetOut(&out)
	c.SetErr(&out)
	c.SetArgs(append(strings.Fields(line), "--endpoint-url", s.URL))
	err := c.ExecuteContext(t.Context())
	if err != nil && err != errReported {
		out.WriteString("thingpass: " + err.Error())
	}
	if err != nil {
		return out.String(), exitFailure
	}
	return out.String(), exitOK
}

const ours = " --account 123456789012 --region eu-central-1"

func TestPoliciesComeToAWS(t *testing.T) {
	s := fakeiot.Start(t)
	s.Setenv()
	s.AddGroup("cameras")
	t.Chdir(t.TempDir())

	plan, code := atAWS(t, s, "", "policy plan thing broker --attach thing=cameras --json"+ours)
	var p awsiot.Plan
	if err := json.Unmarshal([]byte(plan), &p); err != nil || code != exitOK || len(p.Steps) != 2 || len(s.Calls()) != 0 {
		t.Fatalf("%d %v %s", code, err, plan)
	}
	if err := os.WriteFile("reviewed.json", []byte(plan), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, code := atAWS(t, s, "", "policy plan thing --fail-on-change"+ours); code != exitFailure || !strings.Contains(out, "of 2048 characters") {
		t.Errorf("%d %s", code, out)
	}
	if out, code := atAWS(t, s, "no\n", "policy apply thing broker --attach thing=cameras"+ours); code != exitFailure || len(s.Calls()) != 0 {
		t.Errorf("%d %s", code, out)
	}
	if out, code := atAWS(t, s, "", "policy apply thing broker --yes --plan reviewed.json"+ours); code != exitFailure || !strings.Contains(out, "not what reviewed.json says") {
		t.Errorf("%d %s", code, out)
	}
	out, code := atAWS(t, s, "yes\n", "policy apply thing broker --attach thing=cameras --plan reviewed.json"+ours)
	if code != exitOK || !strings.Contains(out, "policy thingpass-thing: attached to thing group cameras") {
		t.Errorf("%d %s", code, out)
	}
	if out, code := atAWS(t, s, "", "policy plan thing broker --attach thing=cameras --fail-on-change"+ours); code != exitOK || !strings.Contains(out, "nothing to do") {
		t.Errorf("%d %s", code, out)
	}
	for line, want := range map[string]string{
		"policy plan nothing":                    `no document "nothing"`,
		"policy plan thing thing":                `"thing" is given twice`,
		"policy plan thing --attach broker=x":    "with a policy that is given here",
		"policy plan missing.json":               "missing.json",
		"policy apply thing --plan missing.json": "missing.json",
	} {
		if out, code := atAWS(t, s, "", line+ours); code == exitOK || !strings.Contains(out, want) {
			t.Errorf("%s: %d %s", line, code, out)
		}
	}
}

func TestAThingComesToAWSAndCanWork(t *testing.T) {
	s := fakeiot.Start(t)
	s.Setenv()
	s.AddGroup("cameras")
	t.Chdir(t.TempDir())
	if out, code := atAWS(t, s, "", "policy apply thing --yes --attach thing=cameras"+ours); code != exitOK {
		t.Fatal(out)
	}
	openssl(t, "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "cam1.key", "-subj", "/CN=cam1", "-out", "cam1.csr")
	for line, want := range map[string]string{
		"certs aws register cam1 --group cameras":                                   "--csr FILE",
		"certs aws register cam1 --csr cam1.csr":                                    "name a thing group",
		"certs aws register cam1 --csr cam1.key --group cameras":                    "private key",
		"certs aws register cam1 --csr cam1.csr --group cameras --out cam1.csr":     "name another file",
		"certs aws register cam1 --csr cam1.csr --group cameras --attribute site":   "NAME=VALUE",
		"certs aws register cam1 --csr cam1.csr --group cameras --type x --group y": `no thing group "y"`,
	} {
		if out, code := atAWS(t, s, "", line); code == exitOK || !strings.Contains(out, want) {
			t.Errorf("%s: %d %s", line, code, out)
		}
	}
	out, code := atAWS(t, s, "", "certs aws register cam1 --csr cam1.csr --group cameras --attribute site=north")
	if code != exitOK || !strings.Contains(out, "is ACTIVE") {
		t.Fatalf("%d %s", code, out)
	}
	openssl(t, "x509", "-in", "cam1.crt", "-noout")

	list, code := atAWS(t, s, "", "certs aws list cam1 --json")
	var all []awsiot.Certificate
	if err := json.Unmarshal([]byte(list), &all); err != nil || code != exitOK || len(all) != 1 {
		t.Fatalf("%d %v %s", code, err, list)
	}
	if out, code := atAWS(t, s, "", "policy verify cam1"); code != exitOK || strings.Count(out, "ALLOWED") != 10 {
		t.Errorf("%d %s", code, out)
	}
	s.Decide = func(_, resource, decision string) string {
		if strings.Contains(resource, "cam10") {
			return "ALLOWED"
		}
		return decision
	}
	if out, code := atAWS(t, s, "", "policy verify cam1"); code != exitFailure || !strings.Contains(out, "AWS and the evaluator disagree") {
		t.Errorf("%d %s", code, out)
	}
	if out, code := atAWS(t, s, "", "certs aws retire cam1 "+all[0].ID); code != exitFailure || !strings.Contains(out, "only active certificate") {
		t.Errorf("%d %s", code, out)
	}
	if out, code := atAWS(t, s, "", "certs aws retire cam1 --force "+all[0].ID); code != exitOK || s.Status(all[0].ID) != "REVOKED" {
		t.Errorf("%d %s", code, out)
	}
	if out, code := atAWS(t, s, "", "certs aws list cam1"); code != exitOK || strings.Contains(out, all[0].ID) {
		t.Errorf("%d %s", code, out)
	}
}

func openssl(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("openssl", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}
