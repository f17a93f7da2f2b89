// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package pages

import (
	"encoding/json"
	"net/http"
	"time"

	"thingpass/broker"
	"thingpass/broker/fleet"
)

// What scripts read. Fields may be added, and keep their names and meanings.
type (
	tallyJSON struct {
		Requests int64                 `json:"requests"`
		Granted  int64                 `json:"granted"`
		Stored   int64                 `json:"stored"`
		Bytes    int64                 `json:"bytes"`
		Refused  int64                 `json:"refused"`
		ByCode   map[broker.Code]int64 `json:"byCode,omitempty"`
	}
	objectJSON struct {
		Key         string    `json:"objectKey"`
		Size        int64     `json:"size"`
		Stored      time.Time `json:"stored"`
		ContentType string    `json:"contentType,omitempty"`
		SHA256      string    `json:"sha256,omitempty"`
	}
	summaryJSON struct {
		Thing     string        `json:"thing"`
		State     fleet.State   `json:"state"`
		Seen      *time.Time    `json:"seen,omitempty"`
		Newest    *objectJSON   `json:"newest,omitempty"`
		Last      *objectJSON   `json:"last,omitempty"`
		Today     tallyJSON     `json:"today"`
		Refusal   *broker.Entry `json:"refusal,omitempty"`
		LatencyMS int64         `json:"latencyMs,omitempty"`
	}
	thingJSON struct {
		summaryJSON
		CertificateExpiry *time.Time     `json:"certificateExpiry,omitempty"`
		Timeline          []broker.Entry `json:"timeline"`
	}
	listJSON struct {
		Things []summaryJSON `json:"things"`
		Total  int           `json:"total"`
		Page   int           `json:"page"`
		Limit  int           `json:"limit"`
	}
	fleetJSON struct {
		Time     time.Time           `json:"time"`
		Things   int                 `json:"things"`
		ByState  map[fleet.State]int `json:"byState"`
		Today    tallyJSON           `json:"today"`
		Slow     []summaryJSON       `json:"slow"`
		Silent   []summaryJSON       `json:"silent"`
		Refused  []broker.Entry      `json:"refused"`
		Complete bool                `json:"complete"`
		Trouble  string              `json:"trouble,omitempty"`
	}
)

func (p *Pages) apiThings(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r, fleet.ByName, thingsPage)
	found := p.cfg.Fleet.Things(q)
	answer(w, http.StatusOK, listJSON{summaries(found.Things), found.Total, q.Page, q.Limit})
}

func (p *Pages) apiThing(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("thing")
	t, ok := p.cfg.Fleet.Thing(name)
	if !ok || !broker.ValidThing(name) {
		answer(w, http.StatusNotFound, map[string]string{"error": "no such thing"})
		return
	}
	out := thingJSON{summaryJSON: summary(t.Summary), Timeline: t.Timeline}
	if c := p.certificate(t.Name); c.Known {
		out.CertificateExpiry = &c.Expiry
	}
	answer(w, http.StatusOK, out)
}

func (p *Pages) apiFleet(w http.ResponseWriter, _ *http.Request) {
	o := p.cfg.Fleet.Overview()
	answer(w, http.StatusOK, fleetJSON{o.At, o.Things, o.ByState, tallyJSON(o.Today), summaries(o.Slow), summaries(o.Silent), o.Refused, o.Complete, o.Trouble})
}

func summaries(things []fleet.Summary) []summaryJSON {
	list := make([]summaryJSON, len(things)) // [] in JSON where there are none
	for i, t := range things {
		list[i] = summary(t)
	}
	return list
}

func summary(t fleet.Summary) summaryJSON {
	s := summaryJSON{Thing: t.Name, State: t.State, Newest: object(t.Newest), Last: object(t.Last), Today: tallyJSON(t.Today), LatencyMS: t.Latency.Milliseconds()}
	if !t.Seen.IsZero() {
		s.Seen = &t.Seen
	}
	if !t.Refusal.Time.IsZero() {
		s.Refusal = &t.Refusal
	}
	return s
}

func object(o fleet.Object) *objectJSON {
	if o.Key == "" {
		return nil
	}
	return &objectJSON{o.Key, o.Size, o.Stored, o.ContentType, o.SHA256}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // an error: nobody reads any more
}
