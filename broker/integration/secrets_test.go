// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"thingpass/broker/internal/leak"
)

// secrets are those of the whole run. Everything that a program prints, audits or
// tells as a metric is searched for them, and for signatures, tokens and keys of
// any value: what a child prints by its cleanUp, files and pages here.
var secrets leak.Watch

func mustNotLeak(tb testing.TB, what, text string) {
	tb.Helper()
	for _, found := range secrets.Find(text) {
		tb.Errorf("%s gives away %s", what, found)
	}
}

// mustNotLeakFiles searches the logs and audits below a folder.
func mustNotLeakFiles(tb testing.TB, dir string) (searched int) {
	tb.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		name := filepath.Base(path)
		if err != nil || !d.Type().IsRegular() || !strings.Contains(name, ".log") && !strings.Contains(name, ".jsonl") {
			return err
		}
		text, err := os.ReadFile(path)
		mustNotLeak(tb, path, string(text))
		searched++
		return err
	})
	if err != nil {
		tb.Error(err)
	}
	return searched
}

// judgeTraces searches what the stack's programs left behind.
func (s *stack) judgeTraces() {
	mustNotLeakFiles(s.tb, s.dir)
	if s.mqtt != nil && s.mqtt.logs != "" {
		mustNotLeakFiles(s.tb, s.mqtt.logs)
	}
}

var toldAt = regexp.MustCompile(`http://[0-9.:]+/metrics`)

// metrics returns what the broker counts, or nothing if it does not live.
func (s *stack) metrics() string {
	_, body := s.page("/metrics")
	return body
}

// page returns what the broker tells operators, or nothing if it does not live.
func (s *stack) page(path string) (status int, body string) {
	addresses := toldAt.FindAllString(s.broker.text(), -1)
	if len(addresses) == 0 {
		return 0, ""
	}
	base := strings.TrimSuffix(addresses[len(addresses)-1], "/metrics")
	resp, err := (&http.Client{Timeout: patience}).Get(base + path)
	if err != nil {
		return 0, ""
	}
	defer func() { _ = resp.Body.Close() }()
	text, _ := io.ReadAll(resp.Body) // it may have been killed meanwhile
	return resp.StatusCode, string(text)
}

// A deaf TB hears what a test says, and lets nobody else hear it.
type deaf struct {
	testing.TB
	errors []string
}

func (d *deaf) Helper()             {}
func (d *deaf) Logf(string, ...any) {}
func (d *deaf) Cleanup(func())      {}
func (d *deaf) Failed() bool        { return len(d.errors) > 0 }
func (d *deaf) Errorf(format string, arg ...any) {
	d.errors = append(d.errors, fmt.Sprintf(format, arg...))
}

// TestALeakFailsTheTestThatMadeIt lets children leak on purpose: a search that
// finds nothing is worth nothing until it has found something.
func TestALeakFailsTheTestThatMadeIt(t *testing.T) {
	secrets.Learn("a secret of this test", "correct-horse-battery-staple")
	for name, leaked := range map[string]string{
		"a signature": "https://s3.test/a?X-Amz-Signature=5d672d79c15b13162d9279b0855cfba6",
		"a known key": "the key is correct-horse-battery-staple",
		"nothing":     "photo cam1/photo/2026/11/23/a1.jpg stored",
	} {
		d := &deaf{TB: t}
		c := startCommand(d, "leaky", exec.Command("sh", "-c", `printf '%s\n' "$0" >&2`, leaked))
		c.wait(patience)
		c.cleanUp()
		if d.Failed() != (name != "nothing") || strings.Contains(strings.Join(d.errors, ""), "staple") {
			t.Errorf("%s: %q", name, d.errors)
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "audit.jsonl.1"), []byte(leaked+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		d = &deaf{TB: t}
		if n := mustNotLeakFiles(d, dir); n != 1 || d.Failed() != (name != "nothing") {
			t.Errorf("%s in a file: %d files, %q", name, n, d.errors)
		}
	}
}

// TestEverythingIsSearched sees to it that what is searched is not empty, and that
// the secrets of a stack are known.
func TestEverythingIsSearched(t *testing.T) {
	s := newStack(t)
	s.thing("cam1", "--camera", folder(t, 1000, 2000), "--interval", "0").wait(patience)
	for what, text := range map[string]string{"the broker": s.broker.text(), "the S3": s.s3.text(), "metrics": s.metrics(), "the audit": strings.Join(s.audit(), "\n")} {
		if !strings.Contains(text, "\n") {
			t.Errorf("nothing is searched of %s: %q", what, text)
		}
	}
	if !strings.Contains(s.config(), "level: debug") {
		t.Error("the broker is not told to say all that it can")
	}
	for _, file := range []string{s.ready.S3.KeyFile, s.path("broker.key"), s.path("cam1.key")} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(text), "\n")
		if !slices.ContainsFunc(lines, func(line string) bool { return len(secrets.Find(line)) > 0 }) {
			t.Errorf("what is in %s is not searched for", file)
		}
	}
}
