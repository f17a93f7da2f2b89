// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPolicyMosquittoWritesTheFileOfThisRepository(t *testing.T) {
	want, err := os.ReadFile("../../../policies/mosquitto.acl")
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "mosquitto.acl")
	if text, complaints, code := thingpassPolicy(t, "mosquitto", "--out", out); code != exitOK || complaints != "" || !strings.Contains(text, "SIGHUP") {
		t.Errorf("%d %s%s", code, text, complaints)
	}
	if got, err := os.ReadFile(out); err != nil || string(got) != string(want) {
		t.Errorf("%v\n%s", err, got)
	}
	text, _, code := thingpassPolicy(t, "mosquitto", "--root", "acme", "--broker", "b")
	if code != exitOK || !strings.Contains(text, "user b\n") || !strings.Contains(text, "pattern read acme/%u/response") {
		t.Errorf("%d %s", code, text)
	}
}

func TestPolicyMosquittoTellsWhatItCannotDo(t *testing.T) {
	t.Parallel()
	text, complaints, code := thingpassPolicy(t, "mosquitto", "--report")
	if code != exitOK || !strings.Contains(text, "not enforceable  thing: Listen") || !strings.Contains(text, "exact            thing: Ask") {
		t.Errorf("%d %s%s", code, text, complaints)
	}
	var verdicts []struct {
		Statement, Fidelity string
		Numbers             []int
	}
	text, _, code = thingpassPolicy(t, "mosquitto", "--json")
	if err := json.Unmarshal([]byte(text), &verdicts); code != exitOK || err != nil || verdicts[1].Fidelity != "exact" || len(verdicts[1].Numbers) != 5 {
		t.Errorf("%d %v %+v", code, err, verdicts)
	}
	_, complaints, code = thingpassPolicy(t, "mosquitto", "--strict", "--accept", "Connect=x", "--accept", "Ask=x", "--accept", "Join")
	for _, want := range []string{"thing: Listen cannot be enforced", "--accept 'Listen=REASON'", "nothing to accept of a statement Ask", `"Join": write SID=REASON`} {
		if code != exitFailure || !strings.Contains(complaints, want) {
			t.Errorf("%d %s", code, complaints)
		}
	}
	if _, complaints, code = thingpassPolicy(t, "mosquitto", "--strict", "--accept", "Connect=one CA", "--accept", "Listen=withheld",
		"--accept", "Join=ours", "--accept", "Watch=ours"); code != exitOK {
		t.Errorf("%d %s", code, complaints)
	}
}

func TestPolicyMosquittoOfARegistry(t *testing.T) {
	t.Parallel()
	text, complaints, code := thingpassPolicy(t, "mosquitto", "--registry", "../../../policies/registry.example.yaml")
	if code != exitOK || !strings.Contains(text, "user cam2\ntopic deny #\n") || !strings.Contains(text, "user thingpass-broker\n") {
		t.Errorf("%d %s%s", code, text, complaints)
	}
	closed := filepath.Join(t.TempDir(), "r.yaml")
	write := `{account: "123456789012", region: eu-central-1, policies: {thing: {builtin: thing}}, groups: {g: {policies: [thing]}}, things: {cam1: {groups: [g]}}}`
	if err := os.WriteFile(closed, []byte(write), 0o600); err != nil {
		t.Fatal(err)
	}
	text, complaints, code = thingpassPolicy(t, "mosquitto", "--registry", closed)
	if code != exitOK || !strings.Contains(text, "user cam1\ntopic write thingpass/cam1/upload-request\n") || strings.Contains(text, "pattern") {
		t.Errorf("%d %s%s", code, text, complaints)
	}
}

func TestPolicyMosquittoRefuses(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"--levels 9":           "from 1 to 8",
		"--service broker":     "NAME=DOCUMENT",
		"--service b.c=broker": "a name has letters",
		"--service b=none":     `no document "none"`,
		"--things none.json":   "none.json",
		"--registry none.yml":  "none.yml",
		"thing":                "unknown command",
	} {
		if _, complaints, code := thingpassPolicy(t, append([]string{"mosquitto"}, strings.Fields(args)...)...); code != exitUsage || !strings.Contains(complaints, want) {
			t.Errorf("%s: %d %s", args, code, complaints)
		}
	}
}
