// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package pages_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"thingpass/broker"
	"thingpass/broker/console/access"
	"thingpass/broker/console/pages"
	"thingpass/broker/fleet"
	"thingpass/broker/internal/testbrowser"
	"thingpass/broker/operate"
)

// shown is a console for a browser, with a thumbnail for every photo. While broken it
// answers as a proxy does whose server is away.
func shown(t *testing.T, change ...func(*pages.Config)) (c *console, url string, broken *atomic.Bool) {
	t.Helper()
	broken = new(atomic.Bool)
	picture := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/svg+xml")
		_, _ = w.Write([]byte(`<svg xmlns="http://www.w3.org/2000/svg" width="4" height="3"/>`))
	}
	c = newConsole(append(change, func(cfg *pages.Config) {
		cfg.Thumbs = http.HandlerFunc(picture)
		cfg.View = func(context.Context, string) (string, error) { return "/thumb?key=cam1/x", nil }
	})...)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if broken.Load() {
			http.Error(w, "bad gateway", http.StatusBadGateway)
			return
		}
		c.ServeHTTP(w, r.WithContext(access.With(r.Context(), access.User{Name: "ann", Role: access.Operator, Way: "password"}, token)))
	}))
	t.Cleanup(func() { c.Close(); s.CloseClientConnections(); s.Close() })
	return c, s.URL, broken
}

// All that a page can have, in words that are no page's friends: the browser runs none
// of it, complains of nothing, and axe-core finds nothing hard to use.
func TestABrowserRunsNothingThatAThingWrote(t *testing.T) {
	const text = `"><img src=x onerror=document.title='owned'><script>document.title='owned'</script>`
	c, url, _ := shown(t, func(cfg *pages.Config) {
		cfg.Quota = func(context.Context, string) ([]pages.Use, error) {
			return []pages.Use{{What: text, Used: 9, Limit: 10}, {What: "bytes today", Used: 5e6, Limit: 1e7, Bytes: true}}, nil
		}
	})
	c.fill(text, thing("cam1", fleet.Blocked, text), thing("cam2", fleet.Refused, strings.Repeat("word-", 200)), thing(strings.Repeat("w", 128), fleet.Silent, "📷"))
	c.desk.campaigns = append(c.desk.campaigns, operate.CampaignState{ID: "2", CampaignSpec: operate.CampaignSpec{Group: "garden", Kind: "firmware", PerMinute: 9}, Started: now,
		Things: []operate.CampaignThing{{Thing: "cam1", State: "failed", Code: broker.CodeNotFound}, {Thing: "cam2", State: "told"}, {Thing: "cam3", State: "waiting"}, {Thing: "cam4", State: "done"}}})
	page := testbrowser.Open(t)
	for _, scheme := range []string{"light", "dark"} {
		page.Scheme(scheme)
		for size, width := range map[string]int64{"desk": 1280, "phone": 360} {
			page.Size(width, 800)
			for _, path := range allPages[:len(allPages)-1] {
				page.Go(url + path)
				page.Await(`[...document.images].every(i => i.complete || i.loading == "lazy")`)
				if title := testbrowser.Eval[string](page, "document.title"); strings.Contains(title, "owned") {
					t.Errorf("%s: a thing's text was run", path)
				}
				for _, line := range page.Axe() {
					t.Errorf("%s, %s, %s: %s", path, scheme, size, line)
				}
				if over := testbrowser.Eval[float64](page, "document.documentElement.scrollWidth - innerWidth"); over > 0 {
					t.Errorf("%s, %s: %v wider than the window", path, size, over)
				}
				page.Screenshot("hostile-" + strings.Trim(strings.NewReplacer("/", "-", "?", "-").Replace(path), "-") + "-" + scheme + "-" + size)
			}
		}
	}
	if said := page.Complaints(); len(said) > 0 {
		t.Errorf("the browser complains: %q", said)
	}
}

// A page says what is new by itself, and keeps what it has while nobody answers.
func TestAPageSurvivesAServerThatIsAway(t *testing.T) {
	c, url, broken := shown(t)
	c.fill("", thing("cam1", fleet.Active, "a"))
	page := testbrowser.Open(t)
	page.Go(url + "/")
	page.Await(`document.querySelector(".card.active")`)
	broken.Store(true)
	for range 3 {
		c.fleet.change(fleet.Change{Thing: "cam1", Photo: true})
		page.Await(`performance.getEntriesByType("resource").filter(e => e.responseStatus == 502).length > 0`)
	}
	if text := testbrowser.Eval[string](page, "document.body.innerText"); strings.Contains(text, "bad gateway") || !strings.Contains(text, "cam1") {
		t.Errorf("the page says %q", text)
	}
	broken.Store(false)
	c.fleet.change(fleet.Change{Thing: "cam1", Photo: true})
	page.Await(`performance.getEntriesByType("resource").at(-1).responseStatus == 200 && document.querySelector(".card.active")`)
}
