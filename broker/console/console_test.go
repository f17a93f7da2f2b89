// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package console_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"thingpass/broker"
	"thingpass/broker/console"
)

// A world is what a broker needs: it grants everything, and has one object.
type world struct{}

func (world) SignPut(_ context.Context, p broker.Put) (broker.Grant, error) {
	return broker.Grant{URL: "https://s3.test/" + p.Key, Headers: map[string]string{"Content-Type": p.ContentType}, Expires: p.Now.Add(p.TTL)}, nil
}

func (world) Head(_ context.Context, key string) (broker.Object, error) {
	if key == storedKey {
		return broker.Object{Size: 700}, nil
	}
	return broker.Object{}, broker.ErrNotFound
}

const storedKey = "cam1/photo/2026/11/23/a1.jpg"

// audit fails while it has an error.
type audit struct {
	mu  sync.Mutex
	err error
}

func (a *audit) Record(...broker.Entry) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.err
}

func (a *audit) fail(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.err = err
}

func newBroker(tb testing.TB, a broker.Auditor) *broker.Broker {
	tb.Helper()
	jpeg := []broker.ContentType{{Name: "image/jpeg", Ext: "jpg"}}
	b, err := broker.New(broker.Config{Kinds: []broker.Kind{{Name: "photo", Types: jpeg, MaxSize: 1000}, {Name: "log", Types: jpeg, MaxSize: 1000}},
		Signer: world{}, Store: world{}, Audit: a, Now: time.Now})
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// observed is a broker under observation.
func observed(tb testing.TB) (*console.Metrics, console.Handler, *audit, *console.CountedAuditor) {
	tb.Helper()
	m := console.NewMetrics([]string{"photo", "log"}, "v1.2.3")
	a := &audit{}
	counted := m.Auditor(a)
	return m, m.Handler(newBroker(tb, counted)), a, counted
}

func listen(tb testing.TB, m *console.Metrics, checks ...console.Check) (base string) {
	tb.Helper()
	log := slog.New(slog.DiscardHandler)
	s, err := console.Listen("127.0.0.1:0", console.Routes(m, checks, log), log)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	return "http://" + s.Addr().String()
}

func get(tb testing.TB, url string) (status int, body string) {
	tb.Helper()
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func ask(h console.Handler, verb, payload string) {
	_, _ = h.Handle(context.Background(), broker.Message{Topic: "thingpass/cam1/" + verb, Payload: []byte(payload)})
}

func TestDecisionsAreCounted(t *testing.T) {
	m, h, a, counted := observed(t)
	ask(h, "upload-request", `{"id":"a1","kind":"photo","size":600}`)
	ask(h, "upload-request", `{"id":"a2","kind":"photo","size":50}`)
	ask(h, "upload-request", `{"id":"a3","kind":"photo","size":5000}`)
	ask(h, "upload-request", `{"id":"a4","kind":"invented","size":1}`)
	ask(h, "upload-complete", `{"id":"r","objectKey":"`+storedKey+`","size":700}`)
	ask(h, "upload-complete", `{"id":"r","objectKey":"cam1/log/2026/11/23/a2.jpg","size":50}`)
	ask(h, "sesame", "open")
	a.fail(errors.New("disk full"))
	ask(h, "upload-request", `{"id":"a5","kind":"photo","size":1}`)
	if counted.Failure() == nil {
		t.Error("the failure of the audit is not told")
	}
	a.fail(nil)
	ask(h, "upload-request", `{"id":"a6","kind":"log","size":1}`)
	if err := counted.Failure(); err != nil {
		t.Errorf("a failure that has passed is told: %v", err)
	}
	m.Served("thingpass/cam1/upload-request", 3*time.Millisecond)
	m.Counter("thingpass_mqtt_requests_total", "Requests.", func() float64 { return 17 })
	m.Gauge("thingpass_mqtt_working", "Requests that a worker has.", func() float64 { return 4 })

	_, text := get(t, listen(t, m)+"/metrics")
	for _, want := range []string{
		`thingpass_decisions_total{code="granted",kind="photo",mode="put",verb="upload-request"} 2`,
		`thingpass_decisions_total{code="granted",kind="log",mode="put",verb="upload-request"} 1`,
		`thingpass_decisions_total{code="size-not-allowed",kind="photo",mode="put",verb="upload-request"} 1`,
		`thingpass_decisions_total{code="unknown-kind",kind="",mode="",verb="upload-request"} 1`,
		`thingpass_decisions_total{code="verified",kind="photo",mode="",verb="upload-complete"} 1`,
		`thingpass_decisions_total{code="not-found",kind="log",mode="",verb="upload-complete"} 1`,
		`thingpass_decisions_total{code="ignored",kind="",mode="",verb=""} 1`,
		`thingpass_granted_bytes_total{kind="photo"} 650`,
		`thingpass_verified_bytes_total{kind="photo"} 700`,
		`thingpass_audit_errors_total 1`,
		`thingpass_decision_seconds_count{verb="upload-request"} 6`,
		`thingpass_decision_seconds_count{verb="other"} 1`,
		`thingpass_request_seconds_bucket{verb="upload-request",le="0.005"} 1`,
		`thingpass_request_seconds_bucket{verb="upload-request",le="0.0025"} 0`,
		`thingpass_mqtt_requests_total 17`,
		`thingpass_mqtt_working 4`,
		`thingpass_build_info{version="v1.2.3"} 1`,
		"go_goroutines ",
		"process_resident_memory_bytes ",
	} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("not told: %s", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v, %v", problems, err)
	}
}

// TestStrangersMakeNoSeries throws at the broker what nobody can foresee, and
// counts the series before and after.
func TestStrangersMakeNoSeries(t *testing.T) {
	m, h, _, counted := observed(t)
	base := listen(t, m)
	random := rand.New(rand.NewPCG(1, 2))
	storm := func(n int) int {
		for i := range n {
			word := fmt.Sprintf("x%d-%d", i, random.Uint64())
			kind, verb := word, word
			if i%3 == 0 {
				verb = "upload-request"
			}
			if i%5 == 0 {
				kind = "photo"
			}
			topic := "thingpass/" + word + "/" + verb
			_, _ = h.Handle(t.Context(), broker.Message{Topic: topic, Payload: fmt.Appendf(nil, `{"id":%q,"kind":%q,"mode":%q,"size":%d}`, word, kind, word, i)})
			_, _ = h.Handle(t.Context(), broker.Message{Topic: topic, Payload: fmt.Appendf(nil, `{"id":%q,"kind":%q,"size":%d}`, word, kind, i)})
			_, _ = h.Handle(t.Context(), broker.Message{Topic: word, Payload: []byte(word)})
			m.Served(topic, time.Duration(random.Uint64N(uint64(time.Minute))))
			// an auditor must not rely on what comes before it
			if err := counted.Record(broker.Entry{Request: verb, Mode: word, Kind: kind, Code: broker.Code(word), Thing: word, Key: word}); err != nil {
				t.Fatal(err)
			}
		}
		_, text := get(t, base+"/metrics")
		if strings.Contains(text, `="x`) {
			t.Errorf("a stranger's word is a label:\n%s", text)
		}
		return strings.Count(text, "\nthingpass_")
	}
	first := storm(200)
	if second := storm(2000); second != first {
		t.Errorf("%d series became %d", first, second)
	}
	_, text := get(t, base+"/metrics")
	if !strings.Contains(text, `thingpass_decisions_total{code="other",kind="other",mode="other",verb="other"}`) {
		t.Error("they are not counted at all")
	}
}

func TestNewKindsAreCountedByName(t *testing.T) {
	m, _, _, counted := observed(t)
	entry := broker.Entry{Request: "upload-request", Mode: "put", Kind: "video", Code: broker.CodeGranted, Size: 5}
	for _, kinds := range [][]string{{"photo"}, {"photo", "video"}} {
		m.SetKinds(kinds)
		if err := counted.Record(entry); err != nil {
			t.Fatal(err)
		}
	}
	_, text := get(t, listen(t, m)+"/metrics")
	for _, want := range []string{`thingpass_granted_bytes_total{kind="other"} 5`, `thingpass_granted_bytes_total{kind="video"} 5`} {
		if !strings.Contains(text, want) {
			t.Errorf("not told: %s", want)
		}
	}
}

func TestReadinessTellsEveryReason(t *testing.T) {
	var mu sync.Mutex
	failures := map[string]error{}
	check := func(name string) console.Check {
		return console.Check{Name: name, Ask: func(context.Context) error {
			mu.Lock()
			defer mu.Unlock()
			return failures[name]
		}}
	}
	hangs := console.Check{Name: "s3", Ask: func(ctx context.Context) error {
		mu.Lock()
		hang := failures["s3"] != nil
		mu.Unlock()
		if hang {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}}
	m, _, _, _ := observed(t)
	base := listen(t, m, check("mqtt"), check("audit"), hangs)
	if status, body := get(t, base+"/readyz"); status != 200 || body != `{"ready":true,"checks":{"audit":"ok","mqtt":"ok","s3":"ok"}}`+"\n" {
		t.Errorf("%d %s", status, body)
	}
	mu.Lock()
	failures["mqtt"], failures["audit"], failures["s3"] = errors.New("0 of 1 connections"), errors.New("disk <full>"), errors.New("hang")
	mu.Unlock()
	want := `{"ready":false,"checks":{"audit":"disk <full>","mqtt":"0 of 1 connections","s3":"context deadline exceeded"}}` + "\n"
	await(t, func() bool { status, body := get(t, base+"/readyz"); return status == 503 && body == want })
	if status, body := get(t, base+"/healthz"); status != 200 || body != "ok\n" {
		t.Errorf("alive: %d %s", status, body)
	}
	mu.Lock()
	clear(failures)
	mu.Unlock()
	await(t, func() bool { status, _ := get(t, base+"/readyz"); return status == 200 })
}

func TestManyWhoAskAreOneQuestion(t *testing.T) {
	asked := make(chan bool, 1000)
	m, _, _, _ := observed(t)
	base := listen(t, m, console.Check{Name: "mqtt", Ask: func(context.Context) error { asked <- true; return nil }})
	began := time.Now()
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() { get(t, base+"/readyz") })
	}
	all.Wait()
	if most := 1 + int(time.Since(began)/time.Second); len(asked) > most {
		t.Errorf("asked %d times, want at most %d", len(asked), most)
	}
}

func await(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("still not so after 10 s")
		}
	}
}

func TestWhatIsNotTold(t *testing.T) {
	m, _, _, _ := observed(t)
	base := listen(t, m)
	for path, want := range map[string]int{"/": 404, "/debug/pprof/": 404, "/metrics/x": 404, "/readyz/": 404} {
		if status, _ := get(t, base+path); status != want {
			t.Errorf("GET %s: %d, want %d", path, status, want)
		}
	}
	resp, err := http.Post(base+"/metrics", "text/plain", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST /metrics: %d", resp.StatusCode)
	}
}

func TestATakenPortIsAnError(t *testing.T) {
	m, _, _, _ := observed(t)
	log := slog.New(slog.DiscardHandler)
	if _, err := console.Listen(strings.TrimPrefix(listen(t, m), "http://"), console.Routes(m, nil, log), log); err == nil {
		t.Error("two listen at one port")
	}
}

// instant is a handler that does nothing but record one entry.
type instant struct{ audit broker.Auditor }

func (h instant) Handle(context.Context, broker.Message) ([]broker.Message, error) {
	return nil, h.audit.Record(broker.Entry{Request: "upload-request", Mode: "put", Kind: "photo", Size: 600, Code: broker.CodeGranted})
}
func (h instant) Busy(broker.Message) ([]broker.Message, error) { return nil, nil }

// BenchmarkObservation is what observation adds to a request: the difference
// between bare and observed.
func BenchmarkObservation(b *testing.B) {
	message := broker.Message{Topic: "thingpass/cam1/upload-request"}
	run := func(b *testing.B, h console.Handler, served func(string, time.Duration)) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				_, _ = h.Handle(context.Background(), message)
				served(message.Topic, time.Millisecond)
			}
		})
	}
	b.Run("bare", func(b *testing.B) { run(b, instant{&nothing{}}, func(string, time.Duration) {}) })
	m := console.NewMetrics([]string{"photo", "log"}, "v1.2.3")
	b.Run("observed", func(b *testing.B) { run(b, m.Handler(instant{m.Auditor(&nothing{})}), m.Served) })
}

type nothing struct{}

func (nothing) Record(...broker.Entry) error { return nil }
