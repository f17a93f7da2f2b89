// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package pages

import (
	"context"
	"net/http"
	"time"

	"thingpass/broker"
	"thingpass/broker/console/access"
	"thingpass/broker/fleet"
	"thingpass/broker/operate"
)

const (
	expirySoon = 30 * 24 * time.Hour
	// A newest photo above this is shown as its thumbnail: a page is not to weigh
	// more than a photo of a camera of this kind.
	maxShown   = 4 << 20
	quotaTime  = 2 * time.Second
	blocksTime = 2 * time.Second
)

// thingView is a thing with all that its page tells.
type thingView struct {
	fleet.Thing
	Uploads     []broker.Entry // verified, newest first
	Charts      []chart
	Certificate certificate
	Quotas      []Use
	ShowFull    bool // the newest photo, and not its thumbnail
	Block       *operate.BlockRecord
	Offers      map[string]string // by action: why an action cannot be done; "": it can
}

type certificate struct {
	Known   bool
	Expiry  time.Time
	Days    int
	Expired bool
	Soon    bool
}

func (p *Pages) thing(w http.ResponseWriter, r *http.Request) {
	t, ok := p.known(w, r)
	if !ok {
		return
	}
	v := thingView{Thing: t, ShowFull: t.Newest.Size <= maxShown && p.cfg.View != nil,
		Charts:      []chart{hoursChart(t.Hours), sizesChart(t.Samples), latenciesChart(t.Samples)},
		Certificate: p.certificate(t.Name), Quotas: p.quotas(r, t.Name), Offers: p.offers(),
		Block: p.blockOf(r, t.Name)}
	for _, e := range t.Timeline {
		if e.Code == broker.CodeVerified {
			v.Uploads = append(v.Uploads, e)
		}
	}
	g := p.page(r, "thing", t.Name, v).live(t.Name)
	g.Self = r.URL.EscapedPath() // without what was just done
	g.Notice = notices[r.URL.Query().Get("did")]
	p.render(w, r, http.StatusOK, g)
}

// known returns the thing that the address names, or answers that there is none.
func (p *Pages) known(w http.ResponseWriter, r *http.Request) (fleet.Thing, bool) {
	name := r.PathValue("thing")
	if broker.ValidThing(name) {
		if t, ok := p.cfg.Fleet.Thing(name); ok {
			return t, true
		}
	}
	p.trouble(w, r, http.StatusNotFound, "The fleet knows no thing of this name. A thing appears when it asks for something, or has an object in the bucket.")
	return fleet.Thing{}, false
}

func (p *Pages) certificate(thing string) (c certificate) {
	if p.cfg.Certificates == nil {
		return c
	}
	expiry, ok := p.cfg.Certificates(thing)
	if !ok {
		return c
	}
	left := expiry.Sub(p.cfg.Now())
	return certificate{Known: true, Expiry: expiry, Days: daysUntil(p.cfg.Now(), expiry), Expired: left <= 0, Soon: left < expirySoon}
}

func (p *Pages) quotas(r *http.Request, thing string) []Use {
	if p.cfg.Quota == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), quotaTime)
	defer cancel()
	uses, err := p.cfg.Quota(ctx, thing)
	if err != nil {
		p.cfg.Log.Warn("the quota's use is not known", "thing", thing, "err", err)
		return nil
	}
	return uses
}

// blockOf is nil if nobody blocks the thing, or if that cannot be told.
func (p *Pages) blockOf(r *http.Request, thing string) *operate.BlockRecord {
	if p.cfg.Operations == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), blocksTime)
	defer cancel()
	blocks, err := p.cfg.Operations.Blocks(ctx)
	if err != nil {
		p.cfg.Log.Warn("the blocks are not known", "err", err)
		return nil
	}
	for _, b := range blocks {
		if b.Thing == thing {
			return &b
		}
	}
	return nil
}

func (p *Pages) offers() map[string]string {
	if p.cfg.Operations == nil {
		return nil
	}
	offers := map[string]string{}
	for _, a := range []operate.Action{operate.Capture, operate.Block, operate.Revoke, operate.Campaign} {
		offers[string(a)] = ""
		if err := p.cfg.Operations.Offers(a); err != nil {
			offers[string(a)] = err.Error()
		}
	}
	return offers
}

// operator lets operators through to a handler.
func (p *Pages) operator(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if access.Of(r.Context()).Role != access.Operator {
			p.trouble(w, r, http.StatusForbidden, "Only operators may do this. You may look.")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			p.trouble(w, r, http.StatusBadRequest, "The form could not be read. Go back and send it again.")
			return
		}
		next(w, r)
	}
}
