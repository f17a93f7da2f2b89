// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	startPatience = 30 * time.Second
	stopPatience  = 10 * time.Second
)

// A troupe is the demo's processes. They are stopped in the reverse of the order
// in which they were started, so that nobody loses a server in mid-work.
type troupe struct {
	dir    string
	actors []*actor
	ended  chan *actor // those that end before stop
}

// An actor is one process. What it prints goes to a log file; the last lines are
// kept.
type actor struct {
	name, log string
	follow    func(line string) // gets each line, or is nil
	cmd       *exec.Cmd
	done      chan struct{}
	err       error // valid after done

	mu  sync.Mutex
	out []string
}

// keptLines are enough to tell why a process ended.
const keptLines = 20

func (t *troupe) start(name string, follow func(string), program string, args ...string) (*actor, error) {
	if t.ended == nil {
		t.ended = make(chan *actor, 8)
	}
	a := &actor{name: name, log: filepath.Join(t.dir, name+".log"), follow: follow, done: make(chan struct{})}
	log, err := os.OpenFile(a.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	a.cmd = exec.Command(program, args...)
	// A group of its own: Ctrl-C reaches this program only, which stops the others in order.
	a.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	r, w := io.Pipe()
	a.cmd.Stdout, a.cmd.Stderr = w, w
	if err := a.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start the %s: %w", name, err), log.Close())
	}
	t.actors = append(t.actors, a)
	var read sync.WaitGroup
	read.Go(func() { a.read(r, log) })
	go func() {
		a.err = a.cmd.Wait()
		_ = w.Close()
		read.Wait()
		close(a.done)
		t.ended <- a
	}()
	return a, nil
}

func (a *actor) read(r io.Reader, log io.WriteCloser) {
	defer func() { _ = log.Close() }()
	for lines := bufio.NewReader(r); ; {
		line, err := lines.ReadString('\n')
		if line != "" {
			_, _ = io.WriteString(log, line) // a full disk must not stop the demo
			a.keep(strings.TrimSuffix(line, "\n"))
		}
		if err != nil {
			return
		}
	}
}

func (a *actor) keep(line string) {
	a.mu.Lock()
	if len(a.out) == keptLines {
		a.out = slices.Delete(a.out, 0, 1)
	}
	a.out = append(a.out, line)
	a.mu.Unlock()
	if a.follow != nil {
		a.follow(line)
	}
}

func (a *actor) printed(text string) bool { return strings.Contains(a.tail(), text) }

func (a *actor) tail() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return strings.Join(a.out, "\n")
}

// unexpected says that the process has ended, and how.
func (a *actor) unexpected() error {
	return fmt.Errorf("the %s ended (%v); the end of %s:\n%s", a.name, a.err, a.log, a.tail())
}

// await waits until ready.
func (a *actor) await(ctx context.Context, ready func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ready() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("the %s is not ready after %v; the end of %s:\n%s", a.name, startPatience, a.log, a.tail())
		case <-a.done:
			return a.unexpected()
		case <-tick.C:
		}
	}
	return nil
}

// stop ends all processes.
func (t *troupe) stop() (err error) {
	for _, a := range slices.Backward(t.actors) {
		err = errors.Join(err, a.stop())
	}
	return err
}

func (a *actor) stop() error {
	_ = a.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	select {
	case <-a.done:
		return nil
	case <-time.After(stopPatience):
		_ = a.cmd.Process.Kill()
		<-a.done
		return fmt.Errorf("the %s did not stop within %v and was killed", a.name, stopPatience)
	}
}
