// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long anything that must happen may take.
const patience = 30 * time.Second

// A child is one of our programs, running as its users run it. All that it
// prints is kept, and searched for secrets at the end.
type child struct {
	tb     testing.TB
	name   string
	cmd    *exec.Cmd
	mu     sync.Mutex
	out    []string
	done   chan struct{}
	status error
}

// programs is where they are built, whatever folder a test works in.
var programs, _ = filepath.Abs(filepath.Join("..", "..", "bin"))

// program returns the path of a built program. `make test` builds them all.
func program(tb testing.TB, name string) string {
	tb.Helper()
	path := filepath.Join(programs, name)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" {
			tb.Fatalf("%s is not built", path)
		}
		tb.Skipf("%s is not built: run `make build`, or `make test`", path)
	}
	return path
}

func start(tb testing.TB, name string, args ...string) *child {
	tb.Helper()
	return startCommand(tb, name, exec.Command(program(tb, name), args...))
}

func startCommand(tb testing.TB, name string, cmd *exec.Cmd) *child {
	tb.Helper()
	c := &child{tb: tb, name: name, cmd: cmd, done: make(chan struct{})}
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	r, w, err := os.Pipe()
	if err != nil {
		tb.Fatal(err)
	}
	c.cmd.Stdout, c.cmd.Stderr = w, w
	if err := c.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	_ = w.Close() // the child has its own
	var read sync.WaitGroup
	read.Go(func() { c.read(r) })
	go func() {
		c.status = c.cmd.Wait()
		read.Wait()
		close(c.done)
	}()
	tb.Cleanup(c.cleanUp)
	return c
}

func (c *child) read(r io.ReadCloser) {
	defer func() { _ = r.Close() }()
	for lines := bufio.NewReader(r); ; {
		line, err := lines.ReadString('\n')
		if line != "" {
			c.mu.Lock()
			c.out = append(c.out, strings.TrimSuffix(line, "\n"))
			c.mu.Unlock()
		}
		if err != nil {
			return
		}
	}
}

// lines returns what the child has printed so far.
func (c *child) lines() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.out...)
}

func (c *child) text() string { return strings.Join(c.lines(), "\n") }

// awaitLine waits until the child has printed text.
func (c *child) awaitLine(text string) {
	c.tb.Helper()
	await(c.tb, fmt.Sprintf("%s to print %q", c.name, text), func() bool {
		if strings.Contains(c.text(), text) {
			return true
		}
		select {
		case <-c.done:
			c.tb.Fatalf("%s ended (%v) without printing %q:\n%s", c.name, c.status, text, c.text())
		default:
		}
		return false
	})
}

func (c *child) kill9() {
	c.tb.Helper()
	_ = c.cmd.Process.Kill() // it may have ended by itself
	<-c.done
}

// stop ends the child as an operator does, and returns its exit code.
func (c *child) stop() int {
	c.tb.Helper()
	_ = c.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	return c.wait(patience)
}

// wait returns the exit code.
func (c *child) wait(limit time.Duration) int {
	c.tb.Helper()
	select {
	case <-c.done:
	case <-time.After(limit):
		c.kill9()
		c.tb.Errorf("%s did not end within %v:\n%s", c.name, limit, tail(c.text()))
	}
	return c.cmd.ProcessState.ExitCode()
}

func (c *child) cleanUp() {
	select {
	case <-c.done:
	default:
		c.stop()
	}
	mustNotLeak(c.tb, c.name, c.text())
	if c.tb.Failed() {
		c.tb.Logf("%s printed:\n%s", c.name, tail(c.text()))
	}
}

func tail(text string) string {
	const most = 6000
	if len(text) > most {
		return "…" + text[len(text)-most:]
	}
	return text
}

// await polls until ok, or fails the test.
func await(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(patience); ; {
		if ok() {
			return
		}
		if time.Now().After(deadline) {
			tb.Fatalf("waited %v for %s", patience, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
