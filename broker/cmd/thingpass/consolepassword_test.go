// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// pty returns both ends of a new terminal: where a person types and looks, and
// what a program has.
func pty(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no terminals here: ", err)
	}
	t.Cleanup(func() { person.Close() })
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no terminals here: ", err)
	}
	t.Cleanup(func() { program.Close() })
	return person, program
}

func echoes(t *testing.T, f *os.File) bool {
	t.Helper()
	s, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return s.Lflag&unix.ECHO != 0
}

// prompts types a line at each prompt, when it is there, and notes whether the
// terminal would have shown it.
type prompts struct {
	bytes.Buffer
	t       *testing.T
	person  *os.File
	program *os.File
	lines   []string
	shown   bool
}

func (p *prompts) Write(b []byte) (int, error) {
	if strings.HasSuffix(string(b), ": ") && len(p.lines) > 0 {
		p.shown = p.shown || echoes(p.t, p.program)
		if _, err := io.WriteString(p.person, p.lines[0]+"\n"); err != nil {
			p.t.Error(err)
		}
		p.lines = p.lines[1:]
	}
	return p.Buffer.Write(b)
}

func TestPasswordsAreTypedTwiceAndNotShown(t *testing.T) {
	t.Parallel()
	for again, want := range map[string]error{typed: nil, "another": errPasswords} {
		person, program := pty(t)
		out := &prompts{t: t, person: person, program: program, lines: []string{typed, again}}
		got, err := readPassword(context.Background(), program, out)
		if !errors.Is(err, want) || (want == nil) != (got == typed) {
			t.Errorf("%q, %v", got, err)
		}
		if out.shown || !echoes(t, program) || out.String() != "Password: \nAgain: \n" {
			t.Errorf("shown %v, shows afterwards %v, said %q", out.shown, echoes(t, program), out.String())
		}
	}
}

func TestInterruptedPasswordLeavesTheTerminalAsItWas(t *testing.T) {
	t.Parallel()
	person, program := pty(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := readPassword(ctx, program, &prompts{t: t, person: person, program: program}); !errors.Is(err, context.Canceled) || !echoes(t, program) {
		t.Errorf("%v, shows %v", err, echoes(t, program))
	}
	_, _ = io.WriteString(person, "\n") // for who still reads
}
