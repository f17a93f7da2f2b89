// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package terminal

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestOnlyATerminalIsOne(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, pipe, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer pipe.Close()
	if Is(new(strings.Builder)) || Is(null) || Is(file) || Is(pipe) {
		t.Error("a buffer, /dev/null, a file or a pipe is said to be a terminal")
	}
	if p := Start(file, "work", 5); p != nil {
		t.Error("a file is told of progress")
	}
	var nothing *Progress
	nothing.Add(1)
	nothing.End()
	tty, _ := openTerminal(t)
	if !Is(tty) {
		t.Error("a terminal is said to be none")
	}
}

func TestColoursOnATerminalOnly(t *testing.T) {
	tty, _ := openTerminal(t)
	for _, test := range []struct {
		noColor, term string
		want          bool
	}{{"", "xterm", true}, {"1", "xterm", false}, {"", "dumb", false}, {"", "", true}} {
		t.Setenv("NO_COLOR", test.noColor)
		t.Setenv("TERM", test.term)
		if got := Paint(tty, Bad, "no") == "\x1b[31mno\x1b[0m"; got != test.want {
			t.Errorf("NO_COLOR=%q TERM=%q: painted %v", test.noColor, test.term, got)
		}
	}
	if got := Paint(new(strings.Builder), Bad, "no"); got != "no" {
		t.Errorf("a buffer gets %q", got)
	}
	if got := Paint(tty, "", "no"); got != "no" {
		t.Errorf("no colour at all gives %q", got)
	}
	if got := Paint(tty, Bad, ""); got != "" {
		t.Errorf("nothing is painted %q", got)
	}
}

// What is shown on a terminal is the bar, and in the end nothing.
func TestProgressOnATerminal(t *testing.T) {
	tty, screen := openTerminal(t)
	tick := make(chan time.Time)
	p := start(tty, "prove things", 4, time.Second, tick)
	see := func(want string) {
		t.Helper()
		if got := screen(len(want)); got != want {
			t.Errorf("the screen got %q, want %q", got, want)
		}
	}
	tick <- p.begun.Add(999 * time.Millisecond) // too early to bother anybody
	p.Add(1)
	tick <- p.begun.Add(2 * time.Second)
	see("\r\x1b[Kprove things [######..................] 1/4, 6s left")
	p.Add(3)
	tick <- p.begun.Add(3 * time.Second)
	p.End()
	p.End()
	see("\r\x1b[Kprove things [########################] 4/4" + "\r\x1b[K")
}

func TestProgressThatIsOverSoonShowsNothing(t *testing.T) {
	var out strings.Builder
	p := start(&out, "work", 0, time.Hour, make(chan time.Time))
	p.Add(5)
	p.End()
	if out.Len() > 0 {
		t.Errorf("it shows %q", &out)
	}
}

func TestLinesOfProgress(t *testing.T) {
	begun := time.Unix(0, 0)
	for _, test := range []struct {
		p    *Progress
		want string
	}{
		{&Progress{what: "ask", begun: begun}, "ask … 10s"},
		{&Progress{what: "ask", begun: begun, total: 10}, "ask [........................] 0/10"},
		{&Progress{what: "ask", begun: begun, total: 10, done: 5}, "ask [############............] 5/10, 10s left"},
		{&Progress{what: "ask", begun: begun, total: 10, done: 50}, "ask [########################] 10/10"},
	} {
		if got := test.p.line(begun.Add(10 * time.Second)); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}
