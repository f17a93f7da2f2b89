// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"testing"
	"time"

	"thingpass/broker/cmd/thingpass/config"
)

func TestTheConsoleIsOffUnlessAskedFor(t *testing.T) {
	c := load(t, good).Console
	if c.Listen != "" || c.Access != config.AccessLoopback || c.SilentAfter != time.Hour || c.Revoke != "off" {
		t.Errorf("got %+v", c)
	}
}

func TestTheConsolesSettingsAreRead(t *testing.T) {
	c := load(t, good+`console:
  listen: ":8470"
  access: oidc
  cert: /c.crt
  key: /c.key
  url: https://console.example.com
  operators: [ada, grace]
  oidc: {issuer: "https://id.example.com/realm", client_id: thingpass, client_secret: /secret, viewers: ["*"]}
  silent_after: 10m
  revoke: files
  registry: /registry.yaml
`).Console
	if c.Listen != ":8470" || len(c.Operators) != 2 || c.OIDC.Viewers[0] != "*" || c.SilentAfter != 10*time.Minute || c.Registry != "/registry.yaml" {
		t.Errorf("got %+v", c)
	}
}

func TestAConsoleThatLetsStrangersInIsRefused(t *testing.T) {
	const tls = "cert: c.crt, key: c.key, "
	for _, test := range []badConfig{
		{"everywhere without a word", good + "console: {listen: '0.0.0.0:8470', access: loopback}\n", nil,
			"broker.yaml:12: console.access is loopback, and console.listen is 0.0.0.0:8470, which other machines reach: listen on 127.0.0.1, or use password, certificate or oidc"},
		{"no host is every host", good + "console: {listen: ':8470'}\n", nil,
			"broker.yaml:12: console.access is loopback, and console.listen is :8470, which other machines reach: listen on 127.0.0.1, or use password, certificate or oidc"},
		{"a password without TLS", good + "console: {listen: '127.0.0.1:8470', access: password, users: u}\n", nil,
			"broker.yaml:12: console.cert is missing: whoever signs in sends secrets, which need TLS (in the environment: THINGPASS_CONSOLE_CERT)"},
		{"no users", good + "console: {" + tls + "listen: ':8470', access: password}\n", nil,
			"broker.yaml:12: console.users is missing: console.access is password; thingpass console user add makes the file (in the environment: THINGPASS_CONSOLE_USERS)"},
		{"no CA", good + "console: {" + tls + "listen: ':8470', access: certificate}\n", nil,
			"broker.yaml:12: console.client_ca is missing: console.access is certificate (in the environment: THINGPASS_CONSOLE_CLIENT_CA)"},
		{"a provider without TLS", good + "console: {" + tls + "listen: ':8470', access: oidc, url: 'https://c', oidc: {issuer: 'http://id', client_id: c, client_secret: s}}\n", nil,
			"broker.yaml:12: console.oidc.issuer is no https:// URL"},
		{"a path", good + "console: {" + tls + "listen: ':8470', access: password, users: u, url: 'https://c/x'}\n", nil,
			`broker.yaml:12: console.url is "https://c/x": want one such as https://console.example.com`},
		{"another word", good + "console: {listen: '127.0.0.1:1', access: open}\n", nil,
			`broker.yaml:12: console.access is "open": want one of loopback, password, certificate, oidc`},
		{"a key without a certificate", good + "console: {listen: '127.0.0.1:1', key: k}\n", nil,
			"broker.yaml:12: console.cert and console.key belong together: give both, or neither"},
		{"silent at once", good + "console: {silent_after: 1s}\n", nil, "broker.yaml:12: console.silent_after is 1s: want 1m to 720h"},
		{"no registry", good + "console: {listen: '127.0.0.1:1', revoke: files}\n", nil,
			"broker.yaml:12: console.certs is missing: console.revoke is files, which are those of thingpass certs, or console.registry, or both (in the environment: THINGPASS_CONSOLE_CERTS)"},
	} {
		t.Run(test.name, func(t *testing.T) { explains(t, test) })
	}
}
