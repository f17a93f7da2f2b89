// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"thingpass/broker"
	"thingpass/broker/console/access"
)

const right = "correct horse battery"

// clock is a clock that tests set.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// memory is an audit that can fail.
type memory struct {
	mu      sync.Mutex
	entries []broker.Entry
	err     error
}

func (m *memory) Record(e ...broker.Entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	m.entries = append(m.entries, e...)
	return nil
}

func (m *memory) all() []broker.Entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]broker.Entry(nil), m.entries...)
}

// line is a line of a password file with the cheapest hash that is allowed.
func line(name string, role access.Role, password string) string {
	salt := []byte("salt of " + name + "........")[:16]
	hash := argon2.IDKey([]byte(password), salt, 1, 7<<10, 1, 32)
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("%s:%s:$argon2id$v=19$m=7168,t=1,p=1$%s$%s\n", name, role, b64(salt), b64(hash))
}

// world is a guard before a page that says who asks.
type world struct {
	t     testing.TB
	clock *clock
	audit *memory
	dir   string
	users string
	guard *access.Guard
	http  http.Handler
	asked int // how often next was reached
}

// newWorld has the users vera, a viewer, and otto, an operator, over HTTPS.
func newWorld(t testing.TB, changes ...func(*access.Config)) *world {
	t.Helper()
	w := &world{t: t, clock: newClock(), audit: &memory{}, dir: t.TempDir()}
	w.users = filepath.Join(w.dir, "users")
	w.write(w.users, line("vera", access.Viewer, right)+line("otto", access.Operator, right))
	c := access.Config{Users: w.users, Key: filepath.Join(w.dir, "key"), HTTPS: true, Audit: w.audit, Now: w.clock.now}
	for _, change := range changes {
		change(&c)
	}
	var err error
	if w.guard, err = access.New(c); err != nil {
		t.Fatal(err)
	}
	w.http = w.guard.Wrap(http.HandlerFunc(w.page))
	return w
}

func (w *world) page(rw http.ResponseWriter, r *http.Request) {
	w.asked++
	u := access.Of(r.Context())
	fmt.Fprintf(rw, "%s %s %s token=%s;", u.Way, u.Role, u.Name, access.Token(r.Context()))
}

func (w *world) write(path, text string) {
	w.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// browser keeps cookies, as a browser does.
type browser struct {
	*world
	remote  string
	cookies map[string]*http.Cookie
}

func (w *world) browser() *browser {
	return &browser{world: w, remote: "203.0.113.9:4000", cookies: map[string]*http.Cookie{}}
}

// copy is a browser that somebody copied the cookies of.
func (b *browser) copy() *browser {
	c := b.world.browser()
	for name, cookie := range b.cookies {
		c.cookies[name] = cookie
	}
	return c
}

func (b *browser) request(method, target string, form url.Values, change ...func(*http.Request)) *httptest.ResponseRecorder {
	b.t.Helper()
	r := httptest.NewRequest(method, "https://console.example.com"+target, strings.NewReader(form.Encode()))
	r.RemoteAddr = b.remote
	r.Header.Set("Accept", "text/html")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, c := range b.cookies {
		r.AddCookie(c)
	}
	for _, f := range change {
		f(r)
	}
	rec := httptest.NewRecorder()
	b.http.ServeHTTP(rec, r)
	for _, c := range rec.Result().Cookies() {
		if b.cookies[c.Name] = c; c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	return rec
}

func (b *browser) get(target string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	b.t.Helper()
	return b.request(http.MethodGet, target, nil, change...)
}

var tokenOnPage = regexp.MustCompile(`name="csrf" value="([^"]+)"|token=([^;]*);`)

func (b *browser) token(rec *httptest.ResponseRecorder) string {
	m := tokenOnPage.FindStringSubmatch(rec.Body.String())
	if m == nil {
		return ""
	}
	return m[1] + m[2]
}

// signIn signs in as a person does: with the page's form.
func (b *browser) signIn(name, password, next string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	b.t.Helper()
	token := b.token(b.get("/sign-in?next=" + url.QueryEscape(next)))
	return b.request(http.MethodPost, "/sign-in", url.Values{"csrf": {token}, "name": {name}, "password": {password}, "next": {next}}, change...)
}

// in signs in, or ends the test.
func (b *browser) in(name string) *browser {
	b.t.Helper()
	if rec := b.signIn(name, right, "/"); rec.Code != http.StatusSeeOther {
		b.t.Fatalf("sign in as %s: %d %s", name, rec.Code, rec.Body)
	}
	return b
}

// seen is who the page says asks, or empty if it was not reached.
func (b *browser) seen() string {
	b.t.Helper()
	before := b.asked
	rec := b.get("/things")
	if b.asked == before {
		return ""
	}
	who, _, _ := strings.Cut(rec.Body.String(), " token=")
	return who
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}
