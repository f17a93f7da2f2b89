// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"thingpass/broker/devstack"
)

func TestCheckTriesWhatThingsWouldGet(t *testing.T) {
	s := newStack(t)
	endpoint := "https://" + s.s3.Addr().String()
	server, err := s.ca.Server([]string{"127.0.0.1"})
	s.must(err)
	s.write("provider.crt", server.CertPEM())
	s.write("provider.key", server.KeyPEM())
	const head = "credentials:\n  role_arn: "
	provider := "credential_provider:\n  listen: 127.0.0.1:0\n  cert: provider.crt\n  key: provider.key\n  client_ca: ca.crt\n"
	for name, test := range map[string]struct {
		more string
		code int
		want string
	}{
		"sound": {head + devstack.Role + "\n  sts_endpoint: " + endpoint + "\n" + provider, exitOK,
			`(?s)ok +credentials role: .* can be assumed, for 1h0m0s\n.*ok +credentials session: .*own prefix, and no further\n.*ok +credentials provider: listens on 127\.0\.0\.1:0.*all is well`},
		"another role": {head + "arn:aws:iam::000000000000:role/another\n  sts_endpoint: " + endpoint + "\n", exitFailure,
			`problem +credentials role: arn:aws:iam::000000000000:role/another cannot be assumed`},
		"nobody there": {head + devstack.Role + "\n  sts_endpoint: https://127.0.0.1:1\n", exitFailure,
			`problem +credentials role: nobody listens there: start the server, or correct credentials\.sts_endpoint`},
		"no certificate": {head + devstack.Role + "\n  sts_endpoint: " + endpoint + "\n" + strings.Replace(provider, "provider.crt", "absent.crt", 1), exitFailure,
			`problem +credentials provider: it cannot start: .*absent\.crt`},
	} {
		text, err := os.ReadFile(s.config())
		s.must(err)
		s.write("more.yaml", append(text, "\n"+test.more...))
		code, stdout, stderr := s.check("--config", s.path("more.yaml"))
		if code != test.code || !regexp.MustCompile(test.want).MatchString(stdout) {
			t.Errorf("%s: exit code %d\n%s%s", name, code, stdout, stderr)
		}
		s.hasNoSecret(stdout)
	}
}
