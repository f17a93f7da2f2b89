// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package testredis runs a real Redis for a test: on a free port of the loopback,
// with a password, in a folder of its own. It has nothing to do with a Redis that
// the machine may run as a service.
package testredis

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long a server may take to start or to stop.
const patience = 15 * time.Second

const (
	user     = "broker"
	password = "secret-of-the-test"
)

// A Server is one Redis. Its methods must not be called concurrently.
type Server struct {
	Address string // host:port

	tb     testing.TB
	dir    string
	cmd    *exec.Cmd
	exited chan struct{}
}

// Start runs a server until the end of the test. It skips the test where there is
// no Redis, and fails it if the environment says CI=true.
func Start(tb testing.TB) *Server {
	tb.Helper()
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		const missing = "there is no redis-server on this machine: install the package redis-server"
		if os.Getenv("CI") == "true" {
			tb.Fatal(missing)
		}
		tb.Skip(missing)
	}
	s := &Server{tb: tb, dir: tb.TempDir()}
	tb.Cleanup(s.end)
	for range 5 { // another process may take a port before Redis does
		s.Address = freeAddress(tb)
		s.writeConfig()
		if err = s.start(binary); err == nil {
			return s
		}
	}
	tb.Fatalf("redis-server does not start: %v:\n%s", err, s.log())
	return nil
}

// URL is how a broker reaches the server, the password included.
func (s *Server) URL() string { return "redis://" + user + ":" + password + "@" + s.Address + "/3" }

// AdminURL is how a test looks into the server.
func (s *Server) AdminURL() string { return "redis://default:" + password + "@" + s.Address + "/3" }

// Password is what must not be in any log.
func (s *Server) Password() string { return password }

// writeConfig allows the user no more than what the documents say that it needs.
func (s *Server) writeConfig() {
	s.tb.Helper()
	host, port, _ := net.SplitHostPort(s.Address)
	lines := []string{
		"bind " + host,
		"port " + port,
		"dir " + s.dir,
		"logfile redis.log",
		`save ""`,
		"appendonly yes", // what is counted outlives a kill -9 but for the last second
		"daemonize no",
		"user default on >" + password + " ~* +@all", // switched off, it could not load its own file (7.0)
		"user " + user + " on >" + password + " resetkeys ~thingpass:* resetchannels -@all" +
			" +evalsha +eval +hget +hincrby +expire +exists +lrange +lpush +ltrim +select +hello +auth",
	}
	if err := os.WriteFile(s.path("redis.conf"), []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		s.tb.Fatal(err)
	}
}

func (s *Server) path(name string) string { return filepath.Join(s.dir, name) }

func (s *Server) log() string {
	text, _ := os.ReadFile(s.path("redis.log")) // it may not be there yet
	return string(text)
}

func (s *Server) start(binary string) error {
	const ready = "Ready to accept connections"
	before := strings.Count(s.log(), ready)
	cmd := exec.Command(binary, s.path("redis.conf"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(exited)
	}()
	s.cmd, s.exited = cmd, exited
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if strings.Count(s.log(), ready) > before {
			return nil
		}
		select {
		case <-exited:
			return fmt.Errorf("it ended at once: %v", cmd.ProcessState)
		case <-time.After(2 * time.Millisecond):
		}
	}
	return fmt.Errorf("it does not listen after %v", patience)
}

// Restart starts the server again after Kill9, on the same port and with what it
// had saved.
func (s *Server) Restart() {
	s.tb.Helper()
	if err := s.start(s.cmd.Path); err != nil {
		s.tb.Fatalf("restart redis-server: %v:\n%s", err, s.log())
	}
}

// Kill9 ends the server without a word to anyone.
func (s *Server) Kill9() {
	s.tb.Helper()
	_ = s.cmd.Process.Kill() // it may have ended
	select {
	case <-s.exited:
	case <-time.After(patience):
		s.tb.Errorf("redis-server does not end after %v", patience)
	}
}

// Pause stops the server as it stands, as a machine that swaps does; Resume lets it
// go on.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

// Resume ends a Pause.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	s.tb.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.tb.Fatal(err)
	}
}

// end is the test's clean-up.
func (s *Server) end() {
	if s.cmd != nil {
		s.Kill9()
	}
	if s.tb.Failed() {
		s.tb.Logf("redis.log:\n%s", s.log())
	}
}

// freeAddress is a port that nobody listens to, a moment ago.
func freeAddress(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
