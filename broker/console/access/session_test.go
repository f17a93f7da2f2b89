// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"thingpass/broker/console/access"
)

const (
	session = "__Host-thingpass-session"
	viewer  = "password viewer vera"
)

func TestWhoSignsInIsKnownWithRole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, want := range map[string]string{"vera": viewer, "otto": "password operator otto"} {
		if got := w.browser().in(name).seen(); got != want {
			t.Errorf("%s is seen as %q", name, got)
		}
	}
}

func TestSessionsCookieIsKeptFromScriptsAndSites(t *testing.T) {
	t.Parallel()
	c := newWorld(t).browser().in("vera").cookies[session]
	if c == nil || !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" || c.MaxAge != 12*3600 {
		t.Errorf("the cookie is %+v", c)
	}
}

func TestNobodyIsSentToSignInAndBack(t *testing.T) {
	t.Parallel()
	b := newWorld(t).browser()
	rec := b.get("/things/cam1?q=a%26b")
	if rec.Code != http.StatusSeeOther || rec.Header().Get("Location") != "/sign-in?next=%2Fthings%2Fcam1%3Fq%3Da%2526b" || b.asked != 0 {
		t.Fatalf("%d %v", rec.Code, rec.Header())
	}
	if rec := b.signIn("vera", right, "/things/cam1?q=a%26b"); rec.Header().Get("Location") != "/things/cam1?q=a%26b" {
		t.Errorf("back at %q", rec.Header().Get("Location"))
	}
	if rec := b.get("/sign-in?next=/wall"); rec.Header().Get("Location") != "/wall" {
		t.Errorf("a page to sign in with for who is signed in: %d", rec.Code)
	}
}

// A cookie that was made with another key, changed anywhere, cut, or is nonsense.
func TestForgedSessionsAreNobodys(t *testing.T) {
	t.Parallel()
	w, other := newWorld(t), newWorld(t)
	good := w.browser().in("otto").cookies[session].Value
	forged := []string{"", ".", "AAAA", good + "A", good[1:], good[:len(good)-1], strings.Repeat("A", 5000),
		other.browser().in("otto").cookies[session].Value}
	raw, err := base64.RawURLEncoding.DecodeString(good)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		for _, bit := range []byte{1, 0x80} {
			changed := bytes.Clone(raw)
			changed[i] ^= bit
			forged = append(forged, base64.RawURLEncoding.EncodeToString(changed))
		}
	}
	for _, value := range forged {
		b := w.browser()
		b.cookies[session] = &http.Cookie{Name: session, Value: value}
		if got := b.seen(); got != "" {
			t.Errorf("the cookie %q makes %q", value, got)
		}
	}
	b := w.browser()
	b.cookies[session] = &http.Cookie{Name: session, Value: good}
	if got := b.seen(); got != "password operator otto" {
		t.Errorf("the good cookie makes %q", got)
	}
}

// What is sealed for one purpose is good for no other.
func TestDeviceCookieIsNoSession(t *testing.T) {
	t.Parallel()
	b := newWorld(t).browser().in("otto")
	b.cookies[session] = &http.Cookie{Name: session, Value: b.cookies["__Host-thingpass-device"].Value}
	if got := b.seen(); got != "" {
		t.Errorf("it makes %q", got)
	}
}

func TestIdleSessionsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser().in("vera")
	old := b.copy()
	for range 3 { // who comes every 50 minutes stays
		w.clock.pass(50 * time.Minute)
		if b.seen() != viewer {
			t.Fatal("the session ended while it was used")
		}
	}
	if old.seen() != "" {
		t.Error("a cookie of 150 minutes ago is good")
	}
	w.clock.pass(time.Hour)
	if b.seen() != "" {
		t.Error("an hour without a request did not end the session")
	}
}

func TestAllSessionsEndInTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser().in("vera")
	for range 23 {
		w.clock.pass(30 * time.Minute)
		if b.seen() != viewer {
			t.Fatal("it ended early")
		}
	}
	w.clock.pass(30 * time.Minute)
	if b.seen() != "" {
		t.Error("it is older than 12 hours")
	}
}

func TestSessionsOfTheFutureAreNobodys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.clock.pass(time.Minute) // skew between replicas
	b := w.browser().in("vera")
	w.clock.pass(-time.Minute)
	if b.seen() != viewer {
		t.Error("a minute of skew ends sessions")
	}
	w.clock.pass(-time.Hour)
	if b.seen() != "" {
		t.Error("a session of in an hour is good")
	}
}

func TestSignedOutSessionsAreNobodys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser().in("vera")
	thief, other := b.copy(), w.browser().in("vera")
	token := b.token(b.get("/sign-out"))
	if rec := b.request(http.MethodPost, "/sign-out", form("csrf", token)); rec.Code != http.StatusOK || b.cookies[session] != nil {
		t.Fatalf("sign out: %d, cookie %v", rec.Code, b.cookies[session])
	}
	if got := thief.seen(); got != "" {
		t.Errorf("a copy of the cookie makes %q", got)
	}
	if other.seen() != viewer {
		t.Error("the user's other browser is signed out as well")
	}
}

// Replicas share the key and the users; a restart is a new replica.
func TestReplicasTakeEachOthersSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser().in("vera")
	second := newWorld(t, func(c *access.Config) { c.Users, c.Key = w.users, filepath.Join(w.dir, "key") })
	c := second.browser()
	c.cookies = b.cookies
	if got := c.seen(); got != viewer {
		t.Errorf("the other replica sees %q", got)
	}
	info, err := os.Stat(filepath.Join(w.dir, "key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key file: %v %v", info.Mode(), err)
	}
}

func TestChangedUsersAreSignedOut(t *testing.T) {
	t.Parallel()
	otto := line("otto", access.Operator, right)
	for name, users := range map[string]string{
		"removed":  otto,
		"role":     otto + line("vera", access.Operator, right),
		"password": otto + line("vera", access.Viewer, "another password"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			vera, otto := w.browser().in("vera"), w.browser().in("otto")
			w.write(w.users, users)
			w.clock.pass(access.WatchEvery)
			if got := vera.seen(); got != "" {
				t.Errorf("vera is %q", got)
			}
			if otto.seen() == "" {
				t.Error("otto was signed out as well")
			}
		})
	}
}

func TestBrokenUsersFileChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser().in("vera")
	w.write(w.users, "vera:viewer\n")
	w.clock.pass(access.WatchEvery)
	if b.seen() != viewer {
		t.Error("a slip in the file signed vera out")
	}
	w.write(w.users, line("otto", access.Operator, right))
	w.clock.pass(access.WatchEvery)
	if b.seen() != "" {
		t.Error("the file was not read again after a slip")
	}
}

func TestClosedWaysEndTheirSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser().in("vera")
	second := newWorld(t, func(c *access.Config) {
		c.Users, c.Key, c.OIDC = "", filepath.Join(w.dir, "key"), &access.OIDC{Issuer: "https://accounts.example.com", ClientID: "c",
			RedirectURL: "https://console.example.com/oidc/callback", Viewers: []string{"*"}}
	})
	c := second.browser()
	c.cookies = b.cookies
	if got := c.seen(); got != "" {
		t.Errorf("a password's session makes %q where there are no passwords", got)
	}
}
