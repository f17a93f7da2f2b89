// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"thingpass/broker"
	"thingpass/broker/awss3"
	"thingpass/broker/cmd/thingpass/config"
)

const someRole = "arn:aws:iam::123456789012:role/thingpass-things"

func TestCredentialsAreOffUnlessTheyAreConfigured(t *testing.T) {
	c := load(t, good)
	if c.Credentials.Offered() || c.CredentialProvider.Listen != "" || c.Credentials.Provider.Pointer() != nil {
		t.Errorf("got %+v, %+v", c.Credentials, c.CredentialProvider)
	}
	c = load(t, good+"credentials:\n  role_arn: "+someRole+"\n")
	want := awss3.SessionConfig{RoleARN: someRole, Duration: time.Hour, Access: awss3.WriteOnly}
	if got := c.Credentials.Session(); !c.Credentials.Offered() || got != want {
		t.Errorf("got %+v", got)
	}
	c = load(t, good+"credentials:\n  provider:\n    endpoint: https://c2.credentials.iot.eu-central-1.amazonaws.com\n    role_alias: thingpass\n")
	if got := c.Credentials.Provider.Pointer(); !c.Credentials.Offered() || c.Credentials.RoleARN != "" ||
		*got != (broker.Provider{Endpoint: "https://c2.credentials.iot.eu-central-1.amazonaws.com", RoleAlias: "thingpass"}) {
		t.Errorf("got %+v", got)
	}
}

func TestAllOfCredentialsCanBeSet(t *testing.T) {
	text := good + `credentials:
  role_arn: ` + someRole + `
  duration: 45m
  access: read-write
  sts_endpoint: https://sts.example.com
  provider: {endpoint: "https://h:8444", role_alias: a}
credential_provider:
  listen: ":8444"
  cert: provider.crt
  key: provider.key
  client_ca: ca.crt
  role_aliases: [a, b]
`
	c := load(t, text)
	folder := filepath.Dir(c.MQTT.Cert)
	want := config.CredentialProvider{Listen: ":8444", Cert: filepath.Join(folder, "provider.crt"), Key: filepath.Join(folder, "provider.key"),
		ClientCA: filepath.Join(folder, "ca.crt"), RoleAliases: []string{"a", "b"}}
	if !reflect.DeepEqual(c.CredentialProvider, want) {
		t.Errorf("got %+v, want %+v", c.CredentialProvider, want)
	}
	if got := c.Credentials.Session(); got != (awss3.SessionConfig{RoleARN: someRole, Duration: 45 * time.Minute, Access: awss3.ReadWrite, Endpoint: "https://sts.example.com"}) {
		t.Errorf("got %+v", got)
	}
	c = load(t, good, "THINGPASS_CREDENTIALS_ROLE_ARN="+someRole, "THINGPASS_CREDENTIALS_PROVIDER_ENDPOINT=https://h", "THINGPASS_CREDENTIALS_PROVIDER_ROLE_ALIAS=a",
		"THINGPASS_CREDENTIAL_PROVIDER_LISTEN=:1", "THINGPASS_CREDENTIAL_PROVIDER_CERT=c", "THINGPASS_CREDENTIAL_PROVIDER_KEY=k", "THINGPASS_CREDENTIAL_PROVIDER_CLIENT_CA=a",
		"THINGPASS_CREDENTIAL_PROVIDER_ROLE_ALIASES=a, b")
	if c.Credentials.RoleARN != someRole || c.Credentials.Provider.RoleAlias != "a" || len(c.CredentialProvider.RoleAliases) != 2 {
		t.Errorf("from the environment: %+v, %+v", c.Credentials, c.CredentialProvider)
	}
}

func TestBadCredentialsAreExplained(t *testing.T) {
	provider := "credential_provider:\n  listen: \":8444\"\n  cert: c\n  key: k\n  client_ca: a\n"
	role := "credentials:\n  role_arn: " + someRole + "\n"
	for name, test := range map[string]struct{ text, want string }{
		"no ARN":            {good + "credentials:\n  role_arn: thingpass\n", `broker.yaml:13: credentials.role_arn: role "thingpass": want an ARN such as arn:aws:iam::123456789012:role/thingpass-things`},
		"short":             {good + role + "  duration: 10m\n", "broker.yaml:14: credentials.duration is 10m0s, STS allows 15m0s to 12h0m0s"},
		"access":            {good + role + "  access: full\n", `broker.yaml:14: credentials.access "full": want write or read-write`},
		"no scheme":         {good + role + "  sts_endpoint: sts.lan\n", "broker.yaml:14: credentials.sts_endpoint: server URL has no http or https: write https://host:port"},
		"STS without role":  {good + "credentials:\n  sts_endpoint: https://sts.lan\n", "broker.yaml:13: credentials.sts_endpoint is given without credentials.role_arn: want both"},
		"S3 without STS":    {s3("endpoint: https://s3.lan") + role, "credentials.sts_endpoint is missing: without it sessions would be AWS's, and s3.endpoint is not AWS"},
		"half a pointer":    {good + "credentials:\n  provider:\n    endpoint: https://h\n", "broker.yaml:14: credentials.provider.endpoint is given without credentials.provider.role_alias: want both"},
		"the other half":    {good + "credentials:\n  provider:\n    role_alias: a\n", "broker.yaml:14: credentials.provider.role_alias is given without credentials.provider.endpoint: want both"},
		"pointer, no TLS":   {good + "credentials:\n  provider:\n    endpoint: http://h\n    role_alias: a\n", "broker.yaml:14: credentials.provider.endpoint has no TLS"},
		"pointer, slash":    {good + "credentials:\n  provider:\n    endpoint: https://h/\n    role_alias: a\n", "things append one, write https://h"},
		"pointer, alias":    {good + "credentials:\n  provider:\n    endpoint: https://h\n    role_alias: a/b\n", `broker.yaml:15: credentials.provider.role_alias "a/b": want 1 to 128`},
		"provider, no role": {good + provider, "credentials.role_arn is missing: without a role there are no sessions for credential_provider to give"},
		"provider, no CA":   {good + role + strings.Replace(provider, "  client_ca: a\n", "", 1), "credential_provider.client_ca is missing: the provider knows things by their certificates"},
		"provider, no port": {good + role + strings.Replace(provider, ":8444", "h", 1), "broker.yaml:15: credential_provider.listen: want host:port or :port, such as :8444"},
		"provider, aliases": {good + role + provider + "  role_aliases: [a b]\n", `broker.yaml:19: credential_provider.role_aliases: role alias "a b"`},
		"misspelt section":  {good + "credential:\n  role_arn: x\n", "unknown setting credential, did you mean credentials?"},
		"in the wrong one":  {good + "credential_provider:\n  role_arn: x\n", "unknown setting credential_provider.role_arn, did you mean credentials.role_arn?"},
	} {
		path := write(t, test.text)
		_, err := config.Load(path, nil)
		if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), path, "broker.yaml"), test.want) {
			t.Errorf("%s: %v\nwant %s", name, err, test.want)
		}
	}
}

func TestTheFunctionGivesCredentialsButCannotListen(t *testing.T) {
	text := good + "lambda:\n  iot_endpoint: https://h\ncredentials:\n  role_arn: " + someRole + "\n"
	if c, err := config.LoadServerless(write(t, text), nil); err != nil || !c.Credentials.Offered() {
		t.Errorf("got %+v, %v", c, err)
	}
	_, err := config.LoadServerless(write(t, text+"credential_provider:\n  listen: \":1\"\n"), nil)
	if err == nil || !strings.Contains(err.Error(), "a function cannot listen") {
		t.Errorf("got %v", err)
	}
}

func TestTheExamplesCredentialsAreSound(t *testing.T) {
	text := readFile(t, filepath.Join("..", "broker.example.yaml"))
	_, optional, found := strings.Cut(text, "# credentials:\n")
	if !found {
		t.Fatal("the example has no credentials")
	}
	var lines []string
	for _, line := range strings.Split("credentials:\n"+optional, "\n") {
		if rest, ok := strings.CutPrefix(line, "# "); ok && (strings.HasPrefix(rest, " ") || strings.HasSuffix(rest, ":")) {
			line = rest
		}
		lines = append(lines, line)
	}
	c := load(t, strings.Replace(good, "  region:", "  endpoint: https://127.0.0.1:9000\n  path_style: true\n  region:", 1)+strings.Join(lines, "\n"))
	if c.CredentialProvider.Listen != ":8444" || c.Credentials.RoleARN != someRole || c.Credentials.Provider.RoleAlias != "thingpass" {
		t.Errorf("got %+v, %+v", c.Credentials, c.CredentialProvider)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
