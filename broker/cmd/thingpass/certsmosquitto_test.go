// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"thingpass/certs"
)

// The README's configuration on a real Mosquitto, and who gets in.
func TestCertsReadmeMosquittoConfiguration(t *testing.T) {
	program := mosquittoProgram(t)
	conf, sh := readmeBlocks(t, "conf")[0], readmeBlocks(t, "sh")
	acl, err := os.ReadFile(filepath.Join(repository, "policies", "mosquitto.acl"))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	runReadme(t, sh)
	if err := errors.Join(os.Mkdir("policies", 0o700), os.WriteFile("policies/mosquitto.acl", acl, 0o600)); err != nil {
		t.Fatal(err)
	}
	things, services := runReadmeConf(t, program, conf)

	dir, err := certs.Open(defaultCertsDir)
	if err != nil {
		t.Fatal(err)
	}
	thing, server := loadCert(t, dir, certs.Thing, "cam1"), loadCert(t, dir, certs.Server, "localhost")
	service := loadCert(t, dir, certs.Service, "thingpass-broker")
	foreign, err := certs.NewCA(defaultCAName)
	if err != nil {
		t.Fatal(err)
	}
	impostor, err := foreign.Thing("cam1")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	expired, err := dir.CA().Thing("cam1", certs.Between(now.Add(-2*time.Hour), now.Add(-time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		what, address string
		with          []tls.Certificate
		ok            bool
	}{
		{"thing", things, []tls.Certificate{thing.TLSCertificate()}, true},
		{"service", services, []tls.Certificate{service.TLSCertificate()}, true},
		{"nobody", things, nil, false},
		{"thing of another CA of the same name", things, []tls.Certificate{impostor.TLSCertificate()}, false},
		{"expired thing", things, []tls.Certificate{expired.TLSCertificate()}, false},
		{"server's certificate", things, []tls.Certificate{server.TLSCertificate()}, false},
	} {
		err := connectMQTT(tc.address, &tls.Config{RootCAs: dir.CA().Pool(), Certificates: tc.with})
		if (err == nil) != tc.ok {
			t.Errorf("%s: %v, want accepted = %v", tc.what, err, tc.ok)
		}
	}
	// whatever client id it asks for, a thing gets its own name; a service keeps it
	awaitMosquittoLog(t, `as cam1 \(.*u'cam1'\)`)
	awaitMosquittoLog(t, `as a-client-id \(.*u'thingpass-broker'\)`)
}

func loadCert(t *testing.T, dir *certs.Dir, kind certs.Kind, name string) certs.Identity {
	t.Helper()
	id, err := dir.Load(kind, name)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// mosquittoProgram is also looked for where Debian keeps it, off most users' PATH.
func mosquittoProgram(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"mosquitto", "/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("there is no mosquitto on this machine: install the package mosquitto")
	}
	t.Skip("there is no mosquitto on this machine")
	return ""
}

// runReadmeConf runs conf in the current directory, on other ports than the
// two it names, and returns their addresses.
func runReadmeConf(t *testing.T, program, conf string) (things, services string) {
	t.Helper()
	for range 5 { // another process may take a port before Mosquitto does
		things, services = unusedAddress(t), unusedAddress(t)
		text := listenAt(t, listenAt(t, conf, "8883", things), "8884", services)
		if me, err := user.Current(); err == nil {
			text += "\nuser " + me.Username // see the README on Mosquitto and root
		}
		if mosquittoRuns(t, program, text+"\nlog_type all\n") {
			return things, services
		}
	}
	log, _ := os.ReadFile(mosquittoLog)
	t.Fatalf("mosquitto does not start:\n%s", log)
	return "", ""
}

func listenAt(t *testing.T, conf, port, address string) string {
	t.Helper()
	host, free, _ := net.SplitHostPort(address)
	line := "listener " + port + "\n"
	if !strings.Contains(conf, line) {
		t.Fatalf("no %q in\n%s", line, conf)
	}
	return strings.Replace(conf, line, "listener "+free+" "+host+"\n", 1)
}

func unusedAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

const mosquittoLog = "mosquitto.log"

// mosquittoRuns reports whether it runs.
func mosquittoRuns(t *testing.T, program, conf string) bool {
	t.Helper()
	log, err := os.Create(mosquittoLog)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }() // the child has its own descriptor
	if err := os.WriteFile("mosquitto.conf", []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-c", "mosquitto.conf")
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	return mosquittoLogged(ended, regexp.MustCompile(`mosquitto version .* running`))
}

// mosquittoLogged waits until Mosquitto's log matches, or has had its time.
func mosquittoLogged(ended <-chan struct{}, want *regexp.Regexp) bool {
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); {
		if data, err := os.ReadFile(mosquittoLog); err == nil && want.Match(data) {
			return true
		}
		select {
		case <-ended:
			return false
		case <-time.After(5 * time.Millisecond):
		}
	}
	return false
}

func awaitMosquittoLog(t *testing.T, want string) {
	t.Helper()
	if !mosquittoLogged(nil, regexp.MustCompile(want)) {
		log, _ := os.ReadFile(mosquittoLog)
		t.Errorf("no %s in Mosquitto's log:\n%s", want, log)
	}
}

// connectMQTT connects with MQTT 3.1.1 and returns nil if the server agrees.
func connectMQTT(address string, config *tls.Config) error {
	dialer := &tls.Dialer{NetDialer: &net.Dialer{Timeout: 10 * time.Second}, Config: config}
	conn, err := dialer.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	connect := "\x00\x04MQTT\x04\x02\x00\x3c" + "\x00\x0ba-client-id" // clean session, 60 s
	if _, err := fmt.Fprintf(conn, "\x10%c%s", len(connect), connect); err != nil {
		return err
	}
	var reply [4]byte
	if _, err := io.ReadFull(conn, reply[:]); err != nil {
		return err
	}
	if want := []byte{0x20, 2, 0, 0}; !bytes.Equal(reply[:], want) {
		return fmt.Errorf("CONNACK %x, want %x", reply, want)
	}
	return nil
}
