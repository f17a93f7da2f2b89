// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

const lintStatement = `{"Sid": "Join", "Effect": "Allow", "Action": "iot:Subscribe", "Resource": "arn:aws:iot:eu-central-1:123456789012:topicfilter/d/+/up"}`

// lintDesk is a folder with documents of each severity, and what goes with them.
func lintDesk(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	document := func(s string) string { return `{"Version": "2012-10-17", "Statement": [` + s + "]}\n" }
	for name, text := range map[string]string{
		"warning.json": document(lintStatement),
		"error.json":   document(`{"Effect": "Allow", "Action": "iot:Connect", "Resource": "arn:aws:iot:eu-central-1:123456789012:client/*"}`),
		"info.json":    document(`{"Effect": "Allow", "Action": "IOT:Connect", "Resource": "arn:aws:iot:eu-central-1:123456789012:client/a"}`),
		"clean.json":   document(`{"Effect": "Allow", "Action": "iot:Connect", "Resource": "arn:aws:iot:eu-central-1:123456789012:client/a"}`),
		"attribute.json": document(`{"Effect": "Allow", "Action": "iot:Publish",
  "Resource": "arn:aws:iot:eu-central-1:123456789012:topic/${iot:Connection.Thing.Attributes[sitee]}/${iot:Connection.Thing.ThingName}"}`),
		"role.json":     document(`{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::photos/uploads/*"}`),
		"registry.yaml": "account: \"123456789012\"\nregion: eu-central-1\nthings: {cam1: {attributes: {site: north}}}\n",
		"broker.yaml": "mqtt: {server: 'mqtts://127.0.0.1:8883', cert: a.crt, key: a.key}\ns3: {region: eu-central-1, bucket: photos}\n" +
			"kinds: {photo: {types: [image/jpeg], max_size: 1MiB}}\n",
		"contract.yaml": "clients: {thing: {clients: ['{thing}']}}\ntopics: [{topic: 'thingpass/{thing}/news', publish: server, receive: thing}]\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPolicyLintEndsAsItShould(t *testing.T) {
	lintDesk(t)
	for _, c := range []struct {
		args string
		code int
		want string // in what it prints
	}{
		{"", exitOK, ": 0 errors, 0 warnings, 0 info, "},
		{"clean.json", exitOK, "1 document: 0 errors, 0 warnings, 0 info\n"},
		{"error.json", exitFailure, "error.json:1:98: error IOT001: statement 1: any certificate"},
		{"warning.json", exitOK, "warning.json:1:115: warning IOT008: Join: "},
		{"warning.json --fail-on warning", exitFailure, "warning IOT008"},
		{"info.json", exitOK, "info.json:1:71: info IOT019"},
		{"info.json --fail-on info", exitFailure, "write iot:Connect"},
		{"info.json --fail-on warning", exitOK, "1 info"},
		{"missing.json clean.json error.json", exitFailure, "missing.json:1:1: error PARSE: "},
		{". --format text", exitFailure, "6 documents: 1 error, "},
		{"warning.json --ignore IOT008@Join=meant --ignore IOT011=meant --fail-on warning", exitOK, "2 ignored with a reason"},
		{"clean.json --ignore IOT008=meant --fail-on warning", exitFailure, "--ignore:1:1: warning IGNORE: nothing is found by IOT008"},
		{"clean.json --as bucket", exitFailure, "error S3001"},
		{"clean.json --account 999999999999 --region eu-central-1", exitFailure, "the account is 123456789012, this installation's is 999999999999"},
		{"attribute.json", exitOK, "0 errors"},
		{"attribute.json --registry registry.yaml", exitFailure, `no thing of the registry has the attribute "sitee"`},
		{"role.json", exitOK, "0 errors"},
		{"role.json --broker-config broker.yaml", exitFailure, "broker.yaml has kind photo with keys {thing}/{kind}/"},
		{"presign-role --broker-config broker.yaml --fail-on warning", exitOK, "0 warnings"},
		{"thing --contract contract.yaml", exitFailure, "error IOT030: Hear: the thing receives thingpass/{thing}/news"},
		{"--rules", exitOK, "S3004   error"},
		{"--explain iot013", exitOK, "IOT013 (warning): a variable"},
	} {
		out, complaints, code := thingpassPolicy(t, append([]string{"lint"}, strings.Fields(c.args)...)...)
		if code != c.code || !strings.Contains(out, c.want) || complaints != "" {
			t.Errorf("lint %s: code %d, want %d and %q\n%s%s", c.args, code, c.code, c.want, out, complaints)
		}
	}
}

func TestPolicyLintSaysWhatItWasNotToldRight(t *testing.T) {
	lintDesk(t)
	for args, want := range map[string]string{
		"--format xml":                       `"--format" flag: want text, json or sarif`,
		"--fail-on never":                    `--fail-on: there is no severity "never": use error, warning or info`,
		"--as policy":                        `--as: there is no kind of document "policy": use thing, broker`,
		"--ignore IOT008":                    `there is no reason: write RULE@SID=REASON`,
		"--ignore IOT999=x":                  `there is no rule "IOT999"`,
		"--explain IOT999":                   `--explain: there is no rule "IOT999"`,
		"clean.json --registry missing.yaml": "missing.yaml",
		"clean.json --contract missing.yaml": "--contract: open missing.yaml",
		"clean.json --broker-config x.yaml":  "x.yaml",
		"clean.json --account 1":             `--account "1": want 12 digits`,
	} {
		out, complaints, code := thingpassPolicy(t, append([]string{"lint"}, strings.Fields(args)...)...)
		if code != exitUsage || !strings.Contains(complaints, want) || out != "" {
			t.Errorf("lint %s: code %d, want %q\n%s%s", args, code, want, out, complaints)
		}
	}
}

func TestPolicyLintForPrograms(t *testing.T) {
	lintDesk(t)
	for format, want := range map[string]string{"json": `"rule": "IOT001"`, "sarif": `"ruleId": "IOT001"`} {
		out, complaints, code := thingpassPolicy(t, "lint", "error.json", "--format", format)
		if code != exitFailure || !json.Valid([]byte(out)) || !strings.Contains(out, want) || complaints != "" {
			t.Errorf("%s: code %d\n%s%s", format, code, out, complaints)
		}
		if short, _, _ := thingpassPolicy(t, "lint", "error.json", "--json"); format == "json" && short != out {
			t.Errorf("--json prints\n%s", short)
		}
	}
}

// What render writes is clean where it lies, with the reasons beside it; they are
// not overwritten.
func TestRenderedDocumentsAreClean(t *testing.T) {
	t.Chdir(t.TempDir())
	render := func() {
		if out, complaints, code := thingpassPolicy(t, "render", "--account", "123456789012", "--region", "eu-central-1", "--bucket", "photos", "--out", "."); code != exitOK {
			t.Fatalf("%s%s", out, complaints)
		}
	}
	render()
	if out, complaints, code := thingpassPolicy(t, "lint", ".", "--fail-on", "info"); code != exitOK || complaints != "" {
		t.Errorf("code %d\n%s%s", code, out, complaints)
	}
	if err := os.WriteFile(".policylint.yaml", []byte("ignore: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	render()
	if text, err := os.ReadFile(".policylint.yaml"); err != nil || string(text) != "ignore: []\n" {
		t.Errorf("%v: %s", err, text)
	}
}
