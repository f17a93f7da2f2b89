// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package iotrule_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"thingpass/broker"
	"thingpass/broker/iotrule"
)

const certificate = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// A world records what a Function does.
type world struct {
	handled   []broker.Message
	published []broker.Message
	entries   []broker.Entry
	err       error // of Publish
}

func (w *world) Handle(_ context.Context, m broker.Message) ([]broker.Message, error) {
	w.handled = append(w.handled, m)
	return []broker.Message{{Topic: "thingpass/cam1/response", Payload: []byte(`{}`), Correlation: m.Correlation, QoS: 1}}, errors.New("refused")
}

func (w *world) Publish(_ context.Context, m broker.Message) error {
	w.published = append(w.published, m)
	return w.err
}

func (w *world) Record(entries ...broker.Entry) error {
	w.entries = append(w.entries, entries...)
	return nil
}

func newFunction() (*world, *iotrule.Function) {
	w := &world{}
	return w, &iotrule.Function{Handler: w, Publisher: w, Audit: w, Log: slog.New(slog.DiscardHandler), Now: time.Now}
}

func good() iotrule.Event {
	return iotrule.Event{Topic: "thingpass/cam1/upload-request", ClientID: "cam1", Principal: certificate,
		Payload: base64.StdEncoding.EncodeToString([]byte(`{"id":"a"}`)), Correlation: base64.StdEncoding.EncodeToString([]byte{0, 255})}
}

func TestAnEventIsAnswered(t *testing.T) {
	w, f := newFunction()
	if err := f.Invoke(t.Context(), good()); err != nil {
		t.Fatal(err) // a refusal is an answer
	}
	if len(w.handled) != 1 || string(w.handled[0].Payload) != `{"id":"a"}` || w.handled[0].Topic != good().Topic {
		t.Fatalf("handled %+v", w.handled)
	}
	if len(w.published) != 1 || string(w.published[0].Correlation) != "\x00\xff" {
		t.Fatalf("published %+v", w.published)
	}
}

// What a publisher cannot prove to be is not answered, and not told either: the
// reply would go to the thing that it is not.
func TestNobodySpeaksForAnother(t *testing.T) {
	for name, change := range map[string]func(*iotrule.Event){
		"another client id":              func(e *iotrule.Event) { e.ClientID = "cam2" },
		"a client id with a suffix":      func(e *iotrule.Event) { e.ClientID = "cam10" },
		"over HTTPS":                     func(e *iotrule.Event) { e.ClientID = "n/a" },
		"an IAM user":                    func(e *iotrule.Event) { e.Principal = "AIDAEXAMPLE" },
		"a Cognito identity":             func(e *iotrule.Event) { e.Principal = "eu-central-1:5b1e0b9a" },
		"a certificate id in upper case": func(e *iotrule.Event) { e.Principal = strings.ToUpper(certificate) },
		"another's topic":                func(e *iotrule.Event) { e.Topic = "thingpass/cam2/upload-request" },
		"a topic in the topic":           func(e *iotrule.Event) { e.Topic = "thingpass/cam2/x/cam1/upload-request/y" },
	} {
		t.Run(name, func(t *testing.T) {
			w, f := newFunction()
			e := good()
			change(&e)
			if err := f.Invoke(t.Context(), e); err != nil {
				t.Fatalf("%v: it would be delivered again", err)
			}
			if len(w.handled)+len(w.published) != 0 || len(w.entries) != 1 || w.entries[0].Code != broker.CodeIgnored || w.entries[0].Reason == "" {
				t.Fatalf("%+v", w)
			}
		})
	}
}

func TestExclusiveThingsMayChooseTheirClientID(t *testing.T) {
	w, f := newFunction()
	f.AnyClientID = true
	e := good()
	e.ClientID = "anything"
	if err := f.Invoke(t.Context(), e); err != nil || len(w.published) != 1 {
		t.Fatalf("%v, %+v", err, w)
	}
	e.Principal = "AIDAEXAMPLE"
	if err := f.Invoke(t.Context(), e); err != nil || len(w.published) != 1 {
		t.Fatalf("no certificate: %v, %+v", err, w)
	}
}

func TestAWrongRuleIsAnError(t *testing.T) {
	for name, change := range map[string]func(*iotrule.Event){
		"no client id":    func(e *iotrule.Event) { e.ClientID = "" },
		"no principal":    func(e *iotrule.Event) { e.Principal = "" },
		"no topic":        func(e *iotrule.Event) { e.Topic = "" },
		"plain payload":   func(e *iotrule.Event) { e.Payload = `{"id":"a"}` },
		"bad correlation": func(e *iotrule.Event) { e.Correlation = "%" },
	} {
		t.Run(name, func(t *testing.T) {
			w, f := newFunction()
			e := good()
			change(&e)
			if err := f.Invoke(t.Context(), e); err == nil || len(w.handled) != 0 {
				t.Fatalf("%v, %+v", err, w)
			}
		})
	}
}

func TestAnUnpublishedReplyIsAskedForAgain(t *testing.T) {
	w, f := newFunction()
	w.err = errors.New("the test broke it")
	if err := f.Invoke(t.Context(), good()); !errors.Is(err, w.err) {
		t.Fatal(err)
	}
}

// The template's rules must select exactly what Event reads, one for each
// request of the protocol.
func TestTheTemplateSelectsWhatIsRead(t *testing.T) {
	text, err := os.ReadFile("../../policies/lambda.cfn.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"upload-request", "upload-complete", "download-request", "credentials-request"} {
		sql := iotrule.SQL("${Root}/+/" + verb)
		if strings.Count(string(text), `"`+sql+`"`) != 1 {
			t.Errorf("the template has no rule %s", sql)
		}
	}
	if n := strings.Count(string(text), "AWS::IoT::TopicRule"); n != 4 {
		t.Errorf("%d rules", n)
	}
}

func FuzzInvoke(f *testing.F) {
	text, err := json.Marshal(good())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		var e iotrule.Event
		if json.Unmarshal(text, &e) != nil {
			return
		}
		w, f := newFunction()
		err := f.Invoke(t.Context(), e)
		if levels := strings.Split(e.Topic, "/"); len(w.handled) > 0 && len(levels) >= 2 && levels[len(levels)-2] != e.ClientID {
			t.Fatalf("client %q spoke on %q", e.ClientID, e.Topic)
		}
		if err == nil && len(w.handled)+len(w.entries) != 1 {
			t.Fatalf("%+v", w)
		}
	})
}
