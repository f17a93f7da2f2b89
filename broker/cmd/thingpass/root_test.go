// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
)

func TestExitCodesTellUsageFromFailure(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, test := range []struct {
		args   string
		code   int
		stdout string
		stderr string
	}{
		{"version", exitOK, "thingpass ", ""},
		{"--version", exitOK, "thingpass ", ""},
		{"--help", exitOK, "thingpass check --config broker.yaml", ""},
		{"run --help", exitOK, "thingpass run --config /etc/thingpass/broker.yaml", ""},
		{"check --help", exitOK, "--json", ""},
		{"rnu", exitUsage, "", "thingpass: unknown command \"rnu\""},
		{"run --confg x", exitUsage, "", "thingpass: unknown flag: --confg\n"},
		{"run x", exitUsage, "", "thingpass: unknown command \"x\" for \"thingpass run\"\n"},
		{"run --config none.yaml", exitUsage, "", "thingpass: read the configuration: open none.yaml: no such file or directory\n"},
		{"run", exitUsage, "", "there is no --config FILE"},
		{"check", exitUsage, "", "s3.bucket is missing (in the environment: THINGPASS_S3_BUCKET)\n"},
		{"certs thing cam1", exitFailure, "", "thingpass: "},
		{"certs thing", exitUsage, "", "thingpass: "},
	} {
		t.Run(test.args, func(t *testing.T) {
			var stdout, stderr strings.Builder
			if code := run(t.Context(), strings.Fields(test.args), &stdout, &stderr); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			if !strings.Contains(stdout.String(), test.stdout) || !strings.Contains(stderr.String(), test.stderr) ||
				(test.stdout == "") != (stdout.Len() == 0) || (test.stderr == "") != (stderr.Len() == 0) {
				t.Errorf("stdout %q, stderr %q", &stdout, &stderr)
			}
		})
	}
}

func TestTheFileCanBeNamedByTheEnvironment(t *testing.T) {
	t.Setenv("THINGPASS_CONFIG", "none.yaml")
	var stdout, stderr strings.Builder
	if code := run(t.Context(), []string{"run"}, &stdout, &stderr); code != exitUsage || !strings.Contains(stderr.String(), "open none.yaml") {
		t.Errorf("exit code %d: %s", code, &stderr)
	}
}
