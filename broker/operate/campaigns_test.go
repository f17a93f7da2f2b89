// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package operate_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"thingpass/broker"
	"thingpass/broker/fleet/fleettest"
	"thingpass/broker/operate"
)

// start starts a campaign, and looks at the bucket once.
func start(t *testing.T, w *world, spec operate.CampaignSpec) string {
	t.Helper()
	id, err := w.StartCampaign(t.Context(), "anna", spec)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// after lets time pass, in seconds, and has these replicas tick in each.
func after(t *testing.T, seconds int, replicas ...*world) {
	t.Helper()
	for range seconds {
		for _, w := range replicas {
			w.clock.add(time.Second)
			w.Tick(t.Context())
		}
	}
}

// states are those of a campaign's things, short: thing state code.
func states(t *testing.T, w *world, id string) (out []string) {
	t.Helper()
	s, err := w.Campaign(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, thing := range s.Things {
		out = append(out, strings.TrimSpace(fmt.Sprint(thing.Thing, " ", thing.State, " ", thing.Code)))
	}
	return out
}

func wantStates(t *testing.T, w *world, id string, want ...string) {
	t.Helper()
	if got := states(t, w, id); !slices.Equal(got, want) {
		t.Errorf("the things are %q, want %q", got, want)
	}
}

func asked(w *world, thing string) broker.Entry {
	return broker.Entry{Time: w.clock.now(), Thing: thing, Request: "download-request", ID: "g-1", Kind: "firmware", Code: broker.CodeGranted}
}

func result(w *world, thing, id string, code broker.Code, reason string) broker.Entry {
	return broker.Entry{Time: w.clock.now(), Thing: thing, Request: "command-result", ID: id, Code: code, Reason: reason}
}

func TestCampaignsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fleettest.NewMemory(), nil)
	start(t, w, firmware("many", 1))
	for want, change := range map[string]func(*operate.CampaignSpec){
		"no group":              func(s *operate.CampaignSpec) { s.Group = "dogs" },
		"a group's name":        func(s *operate.CampaignSpec) { s.Group = "<b>" },
		"0 things":              func(s *operate.CampaignSpec) { s.Group = "none" },
		"mode get":              func(s *operate.CampaignSpec) { s.Kind = "photo" },
		"choose a kind":         func(s *operate.CampaignSpec) { s.Kind = "" },
		"object's name":         func(s *operate.CampaignSpec) { s.Name = "../v2" },
		"for the latest":        func(s *operate.CampaignSpec) { s.Name = ".v2" },
		"1 to 64 characters":    func(s *operate.CampaignSpec) { s.Name = strings.Repeat("v", 65) },
		"not 0":                 func(s *operate.CampaignSpec) { s.PerMinute = 0 },
		"not 6001":              func(s *operate.CampaignSpec) { s.PerMinute = 6001 },
		"would not take":        func(s *operate.CampaignSpec) { s.Name = "unnamed" },
		"is not over: stop it ": func(s *operate.CampaignSpec) { s.Group = "many" },
	} {
		s := firmware("cams", 60)
		change(&s)
		if _, err := w.StartCampaign(t.Context(), "anna", s); !errors.Is(err, operate.ErrBadInput) || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", s, err, want)
		}
	}
	for _, id := range []string{"", "c-none", "../x", strings.Repeat("x", 1024), "<b>"} {
		_, err := w.Campaign(t.Context(), id)
		if stop := w.StopCampaign(t.Context(), "anna", id); !errors.Is(err, operate.ErrBadInput) || !errors.Is(stop, operate.ErrBadInput) {
			t.Errorf("%q: %v, %v", id, err, stop)
		}
	}
	if _, err := w.StartCampaign(t.Context(), "", firmware("cams", 60)); !errors.Is(err, operate.ErrBadInput) {
		t.Errorf("started by nobody: %v", err)
	}
	wantLines(t, w, "campaign done")
	if got := w.Groups(); !slices.Equal(got, []string{"cams", "many", "none"}) {
		t.Errorf("groups %q", got)
	}
}

func TestACampaignFromEndToEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fleettest.NewMemory(), nil)
	id := start(t, w, firmware("cams", 1))
	wantStates(t, w, id, "cam1 waiting", "cam2 waiting", "cam3 waiting")
	after(t, 1, w)
	w.Record(asked(w, "cam3"), broker.Entry{Thing: "cam1", Request: "upload-request", Code: broker.CodeGranted}, asked(w, "stranger"))
	wantStates(t, w, id, "cam1 told", "cam2 waiting", "cam3 waiting") // cam3 asks for itself
	after(t, 140, w)
	other := asked(w, "cam2")
	other.Kind = "maps"
	refused := asked(w, "cam2")
	refused.Code = broker.CodeBusy
	w.Record(asked(w, "cam1"), other, refused)
	wantStates(t, w, id, "cam1 fetching", "cam2 told", "cam3 told")
	w.Record(result(w, "cam1", id, broker.CodeDone, ""), result(w, "cam2", "c-other", broker.CodeDone, ""), result(w, "cam3", id, broker.CodeFailed, "mismatch"))
	wantStates(t, w, id, "cam1 done", "cam2 told", "cam3 failed mismatch")
	if s, _ := w.Campaign(t.Context(), id); !s.Ended.IsZero() || s.Things[0].At != w.clock.now().UTC() {
		t.Errorf("%+v", s)
	}
	w.Record(result(w, "cam2", id, broker.CodeFailed, "no\nsuch <b>"), result(w, "cam3", id, broker.CodeDone, "")) // it tried again
	after(t, 1, w)
	wantStates(t, w, id, "cam1 done", "cam2 failed failed", "cam3 done")
	if s, _ := w.Campaign(t.Context(), id); !s.Ended.Equal(w.clock.now()) || s.Stopped || s.Actor != "anna" || s.Name != "v2" {
		t.Errorf("%+v", s)
	}
	wantLines(t, w, "campaign done", "download cam1 done", "download cam2 done", "download cam3 done")
	if e := w.audit[1]; e.Actor != "anna" || e.ID != id || e.Kind != "firmware" {
		t.Errorf("audited %+v", e)
	}
	var c operate.Command
	if err := json.Unmarshal(w.published[0].Payload, &c); err != nil || c.ID != id || c.Command != "download" || c.Kind != "firmware" || c.Name != "v2" {
		t.Errorf("told %+v, %v", c, err)
	}
	if err := w.StopCampaign(t.Context(), "anna", id); !errors.Is(err, operate.ErrBadInput) {
		t.Errorf("what was over was stopped: %v", err)
	}
}

func TestAStoppedCampaignTellsNobody(t *testing.T) {
	t.Parallel()
	bucket := fleettest.NewMemory()
	a, b := newWorld(t, bucket, nil), newWorld(t, bucket, nil)
	id := start(t, a, firmware("many", 60))
	after(t, 5, a)
	bucket.FailBefore(forbid(fleettest.OpPutNew))
	if err := b.StopCampaign(t.Context(), "berta", id); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("stopped: %v", err)
	}
	wantLines(t, b, "campaign-stop done", "campaign-stop failed")
	bucket.FailBefore(nil)
	if err := b.StopCampaign(t.Context(), "berta", id); err != nil {
		t.Fatal(err)
	}
	after(t, 10, a, b)
	n := len(a.told())
	after(t, 60, a, b)
	if len(a.told()) != n || n > 11 || len(b.told()) != 0 {
		t.Errorf("told %d, then %d and by b %d", n, len(a.told()), len(b.told()))
	}
	a.Record(result(a, "t00000", id, broker.CodeDone, "")) // who was told goes on
	after(t, 10, a, b)
	for name, w := range map[string]*world{"a": a, "b": b} {
		s, err := w.Campaign(t.Context(), id)
		if err != nil || !s.Stopped || s.Ended.IsZero() || s.Things[0].State != "done" || s.Things[299].State != "waiting" {
			t.Errorf("%s: %v %+v", name, err, s.Things[0])
		}
		if err := w.StopCampaign(t.Context(), "anna", id); !errors.Is(err, operate.ErrBadInput) {
			t.Errorf("stopped twice: %v", err)
		}
	}
	if _, err := a.StartCampaign(t.Context(), "anna", firmware("many", 60)); err != nil {
		t.Errorf("another after it: %v", err)
	}
}

func TestCampaignsAreListedNewestFirstAndTheOldestGo(t *testing.T) {
	t.Parallel()
	bucket := fleettest.NewMemory()
	w := newWorld(t, bucket, nil)
	var ids []string
	for range 105 {
		id := start(t, w, firmware("cams", 6000))
		ids = append([]string{id}, ids...)
		if err := w.StopCampaign(t.Context(), "anna", id); err != nil {
			t.Fatal(err)
		}
		w.clock.add(time.Minute)
	}
	w.clock.add(2 * time.Hour)
	after(t, 60, w)
	all, err := w.Campaigns(t.Context())
	if err != nil || len(all) != 100 {
		t.Fatalf("%d campaigns, %v", len(all), err)
	}
	for i, c := range all {
		if c.ID != ids[i] {
			t.Fatalf("number %d is %s, want %s", i, c.ID, ids[i])
		}
	}
	if keys := bucket.Keys(".thingpass/campaigns/" + ids[104]); len(keys) != 0 {
		t.Errorf("left: %q", keys)
	}
}
