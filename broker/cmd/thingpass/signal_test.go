// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

const beTheProgram = "BE_THE_PROGRAM"

// TestMain is the program itself when the test starts it as a child: signals are
// for whole processes.
func TestMain(m *testing.M) {
	if os.Getenv(beTheProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// child is the program as a process.
type child struct {
	*exec.Cmd
	stderr *lockedText
	ended  chan error
}

func startChild(t *testing.T, args ...string) *child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{Cmd: exec.Command(self, args...), stderr: &lockedText{}, ended: make(chan error, 1)}
	c.Env = append(os.Environ(), beTheProgram+"=1")
	c.Stderr = c.stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { c.ended <- c.Wait() }()
	t.Cleanup(func() {
		_ = c.Process.Kill()
		mustNotLeak(t, "the child", c.stderr.String())
	})
	await(t, "the child to be ready", func() bool { return strings.Contains(c.stderr.String(), "thingpass: ready: ") })
	return c
}

func (c *child) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := c.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func TestASignalEndsTheBrokerCleanly(t *testing.T) {
	s := newStack(t)
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		c := startChild(t, "run", "--config", s.config())
		c.signal(t, signal)
		select {
		case err := <-c.ended:
			if err != nil {
				t.Errorf("%v: %v\n%s", signal, err, c.stderr)
			}
		case <-time.After(patience):
			t.Errorf("%v: still running", signal)
		}
	}
}

// A broker that waits for a silent S3 finishes what it has after one signal, and
// ends at once after a second.
func TestASecondSignalEndsTheBrokerAtOnce(t *testing.T) {
	s := newStack(t)
	silent, asked := silentS3(t, s)
	c := startChild(t, "run", "--config", s.config(s.s3.Addr().String(), silent))
	cam := s.thing("cam1")
	cam.tell("upload-complete", `{"id":"r1","objectKey":"cam1/photo/2026/11/23/a.jpg","size":1}`)
	select {
	case <-asked:
	case <-time.After(patience):
		t.Fatal("S3 was not asked")
	}
	c.signal(t, syscall.SIGTERM)
	select {
	case err := <-c.ended:
		t.Fatalf("did not finish what it had: %v\n%s", err, c.stderr)
	case <-time.After(300 * time.Millisecond): // shorter than S3's time to answer
	}
	c.signal(t, syscall.SIGTERM)
	select {
	case err := <-c.ended:
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(time.Second):
		t.Error("still running a second later")
	}
}

// silentS3 takes requests and answers none.
func silentS3(t *testing.T, s *stack) (address string, asked <-chan struct{}) {
	t.Helper()
	id, err := s.ca.Server([]string{"127.0.0.1"})
	s.must(err)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{id.TLSCertificate()}})
	s.must(err)
	t.Cleanup(func() { listener.Close() })
	came := make(chan struct{}, 16)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func(conn net.Conn) {
				defer conn.Close()
				buf := make([]byte, 4096)
				for {
					if _, err := conn.Read(buf); err != nil {
						return
					}
					came <- struct{}{}
				}
			}(conn)
		}
	}()
	return listener.Addr().String(), came
}
