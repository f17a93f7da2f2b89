// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"thingpass/broker"
)

func TestKindsThatMakeNoSenseAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*broker.Kind)
		says   string
	}{
		"no name":                  {func(k *broker.Kind) { k.Name = "" }, "a kind's name is"},
		"name in upper case":       {func(k *broker.Kind) { k.Name = "Photo" }, "a kind's name is"},
		"name with a slash":        {func(k *broker.Kind) { k.Name = "a/b" }, "a kind's name is"},
		"no types":                 {func(k *broker.Kind) { k.Types = nil }, "types is empty"},
		"type without extension":   {func(k *broker.Kind) { k.Types[0].Ext = "" }, "needs an extension"},
		"extension with a slash":   {func(k *broker.Kind) { k.Types[0].Ext = "a/b" }, "needs an extension"},
		"type twice":               {func(k *broker.Kind) { k.Types = append(k.Types, k.Types[0]) }, "twice"},
		"no max_size":              {func(k *broker.Kind) { k.MaxSize = 0 }, "max_size is missing"},
		"min above max":            {func(k *broker.Kind) { k.MinSize = k.MaxSize + 1 }, "is above max_size"},
		"negative size":            {func(k *broker.Kind) { k.MinSize = -1 }, "negative"},
		"more than one PUT":        {func(k *broker.Kind) { k.MaxSize = 5<<30 + 1 }, "one PUT stores at most"},
		"ttl of 8 days":            {func(k *broker.Kind) { k.TTL = 8 * 24 * time.Hour }, "ttl is"},
		"ttl of a millisecond":     {func(k *broker.Kind) { k.TTL = time.Millisecond }, "ttl is"},
		"bad metadata name":        {func(k *broker.Kind) { k.Metadata = []string{"FW"} }, "metadata name"},
		"reserved metadata name":   {func(k *broker.Kind) { k.Metadata = []string{"captured-at"} }, "metadata name"},
		"key without thing":        {func(k *broker.Kind) { k.Key = "photos/{thing}/{kind}/{id}" }, "must begin with"},
		"key with thing as prefix": {func(k *broker.Kind) { k.Key = "{thing}x/{kind}/{id}" }, "must begin with"},
		"key without kind":         {func(k *broker.Kind) { k.Key = "{thing}/{id}.{ext}" }, "must begin with"},
		"key without id":           {func(k *broker.Kind) { k.Key = "{thing}/{kind}/photo.{ext}" }, "last segment"},
		"id not last":              {func(k *broker.Kind) { k.Key = "{thing}/{kind}/{id}/photo" }, "last segment"},
		"id twice":                 {func(k *broker.Kind) { k.Key = "{thing}/{kind}/{id}{id}" }, `after "{id}"`},
		"text after id":            {func(k *broker.Kind) { k.Key = "{thing}/{kind}/{id}x" }, `after "{id}"`},
		"an unknown field":         {func(k *broker.Kind) { k.Key = "{thing}/{kind}/{hour}/{id}" }, "segment"},
		"dots":                     {func(k *broker.Kind) { k.Key = "{thing}/{kind}/../{id}" }, "segment"},
		"an empty segment":         {func(k *broker.Kind) { k.Key = "{thing}/{kind}//{id}" }, "segment"},
		"a space":                  {func(k *broker.Kind) { k.Key = "{thing}/{kind}/a b/{id}" }, "segment"},
		"a key too long":           {func(k *broker.Kind) { k.Key = "{thing}/{kind}/" + strings.Repeat("a", 900) + "/{id}" }, "S3 allows"},
	} {
		t.Run(name, func(t *testing.T) {
			k := photo()
			test.change(&k)
			w := &world{}
			_, err := broker.New(broker.Config{Kinds: []broker.Kind{k}, Signer: w, Store: w, Audit: w, Passes: w, Downloads: w, Now: time.Now})
			if err == nil {
				t.Fatal("it was taken")
			}
			mustContain(t, err.Error(), test.says)
		})
	}
}

func TestABrokerNeedsAllItsParts(t *testing.T) {
	w := &world{}
	good := broker.Config{Kinds: []broker.Kind{photo()}, Signer: w, Store: w, Audit: w, Passes: w, Downloads: w, Now: time.Now}
	for name, change := range map[string]func(*broker.Config){
		"no kinds":   func(c *broker.Config) { c.Kinds = nil },
		"kind twice": func(c *broker.Config) { c.Kinds = append(c.Kinds, photo()) },
		"no signer":  func(c *broker.Config) { c.Signer = nil },
		"no store":   func(c *broker.Config) { c.Store = nil },
		"no audit":   func(c *broker.Config) { c.Audit = nil },
		"no clock":   func(c *broker.Config) { c.Now = nil },
		"bad root":   func(c *broker.Config) { c.Root = "a/#" },
	} {
		c := good
		change(&c)
		if _, err := broker.New(c); err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
}

func TestContentTypesAreParsedStrictly(t *testing.T) {
	for text, want := range map[string]broker.ContentType{
		"image/jpeg":            {Name: "image/jpeg", Ext: "jpg"},
		"image/jpeg=jpeg":       {Name: "image/jpeg", Ext: "jpeg"},
		"application/x-foo=foo": {Name: "application/x-foo", Ext: "foo"},
	} {
		if got, err := broker.ParseContentType(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "jpeg", "image/", "/jpeg", "image/jpeg;q=1", "Image/JPEG", "application/x-foo", "a/b=../x", "a/b/c=x", "a/b\r\n=x", "a/b=x=y"} {
		if got, err := broker.ParseContentType(text); err == nil {
			t.Errorf("%q was taken as %+v", text, got)
		}
	}
}

func TestOtherLayoutsKeepTheirPromises(t *testing.T) {
	for layout, want := range map[string]string{
		"{thing}/{kind}/{id}":                          "cam1/photo/a1",
		"{thing}/{kind}/{id}.{ext}":                    "cam1/photo/a1.jpg",
		"{thing}/{kind}/{id}.raw":                      "cam1/photo/a1.raw",
		"{thing}/{kind}/{yyyy}-{mm}-{dd}/{id}.{ext}":   "cam1/photo/2026-11-23/a1.jpg",
		"{thing}/{kind}/y{yyyy}{mm}/d.{dd}/{id}.{ext}": "cam1/photo/y202611/d.23/a1.jpg",
	} {
		t.Run(layout, func(t *testing.T) {
			k := photo()
			k.Key = layout
			w := &world{now: time.Unix(1795424400, 0), objects: map[string]broker.Object{want: {Size: 1}}}
			b, err := broker.New(broker.Config{Kinds: []broker.Kind{k}, Signer: w, Store: w, Audit: w, Passes: w, Downloads: w, Now: func() time.Time { return w.now }})
			if err != nil {
				t.Fatal(err)
			}
			if got := ask(t, b, "upload-request", onePhoto(nil)); got.ObjectKey != want {
				t.Fatalf("key %q, want %q", got.ObjectKey, want)
			}
			w.now = w.now.AddDate(1, 1, 1)
			if got := ask(t, b, "upload-request", onePhoto(map[string]any{"objectKey": want})); got.ObjectKey != want {
				t.Errorf("its own key was refused: %+v", got)
			}
			if got := ask(t, b, "upload-complete", report(want, 1, "")); got.Status != "success" {
				t.Errorf("the report was refused: %+v", got)
			}
		})
	}
}

// tornWriter fails in the middle of a line once.
type tornWriter struct {
	bytes.Buffer
	fail bool
}

func (w *tornWriter) Write(p []byte) (int, error) {
	if w.fail {
		w.fail = false
		n, _ := w.Buffer.Write(p[:len(p)/2])
		return n, errors.New("no space left on device")
	}
	return w.Buffer.Write(p)
}

func TestAuditLinesStayWholeAfterAFullDisk(t *testing.T) {
	w := &tornWriter{fail: true}
	a := broker.NewJSONAudit(w)
	if err := a.Record(broker.Entry{Thing: "cam1"}); err == nil {
		t.Fatal("a lost line was no error")
	}
	if err := a.Record(broker.Entry{Thing: "cam2", Reason: "a<b>&c", Code: broker.CodeGranted}); err != nil {
		t.Fatalf("it never recovered: %v", err)
	}
	lines := strings.Split(strings.TrimSpace(w.String()), "\n")
	var e broker.Entry
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &e); err != nil || e.Thing != "cam2" || len(lines) != 2 {
		t.Errorf("%v: %q", err, lines)
	}
}

// brokenWriter takes nothing, and leaves nothing behind.
type brokenWriter struct{ bytes.Buffer }

func (w *brokenWriter) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestAWriterThatTakesBackLeavesNoEmptyLine(t *testing.T) {
	var text bytes.Buffer
	w := &switchedWriter{Writer: &brokenWriter{}}
	a := broker.NewJSONAudit(w)
	if err := a.Record(broker.Entry{Thing: "cam1"}); err == nil {
		t.Fatal("a lost line was no error")
	}
	w.Writer = &text
	if err := a.Record(broker.Entry{Thing: "cam2"}); err != nil || text.Bytes()[0] != '{' {
		t.Errorf("%v: %q", err, text.String())
	}
}

type switchedWriter struct{ io.Writer }
