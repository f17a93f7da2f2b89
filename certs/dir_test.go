// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package certs_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"thingpass/certs"
)

const month = 30 * 24 * time.Hour

func newDir(t *testing.T) *certs.Dir {
	t.Helper()
	return must(certs.Init(filepath.Join(t.TempDir(), "certs"), "test CA"))(t)
}

func list(t *testing.T, d *certs.Dir) []certs.Entry {
	t.Helper()
	return must(d.List(time.Now(), month))(t)
}

func read(t *testing.T, path string) string {
	t.Helper()
	return string(must(os.ReadFile(path))(t))
}

func TestWhatWasKeptIsLoaded(t *testing.T) {
	made := newDir(t)
	want := []certs.Identity{must(made.Thing("Cam:1"))(t), must(made.Service("broker"))(t), must(made.Server([]string{"localhost", "127.0.0.1"}))(t)}
	dir := must(certs.Open(made.Path()))(t)
	for _, w := range want {
		got := must(dir.Load(w.Kind, w.Name))(t)
		if got.Name != w.Name || got.Kind != w.Kind || string(got.KeyPEM()) != string(w.KeyPEM()) || string(got.CertPEM()) != string(w.CertPEM()) {
			t.Errorf("loaded another %s %s", w.Kind, w.Name)
		}
		f := dir.Files(w.Kind, w.Name)
		if read(t, f.Cert) != string(w.CertPEM()) || read(t, f.Key) != string(w.KeyPEM()) || read(t, f.CA) != string(dir.CA().CertPEM()) {
			t.Errorf("files of %s %s are not where Files says", w.Kind, w.Name)
		}
	}
	se, ce := handshake(t, serverConfig(must(dir.Load(certs.Server, "localhost"))(t), dir.CA().Pool()),
		clientConfig(must(dir.Load(certs.Thing, "Cam:1"))(t), made.CA().Pool(), "127.0.0.1"))
	if se != nil || ce != nil {
		t.Errorf("server says %v, client says %v", se, ce)
	}
}

func TestKeysAreForTheirOwnerOnly(t *testing.T) {
	dir := newDir(t)
	must(dir.Thing("cam1"))(t)
	must(dir.Server([]string{"localhost"}))(t)
	keys := 0
	err := filepath.WalkDir(dir.Path(), func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		mode := must(e.Info())(t).Mode()
		switch {
		case e.IsDir() && mode.Perm() != 0o700:
			t.Errorf("%s has mode %v, want 0700", path, mode)
		case strings.HasSuffix(path, ".key"):
			keys++
			if mode.Perm() != 0o600 {
				t.Errorf("%s has mode %v, want 0600", path, mode)
			}
		}
		return nil
	})
	if err != nil || keys != 3 {
		t.Errorf("%d keys, want 3: %v", keys, err)
	}
}

func TestGitDoesNotSeeKeys(t *testing.T) {
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip("no git")
	}
	work := t.TempDir()
	run := func(args ...string) string {
		out, err := exec.Command(git, append([]string{"-C", work}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	run("init", "-q")
	dir := must(certs.Init(work, "test CA"))(t) // beside other files
	must(dir.Thing("cam1"))(t)
	must(dir.Server([]string{"localhost"}))(t)
	for _, left := range []string{".thingpass-new-1", "clients/.thingpass-new-1"} { // by a crash
		err := errors.Join(os.Mkdir(filepath.Join(work, left), 0o700), os.WriteFile(filepath.Join(work, left, "x.key"), nil, 0o600))
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(work, "code.go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, want := run("status", "--porcelain", "-uall"), "?? .gitignore\n?? code.go\n"; got != want {
		t.Errorf("git sees\n%swant\n%s", got, want)
	}
}

func TestAGitignoreThatIsThereStays(t *testing.T) {
	path := t.TempDir()
	file := filepath.Join(path, ".gitignore")
	if err := os.WriteFile(file, []byte("mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	must(certs.Init(path, "test CA"))(t)
	if got := read(t, file); got != "mine\n" {
		t.Errorf(".gitignore became %q", got)
	}
}

func TestNothingIsOverwritten(t *testing.T) {
	dir := newDir(t)
	must(dir.Thing("cam1"))(t)
	must(dir.Service("broker"))(t)
	must(dir.Server([]string{"localhost"}))(t)
	before := snapshot(t, dir.Path())

	for _, tc := range []struct {
		name  string
		issue func() (certs.Identity, error)
		why   string
	}{
		{"CA", func() (certs.Identity, error) {
			_, err := certs.Init(dir.Path(), "another")
			return certs.Identity{}, err
		}, "holds a CA already"},
		{"thing", func() (certs.Identity, error) { return dir.Thing("cam1") }, `thing "cam1" has a certificate until 20`},
		{"service", func() (certs.Identity, error) { return dir.Service("broker") }, "remove the folder and issue again"},
		{"server", func() (certs.Identity, error) { return dir.Server([]string{"localhost", "other"}) }, "keys are never overwritten"},
		{"thing as service", func() (certs.Identity, error) { return dir.Service("cam1") }, "name of a thing already"},
		{"service as thing", func() (certs.Identity, error) { return dir.Thing("broker") }, "name of a service already"},
	} {
		id, err := tc.issue()
		if !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), tc.why) || id != (certs.Identity{}) {
			t.Errorf("%s again: %v, want %q", tc.name, err, tc.why)
		}
	}
	if after := snapshot(t, dir.Path()); after != before {
		t.Errorf("files changed from\n%s\nto\n%s", before, after)
	}
}

// snapshot is every path below dir with its content.
func snapshot(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		b.WriteString(path + "\n")
		if err == nil && e.Type().IsRegular() {
			b.WriteString(read(t, path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Removing a folder is what the errors advise: it must work.
func TestARemovedFolderIsIssuedAgain(t *testing.T) {
	dir := newDir(t)
	old := must(dir.Thing("cam1"))(t)
	if err := os.RemoveAll(dir.Files(certs.Thing, "cam1").Folder); err != nil {
		t.Fatal(err)
	}
	if again := must(dir.Thing("cam1"))(t); again.Fingerprint() == old.Fingerprint() {
		t.Error("the same certificate was issued twice")
	}
}

func TestNamesThatDifferInCaseAreDifferentThings(t *testing.T) {
	dir := newDir(t)
	folders := make(map[string]bool)
	for _, name := range []string{"esp-a", "ESP-A", "Esp-a", "esp:a", "esp_a"} {
		must(dir.Thing(name))(t)
		folders[strings.ToLower(dir.Files(certs.Thing, name).Folder)] = true
		if got := must(dir.Load(certs.Thing, name))(t); got.Leaf.Subject.CommonName != name {
			t.Errorf("%s was kept as %s", name, got.Leaf.Subject.CommonName)
		}
	}
	if len(folders) != 5 {
		t.Errorf("%d folders for 5 names", len(folders))
	}
	for _, e := range list(t, dir) {
		if e.State != certs.Valid {
			t.Errorf("%s is %s: %s", e.Name, e.State, e.Problem)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	for _, tc := range []struct {
		name   string
		damage func(dir string) error
		why    string
		isGone bool
	}{
		{"nothing there", os.RemoveAll, "make one with thingpass certs init --dir", true},
		{"CA's key lost", func(d string) error { return os.Remove(filepath.Join(d, "ca/ca.key")) }, "ca.crt has no key beside it: restore ca.key", true},
		{"CA's certificate lost", func(d string) error { return os.Remove(filepath.Join(d, "ca/ca.crt")) }, "ca.key has no certificate beside it", true},
		{"CA's certificate truncated", func(d string) error { return os.Truncate(filepath.Join(d, "ca/ca.crt"), 100) }, "no PEM block", false},
		{"CA's key empty", func(d string) error { return os.Truncate(filepath.Join(d, "ca/ca.key"), 0) }, "no PEM block", false},
		{"a thing in the CA's place", func(d string) error {
			return errors.Join(os.Rename(filepath.Join(d, "clients/cam1/thing.crt"), filepath.Join(d, "ca/ca.crt")),
				os.Rename(filepath.Join(d, "clients/cam1/thing.key"), filepath.Join(d, "ca/ca.key")))
		}, "is no ca's", false},
		{"another key", func(d string) error {
			return os.Rename(filepath.Join(d, "clients/cam1/thing.key"), filepath.Join(d, "ca/ca.key"))
		}, "do not belong together", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			made := newDir(t)
			must(made.Thing("cam1"))(t)
			if err := tc.damage(made.Path()); err != nil {
				t.Fatal(err)
			}
			dir, err := certs.Open(made.Path())
			if err == nil || dir != nil || !strings.Contains(err.Error(), tc.why) {
				t.Fatalf("Open = %v, %v; want %q", dir, err, tc.why)
			}
			if errors.Is(err, fs.ErrNotExist) != tc.isGone {
				t.Errorf("errors.Is(%v, fs.ErrNotExist) = %v", err, !tc.isGone)
			}
		})
	}
}
