// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thingpass/broker/console/access"
)

func TestPasswordFilesAreReadStrictly(t *testing.T) {
	t.Parallel()
	good := strings.TrimSuffix(line("vera", access.Viewer, right), "\n")
	if got, err := access.ParseLine(good); err != nil || got != good {
		t.Fatalf("%q, %v", got, err)
	}
	swap := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	for bad, want := range map[string]string{
		"":                                    "a line is name:role:hash",
		"vera:viewer":                         "a line is name:role:hash",
		"vera:viewer:secret":                  "a hash is $argon2id",
		swap("vera", ""):                      "the name",
		swap("vera", " vera"):                 "the name",
		swap("vera", "ve\x00ra"):              "the name",
		swap("vera", "véra"):                  "the name",
		swap("vera", "-vera"):                 "the name",
		swap("vera", "ve\r\nSet-Cookie"):      "the name",
		swap("vera", strings.Repeat("v", 65)): "the name",
		swap("viewer", "admin"):               `the role "admin" is neither viewer nor operator`,
		swap("viewer", "Viewer"):              "neither",
		swap("viewer", ""):                    "neither",
		swap("argon2id", "argon2i"):           "not argon2id",
		swap("v=19", "v=16"):                  "not argon2id, v=19",
		swap("m=7168", "m=4294967295"):        "m=4294967295 is not from 7168 to 65536",
		swap("m=7168", "m=65537"):             "not from 7168 to 65536",
		swap("m=7168", "m=99999999999"):       "m is no number",
		swap("m=7168", "m=8"):                 "not from 7168",
		swap("m=7168", "m=+7168"):             "m is no number",
		swap("m=7168", "m=07168"):             "m is no number",
		swap("m=7168", "m=-1"):                "m is no number",
		swap("t=1", "t=0"):                    "t=0 is not from 1 to 10",
		swap("t=1", "t=4000000000"):           "not from 1 to 10",
		swap("p=1", "p=0"):                    "p=0 is not from 1 to 8",
		swap("p=1", "p=255"):                  "not from 1 to 8",
		swap("p=1", "p=257"):                  "not from 1 to 8",
		swap(",p=1", ""):                      "are m=…,t=…,p=…",
		swap("m=7168,t=1", "t=1,m=7168"):      "m is no number",
		good + "=":                            "not base64",
		good + "AA":                           "not base64",
		good + "$x":                           "a hash is",
		good + strings.Repeat("A", 100):       "longer than 64 bytes",
		good[:len(good)-27]:                   "shorter than 16 bytes",
		good[:len(good)-1] + "\n":             "not base64",
		good + " ":                            "",
	} {
		got, err := access.ParseLine(bad)
		if err == nil || got != "" || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q, %v; want %s", bad, got, err, want)
		}
	}
}

func TestPasswordFilesErrorsHaveTheirPlaceAndNoHash(t *testing.T) {
	t.Parallel()
	good := line("vera", access.Viewer, right)
	for _, c := range []struct{ text, want string }{
		{"# people\n\n" + good + strings.Replace(good, "m=7168", "m=9", 1), "users:4: the hash's m=9"},
		{good + good, "users:2: vera is in line 1 already"},
		{good + "x", "users:2: a line is name:role:hash"},
	} {
		_, err := access.ParseFile("users", []byte(c.text))
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "$argon2id$v=19$m=7168") {
			t.Errorf("%v; want %s", err, c.want)
		}
	}
	if n, err := access.ParseFile("users", []byte("# people\r\n\r\n"+strings.TrimSuffix(good, "\n")+"\r\n")); n != 1 || err != nil {
		t.Errorf("a file of another system: %d, %v", n, err)
	}
}

func TestFilesThatOthersMayReadAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for mode, good := range map[os.FileMode]bool{0o600: true, 0o400: true, 0o640: true, 0o440: true, 0o644: false, 0o604: false, 0o620: false, 0o660: false, 0o602: false} {
		for _, file := range []string{"users", "key"} {
			path := filepath.Join(w.dir, file)
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			_, err := access.New(access.Config{Users: w.users, Key: filepath.Join(w.dir, "key"), Audit: w.audit})
			if (err == nil) != good || (err != nil && !strings.Contains(err.Error(), "chmod 600")) {
				t.Errorf("%s with mode %o: %v", file, mode, err)
			}
			_ = os.Chmod(path, 0o600)
		}
	}
}

func TestKeyFilesThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, text := range []string{"", "short", strings.Repeat("A", 43), strings.Repeat("a", 10000), "AAAA"} {
		path := filepath.Join(w.dir, "bad")
		w.write(path, text)
		if _, err := access.New(access.Config{Users: w.users, Key: path, Audit: w.audit}); err == nil {
			t.Errorf("%.20q is taken for a key", text)
		}
	}
}

func TestUsersAreAddedChangedAndRemoved(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "users")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(access.AddAccount(path, "vera", access.Viewer, right, false))
	text, err := os.ReadFile(path)
	must(err)
	must(os.WriteFile(path, append([]byte("# people\n"), text...), 0o600))
	must(access.AddAccount(path, "otto", access.Operator, right, false))
	if err := access.AddAccount(path, "vera", access.Operator, right, false); !errors.Is(err, access.ErrExists) {
		t.Errorf("vera again: %v", err)
	}
	must(access.AddAccount(path, "vera", access.Operator, right, true))
	must(access.RemoveAccount(path, "otto"))
	if err := access.RemoveAccount(path, "otto"); !errors.Is(err, access.ErrNoSuch) {
		t.Errorf("otto again: %v", err)
	}
	list, err := access.Accounts(path)
	if err != nil || len(list) != 1 || list[0] != (access.Account{Name: "vera", Role: access.Operator}) {
		t.Errorf("%v, %v", list, err)
	}
	text, err = os.ReadFile(path)
	must(err)
	if !strings.HasPrefix(string(text), "# people\nvera:operator:$argon2id$v=19$m=19456,t=2,p=1$") || strings.Contains(string(text), right) {
		t.Errorf("the file is\n%s", text)
	}
	info, err := os.Stat(path)
	must(err)
	if left, _ := os.ReadDir(filepath.Dir(path)); info.Mode().Perm() != 0o600 || len(left) != 1 {
		t.Errorf("mode %o, files %v", info.Mode().Perm(), left)
	}
}

func TestBadUsersAreNotAdded(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "users")
	for _, c := range []struct {
		name     string
		role     access.Role
		password string
	}{
		{"", access.Viewer, right}, {"a:b", access.Viewer, right}, {"a\nb", access.Viewer, right}, {"#a", access.Viewer, right},
		{"vera", access.None, right}, {"vera", "root", right}, {"vera", access.Viewer, "short"},
		{"vera", access.Viewer, strings.Repeat("x", 1025)}, {"vera", access.Viewer, "two lines\nof password"},
	} {
		if err := access.AddAccount(path, c.name, c.role, c.password, false); err == nil {
			t.Errorf("%q was added", c)
		}
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("there is a file")
	}
	if err := os.WriteFile(path, []byte("broken\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := access.AddAccount(path, "vera", access.Viewer, right, false); err == nil || !strings.Contains(err.Error(), "users:1:") {
		t.Errorf("a file that is broken was written: %v", err)
	}
}

func TestMadePasswordsDoAndDiffer(t *testing.T) {
	t.Parallel()
	a, b := access.NewPassword(), access.NewPassword()
	if a == b || len(a) != 23 || access.CheckPassword(a) != nil {
		t.Errorf("%q %q", a, b)
	}
}

func TestConfigurationsThatLetTheWrongOnesInAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := access.OIDC{Issuer: "https://a.example", ClientID: "c", RedirectURL: "https://b.example/oidc/callback", Viewers: []string{"*"}}
	change := func(f func(*access.OIDC)) *access.OIDC { o := good; f(&o); return &o }
	for want, c := range map[string]access.Config{
		"no way in":             {Audit: w.audit},
		"an audit is needed":    {Loopback: true},
		"needs HTTPS":           {Audit: w.audit, Certificates: &access.Certificates{}},
		"no https:// URL":       {Audit: w.audit, OIDC: change(func(o *access.OIDC) { o.Issuer = "http://a.example" })},
		"client id":             {Audit: w.audit, OIDC: change(func(o *access.OIDC) { o.ClientID = "" })},
		"redirect URL":          {Audit: w.audit, OIDC: change(func(o *access.OIDC) { o.RedirectURL = "https://b.example/" })},
		"nobody could come in":  {Audit: w.audit, OIDC: change(func(o *access.OIDC) { o.Viewers = nil })},
		"* makes viewers":       {Audit: w.audit, OIDC: change(func(o *access.OIDC) { o.Operators = []string{"*"} })},
		"no e-mail address":     {Audit: w.audit, OIDC: change(func(o *access.OIDC) { o.Operators = []string{"otto"} })},
		"no origin of images":   {Audit: w.audit, Loopback: true, Images: []string{"https://a.example; script-src *"}},
		`"https://*.example`:    {Audit: w.audit, Loopback: true, Images: []string{"https://*.example"}},
		`"https://a.example/x"`: {Audit: w.audit, Loopback: true, Images: []string{"https://a.example/x"}},
		"must not be negative":  {Audit: w.audit, Loopback: true, Idle: -1},
		"no such file":          {Audit: w.audit, Users: filepath.Join(w.dir, "none")},
	} {
		if _, err := access.New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, err := access.New(access.Config{Audit: w.audit, OIDC: &good, HTTPS: true}); err != nil {
		t.Error(err)
	}
}
