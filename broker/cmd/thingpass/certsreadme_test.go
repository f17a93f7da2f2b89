// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const repository = "../../.." // seen from this folder

// readmeBlocks returns the fenced blocks of that language in certs/README.md.
func readmeBlocks(t *testing.T, language string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, "certs", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, m := range regexp.MustCompile("(?s)\n```"+language+"\n(.*?)\n```\n").FindAllSubmatch(text, -1) {
		blocks = append(blocks, string(m[1]))
	}
	if len(blocks) == 0 {
		t.Fatalf("no %s block in certs/README.md", language)
	}
	return blocks
}

// runReadme runs every command of the README in the current directory.
func runReadme(t *testing.T, blocks []string) (ran []string) {
	t.Helper()
	prepareReadme(t)
	for line := range strings.Lines(strings.Join(blocks, "\n")) {
		line, _, _ = strings.Cut(line, "#")
		args, ok := strings.CutPrefix(strings.TrimSpace(line), "thingpass certs ")
		if !ok {
			t.Fatalf("certs/README.md shows %q, which no test can run", line)
		}
		mustCerts(t, strings.Fields(args)...)
		ran = append(ran, strings.Fields(args)[0])
	}
	return ran
}

// prepareReadme makes what the README takes for granted in the current directory:
// a thing's request and a registry.
func prepareReadme(t *testing.T) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		t.Fatal(err)
	}
	const registry = "account: \"123456789012\"\nregion: eu-central-1\npolicies: {thing: {builtin: thing}}\ngroups: {cameras: {policies: [thing]}}\njitp: {groups: [cameras]}\n"
	if err := errors.Join(os.WriteFile("cam2.csr", csr, 0o600), os.WriteFile("registry.yaml", []byte(registry), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func TestCertsReadmeCommandsWork(t *testing.T) {
	blocks := readmeBlocks(t, "sh")
	t.Chdir(t.TempDir())
	if got := strings.Join(runReadme(t, blocks), " "); got != "init server service crl thing sign thing bundle bundle bundle list renew rotate bundle rotate list revoke crl check" {
		t.Errorf("the README shows %s: want every command", got)
	}
}

// A promise whose test was renamed or removed is none.
func TestCertsReadmeNamesRealTests(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(repository, "certs", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var tests strings.Builder
	for _, pattern := range []string{"certs/*_test.go", "certs/*/*_test.go", "broker/cmd/thingpass/*_test.go"} {
		files, _ := filepath.Glob(filepath.Join(repository, pattern))
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			tests.Write(data)
		}
	}
	names := regexp.MustCompile("`(Test[A-Za-z]+)").FindAllStringSubmatch(string(text), -1)
	if len(names) < 5 {
		t.Fatalf("only %d tests are named", len(names))
	}
	for _, name := range names {
		if !strings.Contains(tests.String(), "\nfunc "+name[1]) {
			t.Errorf("there is no test %s", name[1])
		}
	}
}
