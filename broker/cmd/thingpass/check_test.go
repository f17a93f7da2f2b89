// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
)

func TestZZ(t *testing.T) {
	s := newStack(t)
	p := startProgram(t, "check", "--config", s.config())
	code := p.end()
	t.Log(code, "\n", p.stdout, "\n", p.stderr)
}
