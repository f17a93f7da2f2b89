// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package pages

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"thingpass/broker/console/access"
	"thingpass/broker/operate"
)

const (
	defaultPerMinute = 60
	shownCampaigns   = 20
	shownThings      = 24 // of a campaign, those that need a look first
)

// campaignsView is all campaigns and the form for a new one.
type campaignsView struct {
	Campaigns []campaignView
	Groups    []string
	Offer     string // why none can be started; "": one can
	Form      operate.CampaignSpec
	Problem   string // with the form
	Failed    bool   // the campaigns cannot be told
}

// campaignView is how far a campaign is.
type campaignView struct {
	operate.CampaignState
	Total, Answered int
	Counts          []stepCount
	Shown           []operate.CampaignThing
	More            int // things that are not shown
}

type stepCount struct {
	Step  string
	Count int
}

// steps are the states of a campaign's things, those that need a look first.
var steps = []string{"failed", "fetching", "told", "waiting", "done"}

func (p *Pages) campaigns(w http.ResponseWriter, r *http.Request) {
	p.showCampaigns(w, r, http.StatusOK, operate.CampaignSpec{PerMinute: defaultPerMinute}, "")
}

func (p *Pages) showCampaigns(w http.ResponseWriter, r *http.Request, status int, form operate.CampaignSpec, problem string) {
	v := campaignsView{Groups: p.cfg.Operations.Groups(), Form: form, Problem: problem, Offer: p.offers()[string(operate.Campaign)]}
	ctx, cancel := inTime(r)
	defer cancel()
	all, err := p.cfg.Operations.Campaigns(ctx)
	if err != nil {
		p.cfg.Log.Warn("the campaigns are not known", "err", err)
		v.Failed = true
	}
	for _, c := range all[:min(len(all), shownCampaigns)] {
		v.Campaigns = append(v.Campaigns, viewOf(c))
	}
	g := p.page(r, "campaigns", "Campaigns", v).live("")
	g.Self = "/campaigns"
	g.Notice = notices[r.URL.Query().Get("did")]
	p.render(w, r, status, g)
}

func viewOf(c operate.CampaignState) campaignView {
	v := campaignView{CampaignState: c, Total: len(c.Things)}
	byStep := map[string][]operate.CampaignThing{}
	for _, t := range c.Things {
		byStep[t.State] = append(byStep[t.State], t)
	}
	for _, s := range steps {
		things := byStep[s]
		if len(things) == 0 {
			continue
		}
		v.Counts = append(v.Counts, stepCount{s, len(things)})
		if s == "done" || s == "failed" {
			v.Answered += len(things)
		}
		v.Shown = append(v.Shown, things[:min(len(things), shownThings-len(v.Shown))]...)
	}
	v.More = v.Total - len(v.Shown)
	return v
}

func (p *Pages) startCampaign(w http.ResponseWriter, r *http.Request) {
	rate, err := strconv.Atoi(cmp.Or(strings.TrimSpace(r.PostForm.Get("perMinute")), strconv.Itoa(defaultPerMinute)))
	spec := operate.CampaignSpec{Group: r.PostForm.Get("group"), Kind: strings.TrimSpace(r.PostForm.Get("kind")),
		Name: strings.TrimSpace(r.PostForm.Get("name")), PerMinute: rate}
	if err != nil || rate < 1 || rate > 6000 {
		p.showCampaigns(w, r, http.StatusBadRequest, spec, "Things per minute: a number from 1 to 6000.")
		return
	}
	ctx, cancel := inTime(r)
	defer cancel()
	_, err = p.cfg.Operations.StartCampaign(ctx, access.Of(r.Context()).Name, spec)
	switch {
	case errors.Is(err, operate.ErrBadInput):
		p.showCampaigns(w, r, http.StatusBadRequest, spec, err.Error())
	case err != nil:
		p.failed(w, r, "start a campaign", err)
	default:
		http.Redirect(w, r, "/campaigns?did=start", http.StatusSeeOther)
	}
}

func (p *Pages) stopCampaign(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := inTime(r)
	defer cancel()
	if err := p.cfg.Operations.StopCampaign(ctx, access.Of(r.Context()).Name, r.PathValue("id")); err != nil {
		p.failed(w, r, "stop a campaign", err)
		return
	}
	http.Redirect(w, r, "/campaigns?"+url.Values{"did": {"stop"}}.Encode(), http.StatusSeeOther)
}
