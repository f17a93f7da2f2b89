// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"thingpass/broker"
)

// A world is what a broker needs, with faults that a test can switch on.
type world struct {
	mu       sync.Mutex
	now      time.Time
	signed   []broker.Put
	passes   []broker.Pass
	gets     []broker.Get
	entries  []broker.Entry
	objects  map[string]broker.Object
	signErr  error
	headErr  error
	auditErr error

	everything bool // every key holds something

	issued   []string // things
	issueErr error
	session  *broker.Session // what Issue gives, a good one if nil

	fakeUploads
}

// Issue gives credentials that tell whose they are.
func (w *world) Issue(_ context.Context, thing string) (broker.Session, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.issueErr != nil {
		return broker.Session{}, w.issueErr
	}
	w.issued = append(w.issued, thing)
	if w.session != nil {
		return *w.session, nil
	}
	return broker.Session{AccessKeyID: "ASIAFOR" + thing, SecretAccessKey: "the secret", SessionToken: "the token", Expires: w.now.Add(time.Hour)}, nil
}

func (w *world) SignPut(_ context.Context, p broker.Put) (broker.Grant, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.signErr != nil {
		return broker.Grant{}, w.signErr
	}
	w.signed = append(w.signed, p)
	return broker.Grant{URL: "https://s3.test/" + p.Key + "?a=1&b=2", Headers: map[string]string{"Content-Type": p.ContentType},
		Expires: p.Now.Add(p.TTL)}, nil
}

func (w *world) SignPass(_ context.Context, p broker.Pass) (broker.PassGrant, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.signErr != nil {
		return broker.PassGrant{}, w.signErr
	}
	w.passes = append(w.passes, p)
	return broker.PassGrant{URL: "https://s3.test/", Fields: map[string]string{"Content-Type": p.ContentType}, Expires: p.Now.Add(p.TTL)}, nil
}

func (w *world) SignGet(_ context.Context, g broker.Get) (broker.Grant, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.signErr != nil {
		return broker.Grant{}, w.signErr
	}
	w.gets = append(w.gets, g)
	return broker.Grant{URL: "https://s3.test/" + g.Key + "?a=1&b=2", Expires: g.Now.Add(g.TTL)}, nil
}

// granted is how many times anything was signed.
func (w *world) granted() int { return len(w.signed) + len(w.passes) + len(w.gets) }

func (w *world) Head(_ context.Context, key string) (broker.Object, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.headErr != nil {
		return broker.Object{}, w.headErr
	}
	o, ok := w.objects[key]
	if !ok && w.everything {
		return broker.Object{Size: 1000, ETag: `"e"`}, nil
	}
	if !ok {
		return o, broker.ErrNotFound
	}
	return o, nil
}

func (w *world) Record(entries ...broker.Entry) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.auditErr != nil {
		return w.auditErr
	}
	w.entries = append(w.entries, entries...)
	return nil
}

func photo() broker.Kind {
	return broker.Kind{Name: "photo", Modes: []string{"put", "pass"}, Types: []broker.ContentType{{Name: "image/jpeg", Ext: "jpg"}}, MaxSize: 8 << 20}
}

func logs() broker.Kind {
	return broker.Kind{Name: "log", Modes: []string{"put", "get"}, Types: []broker.ContentType{{Name: "text/plain", Ext: "txt"}, {Name: "application/gzip", Ext: "gz"}},
		MinSize: 10, MaxSize: 16 << 20, TTL: time.Hour, Metadata: []string{"fw"}}
}

// shared are kinds that things fetch only: for members of groups, for each thing
// its own, for another thing alone, for everybody.
func shared() []broker.Kind {
	get := []string{"get"}
	return []broker.Kind{
		{Name: "firmware", Modes: get, Object: "firmware/{group}/{name}.bin", AllowGroups: []string{"cams", "beta"}},
		{Name: "settings", Modes: get, Object: "settings/{thing}.json", AllowThings: []string{"*"}},
		{Name: "bells", Modes: get, Object: "bells/{name}", AllowThings: []string{"bell1"}},
		{Name: "notice", Modes: get, Object: "notice/{name}.txt", AllowThings: []string{"*"}},
	}
}

func groups() map[string][]string {
	return map[string][]string{"cams": {"cam2", "cam1", "both"}, "beta": {"both"}, "nobody": nil}
}

// config has every mode.
func config(w *world) broker.Config {
	return broker.Config{Kinds: append(shared(), photo(), logs(), clip()), Groups: groups(), Signer: w, Store: w, Audit: w,
		Passes: w, Downloads: w, Multipart: w, Now: func() time.Time { return w.now }, Credentials: bothForms(w)}
}

func clip() broker.Kind {
	return broker.Kind{Name: "clip", Types: []broker.ContentType{{Name: "video/mp4", Ext: "mp4"}}, MaxSize: 64 << 20, TTL: time.Hour,
		Modes: []string{broker.ModePut, broker.ModeMultipart}}
}

func newWorld(tb testing.TB) (*world, *broker.Broker) {
	tb.Helper()
	w := &world{now: time.Unix(1795424400, 0), objects: map[string]broker.Object{}}
	b, err := broker.New(config(w))
	if err != nil {
		tb.Fatal(err)
	}
	return w, b
}

func bothForms(issuer broker.Issuer) *broker.Credentials {
	return &broker.Credentials{
		Issuer:   issuer,
		Provider: &broker.Provider{Endpoint: "https://provider.test", RoleAlias: "thingpass"},
		Place:    broker.Place{Endpoint: "https://s3.test", Region: "eu-central-1", Bucket: "photos"},
	}
}

// answer is the JSON of a reply as a thing reads it.
type answer struct {
	AccessKeyID, SecretAccessKey, SessionToken string
	Endpoint, Region, Bucket, Prefix           string
	Provider                                   *struct {
		Endpoint, RoleAlias string
		Headers             map[string]string
	}

	ID, Status, Mode, ObjectKey, UploadURL, Code, Error string
	KeyPrefix, KeySuffix, DownloadURL                   string
	SHA256, ETag, VersionID                             string
	Time, ExpiresAt, RetryAfter, Size, MinSize, MaxSize int64
	Unchanged                                           bool
	Headers, Fields                                     map[string]string
	Objects                                             []answer

	UploadID, Checksum, Stored string
	PartSize                   int64
	PartCount                  int
	Parts                      []struct {
		Number    int
		Size      int64
		UploadURL string
	}
}

// ask sends a request as cam1 and returns the reply, which must be the only one.
func ask(tb testing.TB, b *broker.Broker, verb, payload string) answer {
	tb.Helper()
	return askAs(tb, b, "cam1", verb, payload)
}

func askAs(tb testing.TB, b *broker.Broker, thing, verb, payload string) answer {
	tb.Helper()
	out, _ := b.Handle(tb.Context(), broker.Message{Topic: "thingpass/" + thing + "/" + verb, Payload: []byte(payload)})
	if len(out) == 0 {
		tb.Fatalf("no reply to %s", payload)
	}
	if out[0].Topic != "thingpass/"+thing+"/response" || out[0].QoS != 1 {
		tb.Fatalf("the reply went to %s with QoS %d", out[0].Topic, out[0].QoS)
	}
	return decode(tb, out[0].Payload)
}

func decode(tb testing.TB, payload []byte) (a answer) {
	tb.Helper()
	if err := json.Unmarshal(payload, &a); err != nil {
		tb.Fatalf("reply %s: %v", payload, err)
	}
	if a.Status != "success" && a.Status != "error" || (a.Code == "") != (a.Status == "success") {
		tb.Fatalf("reply %s: status and code disagree", payload)
	}
	return a
}

// onePhoto is a good request, with fields replaced or added ("" removes).
func onePhoto(change map[string]any) string {
	fields := map[string]any{"id": "a1", "kind": "photo", "contentType": "image/jpeg", "size": 1000}
	for name, value := range change {
		if value == "" {
			delete(fields, name)
		} else {
			fields[name] = value
		}
	}
	text, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return string(text)
}

var errTest = errors.New("the test broke it")

func mustContain(tb testing.TB, text, part string) {
	tb.Helper()
	if !strings.Contains(text, part) {
		tb.Errorf("%q does not say %q", text, part)
	}
}
