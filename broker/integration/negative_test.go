// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"

	"thingpass/certs"
)

// TestWhatMustNotHappen holds one stack to everything that it has to refuse, and
// sees whether it still works afterwards.
func TestWhatMustNotHappen(t *testing.T) {
	s := newStack(t)
	t.Run("a neighbour's topic", s.neighboursTopic)
	t.Run("a foreign Response Topic", s.foreignResponseTopic)
	t.Run("certificates", s.certificates)
	t.Run("payloads", s.payloads)
	t.Run("keys", s.keys)
	t.Run("uploads", s.uploads)
	t.Run("reports", s.reports)
	t.Run("and the service is still up", func(t *testing.T) { s.with(t).roundTrip("cam-last") })
}

// with makes a copy of the stack that fails t.
func (s *stack) with(t *testing.T) *stack {
	copied := *s
	copied.tb = t
	return &copied
}

// roundTrip stores one photo as a thing would, and compares the bytes.
func (s *stack) roundTrip(thing string) {
	s.tb.Helper()
	d := s.connect(thing)
	d.tb = s.tb
	photo := jpeg("round-trip", 20_000)
	g := d.granted(photo, true)
	if status, code := s.put(g, photo.body, nil); status != http.StatusOK {
		s.tb.Fatalf("PUT: %d %s", status, code)
	}
	report := fmt.Sprintf(`{"id":"done","objectKey":%q,"size":%d,"sha256":%q}`, g.ObjectKey, len(photo.body), sum(photo.body))
	if r := d.ask("upload-complete", []byte(report)); r.Status != "success" {
		s.tb.Fatalf("report: %+v", r)
	}
	text, err := os.ReadFile(s.stored()[g.ObjectKey])
	if err != nil || sum(text) != sum(photo.body) {
		s.tb.Errorf("the stored photo differs (%v)", err)
	}
}

func (s *stack) neighboursTopic(t *testing.T) {
	s = s.with(t)
	victim, thief := s.connect("cam1"), s.connect("cam2")
	victim.tb, thief.tb = t, t
	if code := thief.publish(&paho.Publish{Topic: "thingpass/cam1/upload-request", Payload: jpeg("stolen", 10).request(true)}); code != 0x87 {
		t.Errorf("publishing on a neighbour's topic: 0x%x, want 0x87 (not authorized)", code)
	}
	thief = s.thrownOut(thief)
	for _, filter := range []string{"thingpass/cam1/response", "thingpass/+/response", "thingpass/#"} {
		if err := thief.subscribe(filter); err != nil {
			t.Logf("subscribe %s: %v", filter, err) // an ACL file lets it pass, and delivers nothing
		}
	}
	victim.granted(jpeg("mine", 10), true)
	thief.publish(&paho.Publish{Topic: "thingpass/cam2/upload-request", Payload: jpeg("own", 10).request(true)})
	copies := 3 // its three filters for its own topic: Mosquitto delivers to each
	if enforcing {
		copies = 1 // it was refused the two that are not its own
	}
	for range copies {
		if heard := thief.reply(); heard.ID != "own" {
			t.Errorf("the thief overheard %q", heard.ID)
		}
	}
	for _, line := range s.audit() {
		if strings.Contains(line, "stolen") {
			t.Errorf("the broker heard the thief: %s", line)
		}
	}
}

func (s *stack) foreignResponseTopic(t *testing.T) {
	s = s.with(t)
	asker, other := s.connect("cam3"), s.connect("cam4")
	asker.tb, other.tb = t, t
	asker.publish(&paho.Publish{Topic: "thingpass/cam3/upload-request", Payload: jpeg("x", 10).request(true),
		Properties: &paho.PublishProperties{ResponseTopic: "thingpass/cam4/response", CorrelationData: []byte{0, 255, 7}}})
	p := asker.next()
	if p == nil || p.Topic != "thingpass/cam3/response" || string(p.Properties.CorrelationData) != "\x00\xff\x07" {
		t.Fatalf("the reply: %+v", p)
	}
	if own := other.granted(jpeg("own", 10), true); own.ID != "own" || len(other.received) != 0 {
		t.Errorf("another thing got the reply")
	}
}

func (s *stack) certificates(t *testing.T) {
	s = s.with(t)
	identity := func(ca *certs.CA, opts ...certs.Option) certs.Identity {
		id, err := ca.Thing("cam5", opts...)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	foreign, err := certs.NewCA("foreign CA")
	if err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-100 * 24 * time.Hour)
	for name, id := range map[string]certs.Identity{
		"of another CA": identity(foreign),
		"expired":       identity(s.mqtt.ca, certs.Between(long, long.Add(24*time.Hour))),
		"of nobody":     {},
	} {
		config := s.mqtt.thingTLS(t, "cam5")
		config.Certificates = nil
		if id.Leaf != nil {
			config = s.mqtt.clientTLS(id)
		}
		if _, err := dial(t, s.mqtt.things, "cam5", config); err == nil {
			t.Errorf("a certificate %s was let in", name)
		}
	}
	config := s.mqtt.thingTLS(t, "cam5")
	config.RootCAs = foreign.Pool()
	if _, err := dial(t, s.mqtt.things, "cam5", config); err == nil {
		t.Error("the thing trusted a server of another CA")
	}
}

func (s *stack) payloads(t *testing.T) {
	s = s.with(t)
	d := s.connect("cam6")
	good := string(jpeg("a1", 10).request(false))
	for name, test := range map[string]struct{ payload, code string }{
		"not JSON":             {"hello", "bad-request"},
		"invalid UTF-8":        {"{\"id\":\"a1\",\"kind\":\"photo\",\"size\":1,\"contentType\":\"\xc3\x28\"}", "bad-request"},
		"deeply nested":        {`{"metadata":` + strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_001), "bad-request"},
		"a doubled field":      {`{"id":"a1","id":"a2","kind":"photo","size":1}`, "bad-request"},
		"an unknown field":     {strings.Replace(good, "{", `{"thing":"cam1",`, 1), "bad-request"},
		"size beyond 64 bits":  {`{"id":"a1","kind":"photo","size":18446744073709551616}`, "bad-request"},
		"a negative size":      {`{"id":"a1","kind":"photo","size":-1}`, "size-not-allowed"},
		"a size of 1e9":        {`{"id":"a1","kind":"photo","size":1e9}`, "bad-request"},
		"a size too large":     {`{"id":"a1","kind":"photo","size":9000000}`, "size-not-allowed"},
		"70 KB":                {`{"id":"a1","x":"` + strings.Repeat("x", 70_000) + `"}`, "payload-too-large"},
		"200 KB":               {strings.Repeat("x", 200_000), "payload-too-large"},
		"a header in metadata": {`{"id":"a1","kind":"photo","size":1,"metadata":{"a":"b\r\nx-amz-acl: public-read"}}`, "metadata-not-allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			if strict && len(test.payload) > 128<<10 {
				t.Skip("AWS does not take it")
			}
			d.tb = t
			if g := d.ask("upload-request", []byte(test.payload)); g.Code != test.code || g.Error == "" || g.Time == 0 {
				t.Errorf("code %q (%s), want %q", g.Code, g.Error, test.code)
			}
		})
	}
}

func (s *stack) keys(t *testing.T) {
	s = s.with(t)
	d := s.connect("cam8")
	d.tb = t
	day := "cam8/photo/2026/11/23/"
	for _, key := range []string{
		"cam1/photo/2026/11/23/a1.jpg", "cam80/photo/2026/11/23/a1.jpg", "../cam1/photo/2026/11/23/a1.jpg", day + "../a1.jpg",
		day + "%2e%2e/a1.jpg", "cam8%2fphoto/2026/11/23/a1.jpg", day + "a1\u0000.jpg", day + "a1\u007f.jpg", day + "a1\n.jpg",
		day + strings.Repeat("a", 1025-len(day)), "/" + day + "a1.jpg", day + "a1.jpg/", day + "a1.JPG", day, "",
	} {
		payload := fmt.Sprintf(`{"id":"a1","kind":"photo","size":10,"objectKey":%s}`, quote(key))
		if g := d.ask("upload-request", []byte(payload)); g.Code != "key-not-allowed" {
			t.Errorf("request for key %q: code %q (%s)", key, g.Code, g.Error)
		}
	}
}

func (s *stack) uploads(t *testing.T) {
	s = s.with(t)
	d := s.connect("cam9")
	d.tb = t
	n := 0
	next := func() object {
		n++
		return jpeg(fmt.Sprintf("u%d", n), 5000)
	}
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	query := func(old, new string) func(*http.Request) {
		return func(r *http.Request) { r.URL.RawQuery = strings.Replace(r.URL.RawQuery, old, new, 1) }
	}
	other := jpeg("other", 5000).body
	other[100] ^= 1
	for name, test := range map[string]struct {
		withSum bool
		body    []byte // instead of the photo's
		change  func(*http.Request)
		status  int
		code    string
	}{
		"another content type":       {true, nil, header("Content-Type", "text/html"), 403, "SignatureDoesNotMatch"},
		"no If-None-Match":           {true, nil, func(r *http.Request) { r.Header.Del("If-None-Match") }, 403, ""},
		"another checksum":           {true, nil, header("X-Amz-Checksum-Sha256", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), 403, "SignatureDoesNotMatch"},
		"an unsigned acl":            {true, nil, header("X-Amz-Acl", "public-read"), 403, "AccessDenied"},
		"unsigned metadata":          {true, nil, header("X-Amz-Meta-Owner", "me"), 403, "AccessDenied"},
		"an unsigned copy source":    {true, nil, header("X-Amz-Copy-Source", "photos/cam1/x"), 403, "AccessDenied"},
		"other bytes":                {true, other, nil, 400, "BadDigest"},
		"one byte more":              {false, make([]byte, 5001), nil, 403, "SignatureDoesNotMatch"},
		"one byte less":              {false, make([]byte, 4999), nil, 403, "SignatureDoesNotMatch"},
		"without a length":           {false, nil, func(r *http.Request) { r.ContentLength = -1 }, 411, "MissingContentLength"},
		"a longer life":              {true, nil, query("X-Amz-Expires=900", "X-Amz-Expires=86400"), 403, "SignatureDoesNotMatch"},
		"fewer signed headers":       {true, nil, query("content-length%3B", ""), 403, ""},
		"a broken signature":         {true, nil, query("X-Amz-Signature=", "X-Amz-Signature=0"), 403, ""},
		"a neighbour's key":          {true, nil, func(r *http.Request) { r.URL.Path = strings.Replace(r.URL.Path, "cam9", "cam1", 1) }, 403, "SignatureDoesNotMatch"},
		"DELETE":                     {true, nil, func(r *http.Request) { r.Method = http.MethodDelete }, 403, "SignatureDoesNotMatch"},
		"GET":                        {true, nil, func(r *http.Request) { r.Method, r.Body, r.ContentLength = http.MethodGet, nil, 0 }, 403, "SignatureDoesNotMatch"},
		"an additional query":        {true, nil, query("X-Amz-Algorithm", "acl=&X-Amz-Algorithm"), 403, ""},
		"as it should be (baseline)": {true, nil, nil, 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d.tb = t
			photo := next()
			g := d.granted(photo, test.withSum)
			body := photo.body
			if test.body != nil {
				body = test.body
			}
			status, code := s.with(t).put(g, body, test.change)
			if status != test.status || test.code != "" && code != test.code {
				t.Errorf("%d %s, want %d %s", status, code, test.status, test.code)
			}
			if _, there := s.stored()[g.ObjectKey]; there != (test.status == 200) {
				t.Errorf("stored: %v", there)
			}
		})
	}
	t.Run("a second time", func(t *testing.T) {
		d.tb = t
		photo := next()
		g := d.granted(photo, false)
		first, _ := s.put(g, photo.body, nil)
		second, code := s.put(g, make([]byte, len(photo.body)), nil)
		if first != 200 || second != 412 || code != "PreconditionFailed" {
			t.Errorf("first %d, second %d %s", first, second, code)
		}
		text, err := os.ReadFile(s.stored()[g.ObjectKey])
		if err != nil || sum(text) != sum(photo.body) {
			t.Errorf("the first upload was overwritten (%v)", err)
		}
	})
	t.Run("after it expired", func(t *testing.T) {
		d.tb = t
		photo := next()
		photo.kind = "brief" // its grants live for one second
		g := d.granted(photo, true)
		time.Sleep(time.Until(time.Unix(g.ExpiresAt+1, 0))) // what is tested is that time passes
		if status, code := s.put(g, photo.body, nil); status != 403 || code != "AccessDenied" {
			t.Errorf("%d %s", status, code)
		}
	})
}

func (s *stack) reports(t *testing.T) {
	s = s.with(t)
	d := s.connect("cam10")
	d.tb = t
	photo := jpeg("r1", 3000)
	g := d.granted(photo, true)
	report := func(key string, size int, sum string) string {
		return d.ask("upload-complete", fmt.Appendf(nil, `{"id":"r","objectKey":%q,"size":%d,"sha256":%q}`, key, size, sum)).Code
	}
	if code := report(g.ObjectKey, 3000, sum(photo.body)); code != "not-found" {
		t.Errorf("reported before it was there: %q", code)
	}
	if status, code := s.put(g, photo.body, nil); status != 200 {
		t.Fatalf("%d %s", status, code)
	}
	for want, got := range map[string]string{
		"":                report(g.ObjectKey, 3000, sum(photo.body)),
		"mismatch":        report(g.ObjectKey, 3001, sum(photo.body)),
		"key-not-allowed": report("cam1/photo/2026/11/23/r1.jpg", 3000, sum(photo.body)),
	} {
		if got != want {
			t.Errorf("code %q, want %q", got, want)
		}
	}
	if code := report(g.ObjectKey, 3000, strings.Repeat("0", 64)); code != "mismatch" {
		t.Errorf("with another checksum: %q", code)
	}
}
