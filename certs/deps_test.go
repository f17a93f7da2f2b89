// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package certs_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// What makes keys should be readable in full: nothing but the standard library.
func TestOnlyTheStandardLibrary(t *testing.T) {
	list := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "thingpass/certs/...")
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Fields(string(out)); slices.ContainsFunc(got, func(p string) bool { return p != "thingpass/certs" && !strings.HasPrefix(p, "thingpass/certs/") }) {
		t.Errorf("packages outside the standard library: %q", got)
	}
}
