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

	"thingpass/broker/explain"
)

// explains runs `thingpass explain`.
func explains(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, complaints strings.Builder
	root := rootCommand()
	root.SetArgs(append([]string{"explain"}, args...))
	root.SetIn(strings.NewReader(stdin))
	root.SetOut(&out)
	root.SetErr(&complaints)
	code = exitCode(root.ExecuteContext(t.Context()), &complaints)
	return code, out.String(), complaints.String()
}

const (
	brokenHeader = "Authorization: AWS4-HMAC-SHA25 Credential=AKIAINVENTED4TESTS01/20261126/eu-central-1/s3/aws4_request, SignedHeaders=host, Signature=7c1f0a3be2d94586a1b0c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718"
	goodHeader   = "Authorization: AWS4-HMAC-SHA256 Credential=AKIAINVENTED4TESTS01/20261126/eu-central-1/s3/aws4_request, SignedHeaders=host, Signature=7c1f0a3be2d94586a1b0c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718"
)

func TestExplainReadsFilesArgumentsAndStandardInput(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{"broken.txt": brokenHeader, "good.txt": goodHeader, "empty.txt": "", "key": "no key\nin here"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	huge := strings.Repeat("a", explain.MaxInput+1)
	for name, test := range map[string]struct {
		stdin          string
		args           []string
		code           int
		stdout, stderr string
	}{
		"a file":            {"", []string{"broken.txt"}, exitOK, "algorithm-misspelt", ""},
		"an argument":       {"", []string{brokenHeader}, exitOK, "algorithm-misspelt", ""},
		"words":             {"", strings.Fields(brokenHeader), exitOK, "algorithm-misspelt", ""},
		"standard input":    {brokenHeader, nil, exitOK, "algorithm-misspelt", ""},
		"a hyphen":          {brokenHeader, []string{"-"}, exitOK, "algorithm-misspelt", ""},
		"two files":         {"", []string{"good.txt", "broken.txt"}, exitOK, "read: Authorization header", ""},
		"nothing wrong":     {"", []string{"good.txt"}, exitFailure, "nothing wrong found", ""},
		"no such file":      {"", []string{"none.txt"}, exitUsage, "", "none.txt: no such file"},
		"empty":             {"", []string{"empty.txt"}, exitUsage, "", "input is empty"},
		"too long":          {huge, nil, exitUsage, "", "1048576 are read"},
		"a wrong time":      {"", []string{"--now", "yesterday", "good.txt"}, exitUsage, "", "write it as 2026-11-26T06:40:00Z"},
		"no secret in it":   {"", []string{"--secret-file", "key", "good.txt"}, exitUsage, "", "no secret access key is in it"},
		"no secret file":    {"", []string{"--secret-file", "none", "good.txt"}, exitUsage, "", "no such file"},
		"two secrets":       {"", []string{"--secret-file", "key", "--secret-env", "good.txt"}, exitUsage, "", "give one of them"},
		"an unknown option": {"", []string{"--jsno"}, exitUsage, "", "unknown flag: --jsno"},
	} {
		code, stdout, stderr := explains(t, test.stdin, test.args...)
		if code != test.code || !strings.Contains(stdout, test.stdout) || !strings.Contains(stderr, test.stderr) || (test.stderr == "") != (stderr == "") {
			t.Errorf("%s: exit code %d, stdout %q, stderr %.300q", name, code, stdout, stderr)
		}
		if strings.Contains(stdout+stderr, "7c1f0a3be2d9") || strings.Contains(stdout+stderr, "AKIAINVENTED4TESTS01") {
			t.Errorf("%s: shows a secret: %s%s", name, stdout, stderr)
		}
	}
}

func TestExplainInJSON(t *testing.T) {
	code, stdout, _ := explains(t, brokenHeader, "--json")
	var r explain.Report
	if err := json.Unmarshal([]byte(stdout), &r); err != nil || code != exitOK || len(r.Findings) != 1 || r.Findings[0].ID != "algorithm-misspelt" || r.Findings[0].Column != 16 {
		t.Errorf("%d, %v: %s", code, err, stdout)
	}
	code, stdout, _ = explains(t, goodHeader, "--json")
	if code != exitFailure || !strings.Contains(stdout, `"findings": []`) {
		t.Errorf("%d: %s", code, stdout)
	}
}

func TestExplainTakesTheSecretFromTheEnvironment(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	if code, _, stderr := explains(t, goodHeader, "--secret-env"); code != exitUsage || !strings.Contains(stderr, "AWS_SECRET_ACCESS_KEY is not set") {
		t.Errorf("%d: %s", code, stderr)
	}
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wJalrInventedSecretKeyForTests0123456789")
	request := "GET /k HTTP/1.1\nHost: photos-demo.s3.eu-central-1.amazonaws.com\nx-amz-content-sha256: UNSIGNED-PAYLOAD\nx-amz-date: 20261126T063955Z\n" +
		strings.Replace(goodHeader, "=host,", "=host;x-amz-content-sha256;x-amz-date,", 1)
	if code, stdout, _ := explains(t, request, "--secret-env", "--now", "2026-11-26T06:40:00Z"); code != exitOK || !strings.Contains(stdout, "the signature is wrong") {
		t.Errorf("%d: %s", code, stdout)
	}
}

// The transcripts of the README are what the command prints, from the files that
// the README shows.
func TestExplainReadmeTranscripts(t *testing.T) {
	readme, err := os.ReadFile("../../explain/README.md")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	for _, m := range regexp.MustCompile("(?s)```text ([a-z.]+)\n(.*?)```").FindAllSubmatch(readme, -1) {
		if err := os.WriteFile(filepath.Base(string(m[1])), m[2], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	blocks := regexp.MustCompile("(?s)```console\n\\$ thingpass explain ([^\n]*)\n(.*?)```").FindAllSubmatch(readme, -1)
	if len(blocks) != 3 {
		t.Fatalf("%d transcripts", len(blocks))
	}
	for _, b := range blocks {
		code, out, complaints := explains(t, "", strings.Fields(string(b[1]))...)
		if code != exitOK || out != string(b[2]) || complaints != "" {
			t.Errorf("%s: exit code %d, prints\n%s%s\nthe README has\n%s", b[1], code, out, complaints, b[2])
		}
	}
}
