// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"bytes"
	_ "embed"
	"html/template"
	"math"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// page is what the gate shows.
type page struct {
	Title, Alert, Text string
	Token, Next        string
	Password           bool   // show the form
	OIDC               string // the provider's name, to sign in with
	SignOut            bool
	Go, Back           string // where to go at once; where one may go
}

func (g *Guard) show(w http.ResponseWriter, status int, p page) {
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		g.log.Error("a page of the console's access cannot be shown", "err", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// refuse says no: as a page to who looks at pages, else as a line.
func (g *Guard) refuse(w http.ResponseWriter, r *http.Request, status int, text string) {
	if !isPage(r) {
		http.Error(w, text, status)
		return
	}
	g.show(w, status, page{Title: "Not done", Alert: text, Back: "/"})
}

// sane answers what nobody may ask, and returns false.
func (g *Guard) sane(w http.ResponseWriter, r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
	default:
		g.refuse(w, r, http.StatusMethodNotAllowed, "The console does not know this method.")
		return false
	}
	if r.Body != nil {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	}
	if err := g.origin.Check(r); err != nil {
		g.refuse(w, r, http.StatusForbidden, "This came from another site. Nothing was done.")
		return false
	}
	return true
}

// slow refuses who asks too often, and returns true.
func (g *Guard) slow(w http.ResponseWriter, r *http.Request, l *limiter, key string) bool {
	wait := l.take(key)
	if wait <= 0 {
		return false
	}
	retryAfter(w, wait)
	g.refuse(w, r, http.StatusTooManyRequests, "Too many requests. Try again in "+seconds(wait)+" s.")
	return true
}

func retryAfter(w http.ResponseWriter, wait time.Duration) {
	w.Header().Set("Retry-After", seconds(wait))
}

func seconds(d time.Duration) string { return strconv.Itoa(max(int(math.Ceil(d.Seconds())), 1)) }

// stranger answers who is nobody: a page leads to signing in and back; what was to
// change something is told that it did not; scripts get a line.
func (g *Guard) stranger(w http.ResponseWriter, r *http.Request, why error) {
	switch {
	case why != errNobody:
		g.refuse(w, r, http.StatusForbidden, "Not let in: "+why.Error()+".")
	case !isPage(r):
		http.Error(w, "nobody is signed in: sign in again", http.StatusUnauthorized)
	case g.users == nil && g.oidc == nil:
		g.refuse(w, r, http.StatusForbidden, "The console asks for a client certificate, and your browser showed none.")
	case !safe(r):
		g.askAgain(w, r, http.StatusUnauthorized, returnPath(cameFrom(r)),
			"You were signed out. What you asked for was not done: sign in, and ask again.")
	case r.Header.Get("Sec-Fetch-Site") == "cross-site":
		// Coming from another site, the browser has kept the cookie back. It sends it
		// if this page, which is ours, leads on.
		g.show(w, http.StatusOK, page{Title: "One moment", Go: signInPath(r.URL.RequestURI())})
	default:
		w.Header().Set("Location", signInPath(r.URL.RequestURI()))
		w.WriteHeader(http.StatusSeeOther)
	}
}

func signInPath(next string) string {
	if next = returnPath(next); next == "/" {
		return pathSignIn
	}
	return pathSignIn + "?next=" + url.QueryEscape(next)
}

// cameFrom is the page of this console that a request came from.
func cameFrom(r *http.Request) string {
	u, err := url.Parse(r.Referer())
	if err != nil || u.Host != r.Host {
		return ""
	}
	return u.RequestURI()
}

// askAgain shows the page for signing in.
func (g *Guard) askAgain(w http.ResponseWriter, r *http.Request, status int, next, alert string) {
	p := page{Title: "Sign in", Alert: alert, Token: mask(g.formToken(w, r)), Next: next, Password: g.users != nil}
	if g.oidc != nil {
		p.OIDC = g.oidc.name
	}
	g.show(w, status, p)
}

func safe(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// isPage says whether the answer is to be looked at, and not for a script.
func isPage(r *http.Request) bool {
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	return r.Header.Get("HX-Request") == "" && strings.Contains(r.Header.Get("Accept"), "text/html")
}

func isStream(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/event-stream")
}

// isStatic says whether the request is for a file that is the same for everybody.
func isStatic(r *http.Request) bool {
	p := r.URL.Path
	return safe(r) && strings.HasPrefix(p, "/static/") && path.Clean(p) == p
}
