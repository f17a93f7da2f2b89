// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"thingpass/broker"
	"thingpass/broker/console/access"
)

func TestLoopbackNames(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"localhost", "LOCALHOST:8080", "localhost.:80", "a.localhost", "127.0.0.1", "127.0.0.1:8080", "127.9.9.9", "[::1]", "[::1]:8080"} {
		if !access.LoopbackName(good) {
			t.Errorf("%q is refused", good)
		}
	}
	for _, bad := range []string{"", ":80", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "evil.example:127.0.0.1", "xlocalhost", "0.0.0.0",
		"[::]", "::1", "192.168.1.2", "2130706433", "0x7f.1", "127.1", "127.0.0.1@evil.example", "localhost@evil", "localhost\x00", "[::1%25eth0].evil"} {
		if access.LoopbackName(bad) {
			t.Errorf("%q is taken for this machine", bad)
		}
	}
}

func onLoopback(c *access.Config) { c.Users, c.Loopback, c.HTTPS = "", true, false }

// at makes a request look as one that came over a connection.
func at(local, remote, host string) func(*http.Request) {
	return func(r *http.Request) {
		a, _ := net.ResolveTCPAddr("tcp", local)
		*r = *r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(a)))
		r.RemoteAddr, r.Host = remote, host
	}
}

func TestOnlyThisMachineIsLocal(t *testing.T) {
	t.Parallel()
	w := newWorld(t, onLoopback)
	b := w.browser()
	if rec := b.get("/", at("127.0.0.1:8080", "127.0.0.1:4000", "localhost:8080")); !strings.HasPrefix(rec.Body.String(), "loopback operator loopback") {
		t.Fatalf("this machine is refused: %d %s", rec.Code, rec.Body)
	}
	if rec := b.get("/", at("[::1]:8080", "[::1]:4000", "[::1]:8080")); rec.Code != http.StatusOK {
		t.Errorf("IPv6: %d", rec.Code)
	}
	asked := w.asked
	for name, change := range map[string]func(*http.Request){
		"a rebound name":           at("127.0.0.1:8080", "127.0.0.1:4000", "rebind.evil.example:8080"),
		"another machine":          at("127.0.0.1:8080", "192.168.1.7:4000", "localhost:8080"),
		"another interface":        at("192.168.1.2:8080", "127.0.0.1:4000", "localhost:8080"),
		"no connection at all":     header("X", "y"),
		"the machine's other name": at("127.0.0.1:8080", "127.0.0.1:4000", "192.168.1.2:8080"),
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			if rec := b.request(method, "/", nil, change); rec.Code != http.StatusForbidden && rec.Code != http.StatusUnauthorized {
				t.Errorf("%s %s: %d", method, name, rec.Code)
			}
		}
		if rec := b.get("/sign-in", change); rec.Code != http.StatusForbidden {
			t.Errorf("%s is shown /sign-in: %d", name, rec.Code)
		}
	}
	for _, h := range []string{"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP"} {
		if rec := b.get("/", at("127.0.0.1:8080", "127.0.0.1:4000", "localhost:8080"), header(h, "203.0.113.9")); rec.Code != http.StatusForbidden {
			t.Errorf("behind a proxy (%s): %d", h, rec.Code)
		}
	}
	if w.asked != asked {
		t.Error("somebody came in")
	}
}

func TestLoopbackNeedsTheTokenToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, onLoopback)
	b, here := w.browser(), at("127.0.0.1:8080", "127.0.0.1:4000", "localhost:8080")
	token := b.token(b.get("/", here))
	if rec := b.request(http.MethodPost, "/act", form(), here); rec.Code != http.StatusForbidden {
		t.Errorf("without: %d", rec.Code)
	}
	if rec := b.request(http.MethodPost, "/act", form("csrf", token), here); rec.Code != http.StatusOK {
		t.Errorf("with: %d", rec.Code)
	}
}

func TestReturnPathsStayHere(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"/", "/things/cam1", "/things/cam1?page=2&q=a%20b", "/a/", "/a%2Fb", "/search?q=https://evil.example"} {
		if got := access.ReturnPath(good); got != good {
			t.Errorf("%q became %q", good, got)
		}
	}
	for _, bad := range []string{"", "things", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "\\/evil.example", "/\t/evil.example",
		"\t//evil.example", "/\n/evil.example", " //evil.example", "https://evil.example", "HTTPS:evil.example", "javascript:alert(1)", "data:text/html,x",
		"/%2F/evil.example", "/.//evil.example", "/..//evil.example", "/a/../..//evil.example", "/%5cevil.example/..", "/x/../y", "/./y", "/é", "/\x00", "/\x7f", "/%zz", "@evil.example",
		"/sign-in", "/sign-out", "/oidc/start", "/sign-in?next=/sign-in", "/sign-in/", "/" + strings.Repeat("a", 2000), "?q", "#x", "/a#//evil", "/%00//x"} {
		if got := access.ReturnPath(bad); got != "/" && !harmless(got) {
			t.Errorf("%q became %q", bad, got)
		}
	}
}

// harmless says whether a browser stays at the console with the Location.
func harmless(location string) bool {
	base, _ := url.Parse("https://console.example.com/sign-in")
	u, err := base.Parse(location)
	return err == nil && u.Host == base.Host && u.Scheme == "https" && strings.HasPrefix(location, "/") && !strings.HasPrefix(location, "//") &&
		!strings.ContainsAny(location, "\\\t\r\n\x00 ") && !strings.HasPrefix(u.Path, "//") && !strings.HasPrefix(u.Path, "/sign-")
}

func TestOpenRedirectsAreRefusedEverywhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, evil := range []string{"//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example"} {
		b := w.browser()
		if got := b.signIn("vera", right, evil).Header().Get("Location"); got != "/" {
			t.Errorf("signing in leads to %q", got)
		}
		if got := b.get("/sign-in?next=" + url.QueryEscape(evil)).Header().Get("Location"); got != "/" {
			t.Errorf("being signed in leads to %q", got)
		}
	}
}

func TestGuessesAreSlowedAndUsersAreNotLockedOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	own := w.browser().in("vera") // vera's own browser, which is known from now on
	delete(own.cookies, session)
	for i := range 30 { // from everywhere
		stranger := w.browser()
		stranger.remote = net.JoinHostPort("198.51.100."+strconv.Itoa(i), "1")
		rec := stranger.signIn("vera", "a wrong password", "/")
		if want := http.StatusUnauthorized; i < 10 && rec.Code != want {
			t.Fatalf("guess %d: %d", i, rec.Code)
		}
		if i >= 10 && (rec.Code != http.StatusTooManyRequests || rec.Header().Get("Retry-After") != "6") {
			t.Fatalf("guess %d: %d, Retry-After %q", i, rec.Code, rec.Header().Get("Retry-After"))
		}
	}
	if rec := w.browser().signIn("vera", right, "/"); rec.Code != http.StatusTooManyRequests {
		t.Errorf("a browser that nobody knows: %d", rec.Code)
	}
	if rec := own.signIn("vera", right, "/x"); rec.Code != http.StatusSeeOther {
		t.Errorf("vera is locked out of her own browser: %d", rec.Code)
	}
	if rec := w.browser().signIn("otto", right, "/"); rec.Code != http.StatusSeeOther {
		t.Errorf("otto is slowed for guesses at vera: %d", rec.Code)
	}
	w.clock.pass(6 * time.Second)
	if rec := w.browser().signIn("vera", right, "/"); rec.Code != http.StatusSeeOther {
		t.Errorf("after the time that was told: %d", rec.Code)
	}
}

func TestOneAddressGuessesSlowly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	codes := map[int]int{}
	for i := range 20 {
		b := w.browser()
		b.remote = "[2001:db8:1:2::" + string(rune('a'+i%6)) + "]:99" // one /64
		codes[b.signIn("user"+string(rune('a'+i)), "a wrong password", "/").Code]++
	}
	if codes[http.StatusUnauthorized] != 10 || codes[http.StatusTooManyRequests] != 10 {
		t.Errorf("answers: %v", codes)
	}
}

func TestKnownBrowsersGuessSlowlyToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser().in("vera")
	delete(b.cookies, session)
	codes := map[int]int{}
	for range 20 {
		codes[b.signIn("vera", "a wrong password", "/").Code]++
	}
	if codes[http.StatusUnauthorized] != 10 || codes[http.StatusTooManyRequests] != 10 {
		t.Errorf("answers: %v", codes)
	}
}

func TestSessionsAskSlowly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *access.Config) { c.Rate = 2 })
	b, other := w.browser().in("vera"), w.browser().in("vera")
	for i := range 20 {
		if rec := b.get("/"); rec.Code != http.StatusOK {
			t.Fatalf("request %d: %d", i, rec.Code)
		}
	}
	rec := b.get("/")
	if rec.Code != http.StatusTooManyRequests || rec.Header().Get("Retry-After") != "1" {
		t.Errorf("%d, Retry-After %q", rec.Code, rec.Header().Get("Retry-After"))
	}
	if other.seen() != viewer {
		t.Error("another session is slowed")
	}
	w.clock.pass(time.Second)
	if b.seen() != viewer {
		t.Error("it is still refused after a second")
	}
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	for remote, want := range map[string]string{"192.0.2.1:1": "192.0.2.1", "[::ffff:192.0.2.1]:1": "192.0.2.1", "[2001:db8:1:2:3::4]:1": "2001:db8:1:2::/64",
		"[fe80::1%eth0]:1": "fe80::/64", "": "unknown", "@": "unknown", "192.0.2.1": "unknown"} {
		if got := access.Place(remote); got != want {
			t.Errorf("%q: %q", remote, got)
		}
	}
}

// Newcomers without end neither push out who is limited nor limit everybody.
func TestLimitsKeepTheirRoom(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := access.NewLimiter(1.0/6, 10, c.now)
	for range 10 {
		l.Take("guesser")
	}
	refused := 0
	for i := range 4000 {
		if l.Take("one of many "+time.Duration(i).String()) > 0 {
			refused++
		}
	}
	if l.Take("guesser") == 0 {
		t.Error("the guesser was forgotten")
	}
	if refused > 0 {
		t.Errorf("%d newcomers were refused for others", refused)
	}
}

func TestTheAuditHasWhoCameAndWhoDidNot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser()
	b.signIn("vera", "wrong, but long enough", "/")
	b.signIn("hunter2 my password", "typed into the wrong field", "/")
	b.signIn("x\r\nSet-Cookie: a=b", "x", "/")
	b.in("vera")
	b.request(http.MethodPost, "/sign-out", form("csrf", b.token(b.get("/sign-out"))))
	type row struct {
		request, actor string
		code           broker.Code
		reason         string
	}
	want := []row{
		{"sign-in", "vera", broker.CodeFailed, "wrong name or password, from 203.0.113.9"},
		{"sign-in", "", broker.CodeFailed, "wrong name or password, from 203.0.113.9"},
		{"sign-in", "", broker.CodeFailed, "wrong name or password, from 203.0.113.9"},
		{"sign-in", "vera", broker.CodeDone, "password from 203.0.113.9"},
		{"sign-out", "vera", broker.CodeDone, "password from 203.0.113.9"},
	}
	got := w.audit.all()
	for i, e := range got {
		if i < len(want) && (row{e.Request, e.Actor, e.Code, e.Reason}) != want[i] {
			t.Errorf("line %d: %+v", i, e)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d lines", len(got))
	}
}

func TestFloodsOfFailuresDoNotFillTheAudit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 200 {
		b := w.browser()
		b.remote = net.JoinHostPort("198.51.100."+strconv.Itoa(i), "1")
		b.signIn("vera", "wrong, but long enough", "/")
	}
	if n := len(w.audit.all()); n != 60 {
		t.Errorf("%d lines", n)
	}
	w.clock.pass(time.Minute)
	w.browser().signIn("vera", "wrong, but long enough", "/")
	all := w.audit.all()
	if last := all[len(all)-1].Reason; !strings.Contains(last, "140 failures before it were not written") {
		t.Errorf("the last line says %q", last)
	}
}

func TestNobodyComesInWithoutAnAudit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.audit.err = net.ErrClosed
	b := w.browser()
	if rec := b.signIn("vera", right, "/"); rec.Code != http.StatusServiceUnavailable || b.seen() != "" {
		t.Errorf("%d", rec.Code)
	}
	l := newWorld(t, onLoopback)
	l.audit.err = net.ErrClosed
	here := at("127.0.0.1:8080", "127.0.0.1:4000", "localhost:8080")
	if rec := l.browser().get("/", here); rec.Code != http.StatusServiceUnavailable || l.asked != 0 {
		t.Errorf("loopback: %d", rec.Code)
	}
	l.audit.err = nil
	for range 3 {
		l.browser().get("/", here)
	}
	if n := len(l.audit.all()); n != 1 || l.asked != 3 {
		t.Errorf("%d lines for one who came thrice", n)
	}
}

func TestNamesAreShownOnlyIfTheyCanBe(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "a\nb", "a\x00", "\u202eevil", "a\u200bb", "\xff", "\ufffd", strings.Repeat("a", 255), "a\u2028b"} {
		if access.Printable(bad) {
			t.Errorf("%q", bad)
		}
	}
	if !access.Printable("Ötto der Operator") {
		t.Error("a good name is refused")
	}
}
