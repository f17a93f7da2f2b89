// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"

	"thingpass/broker"
)

// commandResult is a command-result as PROTOCOL.md describes it.
type commandResult struct {
	ID, Status, Code, ObjectKey, SHA256 string
	Size                                int64
}

// A commander gives commands with the broker's certificate and encoder.
type commander struct {
	*device
	broker *broker.Broker
}

// noWorld is what an encoder does not need of the world.
type noWorld struct{}

func (noWorld) SignPut(context.Context, broker.Put) (broker.Grant, error) { return broker.Grant{}, nil }
func (noWorld) SignGet(context.Context, broker.Get) (broker.Grant, error) { return broker.Grant{}, nil }
func (noWorld) Head(context.Context, string) (broker.Object, error)       { return broker.Object{}, nil }
func (noWorld) Record(...broker.Entry) error                              { return nil }

func (s *stack) commander() *commander {
	s.tb.Helper()
	b, err := broker.New(broker.Config{Signer: noWorld{}, Store: noWorld{}, Audit: noWorld{}, Downloads: noWorld{}, Now: time.Now, Commands: true,
		Kinds: []broker.Kind{
			{Name: "photo", Types: []broker.ContentType{{Name: "image/jpeg", Ext: "jpg"}}, MaxSize: 1 << 20},
			{Name: "firmware", Modes: []string{"get"}, Object: "firmware/{name}.bin", AllowThings: []string{"*"}},
		}})
	if err != nil {
		s.tb.Fatal(err)
	}
	d, err := dial(s.tb, s.mqtt.services, serviceName+"-operator", s.mqtt.clientTLS(service(s.tb, s.mqtt.ca, serviceName)))
	if err != nil {
		s.tb.Fatal(err)
	}
	if err := d.subscribe("$share/thingpass-check/thingpass/+/command-result"); err != nil {
		s.tb.Fatal(err)
	}
	return &commander{d, b}
}

func (o *commander) command(thing string, c broker.Command) {
	o.tb.Helper()
	c.ExpiresAt = time.Now().Add(time.Minute)
	m, err := o.broker.Command(thing, c)
	if err != nil {
		o.tb.Fatal(err)
	}
	o.say(m.Topic, string(m.Payload), false)
}

func (o *commander) say(topic, payload string, retain bool) {
	o.tb.Helper()
	if code := o.publish(&paho.Publish{Topic: topic, Payload: []byte(payload), Retain: retain}); code >= 0x80 {
		o.tb.Fatalf("%s is refused: %#x", topic, code)
	}
}

// result is the next one, which must be of that command.
func (o *commander) result(thing, id string) (r commandResult) {
	o.tb.Helper()
	p := o.next()
	if p == nil {
		o.tb.Fatalf("%s: no result", id)
	}
	if err := json.Unmarshal(p.Payload, &r); err != nil || r.ID != id || p.Topic != "thingpass/"+thing+"/command-result" {
		o.tb.Fatalf("%s: %s on %s, %v", id, p.Payload, p.Topic, err)
	}
	return r
}

// TestAThingDoesWhatOperatorsWant: a photo now, and a download, whatever else it does;
// and nothing that is old, doubled, retained or unknown.
func TestAThingDoesWhatOperatorsWant(t *testing.T) {
	s := newStack(t)
	update := image(3, 300_000)
	s.publishFile("firmware/cams/v2.bin", update)
	o := s.commander()
	for name, args := range map[string][]string{
		"cam1": nil,
		"cam2": {"--spool", filepath.Join(t.TempDir(), "spool"), "--mqtt", "5"},
	} {
		o.tb = t
		topic := "thingpass/" + name + "/command"
		if !enforcing {
			o.say(topic, `{"id":"kept","time":1795424400,"command":"capture","expiresAt":9000000000}`, true)
		}
		dir, downloads := t.TempDir(), filepath.Join(t.TempDir(), "down")
		c := s.thing(name, append(args, "--verbose", "--motion", "--seed", "5", "--noise", "0", "--moving", "1000,1", "--scene", "QVGA", "--interval", "86400000",
			"--save", dir, "--downloads", downloads)...)
		c.awaitLine("listens to operators")
		await(t, "the first photo", func() bool { return len(c.photos()) == 1 })

		began := time.Now()
		o.command(name, broker.Command{ID: name + "-1", Command: "capture"})
		r := o.result(name, name+"-1")
		t.Logf("%s: a photo %v after it was asked for", name, time.Since(began).Round(time.Millisecond))
		if s.stored()[r.ObjectKey] == "" || r.Status != "success" || r.Size == 0 || len(r.SHA256) != 64 {
			t.Errorf("capture: %+v", r)
		}
		now, id := time.Now().Unix(), `{"id":"`+name
		o.command(name, broker.Command{ID: name + "-1", Command: "capture"})                                             // again
		o.say(topic, id+`-2","time":`+quoteInt(now-60)+`,"command":"capture","expiresAt":`+quoteInt(now-30)+`}`, false)  // too late
		o.say("thingpass/nobody/command", id+`-3","time":1795424400,"command":"capture","expiresAt":9000000000}`, false) // another's
		o.say(topic, id+`-4","time":1795424400,"command":"reboot","expiresAt":9000000000}`, false)                       // unknown
		if r := o.result(name, name+"-4"); r.Status != "error" || r.Code != "unknown-command" {
			t.Errorf("unknown: %+v", r)
		}
		o.command(name, broker.Command{ID: name + "-5", Command: "download", Kind: "firmware", Name: "v2"})
		if r := o.result(name, name+"-5"); r.Status != "success" || r.ObjectKey != "firmware/cams/v2.bin" || r.Size != 300_000 || r.SHA256 != sum(update) {
			t.Errorf("download: %+v", r)
		}
		mustBe(t, filepath.Join(downloads, "firmware-v2"), update)
		o.command(name, broker.Command{ID: name + "-6", Command: "download", Kind: "firmware", Name: "v3"})
		if r := o.result(name, name+"-6"); r.Status != "error" || r.Code != "not-found" {
			t.Errorf("what is not there: %+v", r)
		}
		c.stop()
		if n := len(c.photos()); n != 2 {
			t.Errorf("%s took %d photos, want 2", name, n)
		}
		s.mustHaveStored(name, dir)
	}
}

func quoteInt(n int64) string {
	text, _ := json.Marshal(n)
	return string(text)
}
