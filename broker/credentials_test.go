// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"thingpass/broker"
	"thingpass/broker/quota"
)

// offering is a broker that gives what change leaves of both forms.
func offering(t *testing.T, change func(*broker.Credentials)) (*world, *broker.Broker) {
	t.Helper()
	w := &world{now: time.Unix(wireNow, 0)}
	c := config(w)
	change(c.Credentials)
	b, err := broker.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return w, b
}

func TestASessionIsTheRequestersOwn(t *testing.T) {
	w, b := newWorld(t)
	for _, payload := range []string{`{"id":"c1"}`, `{"id":"c1","mode":"session"}`, `{"mode":"","id":"c1"}`} {
		got := ask(t, b, "credentials-request", payload)
		if got.Status != "success" || got.Mode != "credentials" || got.ID != "c1" || got.Time != wireNow {
			t.Fatalf("%s: %+v", payload, got)
		}
		if got.AccessKeyID != "ASIAFORcam1" || got.SecretAccessKey != "the secret" || got.SessionToken != "the token" || got.ExpiresAt != wireNow+3600 {
			t.Errorf("%s: %+v", payload, got)
		}
		if got.Endpoint != "https://s3.test" || got.Region != "eu-central-1" || got.Bucket != "photos" || got.Prefix != "cam1/" || got.Provider != nil {
			t.Errorf("%s: %+v", payload, got)
		}
	}
	if !slices.Equal(w.issued, []string{"cam1", "cam1", "cam1"}) {
		t.Errorf("issued for %q", w.issued)
	}
}

func TestAProviderIsPointedAtWithoutASession(t *testing.T) {
	w, b := newWorld(t)
	got := ask(t, b, "credentials-request", `{"id":"c1","mode":"provider"}`)
	if got.Status != "success" || got.Mode != "credentials" || got.Provider == nil {
		t.Fatalf("%+v", got)
	}
	if got.Provider.Endpoint != "https://provider.test" || got.Provider.RoleAlias != "thingpass" || got.Provider.Headers["x-amzn-iot-thingname"] != "cam1" {
		t.Errorf("%+v", got.Provider)
	}
	if got.AccessKeyID+got.SecretAccessKey+got.SessionToken != "" || got.ExpiresAt != 0 || len(w.issued) != 0 || got.Prefix != "cam1/" {
		t.Errorf("%+v, issued for %q", got, w.issued)
	}
}

func TestWhatIsNotConfiguredIsNotOffered(t *testing.T) {
	_, sessions := offering(t, func(c *broker.Credentials) { c.Provider = nil })
	_, pointers := offering(t, func(c *broker.Credentials) { c.Issuer = nil })
	for _, test := range []struct {
		b          *broker.Broker
		mode, code string
	}{
		{sessions, "session", ""}, {sessions, "", ""}, {sessions, "provider", "mode-not-allowed"},
		{pointers, "provider", ""}, {pointers, "", ""}, {pointers, "session", "mode-not-allowed"},
		{sessions, "put", "mode-not-allowed"}, {sessions, "credentials", "mode-not-allowed"}, {sessions, "Session", "mode-not-allowed"},
	} {
		if got := ask(t, test.b, "credentials-request", `{"id":"c1","mode":"`+test.mode+`"}`); got.Code != test.code {
			t.Errorf("mode %q: %+v, want code %q", test.mode, got, test.code)
		}
	}
	w := &world{now: time.Unix(wireNow, 0)}
	c := config(w)
	c.Credentials = nil
	none, err := broker.New(c)
	if err != nil {
		t.Fatal(err)
	}
	out, err := none.Handle(t.Context(), broker.Message{Topic: "thingpass/cam1/credentials-request", Payload: []byte(`{"id":"c1"}`)})
	if len(out) != 0 || err == nil || slices.Contains(none.Filters(), "thingpass/+/credentials-request") {
		t.Errorf("without credentials: %d messages, %v, filters %q", len(out), err, none.Filters())
	}
	if !slices.Contains(sessions.Filters(), "thingpass/+/credentials-request") {
		t.Errorf("filters %q", sessions.Filters())
	}
}

func TestACredentialsRequestIsReadStrictly(t *testing.T) {
	w, b := newWorld(t)
	for name, payload := range map[string]string{
		"no id":           `{}`,
		"a bad id":        `{"id":"a/b"}`,
		"another thing":   `{"id":"c1","thing":"cam2"}`,
		"a prefix":        `{"id":"c1","prefix":"cam2/"}`,
		"a kind":          `{"id":"c1","kind":"photo"}`,
		"a doubled mode":  `{"id":"c1","mode":"session","mode":"provider"}`,
		"a mode of bytes": `{"id":"c1","mode":1}`,
		"a policy":        `{"id":"c1","policy":"{}"}`,
		"a duration":      `{"id":"c1","duration":900}`,
		"not JSON":        `id=c1`,
		"more after it":   `{"id":"c1"}{}`,
	} {
		if got := ask(t, b, "credentials-request", payload); got.Code != "bad-request" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if len(w.issued) != 0 {
		t.Errorf("issued for %q", w.issued)
	}
}

func TestNoSessionMeansUnavailable(t *testing.T) {
	good := broker.Session{AccessKeyID: "ASIA", SecretAccessKey: "s", SessionToken: "t", Expires: time.Unix(wireNow, 0).Add(time.Hour)}
	short, keyless, secretless, tokenless, endless := good, good, good, good, good
	short.Expires = time.Unix(wireNow, 0).Add(broker.MinSessionLife - time.Second)
	keyless.AccessKeyID, secretless.SecretAccessKey, tokenless.SessionToken, endless.Expires = "", "", "", time.Time{}
	for name, s := range map[string]*broker.Session{
		"an error": nil, "too short a life": &short, "no key": &keyless, "no secret": &secretless, "no token": &tokenless, "no end": &endless,
	} {
		w, b := offering(t, func(*broker.Credentials) {})
		if w.session = s; s == nil {
			w.issueErr = errTest
		}
		got := ask(t, b, "credentials-request", `{"id":"c1"}`)
		if got.Code != "unavailable" || got.RetryAfter == 0 || got.ID != "c1" || got.AccessKeyID+got.SecretAccessKey+got.SessionToken != "" {
			t.Errorf("%s: %+v", name, got)
		}
		if len(w.entries) != 1 || w.entries[0].Code != broker.CodeUnavailable {
			t.Errorf("%s: audit %+v", name, w.entries)
		}
	}
}

func TestNoAuditNoCredentials(t *testing.T) {
	w, b := newWorld(t)
	w.auditErr = errTest
	for _, mode := range []string{"session", "provider"} {
		out, err := b.Handle(t.Context(), broker.Message{Topic: "thingpass/cam1/credentials-request", Payload: []byte(`{"id":"c1","mode":"` + mode + `"}`)})
		if len(out) != 1 || err == nil {
			t.Fatalf("%s: %d messages, %v", mode, len(out), err)
		}
		if got := decode(t, out[0].Payload); got.Code != "unavailable" || got.AccessKeyID != "" || got.Provider != nil || strings.Contains(string(out[0].Payload), "secret") {
			t.Errorf("%s: %s", mode, out[0].Payload)
		}
	}
}

func TestTheAuditKnowsTheKeyButNoSecret(t *testing.T) {
	w, b := newWorld(t)
	ask(t, b, "credentials-request", `{"id":"c1"}`)
	ask(t, b, "credentials-request", `{"id":"c2","mode":"provider"}`)
	want := broker.Entry{Time: w.now, Thing: "cam1", Request: "credentials-request", ID: "c1", Mode: "credentials", Form: "session",
		AccessKeyID: "ASIAFORcam1", ExpiresAt: wireNow + 3600, Code: broker.CodeGranted}
	if len(w.entries) != 2 || w.entries[0] != want {
		t.Fatalf("got %+v", w.entries)
	}
	if e := w.entries[1]; e.Form != "provider" || e.AccessKeyID != "" || e.Code != broker.CodeGranted {
		t.Errorf("got %+v", e)
	}
	var lines bytes.Buffer
	if err := broker.NewJSONAudit(&lines).Record(w.entries...); err != nil {
		t.Fatal(err)
	}
	if text := lines.String(); strings.Contains(text, "the secret") || strings.Contains(text, "the token") || !strings.Contains(text, `"accessKeyId":"ASIAFORcam1"`) {
		t.Error(text)
	}
}

func TestPrintingASessionShowsNoSecret(t *testing.T) {
	s := broker.Session{AccessKeyID: "ASIAX", SecretAccessKey: "the secret", SessionToken: "the token", Expires: time.Unix(wireNow, 0)}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "session", s)
	for _, text := range []string{fmt.Sprint(s), fmt.Sprintf("%+v", s), fmt.Sprintf("%#v", s), fmt.Sprintf("%v", &s), log.String()} {
		if strings.Contains(text, "the ") || !strings.Contains(text, "ASIAX") {
			t.Error(text)
		}
	}
}

func TestCredentialsThatCannotWorkAreRefusedAtOnce(t *testing.T) {
	for name, change := range map[string]func(*broker.Credentials){
		"neither form": func(c *broker.Credentials) { c.Issuer, c.Provider = nil, nil },
		"no address":   func(c *broker.Credentials) { c.Provider.Endpoint = "" },
		"no alias":     func(c *broker.Credentials) { c.Provider.RoleAlias = "" },
		"no endpoint":  func(c *broker.Credentials) { c.Place.Endpoint = "" },
		"no region":    func(c *broker.Credentials) { c.Place.Region = "" },
		"no bucket":    func(c *broker.Credentials) { c.Place.Bucket = "" },
	} {
		w := &world{now: time.Unix(wireNow, 0)}
		c := config(w)
		change(c.Credentials)
		if _, err := broker.New(c); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestAnotherWayToASessionHasTheSameRules(t *testing.T) {
	w := &world{now: time.Unix(wireNow, 0)}
	c := config(w)
	c.Limits.RequestsPerMinute, c.Quota = 2, quota.NewMemory(0)
	b, err := broker.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := b.Issue(t.Context(), "cam1"); err != nil || got.AccessKeyID != "ASIAFORcam1" {
		t.Fatalf("%v, %v", got, err)
	}
	for thing, code := range map[string]broker.Code{"firmware": broker.CodeKeyNotAllowed, "settings": broker.CodeKeyNotAllowed, "a/b": broker.CodeModeNotAllowed, "": broker.CodeModeNotAllowed} {
		var refusal *broker.Refusal
		if got, err := b.Issue(t.Context(), thing); !errors.As(err, &refusal) || refusal.Code != code || got != (broker.Session{}) {
			t.Errorf("%q: %v, %v", thing, got, err)
		}
		if thing != "a/b" && thing != "" {
			if got := decode(t, handleAs(t, b, thing)); got.Code != string(code) {
				t.Errorf("%s over MQTT: %+v", thing, got)
			}
		}
	}
	var refusal *broker.Refusal
	_, _ = b.Issue(t.Context(), "cam1")
	if got, err := b.Issue(t.Context(), "cam1"); !errors.As(err, &refusal) || refusal.Code != broker.CodeQuotaExceeded || got != (broker.Session{}) {
		t.Errorf("the third in a minute: %v, %v", got, err)
	}
	if len(w.issued) != 2 {
		t.Errorf("issued for %q", w.issued)
	}
}

func handleAs(t *testing.T, b *broker.Broker, thing string) []byte {
	t.Helper()
	out, _ := b.Handle(t.Context(), broker.Message{Topic: "thingpass/" + thing + "/credentials-request", Payload: []byte(`{"id":"c1"}`)})
	if len(out) != 1 {
		t.Fatalf("%d messages", len(out))
	}
	return out[0].Payload
}
