// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package pages

import (
	"bytes"
	"compress/gzip"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"time"

	"thingpass/broker/console/access"
)

//go:embed templates
var templateFiles embed.FS

// Each page has two parts: "head", which stays, with forms that people may be filling
// in, and "live", which is asked for again when something is new.
var templates = func() map[string]*template.Template {
	base := template.Must(template.New("").Funcs(functions).ParseFS(templateFiles, "templates/layout.html", "templates/parts.html"))
	all := map[string]*template.Template{}
	for _, name := range []string{"wall", "fleet", "things", "thing", "objects", "campaigns", "revoke", "trouble"} {
		all[name] = template.Must(template.Must(base.Clone()).ParseFS(templateFiles, "templates/"+name+".html"))
	}
	return all
}()

// page is what every template knows.
type page struct {
	Name     string // of the template
	Title    string
	Self     string // the page's own address
	Events   string // where to hear of changes; "": it does not change
	Notice   string // what was just done
	User     access.User
	Operator bool
	CSRF     string
	Version  string
	Actions  bool // there are Operations
	Now      time.Time
	Trouble  string // of the fleet
	Partial  bool   // the bucket has not been read whole yet
	Data     any
}

func (p *Pages) page(r *http.Request, name, title string, data any) page {
	user := access.Of(r.Context())
	return page{
		Name: name, Title: title, Self: r.URL.RequestURI(), User: user, Operator: user.Role == access.Operator,
		CSRF: access.Token(r.Context()), Version: p.cfg.Version, Actions: p.cfg.Operations != nil, Now: p.cfg.Now(), Data: data,
	}
}

// live has a page ask for its changing part again on a change of the thing; "": any.
func (g page) live(thing string) page {
	g.Events = "/events"
	if thing != "" {
		g.Events += "?thing=" + url.QueryEscape(thing)
	}
	return g
}

// render answers with a page, or with its changing part if htmx asks.
func (p *Pages) render(w http.ResponseWriter, r *http.Request, status int, g page) {
	part := "layout"
	if r.Header.Get("HX-Request") == "true" && g.Events != "" {
		part = "live"
	}
	var body bytes.Buffer
	if err := templates[g.Name].ExecuteTemplate(&body, part, g); err != nil {
		p.cfg.Log.Error("a page could not be made", "page", g.Name, "err", err)
		http.Error(w, "this page could not be made; the broker's log says why", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Add("Vary", "HX-Request, Accept-Encoding")
	// What the asker wrote is not compressed together with the token of forms: the
	// length would tell a listener how much of it was guessed (BREACH).
	if r.URL.RawQuery != "" && part == "layout" || !takesGzip(r) {
		w.WriteHeader(status)
		_, _ = w.Write(body.Bytes())
		return
	}
	h.Set("Content-Encoding", "gzip")
	w.WriteHeader(status)
	z := gzip.NewWriter(w)
	_, _ = z.Write(body.Bytes()) // an error: nobody reads any more
	_ = z.Close()
}

// trouble answers with a page that says what is wrong, and what to do.
func (p *Pages) trouble(w http.ResponseWriter, r *http.Request, status int, text string) {
	p.render(w, r, status, p.page(r, "trouble", http.StatusText(status), text))
}
