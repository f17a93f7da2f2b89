// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"thingpass/broker/internal/testbrowser"
)

// newConsole is a stack whose broker has a console, and the console's address.
func newConsole(t *testing.T) (s *stack, console string) {
	t.Helper()
	s = &stack{tb: t, dir: t.TempDir()}
	t.Cleanup(s.judgeTraces)
	s.startS3()
	s.extra = fmt.Sprintf("console: {listen: '127.0.0.1:0', s3_endpoint: %q}\n", s.ready.S3.View)
	s.mqtt = startServer(t, s.dir)
	s.writeIdentity("broker", service(t, s.mqtt.ca, serviceName))
	s.write("mqtt-ca.crt", string(s.mqtt.ca.CertPEM()))
	s.startBroker()
	return s, s.console()
}

// console is where the broker says that its console is.
func (s *stack) console() string {
	s.tb.Helper()
	m := regexp.MustCompile(`console: (http://[0-9.:]+)`).FindAllStringSubmatch(s.broker.text(), -1)
	if m == nil {
		s.tb.Fatalf("the broker tells no address of a console:\n%s", s.broker.text())
	}
	return m[len(m)-1][1]
}

// watchPhotos has the page write down when each photo of a thing was seen whole.
const watchPhotos = `window.seenAt = {}; (function look() {
	for (const img of document.querySelectorAll(".wall img")) {
		const key = new URL(img.src).searchParams.get("key");
		if (img.complete && img.naturalWidth > 0 && !(key in seenAt)) seenAt[key] = Date.now();
	}
	requestAnimationFrame(look);
})(); true`

// Each photo is on the wall within 2 s of its capture, half of them within 0.5 s.
func TestAPhotoIsOnTheWallAtOnce(t *testing.T) {
	s, console := newConsole(t)
	page := testbrowser.Open(t)
	page.Go(console + "/")
	page.Await(`document.querySelector(".empty")`)
	_ = testbrowser.Eval[bool](page, watchPhotos)

	const photos = 12
	cam := s.thing("cam1", "--scene", "VGA", "--count", fmt.Sprint(photos), "--interval", "900")
	taken := map[string]time.Time{}
	await(t, "all photos to be stored", func() bool {
		for _, p := range cam.photos() {
			if _, known := taken[p.ObjectKey]; !known && p.Result == "stored" {
				taken[p.ObjectKey] = time.Now().Add(-time.Duration(p.MS) * time.Millisecond)
			}
		}
		return len(taken) == photos
	})
	page.Await(fmt.Sprintf("Object.keys(seenAt).length >= %d", photos))
	var took []time.Duration
	for key, at := range testbrowser.Eval[map[string]float64](page, "seenAt") {
		took = append(took, time.UnixMilli(int64(at)).Sub(taken[key]))
	}
	slices.Sort(took)
	t.Logf("from capture to sight: median %v, longest %v, of %d", took[len(took)/2], took[len(took)-1], len(took))
	if took[len(took)/2] > 500*time.Millisecond || took[len(took)-1] > 2*time.Second {
		t.Errorf("it took %v", took)
	}
	if said := page.Complaints(); len(said) > 0 {
		t.Errorf("the browser complains: %q", said)
	}
	page.Screenshot("wall-first-photo")
}

// The page of a thing shows why it was refused, and turns when it is blocked.
func TestOperatorsSeeRefusalsAndBlockThings(t *testing.T) {
	s, console := newConsole(t)
	page := testbrowser.Open(t)
	s.thing("cam3", "--scene", "QVGA", "--kind", "video", "--interval", "300")
	page.Go(console + "/")
	page.Await(`document.querySelector(".card.refused")?.innerText.includes("unknown-kind")`)
	page.Click(".card a.shot")
	page.Await(`location.pathname == "/things/cam3" && document.querySelector("#live .alert")?.innerText.includes("unknown-kind")`)

	cam := s.thing("cam1", "--scene", "QVGA", "--interval", "200", "--attempts", "1")
	await(t, "the first photo", func() bool { return len(cam.photos()) > 0 })
	page.Go(console + "/things/cam1")
	page.Await(`document.querySelector("#live .state.active")`)
	page.Click("#reason")
	page.Press("in the lake")
	page.Press(kb.Enter)
	page.Await(`document.querySelector("#live .state.blocked") && document.querySelector("#live .alert").innerText.includes("in the lake")`)
	page.Await(`[...document.querySelectorAll("#live .code.bad")].some(e => e.innerText == "blocked")`) // its next request
	page.Screenshot("thing-blocked")
	page.Go(console + "/")
	page.Await(`document.querySelector(".card.blocked")?.innerText.includes("cam1")`)
	if !strings.Contains(strings.Join(s.audit(), "\n"), `"actor"`) {
		t.Error("the audit does not say who blocked it")
	}
	if said := page.Complaints(); len(said) > 0 {
		t.Errorf("the browser complains: %q", said)
	}
}

// What can be read without scripts, on a phone, by keyboard, and by who sees little.
func TestThePagesAreForEverybody(t *testing.T) {
	s, console := newConsole(t)
	cam := s.thing("cam1", "--scene", "VGA", "--count", "6", "--interval", "20", "--sensors")
	refused := s.thing("cam3", "--scene", "QVGA", "--kind", "video", "--count", "2", "--interval", "20")
	if cam.wait(patience) != 0 || refused.wait(patience) == 0 {
		t.Fatalf("%s\n%s", cam.text(), refused.text())
	}
	page := testbrowser.Open(t)
	page.Scripts(false)
	page.Go(console + "/")
	page.Await(`[...document.querySelectorAll(".wall img")].some(i => i.complete && i.naturalWidth > 0)`)
	page.Go(console + "/things/cam1")
	if text := testbrowser.Eval[string](page, "document.body.innerText"); !strings.Contains(text, "verified") || !strings.Contains(text, "Timeline") {
		t.Errorf("without scripts: %s", text)
	}
	page.Scripts(true)
	sizes := map[string][2]int64{"desk": {1280, 860}, "phone": {390, 844}}
	for _, scheme := range []string{"light", "dark"} {
		page.Scheme(scheme)
		for size, px := range sizes {
			page.Size(px[0], px[1])
			for name, path := range map[string]string{"wall": "/", "fleet": "/fleet", "things": "/things", "thing": "/things/cam1",
				"objects": "/things/cam1/objects", "campaigns": "/campaigns", "nothing": "/nothing"} {
				page.Go(console + path)
				page.Await(`[...document.images].every(i => i.complete)`)
				for _, line := range page.Axe() {
					t.Errorf("%s, %s, %s: %s", name, scheme, size, line)
				}
				if wide := testbrowser.Eval[bool](page, "document.documentElement.scrollWidth > innerWidth"); wide {
					t.Errorf("%s, %s: wider than the window", name, size)
				}
				page.Screenshot(strings.Join([]string{name, scheme, size}, "-"))
			}
		}
	}
	for _, said := range page.Complaints() {
		if !strings.Contains(said, "/nothing") {
			t.Errorf("the browser complains: %s", said)
		}
	}
}

// The keyboard reaches all there is, in the order of sight.
func TestTheKeyboardReachesEverything(t *testing.T) {
	s, console := newConsole(t)
	if cam := s.thing("cam1", "--scene", "QVGA", "--count", "1"); cam.wait(patience) != 0 {
		t.Fatal(cam.text())
	}
	page := testbrowser.Open(t)
	page.Go(console + "/things/cam1")
	page.Await(`document.querySelector("#live table")`)
	var reached []string
	for range 40 {
		page.Press(kb.Tab)
		name := testbrowser.Eval[string](page, `(document.activeElement.getAttribute("aria-label") || document.activeElement.innerText || document.activeElement.name || "").trim()`)
		reached = append(reached, name)
		if visible := testbrowser.Eval[bool](page, `document.activeElement == document.body || getComputedStyle(document.activeElement).outlineStyle != "none"`); !visible {
			t.Errorf("%q has the focus, and nobody sees it", name)
		}
	}
	for _, want := range []string{"Skip to the content", "Photos", "Fleet", "q", "Take a photo now", "reason", "Block", "All its objects"} {
		if !slices.Contains(reached, want) {
			t.Errorf("the keyboard does not reach %q, but %q", want, reached)
		}
	}
}

// What `make demo` shows is what README.md has a picture of: a camera that sees
// something move, one that is out of reach now and then, and one that is refused.
func TestTheDemoOpensTheConsole(t *testing.T) {
	needsMosquitto(t)
	program(t, "thingpass")
	program(t, "thingpass-thing")
	page := testbrowser.Open(t)
	c := start(t, "thingpass-dev", "demo", "--dir", t.TempDir()+"/demo", "--interval", "500ms")
	c.awaitLine("Open http://")
	console := regexp.MustCompile(`Open (http://\S+)`).FindStringSubmatch(c.text())[1]
	page.Size(1100, 560)
	page.Go(console)
	page.Await(`document.querySelectorAll(".card").length == 3 && document.querySelector(".card.refused") && document.querySelectorAll(".card.active img").length == 2`)
	page.Await(`document.body.innerText.includes("unknown-kind")`)
	c.awaitLine("cam2/photo/")
	page.Await(`[...document.images].every(i => i.complete && i.naturalWidth > 0)`)
	page.Screenshot("demo")
	page.Go(console + "things/cam1")
	page.Await(`document.querySelector("#live table") && document.querySelector(".newest img")`)
	page.Await(`[...document.images].every(i => i.complete && i.naturalWidth > 0)`)
	page.Screenshot("demo-thing")
	if code := c.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
