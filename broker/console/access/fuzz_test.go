// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"thingpass/broker/console/access"
)

// What is read as a line is printed as it was, so that there is one way to write it.
func FuzzPasswordLine(f *testing.F) {
	f.Add(strings.TrimSuffix(line("vera", access.Viewer, right), "\n"))
	f.Add("vera:viewer:$argon2id$v=19$m=4294967295,t=1,p=1$c2FsdCBvZiB2ZXJhLi4u$AAAAAAAAAAAAAAAAAAAAAA")
	f.Add("a:operator:$argon2id$v=19$m=7168,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := access.ParseLine(s)
		if err == nil && got != s {
			t.Errorf("%q is read as %q", s, got)
		}
		if err != nil && (got != "" || strings.ContainsAny(err.Error(), "\r\n")) {
			t.Errorf("%q: %q, %v", s, got, err)
		}
		if strings.ContainsAny(s, "\r\n\x00") && err == nil {
			t.Errorf("%q is one line", s)
		}
	})
}

// No cookie lets anybody in but those that were made with the key, and none panics.
func FuzzCookie(f *testing.F) {
	dir := f.TempDir()
	key, err := access.SessionKey(filepath.Join(dir, "key"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(access.Seal(key, []byte("\x01\x01\x01")))
	f.Add("AAAA")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		content, err := access.Unseal(key, s)
		if err == nil && access.Seal(key, content) != s {
			t.Errorf("%q is another way to write %q", s, access.Seal(key, content))
		}
		if ticket, err := access.ParseTicket([]byte(s)); err == nil && !bytes.Equal(ticket, []byte(s)) {
			t.Errorf("%q is read as %q", s, ticket)
		}
	})
}

func FuzzReturnPath(f *testing.F) {
	for _, s := range []string{"/", "//evil.example", "/\\evil.example", "/\t/evil.example", "/a?b=c", "/.//x", "/%2f%2fx", "/a/../b", "/sign-in"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := access.ReturnPath(s)
		if !harmless(got) {
			t.Errorf("%q leads to %q", s, got)
		}
		if again := access.ReturnPath(got); again != got {
			t.Errorf("%q, then %q", got, again)
		}
	})
}

// What the gate costs a request of who is signed in.
func BenchmarkWrap(b *testing.B) {
	w := newWorld(b, func(c *access.Config) { c.Rate = 1e9 })
	h := w.guard.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r := httptest.NewRequest(http.MethodGet, "https://console.example.com/things", nil)
	r.AddCookie(w.browser().in("vera").cookies[session])
	rec := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(rec, r)
	}
}

// What a sign-in costs with the hash that new passwords have.
func BenchmarkSignIn(b *testing.B) {
	w := newWorld(b, func(c *access.Config) {
		if err := access.AddAccount(c.Users, "vera", access.Viewer, right, true); err != nil {
			b.Fatal(err)
		}
	})
	b.ReportAllocs()
	for b.Loop() {
		w.browser().in("vera")
		w.clock.pass(time.Second)
	}
}
