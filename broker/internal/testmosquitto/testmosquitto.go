// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package testmosquitto runs a real Mosquitto for a test: mutual TLS, an ACL,
// persistence, on free ports of the loopback. It can be killed in the middle of
// anything and started again on the same ports with the same sessions.
//
// There are two listeners, as in production: at the one for things the user
// name and the client id are both the certificate's CN, so no thing can take
// over a neighbour's session; at the one for services only the user name is, so
// that one certificate may open several connections.
package testmosquitto

import (
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"testing"

	"thingpass/certs"
)

// Options of a server. One of ACL, ACLFile and Registry is required.
type Options struct {
	CA       *certs.CA // who issues certificates; nil makes a new one
	ACL      string    // contents of the ACL file
	ACLFile  string    // its path, instead of ACL
	Registry string    // contents of a registry, which our plugin enforces; the file is Dir/registry.yaml
	Plugin   string    // the plugin's path, where there is a Registry
	Extra    string    // more lines for mosquitto.conf, of the general kind
	Listener string    // more lines for each listener
}

// A Server is one Mosquitto. Its methods must not be called concurrently.
type Server struct {
	CA       *certs.CA
	Things   string // host:port of the listener for things
	Services string // host:port of the listener for services
	Dir      string // its files: mosquitto.conf, mosquitto.log, acl …

	tb     testing.TB
	binary string
	plugin string // "": an ACL file
	extra  string
	// listenerExtra is for each listener
	listenerExtra string
	proc          *process
}

// Start runs a server until the end of the test. It skips the test where there
// is no Mosquitto, and fails it if the environment says CI=true.
func Start(tb testing.TB, o Options) *Server {
	tb.Helper()
	s := &Server{CA: o.CA, Dir: tb.TempDir(), tb: tb, binary: find(tb), extra: o.Extra, listenerExtra: o.Listener, plugin: o.Plugin}
	if s.CA == nil {
		s.CA = must(certs.NewCA("test CA"))(tb)
	}
	s.writeCertificates()
	s.writeRules(o)
	tb.Cleanup(s.end)
	for range 5 { // another process may take a port before Mosquitto does
		s.Things, s.Services = freeAddress(tb), freeAddress(tb)
		s.write("mosquitto.conf", s.config())
		if s.start() == nil {
			return s
		}
	}
	tb.Fatalf("mosquitto does not start:\n%s", s.Log())
	return nil
}

// find returns the path of the program. Debian keeps it in a folder that is not
// on every user's PATH.
func find(tb testing.TB) string {
	tb.Helper()
	for _, path := range filepath.SplitList(os.Getenv("PATH") + ":/usr/sbin:/usr/local/sbin") {
		path = filepath.Join(path, "mosquitto")
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path
		}
	}
	const missing = "there is no mosquitto on this machine: install the package mosquitto"
	if os.Getenv("CI") == "true" {
		tb.Fatal(missing)
	}
	tb.Skip(missing)
	return ""
}

// ThingTLS is what a new thing of that name needs to connect.
func (s *Server) ThingTLS(name string) *tls.Config {
	s.tb.Helper()
	return s.ClientTLS(must(s.CA.Thing(name))(s.tb))
}

// ServiceTLS is what a new service of that name needs to connect.
func (s *Server) ServiceTLS(name string) *tls.Config {
	s.tb.Helper()
	return s.ClientTLS(must(s.CA.Service(name))(s.tb))
}

// ClientTLS is what the owner of id needs to connect.
func (s *Server) ClientTLS(id certs.Identity) *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS12,
		RootCAs:      s.CA.Pool(),
		Certificates: []tls.Certificate{id.TLSCertificate()},
	}
}

func (s *Server) writeCertificates() {
	s.tb.Helper()
	id := must(s.CA.Server([]string{"localhost", "127.0.0.1"}))(s.tb)
	s.write("ca.crt", string(s.CA.CertPEM()))
	s.write("server.crt", string(id.CertPEM()))
	s.write("server.key", string(id.KeyPEM()))
}

// writeRules writes who may do what.
func (s *Server) writeRules(o Options) {
	s.tb.Helper()
	switch {
	case o.Registry != "" && o.ACL == "" && o.ACLFile == "":
		plugin, err := filepath.Abs(o.Plugin)
		if err != nil {
			s.tb.Fatal(err)
		}
		s.plugin = plugin
		s.write("registry.yaml", o.Registry)
	case o.ACLFile != "" && o.ACL == "":
		s.write("acl", string(must(os.ReadFile(o.ACLFile))(s.tb)))
	case o.ACL != "" && o.ACLFile == "":
		s.write("acl", o.ACL)
	default:
		s.tb.Fatal("testmosquitto: give an ACL, an ACLFile or a Registry")
	}
}

func (s *Server) write(name, content string) {
	s.tb.Helper()
	if err := os.WriteFile(filepath.Join(s.Dir, name), []byte(content), 0o600); err != nil {
		s.tb.Fatal(err)
	}
}

// freeAddress is a port that nobody listens to, a moment ago.
func freeAddress(tb testing.TB) string {
	tb.Helper()
	l := must(net.Listen("tcp", "127.0.0.1:0"))(tb)
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// must returns a function so that a call with two results can be its argument.
func must[T any](v T, err error) func(testing.TB) T {
	return func(tb testing.TB) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}
