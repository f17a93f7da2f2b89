// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"thingpass/broker/console/access"
)

func form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

func TestChangesNeedTheSessionsToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b, other := w.browser().in("otto"), w.browser().in("otto")
	token, foreign := b.token(b.get("/things")), other.token(other.get("/things"))
	before := b.token(w.browser().get("/sign-in"))
	for name, bad := range map[string]func() int{
		"no token":        func() int { return b.request(http.MethodPost, "/act", form()).Code },
		"in the query":    func() int { return b.request(http.MethodPost, "/act?csrf="+token, form()).Code },
		"another's token": func() int { return b.request(http.MethodPost, "/act", form("csrf", foreign)).Code },
		"of before":       func() int { return b.request(http.MethodPost, "/act", form("csrf", before)).Code },
		"cut":             func() int { return b.request(http.MethodPost, "/act", form("csrf", token[1:])).Code },
		"of zeros": func() int {
			return b.request(http.MethodPost, "/act", form("csrf", strings.Repeat("A", len(token)))).Code
		},
		"wrong header": func() int { return b.request(http.MethodPut, "/act", nil, header("X-CSRF-Token", foreign)).Code },
		"DELETE":       func() int { return b.request(http.MethodDelete, "/act", nil).Code },
		"PATCH":        func() int { return b.request(http.MethodPatch, "/act", nil).Code },
		"a body too large": func() int {
			return b.request(http.MethodPost, "/act", form("a", strings.Repeat("a", 2<<20), "csrf", token)).Code
		},
	} {
		asked := w.asked
		if code := bad(); code != http.StatusForbidden || w.asked != asked {
			t.Errorf("%s: %d, done %v", name, code, w.asked != asked)
		}
	}
	for name, good := range map[string]func() int{
		"form":   func() int { return b.request(http.MethodPost, "/act", form("csrf", token)).Code },
		"header": func() int { return b.request(http.MethodDelete, "/act", nil, header("X-CSRF-Token", token)).Code },
	} {
		if code := good(); code != http.StatusOK {
			t.Errorf("%s: %d", name, code)
		}
	}
	if again := b.token(b.get("/things")); again == token {
		t.Error("the token looks the same on each page, for a compressed answer to betray")
	}
}

func TestOtherSitesChangeNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser().in("otto")
	token := b.token(b.get("/things"))
	for _, h := range [][2]string{
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Sec-Fetch-Site", "what"},
		{"Origin", "https://evil.example"}, {"Origin", "null"}, {"Origin", "https://console.example.com.evil.example"},
	} {
		asked := w.asked
		for _, path := range []string{"/act", "/sign-in", "/sign-out"} {
			if rec := b.request(http.MethodPost, path, form("csrf", token), header(h[0], h[1])); rec.Code != http.StatusForbidden {
				t.Errorf("%s %s: POST %s: %d", h[0], h[1], path, rec.Code)
			}
		}
		if w.asked != asked || b.seen() == "" {
			t.Errorf("%s %s changed something", h[0], h[1])
		}
	}
	for _, method := range []string{"OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get"} {
		if rec := b.request(method, "/act", nil); rec.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", method, rec.Code)
		}
	}
}

// Who is made to sign in as somebody else would work in the other's name.
func TestSigningInNeedsAToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser()
	if rec := b.request(http.MethodPost, "/sign-in", form("name", "vera", "password", right)); rec.Code != http.StatusForbidden || b.seen() != "" {
		t.Errorf("without a token: %d", rec.Code)
	}
	token := b.token(w.browser().get("/sign-in")) // of another browser
	if rec := b.request(http.MethodPost, "/sign-in", form("csrf", token, "name", "vera", "password", right)); rec.Code != http.StatusForbidden || b.seen() != "" {
		t.Errorf("with another browser's token: %d", rec.Code)
	}
}

func TestReadingChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser().in("vera")
	for _, target := range []string{"/sign-out", "/sign-out?csrf=x", "/sign-in?name=otto&password=x"} {
		b.get(target)
		if b.seen() != viewer {
			t.Fatalf("GET %s ended the session", target)
		}
	}
}

func TestSessionsThatEndInMidAction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser().in("otto")
	token := b.token(b.get("/things/cam1"))
	w.clock.pass(13 * time.Hour)
	asked := w.asked
	from := header("Referer", "https://console.example.com/things/cam1?page=2")
	rec := b.request(http.MethodPost, "/things/cam1/block", form("csrf", token), from)
	page := rec.Body.String()
	if rec.Code != http.StatusUnauthorized || w.asked != asked || !strings.Contains(page, `role="alert"`) || !strings.Contains(page, "was not done") {
		t.Fatalf("%d\n%s", rec.Code, page)
	}
	if !strings.Contains(page, `name="next" value="/things/cam1?page=2"`) {
		t.Errorf("the way back is lost:\n%s", page)
	}
	again := b.request(http.MethodPost, "/sign-in", form("csrf", b.token(rec), "name", "otto", "password", right, "next", "/things/cam1?page=2"))
	if again.Header().Get("Location") != "/things/cam1?page=2" {
		t.Errorf("signing in from that page: %d", again.Code)
	}
	evil := w.browser().request(http.MethodPost, "/act", form(), header("Referer", "https://evil.example/things"))
	if !strings.Contains(evil.Body.String(), `name="next" value="/"`) {
		t.Error("another site's path became the way back")
	}
}

func TestScriptsGetALineIfNobodyIsSignedIn(t *testing.T) {
	t.Parallel()
	b := newWorld(t).browser()
	for name, change := range map[string]func(*http.Request){
		"fetch":  header("Sec-Fetch-Mode", "cors"),
		"stream": func(r *http.Request) { r.Header.Set("Accept", "text/event-stream") },
		"htmx":   header("HX-Request", "true"),
		"image":  header("Sec-Fetch-Mode", "no-cors"),
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			rec := b.request(method, "/events", nil, change)
			if rec.Code != http.StatusUnauthorized || !strings.HasPrefix(rec.Header().Get("Content-Type"), "text/plain") {
				t.Errorf("%s %s: %d %s", method, name, rec.Code, rec.Header().Get("Content-Type"))
			}
		}
	}
}

// A link from another site comes without the cookie, which is SameSite=Strict.
func TestLinksFromOtherSitesFindTheSession(t *testing.T) {
	t.Parallel()
	b := newWorld(t).browser()
	rec := b.get("/things/cam1", header("Sec-Fetch-Site", "cross-site"), header("Sec-Fetch-Mode", "navigate"))
	if rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), `content="0;url=/sign-in?next=%2Fthings%2Fcam1"`) || b.asked != 0 {
		t.Errorf("%d\n%s", rec.Code, rec.Body)
	}
}

func TestEveryAnswerIsHardened(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *access.Config) { c.Images = []string{"https://s3.example.com:9000"} })
	b := w.browser().in("vera")
	for _, target := range []string{"/", "/sign-in", "/sign-out", "/static/style.css", "/oidc/none"} {
		for _, who := range []*browser{b, w.browser()} {
			h := who.get(target).Header()
			csp := h.Get("Content-Security-Policy")
			if strings.Contains(csp, "unsafe") || !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") ||
				!strings.Contains(csp, "img-src 'self' https://s3.example.com:9000;") {
				t.Errorf("%s: the policy is %q", target, csp)
			}
			for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
				"Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store", "Strict-Transport-Security": "max-age=31536000"} {
				if h.Get(name) != want {
					t.Errorf("%s: %s is %q", target, name, h.Get(name))
				}
			}
		}
	}
}

func TestPagesHaveNothingInline(t *testing.T) {
	t.Parallel()
	b := newWorld(t).browser()
	page := b.get("/sign-in?next=" + url.QueryEscape(`/a"><script>alert(1)</script>`)).Body.String()
	page += b.signIn(`"><script>alert(1)</script>`, "x", "/").Body.String()
	for _, bad := range []string{"<script", "<style", "style=", "onclick", "onload", "javascript:"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q:\n%s", bad, page)
		}
	}
	for _, want := range []string{`<label for="name">`, `<label for="password">`, `role="alert"`, `lang="en"`, `name="viewport"`, `autocomplete="current-password"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

func TestStaticFilesAreForEverybodyAndNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser()
	if rec := b.get("/static/style.css"); rec.Code != http.StatusOK || w.asked != 1 {
		t.Errorf("%d", rec.Code)
	}
	for _, target := range []string{"/static", "/static/../things", "/static/%2e%2e/things", "/static//x", "/static/..", "/staticx/a", "/STATIC/a", "/static/./a"} {
		b.get(target)
	}
	b.request(http.MethodPost, "/static/style.css", form())
	if w.asked != 1 {
		t.Errorf("%d more than the one file were to be had", w.asked-1)
	}
}
