// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package pages_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"thingpass/broker"
	"thingpass/broker/console/access"
	"thingpass/broker/console/pages"
	"thingpass/broker/fleet"
	"thingpass/broker/operate"
)

// What a policy without 'unsafe-inline' would not run, and what would come from
// elsewhere. The first two are looked for where the values of attributes are not.
var (
	values   = regexp.MustCompile(`="[^"]*"`)
	inline   = regexp.MustCompile(`<[a-zA-Z][^<>]*\s(style|on[a-z]+)=|<(style|base|iframe|object|embed)|<script[^>]*>[^<]`)
	injected = regexp.MustCompile(`<img src=x|<b>|<svg/|<script>`)
	foreign  = regexp.MustCompile(`(?:src|href|action|connect|hx-get)="(?:\s*[a-zA-Z]+:|//|\\)[^"]*"`)
)

// offences are those in a page.
func offences(body string) (list []string) {
	bare := values.ReplaceAllString(body, `=""`)
	for _, found := range []string{inline.FindString(bare), injected.FindString(body), foreign.FindString(body)} {
		if found != "" {
			list = append(list, found)
		}
	}
	return list
}

func TestPagesKeepToTheirPolicy(t *testing.T) {
	c := newConsole()
	c.fill("word", thing("cam1", fleet.Refused, "word"))
	for _, path := range allPages {
		w := c.get(path)
		if found := offences(w.Body.String()); len(found) > 0 {
			t.Errorf("%s: %q", path, found)
		}
		csp := w.Header().Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https://s3.test;") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: %s", path, csp)
		}
		if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, w.Header())
		}
	}
}

func TestHostileTextStaysText(t *testing.T) {
	for _, text := range []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `javascript:alert(1)`, "{{.CSRF}}",
		"📷 \u202egpj.exe", strings.Repeat("<b>", 341), "a\x00b\xff\r\nSet-Cookie: x=1", `</title></textarea>--><svg/onload=alert(1)>`, "https://evil.test/",
	} {
		c := newConsole(func(cfg *pages.Config) {
			cfg.Quota = func(context.Context, string) ([]pages.Use, error) { return []pages.Use{{What: text, Limit: 1}}, nil }
			cfg.Version = text
		})
		c.fill(text, thing("cam1", fleet.Blocked, text), thing(text, fleet.State(text), text))
		c.desk.offers = errors.New(text)
		for _, path := range append(allPages, "/?q="+url.QueryEscape(text), "/things?q="+url.QueryEscape(text), "/things/"+url.PathEscape(text),
			"/things/cam1?did="+url.QueryEscape(text), "/things/cam1/objects?before="+url.QueryEscape("cam1/"+text)) {
			w := c.get(path)
			body := w.Body.String()
			if found := offences(body); len(found) > 0 {
				t.Errorf("%q, %s: %q", text, path, found)
			}
			if w.Code >= 500 || w.Header().Get("Set-Cookie") != "" || !strings.HasSuffix(strings.TrimSpace(body), "</html>") {
				t.Errorf("%q, %s: %d, ends with %q", text, path, w.Code, body[max(0, len(body)-60):])
			}
		}
	}
}

func TestAnEmptyFleetHasPages(t *testing.T) {
	c := newConsole(func(cfg *pages.Config) {
		cfg.Operations, cfg.View, cfg.Thumbs, cfg.Certificates, cfg.Quota = nil, nil, nil, nil, nil
	})
	c.fleet.over = fleet.Overview{}
	for path, want := range map[string]string{"/": "still being read", "/fleet": "Nothing was refused", "/things": "No thing", "/api/things": `"things":[]`} {
		if w := c.get(path); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	for _, path := range []string{"/things/cam1", "/campaigns", "/view?key=cam1/x", "/thumb?key=cam1/x", "/static/none.js"} {
		if w := c.get(path); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestAPartIsAPageWithoutItsFrame(t *testing.T) {
	c := newConsole()
	c.fill("word", thing("cam1", fleet.Refused, "word"))
	for _, path := range []string{"/", "/fleet", "/things", "/things/cam1", "/campaigns"} {
		whole, part := c.get(path).Body.String(), c.get(path, "HX-Request", "true")
		text := strings.TrimSpace(part.Body.String())
		if strings.Contains(text, "<html") || len(text) < 100 || !strings.Contains(whole, text) {
			t.Errorf("%s: %s", path, text)
		}
		if !strings.Contains(part.Header().Get("Vary"), "HX-Request") {
			t.Errorf("%s: a cache would mix up page and part: %v", path, part.Header())
		}
	}
}

func TestEachHasTheirRights(t *testing.T) {
	c := newConsole()
	c.fill("word", thing("cam1", fleet.Active, "word"))
	posts := map[string]url.Values{"/things/cam1/capture": {}, "/things/cam1/block": {}, "/things/cam1/unblock": {},
		"/things/cam1/revoke": {"confirm": {"revoke"}}, "/campaigns": {"group": {"garden"}}, "/campaigns/1/stop": {}}
	for _, path := range append(allPages, "/view?key=cam1/x", "/thumb?key=cam1/x", "/events", "/api/fleet", "/api/things", "/api/things/cam1") {
		if w := c.as(access.None, path, nil); w.Code != http.StatusForbidden || strings.Contains(w.Body.String(), "cam1/") {
			t.Errorf("nobody, %s: %d", path, w.Code)
		}
	}
	for _, path := range allPages {
		w := c.as(access.Viewer, path, nil)
		if strings.Contains(w.Body.String(), `method="post"`) {
			t.Errorf("a viewer sees a button: %s", path)
		}
		if strings.Contains(path, "revoke") != (w.Code == http.StatusForbidden) {
			t.Errorf("viewer, %s: %d", path, w.Code)
		}
	}
	for path, form := range posts {
		for _, role := range []access.Role{access.None, access.Viewer, "owner"} {
			if w := c.as(role, path, form); w.Code != http.StatusForbidden || len(c.desk.asked) > 0 {
				t.Errorf("%q, %s: %d, asked %q", role, path, w.Code, c.desk.asked)
			}
		}
	}
	if w := c.as(access.None, pages.Static("console.css"), nil); w.Code != http.StatusOK {
		t.Errorf("the page for signing in has no style: %d", w.Code)
	}
}

func TestEveryFormHasTheSessionsToken(t *testing.T) {
	c := newConsole()
	c.fill("word", thing("cam1", fleet.Active, "word"))
	for _, path := range allPages {
		body := c.get(path).Body.String()
		forms := strings.Count(body, `method="post"`)
		if tokens := strings.Count(body, `name="csrf" value="`+token+`"`); tokens != forms {
			t.Errorf("%s: %d forms, %d tokens", path, forms, tokens)
		}
		if (path == "/things/cam1" || path == "/campaigns" || strings.HasSuffix(path, "revoke")) && forms == 0 {
			t.Errorf("%s: no form", path)
		}
	}
}

func TestOperatorsAct(t *testing.T) {
	for path, test := range map[string]struct {
		form        url.Values
		asked, goes string
	}{
		"/things/cam1/capture":         {url.Values{}, "capture ann cam1", "/things/cam1?did=capture"},
		"/things/cam1/block":           {url.Values{"reason": {" in the lake "}}, "block ann cam1 in the lake", "/things/cam1?did=block"},
		"/things/cam1/unblock":         {url.Values{}, "unblock ann cam1", "/things/cam1?did=unblock"},
		"/things/cam1/revoke":          {url.Values{"confirm": {"revoke"}}, "revoke ann cam1", "/things/cam1?did=revoke"},
		"/things/cam1/revoke?unsure=1": {url.Values{}, "", "/things/cam1/revoke"},
		"/campaigns":                   {url.Values{"group": {"garden"}, "kind": {"firmware"}, "name": {"v2"}, "perMinute": {"6000"}}, "start ann garden firmware v2 6000", "/campaigns?did=start"},
		"/campaigns/1/stop":            {url.Values{}, "stop ann 1", "/campaigns?did=stop"},
	} {
		c := newConsole()
		c.fill("word", thing("cam1", fleet.Active, "word"))
		w := c.as(access.Operator, path, test.form)
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != test.goes || strings.Join(c.desk.asked, ";") != test.asked {
			t.Errorf("%s: %d %s, asked %q", path, w.Code, w.Header().Get("Location"), c.desk.asked)
		}
		if test.asked != "" && !strings.Contains(c.get(test.goes).Body.String(), `class="notice"`) {
			t.Errorf("%s: nothing is said of it", test.goes)
		}
	}
}

func TestWhatCannotBeDoneIsSaid(t *testing.T) {
	for _, test := range []struct {
		err    error
		status int
		says   string
	}{
		{fmt.Errorf("cam1: %w", operate.ErrNoSuchThing), 404, "no such thing"},
		{fmt.Errorf("%w: name another", operate.ErrBadInput), 400, "name another"},
		{fmt.Errorf("%w: set commands", operate.ErrNotConfigured), 409, "set commands"},
		{errors.New("dial 10.0.0.1: secret"), 502, "log says why"},
	} {
		c := newConsole()
		c.fill("word", thing("cam1", fleet.Active, "word"))
		c.desk.err = test.err
		for path, form := range map[string]url.Values{"/things/cam1/capture": {}, "/things/cam1/revoke": {"confirm": {"revoke"}}, "/campaigns": {}, "/campaigns/1/stop": {}} {
			w := c.as(access.Operator, path, form)
			if body := w.Body.String(); w.Code != test.status || !strings.Contains(body, test.says) || strings.Contains(body, "secret") {
				t.Errorf("%s, %v: %d %s", path, test.err, w.Code, body)
			}
		}
		if w := c.get("/things/cam1"); w.Code != http.StatusOK { // the blocks are not known
			t.Errorf("%d", w.Code)
		}
	}
	c := newConsole()
	for path, form := range map[string]url.Values{
		"/things/cam1/block":         {"reason": {strings.Repeat("x", 201)}},
		"/things/cam1/unblock":       {"x": {strings.Repeat("x", 1<<20)}},
		"/things/%3Cb%3E/capture":    {},
		"/campaigns":                 {"perMinute": {"0"}},
		"/campaigns?x=too-many":      {"perMinute": {"6001"}},
		"/campaigns?x=not-a-number":  {"perMinute": {"<b>"}},
		"/things/cam1/capture/again": {},
	} {
		if w := c.as(access.Operator, path, form); w.Code < 400 || w.Code >= 500 || len(c.desk.asked) > 0 || strings.Contains(w.Body.String(), "<b>") {
			t.Errorf("%s: %d, asked %q", path, w.Code, c.desk.asked)
		}
	}
}

// The URL is in a header of one answer, and nowhere else.
func TestASignatureIsInNoPageAndNoLog(t *testing.T) {
	c := newConsole()
	c.fill("word", thing("cam1", fleet.Active, "word"))
	w := c.get("/view?key=cam1/photo/a.jpg")
	if w.Code != http.StatusFound || w.Header().Get("Location") != signed || w.Body.Len() > 0 || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	for _, path := range allPages {
		if strings.Contains(c.get(path).Body.String(), "X-Amz") {
			t.Error(path)
		}
	}
	asked := 0
	c = newConsole(func(cfg *pages.Config) {
		cfg.View = func(context.Context, string) (string, error) { asked++; return signed, errors.New("no credentials") }
	})
	for _, key := range []string{"", "cam1", "cam1/", ".thingpass/console/key", "../x/y", "<b>/x", "cam1/\xff", "cam1/" + strings.Repeat("x", 1020)} {
		if w := c.get("/view?key=" + url.QueryEscape(key)); w.Code != http.StatusNotFound || asked > 0 {
			t.Errorf("%q: %d", key, w.Code)
		}
	}
	if w := c.get("/view?key=cam1/a"); w.Code != http.StatusServiceUnavailable || w.Header().Get("Location") != "" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if strings.Contains(c.log.String(), "X-Amz") || !strings.Contains(c.log.String(), "no credentials") {
		t.Errorf("log: %s", c.log)
	}
}

func TestABucketThatFailsLeavesThePage(t *testing.T) {
	c := newConsole()
	c.fill("word", thing("cam1", fleet.Active, "word"))
	c.fleet.objects = func(ctx context.Context, _, _ string) ([]fleet.Object, string, error) {
		if _, bounded := ctx.Deadline(); !bounded {
			t.Error("a slow bucket is waited for without end")
		}
		return nil, "", errors.New("403 AccessDenied for arn:secret")
	}
	w := c.get("/things/cam1/objects")
	if body := w.Body.String(); w.Code != http.StatusServiceUnavailable || !strings.Contains(body, "bucket did not answer") || strings.Contains(body, "secret") {
		t.Errorf("%d %s", w.Code, body)
	}
	c.fleet.objects = func(_ context.Context, _, before string) ([]fleet.Object, string, error) {
		return []fleet.Object{{Key: "cam1/photo/b.jpg", Stored: now}, {Key: "cam1/log/a & b.txt", Stored: now}}, "cam1/log/a & b.txt", nil
	}
	body := c.get("/things/cam1/objects?before=cam1/x").Body.String()
	for _, want := range []string{`src="/thumb?key=cam1%2fphoto%2fb.jpg"`, `href="/view?key=cam1%2flog%2fa%20%26%20b.txt"`, `objects?before=cam1%2flog%2fa%20%26%20b.txt"`, ">Newest<"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in %s", want, body)
		}
	}
	if strings.Contains(body, `<img src="/view`) {
		t.Error("full frames in a grid")
	}
}

func TestAThingsPageTellsAll(t *testing.T) {
	c := newConsole()
	c.fill("word", thing("cam1", fleet.Refused, "word"))
	body := c.get("/things/cam1").Body.String()
	for _, want := range []string{"unknown-kind", "word", "1.2 MB", strings.Repeat("ab", 32), "abababababab…", "in 43 d", "5.0 MB of 10 MB", "420 ms",
		"Sizes", "From grant to verified", "<rect", "2026-11-26T11:59:00Z", "Unblock", "Blocked by word"} {
		if !strings.Contains(body, want) {
			t.Errorf("it does not tell %q", want)
		}
	}
	c = newConsole(func(cfg *pages.Config) {
		cfg.Certificates = func(string) (time.Time, bool) { return now.Add(-time.Minute), true }
		cfg.Quota = func(context.Context, string) ([]pages.Use, error) { return nil, errors.New("redis is away") }
	})
	c.fill("word", thing("cam1", fleet.Active, "word"))
	if body := c.get("/things/cam1").Body.String(); !strings.Contains(body, "expired") {
		t.Error("an expired certificate is not told")
	}
	big := thing("cam1", fleet.Active, "word")
	big.Newest.Size = 30 << 20
	c.fill("word", big)
	if body := c.get("/things/cam1").Body.String(); strings.Contains(body, `src="/view`) || !strings.Contains(body, `src="/thumb`) {
		t.Error("a photo of 30 MB is loaded unasked")
	}
}

func TestScriptsReadJSON(t *testing.T) {
	c := newConsole()
	c.fill("word", thing("cam1", fleet.Refused, "word"), thing("cam2", fleet.Active, "word"))
	var list struct {
		Things []struct {
			Thing  string
			State  string
			Newest struct{ ObjectKey, SHA256 string }
		}
		Total, Page, Limit int
	}
	read := func(path string, into any) {
		t.Helper()
		w := c.get(path)
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
			t.Fatalf("%s: %d %v", path, w.Code, w.Header())
		}
		if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
			t.Fatal(err)
		}
	}
	read("/api/things?q=cam&limit=1&page=1", &list)
	if list.Total != 2 || list.Page != 1 || len(list.Things) != 1 || list.Things[0].Thing != "cam2" || list.Things[0].Newest.ObjectKey != "cam2/photo/word.jpg" {
		t.Errorf("%+v", list)
	}
	var one struct {
		Thing             string
		CertificateExpiry time.Time
		Timeline          []broker.Entry
	}
	read("/api/things/cam1", &one)
	if one.Thing != "cam1" || len(one.Timeline) != 2 || one.CertificateExpiry.IsZero() {
		t.Errorf("%+v", one)
	}
	var all struct {
		Things  int
		Refused []broker.Entry
		Today   struct{ ByCode map[string]int64 }
	}
	read("/api/fleet", &all)
	if all.Things != 2 || len(all.Refused) != 2 || all.Today.ByCode["busy"] != 1234 {
		t.Errorf("%+v", all)
	}
	if w := c.get("/api/things/cam9"); w.Code != http.StatusNotFound || !json.Valid(w.Body.Bytes()) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// What a browser loads before it shows the first photo, as it comes over the wire.
func TestTheFirstPageIsLight(t *testing.T) {
	c := newConsole()
	var all []fleet.Thing
	for i := range 200 {
		all = append(all, thing(fmt.Sprintf("%s-%03d", strings.Repeat("cam", 41), i), fleet.Refused, fmt.Sprintf("%d%s", i, strings.Repeat("reason ", 20))))
	}
	c.fill("word", all...)
	w := c.get("/", "Accept-Encoding", "br, gzip;q=0.8")
	sum := w.Body.Len()
	if w.Header().Get("Content-Encoding") != "gzip" {
		t.Errorf("%v", w.Header())
	}
	for _, m := range regexp.MustCompile(`(?:src|href)="(/static/[^"]+)"`).FindAllStringSubmatch(c.get("/").Body.String(), -1) {
		f := c.get(m[1], "Accept-Encoding", "gzip")
		if f.Code != http.StatusOK || f.Header().Get("Content-Encoding") != "gzip" || f.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("%s: %d %v", m[1], f.Code, f.Header())
		}
		sum += f.Body.Len()
	}
	t.Logf("%d bytes", sum)
	if sum > 60_000 || sum < 10_000 {
		t.Errorf("%d bytes", sum)
	}
}

// A search's words are not compressed together with the token of forms.
func TestSearchesAreNotCompressed(t *testing.T) {
	c := newConsole()
	if w := c.get("/things?q=t0k", "Accept-Encoding", "gzip"); w.Header().Get("Content-Encoding") != "" {
		t.Errorf("%v", w.Header())
	}
}

func TestTenThousandThingsHavePages(t *testing.T) {
	c := newConsole()
	var all []fleet.Thing
	for i := range 10_000 {
		all = append(all, fleet.Thing{Summary: thing(fmt.Sprintf("cam-%05d", i), fleet.Active, "word").Summary})
	}
	c.fill("word", all...)
	c.fleet.over.Slow, c.fleet.over.Silent, c.fleet.over.Refused = nil, nil, nil
	seen := map[string]bool{}
	links := regexp.MustCompile(`href="/things/(cam-[0-9]+)"`)
	next := regexp.MustCompile(`href="([^"]+)" rel="next"`)
	began, loaded := time.Now(), 0
	for path := "/things?sort=seen"; path != ""; loaded++ {
		body := c.get(path).Body.String()
		for _, m := range links.FindAllStringSubmatch(body, -1) {
			seen[m[1]] = true
		}
		path = ""
		if m := next.FindStringSubmatch(body); m != nil {
			path = strings.ReplaceAll(m[1], "&amp;", "&")
		}
	}
	each := time.Since(began) / time.Duration(loaded)
	t.Logf("%d pages, %v each", loaded, each)
	if len(seen) != 10_000 || loaded != 200 || each > 100*time.Millisecond {
		t.Errorf("%d things on %d pages, %v each", len(seen), loaded, each)
	}
	for _, path := range []string{"/?page=999999999", "/?page=-1", "/?page=x", "/things?page=1048576&limit=200", "/things?limit=100000&sort=<b>&state=%00"} {
		if w := c.get(path); w.Code != http.StatusOK {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestACampaignOfManyThingsIsTold(t *testing.T) {
	c := newConsole()
	state := operate.CampaignState{ID: "7", CampaignSpec: operate.CampaignSpec{Group: "garden", Kind: "firmware", PerMinute: 60}, Started: now.Add(-time.Minute)}
	for i := range 10_000 {
		step := []string{"done", "waiting", "failed", "told"}[i%4]
		state.Things = append(state.Things, operate.CampaignThing{Thing: fmt.Sprintf("cam-%05d", i), State: step, Code: broker.CodeNotFound})
	}
	for range 100 {
		c.desk.campaigns = append(c.desk.campaigns, state)
	}
	w := c.get("/campaigns")
	body := w.Body.String()
	for _, want := range []string{`max="10000" value="5000"`, "failed 2\u202f500", "and 9\u202f976 more", `action="/campaigns/7/stop"`} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q", want)
		}
	}
	if w.Body.Len() > 200_000 {
		t.Errorf("%d bytes", w.Body.Len())
	}
}

func FuzzAddresses(f *testing.F) {
	c := newConsole()
	c.fill("word", thing("cam1", fleet.Active, "word"))
	for _, path := range append(allPages, "/view?key=cam1/x", "/things/cam1?did=block", "/?q=%ff&page=9", "/api/things?q=%00") {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		u, err := url.Parse(path)
		if err != nil || u.Host != "" || !strings.HasPrefix(u.Path, "/") || u.Path == "/events" {
			return
		}
		r := &http.Request{Method: http.MethodGet, URL: u, Header: http.Header{}, RequestURI: u.RequestURI()}
		w := httptest.NewRecorder()
		c.ServeHTTP(w, r.WithContext(access.With(t.Context(), access.User{Name: "ann", Role: access.Operator}, token)))
		if w.Code >= 500 {
			t.Errorf("%d", w.Code)
		}
		if strings.Contains(w.Header().Get("Content-Type"), "html") && w.Code == http.StatusOK {
			if found := offences(w.Body.String()); len(found) > 0 {
				t.Errorf("%q", found)
			}
		}
	})
}
