// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Shells offer what flags with few values take.
func TestShellsAreOfferedValues(t *testing.T) {
	for flag, want := range map[string]string{"only": "mqtt\ns3\n", "aws-strict": "each\nboth\n", "log": "debug\ninfo\nwarn\nerror\n"} {
		var out, complaints strings.Builder
		code := execute(t.Context(), []string{cobra.ShellCompRequestCmd, "run", "--" + flag + "="}, &out, &complaints)
		if code != 0 || out.String() != want+":4\n" {
			t.Errorf("--%s: exit code %d\n%s%s", flag, code, &out, &complaints)
		}
	}
}
