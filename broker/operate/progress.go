// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package operate

import (
	"encoding/json"
	"fmt"
	"time"

	"thingpass/broker"
)

// CodeNoAnswer is why a thing failed that was told as often as it is told, and did
// not end what it was told. It is seen on pages only, never on the wire.
const CodeNoAnswer broker.Code = "no-answer"

// The states of CampaignThing.
const (
	waiting  = "waiting"
	told     = "told"
	fetching = "fetching"
	done     = "done"
	failed   = "failed"
)

// skew is how far a replica's clock may be behind that of the one who told a thing
// for its request to count as an answer.
const skew = 30 * time.Second

// progress is what is known of one thing of a campaign. Times are Unix
// milliseconds by the clock of whoever saw it; 0 is never.
//
// Two replicas' progress is joined, in whatever order and however often: join is
// commutative, associative and idempotent. So none needs to hear of all.
type progress struct {
	First int64       `json:"f,omitempty"` // told for the first time
	Told  int64       `json:"t,omitempty"` // for the last time
	Tries int         `json:"n,omitempty"` // how often
	Asked int64       `json:"a,omitempty"` // asked for what it was told to fetch, last
	End   string      `json:"e,omitempty"` // done or failed; a thing that failed may still be done
	EndAt int64       `json:"d,omitempty"`
	Code  broker.Code `json:"c,omitempty"` // why it failed
}

func join(a, b progress) progress {
	out := a
	if a.First == 0 || b.First != 0 && b.First < a.First {
		out.First = b.First
	}
	if b.Tries > a.Tries || b.Tries == a.Tries && b.Told > a.Told {
		out.Tries, out.Told = b.Tries, b.Told
	}
	out.Asked = max(a.Asked, b.Asked)
	if b.endsAfter(a) {
		out.End, out.EndAt, out.Code = b.End, b.EndAt, b.Code
	}
	return out
}

// endsAfter orders ends: done after failed after none; the later one; and what is
// left decides that replicas agree.
func (p progress) endsAfter(o progress) bool {
	rank := map[string]int{"": 0, failed: 1, done: 2}
	switch {
	case p.End != o.End:
		return rank[p.End] > rank[o.End]
	case p.EndAt != o.EndAt:
		return p.EndAt > o.EndAt
	}
	return p.Code > o.Code
}

// fetching is true if the thing asked after it was told.
func (p progress) fetching() bool {
	return p.Tries > 0 && p.Asked > 0 && p.Asked >= p.First-skew.Milliseconds()
}

// overdue is true if nothing came of what the thing was told, by now. What lies in
// the future was seen by another clock: it counts from since.
func (p progress) overdue(now, since time.Time, t Timing) bool {
	at, wait := p.Told, t.Answer
	if p.fetching() {
		at, wait = max(p.Told, p.Asked), t.Fetch
	}
	began := time.UnixMilli(at)
	if began.After(now) {
		began = since
	}
	return p.End == "" && p.Tries > 0 && now.Sub(began) >= wait
}

// state is what a page shows.
func (p progress) state(thing string) CampaignThing {
	out := CampaignThing{Thing: thing, State: waiting}
	at := int64(0)
	switch {
	case p.End != "":
		out.State, out.Code, at = p.End, p.Code, p.EndAt
	case p.fetching():
		out.State, at = fetching, p.Asked
	case p.Tries > 0:
		out.State, at = told, p.Told
	}
	if at > 0 {
		out.At = time.UnixMilli(at).UTC()
	}
	return out
}

// parseProgress reads what a replica kept. What makes no sense is left out.
func parseProgress(text []byte) (map[string]progress, error) {
	var all map[string]progress
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("not the progress of a campaign: %w", err)
	}
	for thing, p := range all {
		if !p.valid() {
			delete(all, thing)
		}
	}
	return all, nil
}

func (p progress) valid() bool {
	const latest = 253402300799999 // of the year 9999
	for _, at := range [...]int64{p.First, p.Told, p.Asked, p.EndAt} {
		if at < 0 || at > latest {
			return false
		}
	}
	switch p.End {
	case "":
		return p.Tries >= 0 && p.Tries <= 1000 && p.EndAt == 0 && p.Code == ""
	case done:
		return p.Tries >= 0 && p.Tries <= 1000 && p.Code == ""
	case failed:
		return p.Tries >= 0 && p.Tries <= 1000 && validWord(string(p.Code))
	}
	return false
}
