// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"thingpass/certs"
)

// check runs `thingpass check` with args and returns its exit code and what it
// prints.
func (s *stack) check(args ...string) (code int, stdout, stderr string) {
	s.t.Helper()
	p := startProgram(s.t, append([]string{"check"}, args...)...)
	code = p.end()
	return code, p.stdout.String(), p.stderr.String()
}

func TestCheckFindsNothingWrongWithASoundStack(t *testing.T) {
	s := newStack(t)
	config := s.config()
	code, stdout, stderr := s.check("--config", config)
	if code != exitOK || stderr != "" || !strings.HasSuffix(stdout, "\nall is well\n") || strings.Contains(stdout, "  problem  ") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	for _, want := range []string{
		`s3\.bucket +photos +` + regexp.QuoteMeta(config) + `:\d+\n`,
		`ok +s3 bucket: photos answers`,
		`ok +s3 upload: `,
		`ok +s3 clock: `,
		`ok +s3 certificate: .* valid until 20`,
		`ok +mqtt: our certificate is .*thingpass-broker.*, good until 20`,
		`ok +mqtt: may subscribe "\$share/thingpass-check/thingpass/\+/upload-request"`,
	} {
		if !regexp.MustCompile(want).MatchString(stdout) {
			t.Errorf("%s is not in\n%s", want, stdout)
		}
	}
	if files, err := filepath.Glob(filepath.Join(s.dir, "s3", "photos", "[^.]*")); err != nil || len(files) != 0 {
		t.Errorf("left in the bucket: %v, %v", files, err)
	}
	s.hasNoSecret(stdout)
}

func (s *stack) hasNoSecret(text string) {
	s.t.Helper()
	var key struct{ SecretAccessKey string }
	file, err := os.ReadFile(s.path("s3-credentials.json"))
	s.must(err)
	s.must(json.Unmarshal(file, &key))
	if key.SecretAccessKey == "" || strings.Contains(text, key.SecretAccessKey) || strings.Contains(text, "X-Amz-Signature") {
		s.t.Errorf("a secret is in\n%s", text)
	}
}

func TestCheckSaysInWordsWhatIsWrong(t *testing.T) {
	s := newStack(t)
	stranger, err := certs.NewCA("another CA")
	s.must(err)
	id, err := stranger.Service("thingpass-broker")
	s.must(err)
	other, err := s.ca.Service("somebody-else")
	s.must(err)
	s.write("stranger-ca.crt", stranger.CertPEM())
	s.write("stranger.crt", id.CertPEM())
	s.write("stranger.key", id.KeyPEM())
	s.write("other.crt", other.CertPEM())
	s.write("other.key", other.KeyPEM())
	s.write("wrong-secret.json", []byte(`{"accessKeyId": "`+s.accessKeyID()+`", "secretAccessKey": "not/the/one"}`))
	s.write("unknown-key.json", []byte(`{"accessKeyId": "AKIAUNKNOWN", "secretAccessKey": "not/the/one"}`))
	s3CA := func(file string) []string { return []string{"  ca: ca.crt\n  region", "  ca: " + file + "\n  region"} }
	for _, test := range []struct {
		name    string
		changes []string
		want    string // a finding
	}{
		{"no such bucket", []string{"bucket: photos", "bucket: others"}, "problem  s3 bucket: there is no bucket others: create it, or correct s3.bucket"},
		{"wrong secret", []string{"s3-credentials.json", "wrong-secret.json"}, "problem  s3 bucket: the signature is wrong: the secret does not belong to the access key"},
		{"unknown access key", []string{"s3-credentials.json", "unknown-key.json"}, "problem  s3 bucket: the access key is not known there"},
		{"wrong region", []string{"region: us-east-1", "region: eu-west-1"}, "problem  s3 bucket: bucket photos is "},
		{"no S3 there", []string{s.s3.Addr().String(), "127.0.0.1:1"}, "problem  s3 bucket: https://127.0.0.1:1/photos/: nobody listens there"},
		{"CA of somebody else for S3", s3CA("stranger-ca.crt"), "set s3.ca to that CA's file"},
		{"the MQTT server's port for S3", []string{s.s3.Addr().String(), s.mqtt.Addr().String()}, "problem  s3 bucket: "},
		{"no MQTT server there", []string{s.mqtt.Addr().String(), "127.0.0.1:1"}, "problem  mqtt: 127.0.0.1:1: "},
		{"certificate of another CA", []string{"broker.crt", "stranger.crt", "broker.key", "stranger.key"}, "problem  mqtt: "},
		{"certificate of another service", []string{"broker.crt", "other.crt", "broker.key", "other.key"}, "problem  mqtt: "},
		{"key of another certificate", []string{"broker.key", "other.key"}, "does not belong to the certificate"},
		{"audit into no folder", []string{`file: "-"`, "file: none/audit.jsonl"}, "problem  audit: audit.file: stat "},
	} {
		t.Run(test.name, func(t *testing.T) {
			s.t = t
			code, stdout, stderr := s.check("--config", s.config(test.changes...))
			if code != exitFailure || stderr != "" || !strings.Contains(stdout, test.want) || !regexp.MustCompile(`\n\d problems?\n$`).MatchString(stdout) {
				t.Errorf("exit code %d, want %q in\n%s%s", code, test.want, stdout, stderr)
			}
			s.hasNoSecret(stdout)
		})
	}
}

func (s *stack) accessKeyID() string {
	s.t.Helper()
	var key struct{ AccessKeyID string }
	file, err := os.ReadFile(s.path("s3-credentials.json"))
	s.must(err)
	s.must(json.Unmarshal(file, &key))
	return key.AccessKeyID
}

func TestCheckAsJSONHasTheSame(t *testing.T) {
	s := newStack(t)
	s.must(os.Chmod(s.path("broker.key"), 0o644))
	code, stdout, _ := s.check("--config", s.config("bucket: photos", "bucket: others"), "--json")
	var got result
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || got.OK || code != exitFailure {
		t.Fatalf("exit code %d, %v:\n%s", code, err, stdout)
	}
	found := map[string]finding{}
	for _, f := range got.Findings {
		found[strings.TrimSpace(f.Part+" "+f.About)] = f
	}
	if found["s3 bucket"].Level != "problem" || found["files mode"].Level != "warning" || found["s3 clock"].Level != "ok" {
		t.Errorf("findings: %+v", got.Findings)
	}
	if len(got.Settings) < 26 || got.Settings[0].Name != "audit.file" || got.Settings[0].Value != "-" || !got.Settings[0].Set {
		t.Errorf("settings: %+v", got.Settings)
	}
}

func TestCheckOfABadConfigurationIsUsable(t *testing.T) {
	s := newStack(t)
	path := s.config("bucket:", "buket:")
	code, stdout, stderr := s.check("--config", path)
	if code != exitUsage || stdout != "" || !strings.Contains(stderr, "did you mean s3.bucket?") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	code, stdout, stderr = s.check("--config", path, "--json")
	var got struct {
		OK     bool
		Errors []string
	}
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || got.OK || code != exitUsage || stderr != "" ||
		len(got.Errors) != 1 || !strings.HasSuffix(got.Errors[0], "unknown setting s3.buket, did you mean s3.bucket?") {
		t.Errorf("exit code %d, %v\n%s%s", code, err, stdout, stderr)
	}
}

func TestCheckTellsWhetherAWSVariablesAreSetAndNotWhatTo(t *testing.T) {
	s := newStack(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAFROMENV")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "from/env")
	t.Setenv("AWS_SESSION_TOKEN", "")
	code, stdout, _ := s.check("--config", s.config("  access_key_file: s3-credentials.json\n", ""))
	if code != exitFailure || !strings.Contains(stdout, "the access key is not known there") {
		t.Errorf("exit code %d\n%s", code, stdout)
	}
	for _, want := range []string{`AWS_ACCESS_KEY_ID +set\n`, `AWS_SECRET_ACCESS_KEY +set\n`, `AWS_SESSION_TOKEN +unset\n`} {
		if !regexp.MustCompile(want).MatchString(stdout) {
			t.Errorf("%s is not in\n%s", want, stdout)
		}
	}
	if strings.Contains(stdout, "from/env") {
		t.Errorf("the secret is in\n%s", stdout)
	}
	_, stdout, _ = s.check("--config", s.config())
	if !strings.Contains(stdout, "warning  s3 credentials: AWS_ACCESS_KEY_ID is set, but s3.access_key_file is what is used") || !strings.HasSuffix(stdout, "\nall is well\n") {
		t.Errorf("no warning in\n%s", stdout)
	}
}
