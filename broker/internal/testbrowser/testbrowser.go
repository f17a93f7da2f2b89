// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package testbrowser looks at pages with a real Chromium, for tests: what a page
// shows, what it complains about, and what axe-core finds hard to use in it.
package testbrowser

import (
	"context"
	_ "embed" // axe-core
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

//go:embed testdata/axe.min.js
var axe string

const patience = 30 * time.Second

// A Page is a tab of a browser that ends with the test.
type Page struct {
	t   testing.TB
	ctx context.Context

	mu         sync.Mutex
	complaints []string
}

// Open starts a browser with an empty profile. Chromium is needed: `make test`
// installs Debian's. With -short the test is skipped.
func Open(t testing.TB) *Page {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser is slow")
	}
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		t.Fatal("there is no Chromium: apt-get install chromium, or make setup-test")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.NoSandbox, // tests may run as root
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-gpu", true),
		chromedp.UserDataDir(t.TempDir()))
	allocator, endAll := chromedp.NewExecAllocator(context.Background(), options...)
	p := &Page{t: t}
	ctx, end := chromedp.NewContext(allocator, chromedp.WithListener(p.hear))
	t.Cleanup(func() { end(); endAll() })
	p.ctx = ctx
	p.do(chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, cdplog.Enable, cdp.Empty{})
		return err
	}))
	return p
}

// hear keeps what the browser complains about: violations of the policy, errors of
// scripts, files that are not there.
func (p *Page) hear(event any) {
	text := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text = e.ExceptionDetails.Text
	case *cdplog.EventEntryAdded:
		if e.Entry.Level == cdplog.EntryLevelError || e.Entry.Level == cdplog.EntryLevelWarning {
			text = fmt.Sprintf("%s: %s", e.Entry.Text, e.Entry.URL)
		}
	}
	if text != "" {
		p.mu.Lock()
		p.complaints = append(p.complaints, text)
		p.mu.Unlock()
	}
}

// Complaints are what the browser said since the last time.
func (p *Page) Complaints() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	said := p.complaints
	p.complaints = nil
	return said
}

func (p *Page) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, steps...); err != nil {
		p.t.Fatalf("browser: %v; it said %q", err, p.Complaints())
	}
}

// Go opens an address and waits until it is loaded.
func (p *Page) Go(url string) { p.t.Helper(); p.do(chromedp.Navigate(url)) }

// Size sets the size of the window, in CSS pixels.
func (p *Page) Size(width, height int64) { p.t.Helper(); p.do(chromedp.EmulateViewport(width, height)) }

// Scheme has the page be "light" or "dark".
func (p *Page) Scheme(name string) {
	p.t.Helper()
	p.do(chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}})
		return err
	}))
}

// Scripts switches scripts of pages on or off. Eval works in both cases.
func (p *Page) Scripts(on bool) {
	p.t.Helper()
	p.do(chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
		return err
	}))
}

// Eval returns the value of an expression in the page.
func Eval[T any](p *Page, expression string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		p.t.Fatalf("browser: %s: %v", expression, err)
	}
	return v
}

// Await waits until an expression is true, and says how long it took.
func (p *Page) Await(expression string) time.Duration {
	p.t.Helper()
	began := time.Now()
	for !Eval[bool](p, "!!("+expression+")") {
		if time.Since(began) > patience {
			p.t.Fatalf("browser: %s is not so after %v; the page says %q; it complains %q", expression, patience,
				Eval[string](p, "document.body.innerText"), p.Complaints())
		}
		time.Sleep(10 * time.Millisecond)
	}
	return time.Since(began)
}

// Click clicks on what a selector finds.
func (p *Page) Click(selector string) { p.t.Helper(); p.do(chromedp.Click(chromedp.CSS(selector))) }

// Press presses keys, as package kb of chromedp has them.
func (p *Page) Press(keys string) { p.t.Helper(); p.do(chromedp.KeyEvent(keys)) }

// Screenshot writes what is seen to build/screenshots/<name>.png of the repository.
func (p *Page) Screenshot(name string) {
	p.t.Helper()
	image, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Fatal(err)
	}
	folder := filepath.Join(root(p.t), "build", "screenshots")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), image, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// Axe returns what axe-core finds of serious or critical impact, a line for each.
func (p *Page) Axe() []string {
	p.t.Helper()
	_ = Eval[bool](p, axe+";true")
	const run = `axe.run({resultTypes: ["violations"]}).then(r => JSON.stringify(r.violations.map(v => ({
		id: v.id, impact: v.impact, help: v.help, where: v.nodes.map(n => n.html.slice(0, 200))}))))`
	text, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](run, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatal(err)
	}
	var found []struct {
		ID, Impact, Help string
		Where            []string
	}
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		p.t.Fatal(err)
	}
	var lines []string
	for _, v := range found {
		if v.Impact == "serious" || v.Impact == "critical" {
			lines = append(lines, fmt.Sprintf("%s (%s): %s: %q", v.ID, v.Impact, v.Help, v.Where))
		}
	}
	return lines
}

// root is the folder with go.mod.
func root(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(strings.TrimSpace(string(out)))
}
