// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"thingpass/certs"
)

// thingpassCerts runs `thingpass certs ARGS...` and returns what it prints.
func thingpassCerts(t *testing.T, args ...string) (string, error) {
	t.Helper()
	root := &cobra.Command{Use: "thingpass", SilenceErrors: true}
	root.AddCommand(certsCommand())
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&out)
	root.SetArgs(append([]string{"certs"}, args...))
	err := root.Execute()
	return out.String(), err
}

func mustCerts(t *testing.T, args ...string) string {
	t.Helper()
	out, err := thingpassCerts(t, args...)
	if err != nil {
		t.Fatalf("thingpass certs %s: %v", strings.Join(args, " "), err)
	}
	return out
}

// Each command says what it made, where, until when, and what to do next; what
// it says to do next works.
func TestCertsCommandsLeadFromOneToTheNext(t *testing.T) {
	t.Chdir(t.TempDir())
	next := "init"
	for _, want := range []struct{ made, file string }{
		{`made the CA "thingpass development CA"`, "ca/ca.key"},
		{`issued server "localhost"`, "servers/localhost/server.key"},
		{`issued service "thingpass-broker"`, "clients/thingpass-broker/service.key"},
		{`issued thing "cam1"`, "clients/cam1/thing.key"},
	} {
		out := mustCerts(t, strings.Fields(next)...)
		if !strings.Contains(out, want.made) || !regexp.MustCompile(`valid until 20\d\d-\d\d-\d\d \((825|3650) days\)`).MatchString(out) {
			t.Errorf("certs %s printed\n%s", next, out)
		}
		for line := range strings.Lines(out) {
			if path, ok := strings.CutPrefix(line, "  "); ok {
				if _, err := os.Stat(strings.Fields(path)[0]); err != nil {
					t.Error(err)
				}
			}
		}
		if !strings.Contains(out, "certs-dev/"+want.file) {
			t.Errorf("no word of %s in\n%s", want.file, out)
		}
		_, next, _ = strings.Cut(strings.TrimSpace(out), "next: thingpass certs ")
	}
	if next != "list" {
		t.Errorf("the last command says to run %q", next)
	}
	out := mustCerts(t, "list")
	if n := strings.Count(out, " valid "); n != 4 || !strings.Contains(out, "localhost,127.0.0.1") {
		t.Errorf("%d valid in\n%s", n, out)
	}
}

func TestCertsDirIsHandedOn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "it's here")
	out := mustCerts(t, "init", "--dir", dir, "--name", "bench 3", "--days", "10")
	if want := `--dir '` + strings.ReplaceAll(dir, "'", `'\''`) + "'\n"; !strings.HasSuffix(out, want) {
		t.Errorf("the next command lacks %s in\n%s", want, out)
	}
	if !strings.Contains(out, `made the CA "bench 3"`) || !strings.Contains(out, "(10 days)") {
		t.Errorf("printed\n%s", out)
	}
	// a CA of ten days issues nothing for longer, and says so
	if out := mustCerts(t, "thing", "cam1", "--dir", dir); !strings.Contains(out, "(10 days)") {
		t.Errorf("printed\n%s", out)
	}
	if _, err := certs.Open(dir); err != nil {
		t.Error(err)
	}
}

func TestCertsErrorsAreOneLineThatHelps(t *testing.T) {
	t.Chdir(t.TempDir())
	mustCerts(t, "init")
	mustCerts(t, "thing", "cam1")
	mustCerts(t, "service", "broker")
	mustCerts(t, "thing", "lost")
	if err := os.Remove("certs-dev/clients/lost/thing.key"); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		args string
		why  string
	}{
		{"init", "certs-dev holds a CA already, and keys are never overwritten: use it, or choose another directory"},
		{"init --days 0 --dir x", "use 1 to 36500"},
		{"init --days many --dir x", "invalid argument"},
		{"init extra", `takes nothing but flags, but was given ["extra"]`},
		{"thing cam1", `thing "cam1" has a certificate until 20`},
		{"thing broker", "name of a service already"},
		{"service cam1", "name of a thing already"},
		{"thing lost", "without its key"},
		{"thing", "takes the thing's name, such as cam1"},
		{"thing cam1 cam2", "takes the thing's name, such as cam1"},
		{"thing -cam1", "a name that begins with - goes last, behind --"},
		{"service --cam1", "a name that begins with - goes last, behind --"},
		{"thing cam+1", "an MQTT wildcard"},
		{"thing " + strings.Repeat("a", 65), "at most 64"},
		{"thing cam2 --days -1", "use 1 to 36500"},
		{"thing cam2 --dir elsewhere", "make one with thingpass certs init --dir elsewhere"},
		{"server", "at least one host"},
		{"server localhost:8883", "leave out scheme, port and brackets"},
		{"list --expiring soon", "such as 30d or 12h"},
		{"list --expiring -1d", "no number of days"},
		{"list --expiring -1h", "such as 30d or 12h"},
		{"list --dir elsewhere", "make one with thingpass certs init --dir elsewhere"},
		{"thnig cam1", `unknown command "thnig" for thingpass certs: use thing`},
		{"frobnicate", "use one of those that thingpass certs --help lists"},
	} {
		out, err := thingpassCerts(t, strings.Fields(tc.args)...)
		if err == nil || !strings.Contains(err.Error(), tc.why) || strings.Contains(err.Error(), "\n") {
			t.Errorf("certs %s: %v, want one line with %q", tc.args, err, tc.why)
		}
		if out != "" {
			t.Errorf("certs %s printed, beside its error:\n%s", tc.args, out)
		}
	}
	for _, path := range []string{"x", "elsewhere"} {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("an error left %s behind", path)
		}
	}
}

func TestCertsNameThatLooksLikeAFlag(t *testing.T) {
	t.Chdir(t.TempDir())
	mustCerts(t, "init")
	if out := mustCerts(t, "thing", "--", "-rf"); !strings.Contains(out, `issued thing "-rf"`) {
		t.Errorf("printed\n%s", out)
	}
}

func TestCertsListFindsWhatExpires(t *testing.T) {
	t.Chdir(t.TempDir())
	mustCerts(t, "init")
	mustCerts(t, "thing", "short", "--days", "10")
	mustCerts(t, "thing", "long", "--days", "50")
	for _, tc := range []struct {
		args  string
		names string
	}{
		{"", "thingpass development CA, long, short"},
		{"--expiring 30d", "short"},
		{"--expiring 60d", "long, short"},
		{"--expiring 241h", "short"},
		{"--expiring 9d", ""},
	} {
		out := mustCerts(t, append([]string{"list", "--json"}, strings.Fields(tc.args)...)...)
		var entries []certs.Entry
		if err := json.Unmarshal([]byte(out), &entries); err != nil || entries == nil {
			t.Fatalf("%v in\n%s", err, out)
		}
		var names []string
		for _, e := range entries {
			names = append(names, e.Name)
		}
		if got := strings.Join(names, ", "); got != tc.names {
			t.Errorf("list %s: %s, want %s", tc.args, got, tc.names)
		}
	}
	if out := mustCerts(t, "list"); strings.Count(out, "expires soon") != 2 || !strings.Contains(out, "thingpass certs renew short") {
		t.Errorf("want a state and advice for the one that expires soon:\n%s", out)
	}
	if out := mustCerts(t, "list", "--expiring", "1d"); out != "nothing expires within that time\n" {
		t.Errorf("printed %q", out)
	}
}

func TestCertsListShowsDamage(t *testing.T) {
	t.Chdir(t.TempDir())
	mustCerts(t, "init")
	mustCerts(t, "thing", "cam1")
	if err := os.Remove("certs-dev/clients/cam1/thing.key"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir("certs-dev/clients/\x1b[31mred", 0o700); err != nil {
		t.Fatal(err)
	}
	out := mustCerts(t, "list")
	if !strings.Contains(out, "thing cam1: key missing: restore certs-dev/clients/cam1/thing.key") {
		t.Errorf("no advice on the missing key in\n%s", out)
	}
	if strings.Contains(out, "\x1b") || !strings.Contains(out, "?[31mred") {
		t.Errorf("a stray file steers the terminal: %q", out)
	}
}

func TestCertsNeverPrintKeys(t *testing.T) {
	t.Chdir(t.TempDir())
	var out string
	for _, args := range []string{"init", "server localhost", "service broker", "thing cam1", "list", "list --json"} {
		out += mustCerts(t, strings.Fields(args)...)
	}
	for _, glob := range []string{"certs-dev/ca/*.key", "certs-dev/*/*/*.key"} {
		keys, _ := filepath.Glob(glob)
		if len(keys) == 0 {
			t.Fatalf("no keys in %s", glob)
		}
		for _, key := range keys {
			data, err := os.ReadFile(key)
			if err != nil {
				t.Fatal(err)
			}
			if body := strings.Split(string(data), "\n")[1]; strings.Contains(out, body[40:]) {
				t.Errorf("%s was printed", key)
			}
		}
	}
}

func TestCertsHelpHasAnExampleEach(t *testing.T) {
	for _, sub := range []string{"", "init", "thing", "service", "server", "list", "sign", "renew", "rotate", "revoke", "crl", "bundle", "check", "roots"} {
		out := mustCerts(t, append(strings.Fields(sub), "--help")...)
		if !strings.Contains(out, "Examples:\n  thingpass certs "+sub) || !strings.Contains(out, "--dir") {
			t.Errorf("help of certs %s:\n%s", sub, out)
		}
	}
	if out := mustCerts(t); !strings.Contains(out, "Examples:") {
		t.Errorf("certs alone printed\n%s", out)
	}
}
