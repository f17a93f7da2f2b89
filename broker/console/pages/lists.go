// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package pages

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"thingpass/broker"
	"thingpass/broker/fleet"
)

const (
	wallPage   = 24
	thingsPage = 50
	maxSearch  = 128 // bytes, as long as a thing's name
	maxPage    = 1 << 20
)

// list is a page of things and how it was asked for.
type list struct {
	fleet.Page
	Query          fleet.Query
	From, To       int
	Previous, Next string // addresses; "": none
}

// queryOf reads what is asked for. What makes no sense is as if it were not there.
func queryOf(r *http.Request, sort fleet.Sort, limit int) fleet.Query {
	v := r.URL.Query()
	q := fleet.Query{Text: strings.TrimSpace(v.Get("q")), Sort: sort, Limit: limit}
	if len(q.Text) > maxSearch {
		q.Text = strings.ToValidUTF8(q.Text[:maxSearch], "")
	}
	if s := fleet.State(v.Get("state")); slices.Contains(fleet.States, s) {
		q.State = s
	}
	if s := fleet.Sort(v.Get("sort")); slices.Contains([]fleet.Sort{fleet.ByName, fleet.ByNewest, fleet.BySeen, fleet.ByRefused}, s) {
		q.Sort = s
	}
	if n, err := strconv.Atoi(v.Get("page")); err == nil && n > 0 && n <= maxPage {
		q.Page = n
	}
	if n, err := strconv.Atoi(v.Get("limit")); err == nil && n > 0 && n <= 200 {
		q.Limit = n
	}
	return q
}

func (p *Pages) list(r *http.Request, q fleet.Query) list {
	l := list{Page: p.cfg.Fleet.Things(q), Query: q}
	if len(l.Things) > 0 {
		l.From = q.Page*q.Limit + 1
		l.To = l.From + len(l.Things) - 1
	}
	if q.Page > 0 {
		l.Previous = withPage(r.URL, q.Page-1)
	}
	if l.To > 0 && l.To < l.Total {
		l.Next = withPage(r.URL, q.Page+1)
	}
	return l
}

// withPage is the address of another page of the same list.
func withPage(u *url.URL, n int) string {
	v := u.Query()
	v.Set("page", strconv.Itoa(n))
	if n == 0 {
		v.Del("page")
	}
	if len(v) == 0 {
		return u.Path
	}
	return u.Path + "?" + v.Encode()
}

func (p *Pages) wall(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r, fleet.ByNewest, wallPage)
	g := p.page(r, "wall", "Photos", p.list(r, q)).live("")
	p.render(w, r, http.StatusOK, p.withHealth(g, p.cfg.Fleet.Overview()))
}

func (p *Pages) things(w http.ResponseWriter, r *http.Request) {
	g := p.page(r, "things", "Things", p.list(r, queryOf(r, fleet.ByName, thingsPage))).live("")
	p.render(w, r, http.StatusOK, p.withHealth(g, p.cfg.Fleet.Overview()))
}

// withHealth has the page say why it may not show all.
func (p *Pages) withHealth(g page, o fleet.Overview) page {
	g.Trouble, g.Partial = o.Trouble, !o.Complete
	if desk, ok := p.cfg.Operations.(interface{ Trouble() string }); ok && desk.Trouble() != "" {
		g.Trouble = strings.TrimPrefix(g.Trouble+"; "+desk.Trouble(), "; ")
	}
	return g
}

// fleetView is the fleet with what is worked out for the page.
type fleetView struct {
	fleet.Overview
	Chart    chart
	States   []stateCount
	Codes    []codeCount
	LastHour fleet.Tally
}

type stateCount struct {
	State fleet.State
	Count int
}

type codeCount struct {
	Code  broker.Code
	Count int64
	Share int64 // percent of the most frequent one
}

func (p *Pages) fleet(w http.ResponseWriter, r *http.Request) {
	o := p.cfg.Fleet.Overview()
	v := fleetView{Overview: o, Chart: hoursChart(o.Hours), Codes: codesOf(o.Today)}
	for _, s := range fleet.States {
		v.States = append(v.States, stateCount{s, o.ByState[s]})
	}
	if n := len(o.Hours); n > 1 {
		v.LastHour = o.Hours[n-2].Tally // the last one that is whole
	}
	p.render(w, r, http.StatusOK, p.withHealth(p.page(r, "fleet", "Fleet", v).live(""), o))
}

// codesOf are the refusals, the most frequent first.
func codesOf(t fleet.Tally) (codes []codeCount) {
	for code, n := range t.ByCode {
		codes = append(codes, codeCount{Code: code, Count: n})
	}
	slices.SortFunc(codes, func(a, b codeCount) int {
		if a.Count != b.Count {
			return int(min(1, max(-1, b.Count-a.Count)))
		}
		return strings.Compare(string(a.Code), string(b.Code))
	})
	for i := range codes {
		codes[i].Share = percent(codes[i].Count, codes[0].Count)
	}
	return codes
}

// inTime bounds what a page waits for.
func inTime(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(r.Context(), operationTime)
}

// daysUntil are whole days, negative if t is past.
func daysUntil(now, t time.Time) int { return int(t.Sub(now).Hours() / 24) }
