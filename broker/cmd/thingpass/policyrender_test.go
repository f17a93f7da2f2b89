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

	"thingpass/broker/cmd/thingpass/config"
	"thingpass/policies/templates"
)

// thingpassPolicy runs `thingpass policy ARGS...`.
func thingpassPolicy(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, complaints bytes.Buffer
	code = run(t.Context(), append([]string{"policy"}, args...), &out, &complaints)
	return out.String(), complaints.String(), code
}

func TestPolicyRenderPrintsOneDocument(t *testing.T) {
	t.Parallel()
	out, complaints, code := thingpassPolicy(t, "render", "thing", "--account", "123456789012", "--region", "eu-central-1", "--root", "acme")
	if code != exitOK || complaints != "" || !json.Valid([]byte(out)) ||
		!strings.Contains(out, `"arn:aws:iot:eu-central-1:123456789012:topic/acme/${iot:Connection.Thing.ThingName}/upload-request"`) {
		t.Errorf("code %d: %s%s", code, out, complaints)
	}
}

func TestPolicyRenderFillsAFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	values := "account: 123456789012\nregion: eu-central-1\nbucket: photos\nroot: acme\n"
	if err := os.WriteFile("values.yaml", []byte(values), 0o600); err != nil {
		t.Fatal(err)
	}
	out, complaints, code := thingpassPolicy(t, "render", "--values", "values.yaml", "--root", "flag-wins", "--out", "a/b")
	if code != exitOK || complaints != "" {
		t.Fatalf("code %d: %s%s", code, out, complaints)
	}
	for _, name := range templates.Names() {
		text, err := os.ReadFile(filepath.Join("a", "b", name+".json"))
		if name == "cors" || name == "lifecycle-expiry" {
			if err == nil || !strings.Contains(out, "left out "+name+".json: it needs --") {
				t.Errorf("%s: %v\n%s", name, err, out)
			}
			continue
		}
		if err != nil || !json.Valid(text) || !strings.Contains(out, filepath.Join("a", "b", name+".json")) {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
	if text, _ := os.ReadFile("a/b/thing.json"); !bytes.Contains(text, []byte("topic/flag-wins/")) {
		t.Errorf("the flag does not win:\n%s", text)
	}
	left, err := filepath.Glob("a/b/.thingpass*")
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
	if _, complaints, code = thingpassPolicy(t, "render", "cors", "lifecycle-expiry", "--origin", "https://a.example", "--expire-keys", "cam", "--out", "a/b"); code != exitOK {
		t.Errorf("code %d: %s", code, complaints)
	}
}

func TestPolicyRenderRefuses(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("wrong.yaml", []byte("root: a\nbukket: photos\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"render":                                      "give one NAME, or --out DIR",
		"render thing broker":                         "give one NAME, or --out DIR",
		"render things --account 123456789012":        `there is no document "things": use thing, broker`,
		"render thing":                                "needs --account (the AWS account, 12 digits), --region (the AWS region)",
		"render --out x":                              "needs --account (the AWS account, 12 digits), --region (the AWS region), --bucket (",
		"render --why":                                "--why: give one NAME",
		"render thing broker --why":                   "--why: give one NAME",
		"render cors --why":                           "only policies have statements that need reasons",
		"render things --why":                         `there is no document "things"`,
		"render thing --account 1":                    `--account "1": want 12 digits`,
		"render thing --bucket *":                     `--bucket "*": want 3 to 63`,
		"render thing --values none.yaml":             "--values: open none.yaml",
		"render thing --values wrong.yaml":            `wrong.yaml:2:1: there is no value "bukket": use account`,
		"render thing --bukket photos":                "unknown flag: --bukket",
		"render thing --account= --region eu-north-1": `--account "": want 12 digits`,
		"render thing --partition aws-cn --region eu-north-1 --account 123456789012": "region eu-north-1 is in aws; leave it out",
	} {
		out, complaints, code := thingpassPolicy(t, strings.Fields(args)...)
		if code != exitUsage || out != "" || !strings.Contains(complaints, want) {
			t.Errorf("%s: code %d: %s%s\nwant %q", args, code, out, complaints, want)
		}
	}
	if _, err := os.Stat("x"); err == nil {
		t.Error("a folder was made all the same")
	}
	if err := os.WriteFile("file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, complaints, code := thingpassPolicy(t, "render", "public-access-block", "--out", "file"); code != exitFailure || !strings.Contains(complaints, "file") {
		t.Errorf("code %d: %s", code, complaints)
	}
}

func TestPolicyRenderListsWhatThereIs(t *testing.T) {
	t.Parallel()
	out, complaints, code := thingpassPolicy(t, "render", "--list")
	if code != exitOK || complaints != "" {
		t.Fatalf("code %d: %s", code, complaints)
	}
	for _, name := range templates.Names() {
		if !strings.Contains(out, "\n"+name+" ") {
			t.Errorf("%s is not in\n%s", name, out)
		}
	}
}

func TestPolicyRenderSaysWhy(t *testing.T) {
	t.Parallel()
	for _, name := range templates.Names() {
		d, err := templates.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		if !d.Kind.IsPolicy() {
			continue
		}
		out, complaints, code := thingpassPolicy(t, "render", name, "--why")
		if code != exitOK || !strings.Contains(out, "without it, ") || !strings.Contains(out, "never: ") || strings.Contains(out, "{{") {
			t.Errorf("%s: code %d: %s%s", name, code, out, complaints)
		}
	}
	out, _, _ := thingpassPolicy(t, "render", "thing", "--why", "--root", "acme")
	for _, want := range []string{
		"Listen: SUBSCRIBE to the one topic of all replies, and to commands.\n  without it, denied: iot:Subscribe arn:aws:iot:eu-central-1:123456789012:topicfilter/acme/cam1/response\n",
		"    without it, allowed: iot:Connect arn:aws:iot:eu-central-1:123456789012:client/cam1, iot:ConnectAttributes LastWill\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}

// TestPolicyDefaultsAreTheBrokers: who configures neither gets policies that fit.
func TestPolicyDefaultsAreTheBrokers(t *testing.T) {
	t.Parallel()
	conf, err := config.Load("", []string{"THINGPASS_S3_BUCKET=photos", "THINGPASS_S3_REGION=eu-central-1", "THINGPASS_MQTT_SERVER=mqtts://localhost",
		"THINGPASS_MQTT_CERT=a", "THINGPASS_MQTT_KEY=b", "THINGPASS_KINDS_PHOTO_TYPES=image/jpeg", "THINGPASS_KINDS_PHOTO_MAX_SIZE=1MiB",
		"THINGPASS_KINDS_PHOTO_MODES=put,pass"})
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range configured(conf) {
		want := templates.Values{}.Get(name)
		if name == "signature-age" {
			value = strings.ReplaceAll(value, "0m0s", "")
		}
		if want != "" && value != "" && value != want {
			t.Errorf("%s is %q in the policies and %q in the broker", name, want, value)
		}
	}
}

func TestPolicyRenderReadsTheBrokersConfiguration(t *testing.T) {
	t.Chdir(t.TempDir())
	text := "mqtt: {server: 'mqtts://a-ats.iot.eu-west-1.amazonaws.com', cert: c, key: k, root: acme, group: g, client_id: b}\n" +
		"s3: {bucket: snaps, region: eu-west-1}\nkinds: {photo: {types: [image/jpeg], max_size: 1MiB, modes: [pass], pass_ttl: 3h}}\n" +
		"credentials: {role_arn: 'arn:aws:iam::123456789012:role/path/sessions'}\n"
	if err := os.WriteFile("broker.yaml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"broker":           ":eu-west-1:123456789012:topicfilter/$share/g/acme/+/upload-request\"",
		"bucket-policy":    `"10800000"`,
		"presign-sessions": ":role/path/sessions\"",
		"presign-role":     ":::snaps/*",
		"thing":            "topic/flag/",
	} {
		args := []string{"render", name, "--broker-config", "broker.yaml", "--account", "123456789012"}
		if name == "thing" {
			args = append(args, "--root", "flag")
		}
		out, complaints, code := thingpassPolicy(t, args...)
		if code != exitOK || !strings.Contains(out, want) {
			t.Errorf("%s: code %d: %s%s", name, code, out, complaints)
		}
	}
	if _, complaints, code := thingpassPolicy(t, "render", "thing", "--broker-config", "none.yaml"); code != exitUsage || !strings.Contains(complaints, "none.yaml") {
		t.Errorf("code %d: %s", code, complaints)
	}
}
