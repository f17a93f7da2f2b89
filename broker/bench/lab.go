// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"thingpass/broker/bench/load"
	"thingpass/broker/devstack"
	"thingpass/certs"
)

// The MQTT names that everybody here uses.
const (
	root    = "thingpass"
	service = "thingpass-broker" // CN of all responders
	group   = "bench"
)

// A lab is an MQTT server, and the files that responders need to use it.
type lab struct {
	dir      string
	ca       *certs.CA
	things   string // host:port
	services string // host:port
	service  certs.Identity
	server   *child
	s3       string // endpoint, "": there is none
}

// accessKey is what responders sign with, if they do.
var accessKey = devstack.AccessKey{ID: "AKIAIOSFODNN7EXAMPLE", Secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}

// newLab starts Mosquitto as one would for a fleet: mutual TLS, names from
// certificates, an ACL, room for a burst, and no Nagle.
func newLab(ctx context.Context, dir string) (*lab, error) {
	ca, err := certs.NewCA("bench CA")
	if err != nil {
		return nil, err
	}
	l := &lab{dir: dir, ca: ca}
	if err := l.writeFiles(); err != nil {
		return nil, err
	}
	binary, err := exec.LookPath("mosquitto")
	if err != nil {
		binary = "/usr/sbin/mosquitto" // Debian's, which is on root's PATH only
	}
	for range 5 { // somebody else may take a port first
		if err = l.writeConfig(); err != nil {
			return nil, err
		}
		if l.server, err = start(ctx, l.path("mosquitto.log"), " running", binary, "-c", l.path("mosquitto.conf")); err == nil {
			return l, nil
		}
	}
	return nil, fmt.Errorf("mosquitto: %w", err)
}

func (l *lab) path(name string) string { return filepath.Join(l.dir, name) }

func (l *lab) write(name, text string) error {
	return os.WriteFile(l.path(name), []byte(text), 0o600)
}

func (l *lab) writeFiles() error {
	server, err1 := l.ca.Server([]string{"127.0.0.1", "localhost"})
	id, err2 := l.ca.Service(service)
	l.service = id
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	return errors.Join(
		l.write("ca.crt", string(l.ca.CertPEM())),
		l.write("server.crt", string(server.CertPEM())),
		l.write("server.key", string(server.KeyPEM())),
		l.write("service.crt", string(id.CertPEM())),
		l.write("service.key", string(id.KeyPEM())),
		l.write("acl", "pattern write "+root+"/%u/upload-request\npattern read "+root+"/%u/response\n\n"+
			"user "+service+"\ntopic readwrite "+root+"/#\n"))
}

func (l *lab) writeConfig() error {
	things, err1 := freePort()
	services, err2 := freePort()
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	l.things, l.services = "127.0.0.1:"+things, "127.0.0.1:"+services
	lines := []string{"per_listener_settings false", "allow_anonymous false", "acl_file " + l.path("acl"), "set_tcp_nodelay true",
		"max_inflight_messages 1000", "max_queued_messages 100000", "persistence false", "log_dest stderr", "log_type notice",
		"log_type information", "connection_messages false"}
	if u, err := user.Current(); err == nil {
		lines = append(lines, "user "+u.Username)
	}
	for port, more := range map[string]string{things: "use_username_as_clientid true", services: ""} {
		lines = append(lines, "listener "+port+" 127.0.0.1", "cafile "+l.path("ca.crt"), "certfile "+l.path("server.crt"),
			"keyfile "+l.path("server.key"), "require_certificate true", "use_identity_as_username true", more)
	}
	return l.write("mosquitto.conf", strings.Join(lines, "\n")+"\n")
}

func freePort() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, err
}

// forget ends the broker's session. It is kept for its return, with whatever is
// published meanwhile, and half of the next responder's requests with it.
func (l *lab) forget(ctx context.Context) error {
	return load.Forget(ctx, l.services, l.ca, l.service, service)
}

// A child is a process of ours.
type child struct {
	cmd  *exec.Cmd
	log  string // path of what it writes
	done chan struct{}
	once sync.Once
}

// start runs a program until stop, or until ctx ends, and returns when it has
// written the word ready.
func start(ctx context.Context, log, ready, program string, args ...string) (*child, error) {
	file, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	c := &child{cmd: exec.CommandContext(ctx, program, args...), log: log, done: make(chan struct{})}
	c.cmd.Stdout, c.cmd.Stderr = file, file
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { _ = c.cmd.Wait(); close(c.done) }()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if strings.Contains(c.said(), ready) {
			return c, nil
		}
		select {
		case <-c.done:
			return nil, fmt.Errorf("%s ended at once:\n%s", filepath.Base(program), c.said())
		default:
		}
	}
	c.stop()
	return nil, fmt.Errorf("%s is not ready after 20 s:\n%s", filepath.Base(program), c.said())
}

func (c *child) said() string {
	text, _ := os.ReadFile(c.log)
	return string(text[max(0, len(text)-4096):])
}

func (c *child) usage() usage { return usageOf(c.cmd.Process.Pid) }

// stop ends the process, politely at first.
func (c *child) stop() {
	c.once.Do(func() {
		_ = c.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-c.done:
		case <-time.After(15 * time.Second):
			_ = c.cmd.Process.Kill()
			<-c.done
		}
	})
}
