// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package pages_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"thingpass/broker"
	"thingpass/broker/console/access"
	"thingpass/broker/console/pages"
	"thingpass/broker/fleet"
	"thingpass/broker/operate"
)

var now = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

const token = "t0ken"

// things is a fleet.Reader of what it is given.
type things struct {
	all     []fleet.Thing
	over    fleet.Overview
	objects func(ctx context.Context, thing, before string) ([]fleet.Object, string, error)

	mu      sync.Mutex
	readers []chan fleet.Change
}

func (f *things) Overview() fleet.Overview { return f.over }

func (f *things) Things(q fleet.Query) (p fleet.Page) {
	if q.Text == "" && q.State == "" { // quick: the pages are measured, and not this
		from := min(q.Page*q.Limit, len(f.all))
		for _, t := range f.all[from:min(from+q.Limit, len(f.all))] {
			p.Things = append(p.Things, t.Summary)
		}
		p.Total = len(f.all)
		return p
	}
	var match []fleet.Summary
	for _, t := range f.all {
		if strings.Contains(strings.ToLower(t.Name), strings.ToLower(q.Text)) && (q.State == "" || q.State == t.State) {
			match = append(match, t.Summary)
		}
	}
	from := min(q.Page*q.Limit, len(match))
	return fleet.Page{Things: match[from:min(from+q.Limit, len(match))], Total: len(match)}
}

func (f *things) Thing(name string) (fleet.Thing, bool) {
	i := slices.IndexFunc(f.all, func(t fleet.Thing) bool { return t.Name == name })
	if i < 0 {
		return fleet.Thing{}, false
	}
	return f.all[i], true
}

func (f *things) Objects(ctx context.Context, thing, before string, _ int) ([]fleet.Object, string, error) {
	if f.objects == nil {
		return nil, "", nil
	}
	return f.objects(ctx, thing, before)
}

func (f *things) Changes(context.Context) <-chan fleet.Change {
	c := make(chan fleet.Change, 1)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.readers = append(f.readers, c)
	return c
}

// change tells all readers, and waits for those that are slow no longer than a moment.
func (f *things) change(c fleet.Change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.readers {
		select {
		case r <- c:
		default:
		}
	}
}

// desk is operate.Operations that write down what they are asked for.
type desk struct {
	err       error
	offers    error
	blocks    []operate.BlockRecord
	campaigns []operate.CampaignState
	asked     []string
}

func (d *desk) note(words ...string) error {
	d.asked = append(d.asked, strings.Join(words, " "))
	return d.err
}
func (d *desk) Offers(operate.Action) error { return d.offers }
func (d *desk) Capture(_ context.Context, actor, thing string) (string, error) {
	return "c-1", d.note("capture", actor, thing)
}
func (d *desk) Block(_ context.Context, actor, thing, reason string) error {
	return d.note("block", actor, thing, reason)
}
func (d *desk) Unblock(_ context.Context, actor, thing string) error {
	return d.note("unblock", actor, thing)
}
func (d *desk) Blocks(context.Context) ([]operate.BlockRecord, error) { return d.blocks, d.err }
func (d *desk) Revoke(_ context.Context, actor, thing string) (int, error) {
	return 1, d.note("revoke", actor, thing)
}
func (d *desk) Groups() []string { return []string{"garden", "<b>"} }
func (d *desk) StartCampaign(_ context.Context, actor string, s operate.CampaignSpec) (string, error) {
	return "1", d.note("start", actor, s.Group, s.Kind, s.Name, fmt.Sprint(s.PerMinute))
}
func (d *desk) StopCampaign(_ context.Context, actor, id string) error {
	return d.note("stop", actor, id)
}
func (d *desk) Campaigns(context.Context) ([]operate.CampaignState, error) { return d.campaigns, d.err }
func (d *desk) Campaign(context.Context, string) (operate.CampaignState, error) {
	return operate.CampaignState{}, operate.ErrBadInput
}

// console is the pages with all that they can have, and what they log.
type console struct {
	*pages.Pages
	fleet *things
	desk  *desk
	log   *bytes.Buffer
}

const signed = "https://s3.test/photos/x?X-Amz-Signature=5ecret"

func newConsole(change ...func(*pages.Config)) *console {
	c := &console{fleet: &things{over: fleet.Overview{At: now, Complete: true}}, desk: &desk{}, log: &bytes.Buffer{}}
	cfg := pages.Config{
		Fleet: c.fleet, Operations: c.desk, Version: "v1.2.3", ViewOrigins: []string{"https://s3.test"},
		Now: func() time.Time { return now }, Log: slog.New(slog.NewTextHandler(c.log, nil)),
		Thumbs:       http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }),
		View:         func(context.Context, string) (string, error) { return signed, nil },
		Certificates: func(string) (time.Time, bool) { return now.Add(43 * 24 * time.Hour), true },
		Quota: func(context.Context, string) ([]pages.Use, error) {
			return []pages.Use{{What: "bytes today", Used: 5e6, Limit: 1e7, Bytes: true}}, nil
		},
	}
	for _, f := range change {
		f(&cfg)
	}
	c.Pages = pages.New(cfg)
	return c
}

// as has somebody of a role ask; form nil: GET.
func (c *console) as(role access.Role, path string, form url.Values, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	if form != nil {
		r = httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	r = r.WithContext(access.With(r.Context(), access.User{Name: "ann", Role: role, Way: "password"}, token))
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	return w
}

func (c *console) get(path string, header ...string) *httptest.ResponseRecorder {
	return c.as(access.Operator, path, nil, header...)
}

// thing is one with everything that a page can show, in the words of text.
func thing(name string, state fleet.State, text string) fleet.Thing {
	key := name + "/photo/" + text + ".jpg"
	refusal := broker.Entry{Time: now.Add(-time.Minute), Thing: name, Request: text, Kind: text, Code: broker.CodeUnknownKind, Reason: text, Actor: text}
	verified := broker.Entry{Time: now.Add(-time.Hour), Thing: name, Request: "upload-complete", Key: key, Size: 1234567, SHA256: strings.Repeat("ab", 32), Code: broker.CodeVerified}
	photo := fleet.Object{Key: key, Size: 1234567, Stored: now.Add(-30 * time.Second), ContentType: "image/jpeg", SHA256: strings.Repeat("ab", 32)}
	t := fleet.Thing{Summary: fleet.Summary{Name: name, State: state, Seen: now.Add(-30 * time.Second), Newest: photo, Last: photo, Refusal: refusal, Latency: 420 * time.Millisecond,
		Today: fleet.Tally{Requests: 12345, Stored: 1, Bytes: 1234567, Refused: 1}}, Timeline: []broker.Entry{refusal, verified}}
	for i := range 24 {
		t.Hours = append(t.Hours, fleet.Hour{Start: now.Add(time.Duration(i-24) * time.Hour), Tally: fleet.Tally{Stored: int64(i), Refused: int64(i % 3)}})
	}
	for i := range fleet.SamplesLength {
		t.Samples = append(t.Samples, fleet.Sample{At: now.Add(time.Duration(i-60) * time.Minute), Size: int64(1000 * i), Latency: time.Duration(i) * time.Millisecond})
	}
	return t
}

// fill has the console show the things everywhere.
func (c *console) fill(text string, all ...fleet.Thing) {
	c.fleet.all = all
	o := &c.fleet.over
	o.Things, o.ByState, o.Trouble = len(all), map[fleet.State]int{fleet.Active: len(all)}, text
	o.Today.ByCode = map[broker.Code]int64{broker.Code(text): 3, broker.CodeBusy: 1234}
	for _, t := range all {
		o.Slow, o.Silent, o.Hours = append(o.Slow, t.Summary), append(o.Silent, t.Summary), t.Hours
		o.Refused = append(o.Refused, t.Refusal)
		c.desk.blocks = append(c.desk.blocks, operate.BlockRecord{Thing: t.Name, Reason: text, Actor: text, At: now.Add(-time.Hour)})
	}
	c.desk.campaigns = []operate.CampaignState{{ID: "1", Actor: text, Started: now.Add(-time.Hour),
		CampaignSpec: operate.CampaignSpec{Group: text, Kind: text, Name: text, PerMinute: 60},
		Things:       []operate.CampaignThing{{Thing: text, State: text, Code: broker.Code(text)}, {Thing: text, State: "failed", Code: broker.Code(text)}}}}
	c.fleet.objects = func(_ context.Context, name, _ string) ([]fleet.Object, string, error) {
		return []fleet.Object{{Key: name + "/" + text + ".jpg", Size: 1, Stored: now}, {Key: name + "/" + text, Size: 1, Stored: now}}, name + "/" + text, nil
	}
}

var allPages = []string{"/", "/?q=cam", "/fleet", "/things", "/things?state=active&sort=seen", "/things/cam1", "/things/cam1/objects", "/things/cam1/revoke", "/campaigns", "/nothing"}
