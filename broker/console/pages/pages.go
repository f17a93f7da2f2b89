// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package pages is what people see of the fleet: the wall of newest photos, the
// fleet as a whole, each thing, and what operators may do.
//
// The pages are HTML from the server, and can be read without scripts. With them
// a page asks for its changing part again when /events says that something is new
// (htmx [static/htmx.LICENSE], which neither evaluates text nor injects styles as
// it is configured here). Nothing on a page comes from elsewhere but photos, and
// those by way of /view, which signs a URL when it is asked: a signature is never
// in a page or in the log.
package pages

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"thingpass/broker/console/access"
	"thingpass/broker/fleet"
	"thingpass/broker/operate"
)

// Config is what the pages are made of.
type Config struct {
	Fleet      fleet.Reader
	Operations operate.Operations // nil: there is nothing to do
	Thumbs     http.Handler       // GET ?key=; nil: no thumbnails
	// View returns a short presigned GET of an object. nil: objects cannot be seen.
	View func(ctx context.Context, key string) (url string, err error)
	// Certificates tells when the newest certificate of a thing expires. nil: unknown.
	Certificates func(thing string) (expiry time.Time, ok bool)
	// Quota tells what a thing has used. nil: unknown.
	Quota       func(ctx context.Context, thing string) ([]Use, error)
	ViewOrigins []string // where View's URLs point to, such as https://s3.example.org
	Version     string
	Now         func() time.Time // nil: time.Now
	Log         *slog.Logger     // nil: none
}

// Use is how much of a quota is used.
type Use struct {
	What  string // such as "bytes today"
	Used  int64
	Limit int64
	Bytes bool // both are bytes
}

const (
	operationTime = 10 * time.Second // for what asks the bucket or the server
	maxForm       = 16 << 10
)

// Pages serves the console. It is safe for concurrent use.
type Pages struct {
	cfg     Config
	mux     *http.ServeMux
	policy  string
	streams streams
	closing chan struct{}
	close   sync.Once
}

// New returns the console's pages. They are for those whom an access.Gate lets
// through; without one nobody may see anything.
func New(cfg Config) *Pages {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Log = cmp.Or(cfg.Log, slog.New(slog.DiscardHandler))
	p := &Pages{cfg: cfg, mux: http.NewServeMux(), policy: Policy(cfg.ViewOrigins), closing: make(chan struct{}),
		streams: streams{most: maxStreams, mostEach: maxStreamsEach, each: map[string]int{}}}
	p.routes()
	return p
}

func (p *Pages) routes() {
	p.mux.HandleFunc("GET /{$}", p.wall)
	p.mux.HandleFunc("GET /fleet", p.fleet)
	p.mux.HandleFunc("GET /things", p.things)
	p.mux.HandleFunc("GET /things/{thing}", p.thing)
	p.mux.HandleFunc("GET /things/{thing}/objects", p.objects)
	p.mux.HandleFunc("GET /view", p.view)
	p.mux.HandleFunc("GET /events", p.events)
	p.mux.HandleFunc("GET /static/{name}", static)
	p.mux.HandleFunc("GET /api/fleet", p.apiFleet)
	p.mux.HandleFunc("GET /api/things", p.apiThings)
	p.mux.HandleFunc("GET /api/things/{thing}", p.apiThing)
	if p.cfg.Thumbs != nil {
		p.mux.Handle("GET /thumb", p.cfg.Thumbs)
	}
	if p.cfg.Operations != nil {
		p.mux.HandleFunc("GET /campaigns", p.campaigns)
		p.mux.HandleFunc("POST /campaigns", p.operator(p.startCampaign))
		p.mux.HandleFunc("POST /campaigns/{id}/stop", p.operator(p.stopCampaign))
		p.mux.HandleFunc("POST /things/{thing}/capture", p.operator(p.capture))
		p.mux.HandleFunc("POST /things/{thing}/block", p.operator(p.block))
		p.mux.HandleFunc("POST /things/{thing}/unblock", p.operator(p.unblock))
		p.mux.HandleFunc("GET /things/{thing}/revoke", p.operator(p.confirmRevoke))
		p.mux.HandleFunc("POST /things/{thing}/revoke", p.operator(p.revoke))
	}
	p.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		p.trouble(w, r, http.StatusNotFound, "There is no such page.")
	})
}

// Close ends the streams of events, so that a server can shut down. It may be called
// more than once.
func (p *Pages) Close() { p.close.Do(func() { close(p.closing) }) }

// Policy is the Content-Security-Policy that the pages need and keep to.
func Policy(viewOrigins []string) string {
	images := strings.Join(append([]string{"'self'"}, viewOrigins...), " ")
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src " + images + "; connect-src 'self'; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}

// ServeHTTP answers those who have a role; static files are for everybody, the
// pages for signing in have need of them.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", p.policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	if !strings.HasPrefix(r.URL.Path, "/static/") {
		h.Set("Cache-Control", "no-store")
		if access.Of(r.Context()).Role == access.None {
			p.trouble(w, r, http.StatusForbidden, "You are not signed in, or may not see this.")
			return
		}
	}
	p.mux.ServeHTTP(w, r)
}
