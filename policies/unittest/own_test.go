// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package unittest_test

import (
	"strings"
	"testing"

	"thingpass/policies/unittest"
)

// Our own documents do what policies/tests says, and every statement is decided
// by some case.
func TestOurOwnPolicies(t *testing.T) {
	t.Parallel()
	files, err := unittest.Files("../tests")
	if err != nil {
		t.Fatal(err)
	}
	var suites []*unittest.Suite
	for _, file := range files {
		s, err := unittest.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		suites = append(suites, s)
	}
	r := unittest.Run(suites)
	var out strings.Builder
	if err := r.Print(&out); err != nil || r.Failed() > 0 {
		t.Error(out.String(), err)
	}
	if len(r.Coverage.Undecided) > 0 {
		t.Errorf("no case is decided by:\n%s", strings.Join(r.Coverage.Undecided, "\n"))
	}
	t.Log(out.String())
}
