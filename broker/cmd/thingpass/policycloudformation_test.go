// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

func TestPolicyCloudFormationPrintsAStack(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("values.yaml", []byte("account: 123456789012\nregion: eu-central-1\nbucket: photos\nroot: acme\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, complaints, code := thingpassPolicy(t, "cloudformation", "--values", "values.yaml", "--with", "events,alarms", "--on", "ec2", "--prefix", "acme-")
	var template struct {
		Resources map[string]any
	}
	if err := json.Unmarshal([]byte(out), &template); err != nil || code != exitOK || complaints != "" {
		t.Fatalf("code %d: %v: %s%s", code, err, out, complaints)
	}
	for _, name := range []string{"EventsQueue", "PublishesDiscarded", "InstanceProfile"} {
		if template.Resources[name] == nil {
			t.Errorf("there is no %s", name)
		}
	}
	if strings.Contains(out, "123456789012") || strings.Contains(out, "eu-central-1") {
		t.Error("the stack is good for one account or region only")
	}
	if !strings.Contains(out, "/acme/") || !strings.Contains(out, `"acme-thing"`) {
		t.Error("root or prefix is not in it")
	}
	all, _, _ := thingpassPolicy(t, "cloudformation", "--values", "values.yaml", "--with", "all")
	if !strings.Contains(all, "RoleAlias") || !strings.Contains(all, "FleetTemplate") {
		t.Error("--with all has not all parts")
	}
}

func TestPolicyCloudFormationRefuses(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"":                                  "bucket is missing",
		"--bucket photos --with everything": `no part "everything"`,
		"--bucket photos --on moon":         "use ecs or ec2",
		"--bucket *":                        "--bucket",
		"photos":                            "unknown command",
	} {
		if out, complaints, code := thingpassPolicy(t, append([]string{"cloudformation"}, strings.Fields(args)...)...); code != exitUsage || out != "" || !strings.Contains(complaints, want) {
			t.Errorf("%s: code %d, %s", args, code, complaints)
		}
	}
}
