// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package policies_test

import (
	"os/exec"
	"strings"
	"testing"
)

// What decides should be readable in full: nothing but the standard library.
func TestOnlyTheStandardLibrary(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for dep := range strings.FieldsSeq(string(out)) {
		if dep != "thingpass/policies" {
			t.Errorf("package policies needs %s", dep)
		}
	}
}
