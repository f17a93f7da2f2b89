// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"thingpass/broker"
)

// commanding is a broker that gives commands.
func commanding(tb testing.TB) (*world, *broker.Broker) {
	tb.Helper()
	w := &world{now: time.Unix(wireNow, 0), objects: map[string]broker.Object{}}
	c := config(w)
	c.Commands = true
	b, err := broker.New(c)
	if err != nil {
		tb.Fatal(err)
	}
	return w, b
}

var soon = time.Unix(wireNow+60, 0)

// wireCommands are what the firmware's tests read as well.
var wireCommands = map[string]broker.Command{
	"capture":       {ID: "c-1", Command: "capture", ExpiresAt: soon},
	"capture-photo": {ID: "c-2", Command: "capture", Kind: "photo", ExpiresAt: soon},
	"download":      {ID: "c-3", Command: "download", Kind: "firmware", Name: "v2", ExpiresAt: time.Unix(wireNow+86400, 0)},
	"download-last": {ID: "c-4", Command: "download", Kind: "settings", ExpiresAt: soon},
	"longest": {ID: strings.Repeat("i", 64), Command: "download", Kind: strings.Repeat("k", 32), Name: strings.Repeat("n", 64),
		ExpiresAt: time.Unix(253402300799, 0)},
}

func TestCommandsAreTheBytesThatThingsRead(t *testing.T) {
	w := &world{now: time.Unix(wireNow, 0)}
	c := config(w)
	c.Commands = true
	long := shared()[0]
	long.Name, long.Object = strings.Repeat("k", 32), "long/{name}"
	c.Kinds = append(c.Kinds, long)
	b, err := broker.New(c)
	if err != nil {
		t.Fatal(err)
	}
	for name, command := range wireCommands {
		m, err := b.Command("cam1", command)
		if err != nil || m.Topic != "thingpass/cam1/command" || m.QoS != 1 {
			t.Fatalf("%s: %+v, %v", name, m, err)
		}
		compare(t, "testdata/wire/"+name+".command.json", m.Payload)
	}
	if found, _ := filepath.Glob("testdata/wire/*.command.json"); len(found) != len(wireCommands) {
		t.Errorf("%d commands are kept, %d are made", len(found), len(wireCommands))
	}
}

func TestCommandsThatNoThingCouldFollowAreNotMade(t *testing.T) {
	_, b := commanding(t)
	good := broker.Command{ID: "c-1", Command: "download", Kind: "firmware", Name: "v2", ExpiresAt: soon}
	if _, err := b.Command("cam1", good); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(c *broker.Command){
		"id must be":                    func(c *broker.Command) { c.ID = "a/b" },
		"id must be 1":                  func(c *broker.Command) { c.ID = "" },
		"expired already":               func(c *broker.Command) { c.ExpiresAt = time.Unix(wireNow, 999) },
		"expired":                       func(c *broker.Command) { c.ExpiresAt = time.Time{} },
		`no command "reboot"`:           func(c *broker.Command) { c.Command = "reboot" },
		`no command ""`:                 func(c *broker.Command) { c.Command = "" },
		`kind "photo" has no shared`:    func(c *broker.Command) { c.Kind = "photo" },
		`kind "" has no shared`:         func(c *broker.Command) { c.Kind = "" },
		"kind settings have no names":   func(c *broker.Command) { c.Kind = "settings" },
		"a name must be":                func(c *broker.Command) { c.Name = "../x" },
		"a name belongs to a":           func(c *broker.Command) { c.Command, c.Kind = "capture", "photo" },
		`kind "firmware" is none`:       func(c *broker.Command) { c.Command, c.Name = "capture", "" },
		`kind "nothing" is none`:        func(c *broker.Command) { c.Command, c.Name, c.Kind = "capture", "", "nothing" },
		`kind "<b>" has no shared`:      func(c *broker.Command) { c.Kind = "<b>" },
		"the first of them no '.'":      func(c *broker.Command) { c.Name = ".x" },
		"1 to 64 characters of A-Z, a-": func(c *broker.Command) { c.Name = strings.Repeat("n", 65) },
	} {
		c := good
		change(&c)
		if m, err := b.Command("cam1", c); err == nil || m.Payload != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %s, %v; want %q", m.Payload, err, want)
		}
	}
	for _, thing := range []string{"", "a/b", "+", "#", "cam 1", strings.Repeat("a", 129)} {
		if _, err := b.Command(thing, good); err == nil {
			t.Errorf("%q can be told what to do", thing)
		}
	}
}

func TestWithoutCommandsThereAreNone(t *testing.T) {
	w, b := newWorld(t)
	if _, err := b.Command("cam1", broker.Command{ID: "c", Command: "capture", ExpiresAt: soon}); err == nil {
		t.Error("a command was made")
	}
	out, err := b.Handle(t.Context(), broker.Message{Topic: "thingpass/cam1/command-result", Payload: []byte(`{"id":"c","status":"success"}`)})
	if len(out) != 0 || err == nil || w.entries[0].Code != broker.CodeIgnored || slices.Contains(b.Filters(), "thingpass/+/command-result") {
		t.Errorf("%v, %v, %+v", out, err, w.entries)
	}
	if _, b := commanding(t); !slices.Contains(b.Filters(), "thingpass/+/command-result") || slices.Contains(b.Filters(), "thingpass/+/command") {
		t.Errorf("filters %q", b.Filters())
	}
}

// result sends a command-result as cam1, and returns its only record.
func result(t *testing.T, w *world, b *broker.Broker, payload string) (broker.Entry, error) {
	t.Helper()
	w.entries = nil
	out, err := b.Handle(t.Context(), broker.Message{Topic: "thingpass/cam1/command-result", Payload: []byte(payload), Correlation: []byte("c")})
	if len(out) != 0 {
		t.Fatalf("%s was answered: %s", payload, out[0].Payload)
	}
	if len(w.entries) != 1 {
		t.Fatalf("%s: %d records", payload, len(w.entries))
	}
	return w.entries[0], err
}

func TestResultsAreTakenDown(t *testing.T) {
	w, b := commanding(t)
	for name, want := range map[string]broker.Entry{
		"done":           {ID: "c-1", Code: broker.CodeDone},
		"done-capture":   {ID: "c-2", Code: broker.CodeDone, Key: "cam1/photo/2026/11/23/b7Kq-000017.jpg", Size: 48211, SHA256: sumHex},
		"done-download":  {ID: "c-3", Code: broker.CodeDone, Key: "firmware/cams/v2.bin", Size: 917504, SHA256: sumHex},
		"failed":         {ID: "c-5", Code: broker.CodeFailed, Reason: "unknown-command"},
		"failed-blocked": {ID: "c-6", Code: broker.CodeFailed, Reason: "blocked"},
	} {
		payload, err := os.ReadFile("testdata/wire/" + name + ".result.json")
		if err != nil {
			t.Fatal(err)
		}
		got, err := result(t, w, b, string(payload))
		want.Time, want.Thing, want.Request = w.now, "cam1", "command-result"
		if err != nil || got != want {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	w.auditErr = errTest
	if out, err := b.Handle(t.Context(), broker.Message{Topic: "thingpass/cam1/command-result", Payload: []byte(`{"id":"c","status":"success"}`)}); len(out) != 0 || err == nil {
		t.Errorf("without an audit: %v, %v", out, err)
	}
}

func TestResultsAreReadStrictly(t *testing.T) {
	w, b := commanding(t)
	for payload, code := range map[string]broker.Code{
		`{}`:                                            broker.CodeBadRequest,
		`{"status":"success"}`:                          broker.CodeBadRequest,
		`{"id":"c"}`:                                    broker.CodeBadRequest,
		`{"id":"c","status":"done"}`:                    broker.CodeBadRequest,
		`{"id":"c","status":"error"}`:                   broker.CodeBadRequest,
		`{"id":"c","status":"success"}{}`:               broker.CodeBadRequest,
		`{"id":"c","id":"c","status":"x"}`:              broker.CodeBadRequest,
		`{"id":"<b>","status":"success"}`:               broker.CodeBadRequest,
		`{"id":"c","status":"error","x":1}`:             broker.CodeBadRequest,
		`{"id":"c","status":"success","code":"ok"}`:     broker.CodeBadRequest,
		`{"id":"c","status":"error","code":"<script>"}`: broker.CodeBadRequest,
		`{"id":"c","status":"error","code":"` + strings.Repeat("a", 33) + `"}`:          broker.CodeBadRequest,
		`{"id":"c","status":"success","size":-1}`:                                       broker.CodeBadRequest,
		`{"id":"c","status":"success","size":1e3}`:                                      broker.CodeBadRequest,
		`{"id":"c","status":"success","sha256":"ab"}`:                                   broker.CodeBadRequest,
		`{"id":"c","status":"success","objectKey":""}`:                                  broker.CodeBadRequest,
		`{"id":"c","status":"success","objectKey":"cam1/\u0000"}`:                       broker.CodeBadRequest,
		`{"id":"c","status":"success","objectKey":"cam1/é"}`:                            broker.CodeBadRequest,
		`{"id":"c","status":"success","objectKey":"cam2/photo/a.jpg"}`:                  broker.CodeKeyNotAllowed,
		`{"id":"c","status":"success","objectKey":"cam10/photo/a.jpg"}`:                 broker.CodeKeyNotAllowed,
		`{"id":"c","status":"success","objectKey":".thingpass/blocks/x"}`:               broker.CodeKeyNotAllowed,
		`{"id":"c","status":"success","objectKey":"` + strings.Repeat("a", 1025) + `"}`: broker.CodeBadRequest,
		strings.Repeat(" ", broker.MaxPayload+1):                                        broker.CodePayloadTooLarge,
	} {
		if got, err := result(t, w, b, payload); err == nil || got.Code != code || got.Request != "command-result" || got.Thing != "cam1" {
			t.Errorf("%.80s: got %+v, %v; want %s", payload, got, err, code)
		}
	}
}

func TestAResultIsNeverAnsweredBusy(t *testing.T) {
	_, b := commanding(t)
	if out, err := b.Busy(broker.Message{Topic: "thingpass/cam1/command-result", Payload: []byte(`{"id":"c"}`)}); len(out) != 0 || err != nil {
		t.Errorf("%v, %v", out, err)
	}
}

// FuzzCommandResult: no answer, no signature, one record, and no key of another's in it.
func FuzzCommandResult(f *testing.F) {
	seeds, err := filepath.Glob("testdata/wire/*.result.json")
	if err != nil || len(seeds) < 5 {
		f.Fatal(err, len(seeds))
	}
	for _, path := range seeds {
		payload, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(payload)
	}
	f.Add([]byte(`{"id":"c","status":"success","objectKey":"cam2/photo/a.jpg"}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		w, b := commanding(t)
		out, _ := b.Handle(t.Context(), broker.Message{Topic: "thingpass/cam1/command-result", Payload: payload})
		if len(out) != 0 || w.granted()+len(w.issued)+len(w.touched()) != 0 || len(w.entries) != 1 {
			t.Fatalf("%d messages, %d records", len(out), len(w.entries))
		}
		e := w.entries[0]
		folder, _, _ := strings.Cut(e.Key, "/")
		if e.Key != "" && !slices.Contains([]string{"cam1", "firmware", "settings", "bells", "notice"}, folder) || len(e.Key) > 1024 || e.Size < 0 {
			t.Fatalf("%+v", e)
		}
		if line, err := json.Marshal(e); err != nil || len(line) > 4096 {
			t.Fatalf("%s, %v", line, err)
		}
	})
}
