// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package deploy_test holds the files of this folder to the program that they
// deploy. There is no product code here.
package deploy_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

const patience = 30 * time.Second

var (
	building sync.Mutex
	scratch  string // of all tests together
	built    string
)

func TestMain(m *testing.M) {
	var err error
	if scratch, err = os.MkdirTemp("", "thingpass-deploy-"); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(scratch)
	os.Exit(code)
}

func repository(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// program is thingpass, built once by the very line of the Containerfile.
func program(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: it builds the program")
	}
	building.Lock()
	defer building.Unlock()
	if built != "" {
		return built
	}
	var line string
	for _, i := range containerfile(t) {
		if i.name == "RUN" && strings.Contains(i.rest, "go build") {
			line = i.rest
		}
	}
	if !strings.Contains(line, "-o /out/") {
		t.Fatalf("the Containerfile builds with %q: want -o /out/…", line)
	}
	build := exec.CommandContext(t.Context(), "sh", "-euc", strings.Replace(line, "/out/", scratch+"/", 1))
	build.Dir = repository(t)
	goos, goarch := "linux", "amd64"
	if arch, err := exec.Command("go", "env", "GOARCH").Output(); err == nil {
		goarch = strings.TrimSpace(string(arch))
	}
	build.Env = append(os.Environ(), "TARGETOS="+goos, "TARGETARCH="+goarch)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	built = filepath.Join(scratch, "thingpass")
	return built
}

// need skips a test where a tool is missing, unless that is where everything is
// to be tested.
func need(t *testing.T, tool, reason string) string {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err != nil {
		t.Skipf("%s is not there: %s", tool, reason)
	}
	return path
}

// keyPair writes a certificate that signs itself, and its key.
func keyPair(t *testing.T, cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "thingpass-broker"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write(t, cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
}

// An instruction of a Containerfile, its lines joined.
type instruction struct{ name, rest string }

var continued = regexp.MustCompile(`\\\n\s*`)

func containerfile(t *testing.T) (list []instruction) {
	t.Helper()
	text := continued.ReplaceAllString(read(t, "Containerfile"), " ")
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		name, rest, _ := strings.Cut(line, " ")
		list = append(list, instruction{name, strings.TrimSpace(rest)})
	}
	return list
}
