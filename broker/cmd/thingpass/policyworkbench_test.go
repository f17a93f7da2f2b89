// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thingpass/policies/templates"
)

// workbench is a folder with all that the examples of the commands name.
func workbench(t *testing.T) {
	t.Helper()
	tests, err := filepath.Abs("../../../policies/tests")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	text, err := templates.Render("thing", templates.Values{Account: exampleAccount, Region: exampleRegion})
	if err != nil {
		t.Fatal(err)
	}
	devices := strings.ReplaceAll(string(text), "topic/thingpass/", "topic/devices/")
	devices = strings.ReplaceAll(devices, "topicfilter/thingpass/", "topicfilter/devices/")
	registry := "account: \"123456789012\"\nregion: eu-central-1\npolicies: {thing: {builtin: thing}}\ngroups: {g: {policies: [thing]}}\n" +
		"things:\n  cam1: {groups: [g]}\n  cam2: {groups: [g]}\ncertificates:\n  - {id: " + strings.Repeat("a", 64) + ", things: [cam1]}\n  - {id: " + strings.Repeat("b", 64) + ", things: [cam2]}\n"
	refused := `{"timestamp": "2026-11-26 02:00:00.476", "status": "Failure", "eventType": "Publish-In", "protocol": "MQTT", "clientId": "cam1",` +
		` "principalId": "` + strings.Repeat("a", 64) + `", "topicName": "thingpass/cam2/upload-request", "reason": "AUTHORIZATION_FAILURE"}`
	for name, content := range map[string]string{
		"thing.json": devices, "new-thing.json": string(text), "old/thing.json": string(text), "new/thing.json": string(text),
		"registry.yaml": registry, "registry.new.yaml": registry, "refused.json": refused,
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll("policies", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(tests, "policies/tests"); err != nil {
		t.Fatal(err)
	}
}

// words splits as a shell does, as far as our examples need it.
func words(line string) []string {
	var out []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			out = append(out, part)
			continue
		}
		out = append(out, strings.Fields(part)...)
	}
	return out
}

// Each command's examples work as they stand in its help.
func TestPolicyExamplesWork(t *testing.T) {
	workbench(t)
	denies := map[string]bool{ // examples that are meant to end with 1
		"thingpass policy simulate --policy thing --thing cam1 --client-id cam2 connect":                               true,
		"thingpass policy explain --policy thing --thing cam1 --client-id esp32 publish thingpass/cam1/upload-request": true,
		"thingpass policy explain --policy thing --thing cam1 subscribe 'thingpass/cam1/#'":                            true,
		"thingpass policy whynot --policy thing refused.json":                                                          true,
		"thingpass policy whynot --registry registry.yaml":                                                             true,
	}
	for _, c := range policyCommands() {
		switch c.Name() {
		case "simulate", "explain", "test", "diff", "isolate", "whynot":
		default:
			continue
		}
		if c.Example == "" {
			t.Errorf("%s has no example", c.Name())
		}
		for line := range strings.Lines(c.Example) {
			line = strings.TrimSpace(line)
			if _, piped, found := strings.Cut(line, " | "); found {
				line = piped
			}
			stdin, err := os.ReadFile("refused.json")
			if err != nil {
				t.Fatal(err)
			}
			root, out := rootCommand(), &bytes.Buffer{}
			root.SetArgs(words(strings.TrimPrefix(line, "thingpass ")))
			root.SetIn(bytes.NewReader(stdin))
			root.SetOut(out)
			root.SetErr(out)
			if err := root.ExecuteContext(t.Context()); (err != nil) != denies[line] || out.Len() == 0 {
				t.Errorf("%s: %v\n%s", line, err, out)
			}
		}
	}
}

func TestPolicySimulateAnswers(t *testing.T) {
	workbench(t)
	out, complaints, code := thingpassPolicy(t, "simulate", "--registry", "registry.yaml", "--thing", "cam1", "connect", "publish", "thingpass/cam2/upload-request")
	if code != exitFailure || complaints != "" ||
		out != "ALLOWED        connect                                Connect  thing:4:5\nIMPLICIT_DENY  publish thingpass/cam2/upload-request  no statement allows it\n" {
		t.Errorf("code %d: %q %q", code, out, complaints)
	}
	if err := os.WriteFile("ops", []byte("# all of it\nconnect\npublish thingpass/cam1/upload-request\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, complaints, code = thingpassPolicy(t, "simulate", "--policy", "thing", "--thing", "cam1", "--json", "--operations", "ops")
	if code != exitOK || complaints != "" || !json.Valid([]byte(out)) || strings.Count(out, `"authDecision": "ALLOWED"`) != 2 {
		t.Errorf("code %d: %s%s", code, out, complaints)
	}
}

func TestPolicyExplainSaysWhatToChange(t *testing.T) {
	workbench(t)
	out, _, code := thingpassPolicy(t, "explain", "--registry", "registry.yaml", "--certificate-id", strings.Repeat("a", 64), "--client-id", "esp32", "connect")
	if code != exitFailure || !strings.Contains(out, `change    connect with client id "cam1"`) || !strings.Contains(out, "certificate aaaaaaaa…") {
		t.Errorf("code %d: %s", code, out)
	}
}

func TestPolicyDiffFailsOnWidening(t *testing.T) {
	workbench(t)
	text, err := os.ReadFile("new/thing.json")
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte("/upload-request\""), []byte("/*\""), 1)
	if err := os.WriteFile("new/thing.json", text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"text", "markdown", "json"} {
		out, complaints, code := thingpassPolicy(t, "diff", "--fail-on", "widening", "--format", format, "old", "new")
		if code != exitFailure || complaints != "" || !strings.Contains(out, "thingpass/A/*") {
			t.Errorf("%s: code %d: %s%s", format, code, out, complaints)
		}
	}
	if _, _, code := thingpassPolicy(t, "diff", "--fail-on", "narrowing", "old", "new"); code != exitOK {
		t.Errorf("code %d, although nothing narrows", code)
	}
}

func TestPolicyIsolateFindsLeaks(t *testing.T) {
	workbench(t)
	out, complaints, code := thingpassPolicy(t, "isolate", "--policy", "broker")
	if code != exitFailure || complaints != "" || !strings.Contains(out, "leak: ") || !strings.Contains(out, "thingpass/B/response, which belongs to B") {
		t.Errorf("code %d: %s%s", code, out, complaints)
	}
	if out, _, code := thingpassPolicy(t, "isolate", "--json"); code != exitOK || !strings.Contains(out, `"leaks": []`) {
		t.Errorf("code %d: %s", code, out)
	}
}

func TestPolicyTestFailsAndTellsWhy(t *testing.T) {
	workbench(t)
	text := "policies: {thing: {builtin: thing}}\nthings: {cam1: {}}\nidentities:\n  cam1: {thing: cam1, policies: [thing]}\ncases:\n" +
		"  - {as: cam1, do: publish thingpass/cam2/response, expect: allow}\n  - {as: cam1, do: connect, expect: allow}\n"
	if err := os.WriteFile("t.yaml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, _, code := thingpassPolicy(t, "test", "--junit", "j.xml", "--coverage", "t.yaml")
	junit, err := os.ReadFile("j.xml")
	if code != exitFailure || err != nil || !bytes.Contains(junit, []byte("<failure message=")) ||
		!strings.Contains(out, "t.yaml:6:5: cam1: publish thingpass/cam2/response: allow\n") || !strings.Contains(out, "thing.json:14:5: Ask: no case is decided by it") {
		t.Errorf("code %d: %s\n%s %v", code, out, junit, err)
	}
	if _, _, code := thingpassPolicy(t, "test", "--require-coverage", "policies/tests/thing.yaml"); code != exitOK {
		t.Errorf("code %d, although all is covered", code)
	}
}

func TestPolicyWorkbenchRefuses(t *testing.T) {
	workbench(t)
	for name, text := range map[string]string{
		"broken.json": "{\n  \"Version\": \"2012-10-17\",\n  // why\n}", "broken.yaml": "account: 1\nthigns: {}\n", "notests.yaml": "cases: []\n",
		"nocert.pem": "hello", "empty.log": "nothing\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for line, want := range map[string]string{
		"simulate":                        "what does it ask for? give operations",
		"simulate connect":                "whose policies? give --registry FILE, or --policy NAME",
		"simulate --policy thing connect": "who asks? give --thing NAME",
		"simulate --policy thing --thing cam1 publsh a":                   `there is no operation "publsh"`,
		"simulate --policy thing --thing cam1 publish":                    "publish needs a topic",
		"simulate --policy thing --thing 'a b' connect":                   `--thing "a b" is no name of a thing`,
		"simulate --policy things --thing a connect":                      `there is no document "things"`,
		"simulate --policy none.json --thing a connect":                   "open none.json",
		"simulate --policy broken.json --thing a connect":                 "broken.json:3:3: JSON has no comments",
		"simulate --policy thing --thing a --attribute x connect":         `--attribute "x": want NAME=VALUE`,
		"simulate --policy thing --thing a --ip x connect":                `--ip "x": want an address`,
		"simulate --policy thing --thing a --context x connect":           `--context "x": want KEY=VALUE`,
		"simulate --policy thing --client-id a --type t connect":          "speak of a thing: give --thing NAME",
		"simulate --policy thing --certificate nocert.pem connect":        "--certificate nocert.pem: there is no certificate in it",
		"simulate --registry broken.yaml --thing a connect":               "broken.yaml:2:1",
		"simulate --registry none.yaml --thing a connect":                 "none.yaml",
		"simulate --registry registry.yaml connect":                       "give one of --thing NAME",
		"simulate --registry registry.yaml --thing cam1 --type t connect": "are the registry's to say",
		"simulate --policy thing --thing a --certificate-id a connect":    "give --registry FILE",
		"explain --policy thing --thing a connect connect":                "takes one operation",
		"test":                            "which tests? give a FILE or a DIR",
		"test none.yaml":                  "none.yaml",
		"test notests.yaml":               "notests.yaml:1:1: the file has no policies",
		"test old":                        "there are no tests in it",
		"diff a":                          "compares two: OLD and NEW",
		"diff thing old":                  "thing is a document and old is a folder",
		"diff thing thing --format x":     `"--format" flag: want text, markdown or json`,
		"diff thing thing --fail-on x":    `--fail-on "x": want widening, narrowing, any`,
		"isolate --own devices/#":         "{thing} must be a whole level of it",
		"isolate --registry broken.yaml":  "broken.yaml:2:1",
		"whynot refused.json":             "whose policies?",
		"whynot --policy thing empty.log": "there is no log entry in 1 lines",
		"whynot --policy thing --registry registry.yaml refused.json": "exclude each other",
		"whynot --registry registry.yaml none.log":                    "open none.log",
	} {
		out, complaints, code := thingpassPolicy(t, words(line)...)
		if code != exitUsage || out != "" || !strings.Contains(complaints, want) {
			t.Errorf("%s: code %d: %s%s\nwant %q", line, code, out, complaints, want)
		}
	}
	_, complaints, code := thingpassPolicy(t, "simulate", "--registry", "registry.yaml", "--thing", "cam9", "connect")
	if code != exitFailure || !strings.Contains(complaints, `refused before any policy is asked: there is no thing "cam9" in the registry (registry.yaml)`) {
		t.Errorf("code %d: %s", code, complaints)
	}
}
