// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package operate

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"thingpass/broker"
)

func randomProgress(r *rand.Rand) progress {
	at := func() int64 { return r.Int64N(4) }
	p := progress{First: at(), Told: at(), Tries: r.IntN(3), Asked: at()}
	switch r.IntN(3) {
	case 1:
		p.End, p.EndAt = done, at()
	case 2:
		p.End, p.EndAt, p.Code = failed, at(), []broker.Code{"a", "b"}[r.IntN(2)]
	}
	return p
}

// Replicas agree in whatever order, and however often, they hear of each other.
func TestJoinDoesNotDependOnOrder(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		a, b, c := randomProgress(r), randomProgress(r), randomProgress(r)
		ab := join(a, b)
		if ab != join(b, a) || join(ab, c) != join(a, join(b, c)) || join(ab, b) != ab || join(a, a) != a || join(a, progress{}) != a {
			t.Fatalf("\n%+v\n%+v\n%+v", a, b, c)
		}
		if a.End == done && ab.End != done || ab.Tries < a.Tries || a.valid() && b.valid() && !ab.valid() {
			t.Fatalf("%+v and %+v give %+v", a, b, ab)
		}
	}
}

var damaged = []string{"", "null", "{", "[]", "[1]", `"x"`, "\xff", `{"things":{}}`, `{"cam1":null}`, `{"cam1":{"n":1e30}}`,
	strings.Repeat("[", 20_000), `{"at":"2026-13-01T00:00:00Z"}`, `{"started":"9999-12-31T23:59:59Z","things":["../x"]}`}

func FuzzParseCampaign(f *testing.F) {
	good, err := json.Marshal(storedCampaign{ID: "c-1", CampaignSpec: CampaignSpec{Group: "cams", Kind: "firmware", Name: "v2", PerMinute: 60},
		Actor: "anna", Started: time.Unix(1795424400, 0).UTC(), Things: []string{"cam1", "cam2"}})
	if err != nil {
		f.Fatal(err)
	}
	if _, err := parseCampaign("c-1", good); err != nil {
		f.Fatal(err)
	}
	for _, seed := range append(damaged, string(good), strings.Replace(string(good), `"cam1"`, `"cam2"`, 1), strings.Replace(string(good), "60", "0", 1)) {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := parseCampaign("c-1", text)
		if err != nil {
			return
		}
		if s.ID != "c-1" || len(s.Things) == 0 || s.PerMinute < 1 || s.Actor == "" || strings.Contains(s.Name, "/") {
			t.Errorf("%+v", s)
		}
		c := newCampaign(s, time.Unix(1795424400, 0))
		if len(c.index) != len(s.Things) {
			t.Errorf("things are there twice: %q", s.Things)
		}
		for _, thing := range s.Things {
			if !broker.ValidThing(thing) {
				t.Errorf("thing %q", thing)
			}
		}
		if _, err := json.Marshal(c.view()); err != nil {
			t.Error(err)
		}
	})
}

func FuzzParseProgress(f *testing.F) {
	for _, seed := range append(damaged, `{"cam1":{"f":1795424400000,"t":1795424400000,"n":1,"a":1795424400001,"e":"failed","d":1795424400002,"c":"mismatch"}}`,
		`{"cam1":{"e":"done","c":"x"},"cam2":{"t":-1},"cam3":{"d":9223372036854775807,"e":"done"}}`) {
		f.Add([]byte(seed))
	}
	now := time.Unix(1795424400, 0)
	f.Fuzz(func(t *testing.T, text []byte) {
		all, err := parseProgress(text)
		if err != nil && len(all) > 0 {
			t.Errorf("%v, and %d things", err, len(all))
		}
		c := newCampaign(storedCampaign{Things: []string{"cam1", "cam2"}}, now)
		c.merge(all)
		for i, p := range c.progress {
			s := p.state(c.Things[i])
			if _, err := json.Marshal(s); err != nil || (s.Code != "") != (s.State == failed) || p.Tries < 0 {
				t.Errorf("%+v is %+v, %v", p, s, err)
			}
			p.overdue(now, now, DefaultTiming)
		}
	})
}

func FuzzParseBlock(f *testing.F) {
	for _, seed := range append(damaged, `{"thing":"x","reason":"stolen","actor":"anna","at":"2026-11-26T06:00:00Z"}`, `{"reason":"a\u0000","actor":"anna"}`) {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r := parseBlock(text, "cam1")
		if r.Thing != "cam1" || checkReason(r.Reason) != nil || !printable(r.Actor) {
			t.Errorf("%+v", r)
		}
		if at := parseMark(text, time.Time{}); at.IsZero() {
			t.Error("what is marked has no time")
		}
	})
}

func TestClip(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"short": "short", "äöüäöü": "äöüä…", "a\nb\x00c": "a b c", "\xff": "\ufffd", "": ""} {
		if got := clip(in, 5); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
