// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package pages

import (
	"errors"
	"net/http"
	"strings"

	"thingpass/broker"
	"thingpass/broker/console/access"
	"thingpass/broker/operate"
)

// notices are what a page says after an action. A page says none but these: an
// address can be written by anybody.
var notices = map[string]string{
	"capture": "The thing was asked for a photo. It appears here when it is stored.",
	"block":   "The thing is blocked: all its requests are refused.",
	"unblock": "The thing is no longer blocked.",
	"revoke":  "The thing's certificates are revoked.",
	"start":   "The campaign has started.",
	"stop":    "The campaign is stopped. Things that were told already may still fetch.",
}

const maxReason = 200 // bytes

// act does something to a thing and leads back to its page.
func (p *Pages) act(w http.ResponseWriter, r *http.Request, did string, do func(actor, thing string) error) {
	thing := r.PathValue("thing")
	if !broker.ValidThing(thing) {
		p.trouble(w, r, http.StatusNotFound, "There is no such thing.")
		return
	}
	if err := do(access.Of(r.Context()).Name, thing); err != nil {
		p.failed(w, r, did, err)
		return
	}
	http.Redirect(w, r, "/things/"+thing+"?did="+did, http.StatusSeeOther)
}

// failed says why an action was not done, as far as it is the operator's to know.
func (p *Pages) failed(w http.ResponseWriter, r *http.Request, did string, err error) {
	switch {
	case errors.Is(err, operate.ErrNoSuchThing):
		p.trouble(w, r, http.StatusNotFound, "There is no such thing: "+err.Error())
	case errors.Is(err, operate.ErrBadInput):
		p.trouble(w, r, http.StatusBadRequest, err.Error())
	case errors.Is(err, operate.ErrNotConfigured):
		p.trouble(w, r, http.StatusConflict, err.Error())
	default:
		p.cfg.Log.Error("an operator's action failed", "action", did, "thing", r.PathValue("thing"),
			"actor", access.Of(r.Context()).Name, "err", err)
		p.trouble(w, r, http.StatusBadGateway, "It did not work, and may be done in part. Try again; the broker's log says why.")
	}
}

func (p *Pages) capture(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := inTime(r)
	defer cancel()
	p.act(w, r, "capture", func(actor, thing string) error {
		_, err := p.cfg.Operations.Capture(ctx, actor, thing)
		return err
	})
}

func (p *Pages) block(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := inTime(r)
	defer cancel()
	reason := strings.TrimSpace(r.PostForm.Get("reason"))
	if len(reason) > maxReason {
		p.trouble(w, r, http.StatusBadRequest, "The reason is too long: at most 200 bytes.")
		return
	}
	p.act(w, r, "block", func(actor, thing string) error { return p.cfg.Operations.Block(ctx, actor, thing, reason) })
}

func (p *Pages) unblock(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := inTime(r)
	defer cancel()
	p.act(w, r, "unblock", func(actor, thing string) error { return p.cfg.Operations.Unblock(ctx, actor, thing) })
}

// confirmRevoke asks again: a revoked certificate stays so.
func (p *Pages) confirmRevoke(w http.ResponseWriter, r *http.Request) {
	t, ok := p.known(w, r)
	if !ok {
		return
	}
	p.render(w, r, http.StatusOK, p.page(r, "revoke", "Revoke "+t.Name, thingView{Thing: t, Certificate: p.certificate(t.Name), Offers: p.offers()}))
}

// revoke wants the word of the page that asked again.
func (p *Pages) revoke(w http.ResponseWriter, r *http.Request) {
	if r.PostForm.Get("confirm") != "revoke" {
		http.Redirect(w, r, r.URL.EscapedPath(), http.StatusSeeOther)
		return
	}
	ctx, cancel := inTime(r)
	defer cancel()
	p.act(w, r, "revoke", func(actor, thing string) error {
		_, err := p.cfg.Operations.Revoke(ctx, actor, thing)
		return err
	})
}
