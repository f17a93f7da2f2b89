// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package testmosquitto

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// patience is how long a server may take to start or to stop.
const patience = 15 * time.Second

// process is one run of the program.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed when it has ended
}

// config is mosquitto.conf. The limits on queues are raised so that a test
// finds our own limits first. Nagle's algorithm is off: it costs 40 ms a reply.
func (s *Server) config() string {
	lines := []string{
		"per_listener_settings false",
		"allow_anonymous false",
		s.rules(),
		"set_tcp_nodelay true",
		"max_inflight_messages 1000",
		"max_queued_messages 10000",
		"persistence true",
		"persistence_location " + s.Dir + "/",
		"autosave_interval 1",
		"log_dest stderr",
		"log_type error", // "log_type debug" in Extra adds every packet, and takes half the speed
		"log_type warning",
		"log_type notice",
		"log_type information",
		"connection_messages true",
		userLine(),
		s.extra,
	}
	lines = append(lines, s.listener(s.Things)...)
	if s.plugin == "" {
		lines = append(lines, "use_username_as_clientid true")
	}
	lines = append(lines, s.listener(s.Services)...)
	return strings.Join(lines, "\n") + "\n"
}

func (s *Server) listener(address string) []string {
	host, port, _ := net.SplitHostPort(address)
	return []string{
		"listener " + port + " " + host,
		"cafile " + s.path("ca.crt"),
		"certfile " + s.path("server.crt"),
		"keyfile " + s.path("server.key"),
		"require_certificate true",
		s.listenerExtra,
		fmt.Sprintf("use_identity_as_username %v", s.plugin == ""), // the plugin gives names itself
	}
}

// rules say who decides.
func (s *Server) rules() string {
	if s.plugin == "" {
		return "acl_file " + s.path("acl")
	}
	return "plugin " + s.plugin + "\nplugin_opt_registry " + s.path("registry.yaml")
}

// userLine keeps a Mosquitto that root starts from becoming the user mosquitto,
// who may not read a test's files.
func userLine() string {
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return "user " + u.Username
}

func (s *Server) path(name string) string { return filepath.Join(s.Dir, name) }

// start runs the program and returns when it listens.
func (s *Server) start() error {
	s.tb.Helper()
	log, err := os.OpenFile(s.path("mosquitto.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the child has its own descriptor
	before := strings.Count(s.Log(), running)
	cmd := exec.Command(s.binary, "-c", s.path("mosquitto.conf"))
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start mosquitto: %w", err)
	}
	p := &process{cmd: cmd, exited: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(p.exited)
	}()
	s.proc = p
	return s.awaitStart(before)
}

// running ends the line that Mosquitto writes once its listeners are open.
const running = " running\n"

func (s *Server) awaitStart(before int) error {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if strings.Count(s.Log(), running) > before {
			return nil
		}
		select {
		case <-s.proc.exited:
			return errors.New("mosquitto ended at once")
		case <-time.After(5 * time.Millisecond):
		}
	}
	return fmt.Errorf("mosquitto does not listen after %v", patience)
}

// Restart starts the server again after Kill9 or Stop, on the same ports and
// with what it had saved of its sessions.
func (s *Server) Restart() {
	s.tb.Helper()
	if err := s.start(); err != nil {
		s.tb.Fatalf("restart: %v:\n%s", err, tail(s.Log()))
	}
}

// Kill9 ends the server without a word to anyone. What it has not saved is lost.
func (s *Server) Kill9() { s.tb.Helper(); s.signal(syscall.SIGKILL) }

// Stop asks the server to end; it saves its sessions.
func (s *Server) Stop() { s.tb.Helper(); s.signal(syscall.SIGTERM) }

func (s *Server) signal(sig os.Signal) {
	s.tb.Helper()
	select {
	case <-s.proc.exited:
		return
	default:
	}
	if err := s.proc.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.tb.Errorf("end mosquitto: %v", err)
	}
	select {
	case <-s.proc.exited:
	case <-time.After(patience):
		s.tb.Errorf("mosquitto does not end on %v after %v", sig, patience)
		_ = s.proc.cmd.Process.Kill()
	}
}

// end is the test's clean-up.
func (s *Server) end() {
	if s.proc != nil {
		s.signal(syscall.SIGKILL)
	}
	if s.tb.Failed() {
		s.tb.Logf("end of mosquitto.log:\n%s", tail(s.Log()))
	}
}

// Log is what the server has written so far.
func (s *Server) Log() string {
	b, err := os.ReadFile(s.path("mosquitto.log"))
	if err != nil {
		return ""
	}
	return string(b)
}

// tail is the end of a log that may be megabytes.
func tail(log string) string {
	const most = 4096
	if len(log) > most {
		log = "…" + log[len(log)-most:]
	}
	return log
}

// Reload has the server read its rules again (SIGHUP), and waits until the log
// has the line that says so.
func (s *Server) Reload(line string) {
	s.tb.Helper()
	before := strings.Count(s.Log(), line)
	if err := s.proc.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		s.tb.Fatal(err)
	}
	s.Await(line, before+1)
}

// Await waits until the log has a text that often.
func (s *Server) Await(text string, times int) {
	s.tb.Helper()
	for deadline := time.Now().Add(patience); strings.Count(s.Log(), text) < times; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.tb.Fatalf("the log has %q not %d times", text, times)
		}
	}
}

// Exited tells whether the server ended by itself or by a signal before.
func (s *Server) Exited() bool {
	select {
	case <-s.proc.exited:
		return true
	default:
		return false
	}
}

// PID is the server's process.
func (s *Server) PID() int { return s.proc.cmd.Process.Pid }
