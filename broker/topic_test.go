// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker_test

import (
	"bytes"
	"strings"
	"testing"

	"thingpass/broker"
)

func TestTopicsWithoutAThingGetSilence(t *testing.T) {
	for _, name := range []string{
		"", "thingpass", "thingpass/cam1", "thingpass//upload-request", "thingpass/cam1/upload-request/", "thingpass/cam1/upload-request/x",
		"thingpass/cam1/response", "thingpass/cam1/uploaded", "thingpass/cam1/UPLOAD-REQUEST", "other/cam1/upload-request",
		"/thingpass/cam1/upload-request", "thingpass/cam1/cam2/upload-request", "thingpass/+/upload-request", "thingpass/#", "thingpass/cam 1/upload-request",
		"thingpass/cäm/upload-request", "thingpass/../upload-request", "thingpass/" + strings.Repeat("a", 129) + "/upload-request",
		"thingpass/a\x00b/upload-request", "$share/g/thingpass/cam1/upload-request", "thingpass/cam1\n/upload-request", "thingpass/\xff/upload-request",
	} {
		w, b := newWorld(t)
		out, err := b.Handle(t.Context(), broker.Message{Topic: name, Payload: []byte(onePhoto(nil))})
		if len(out) != 0 || err == nil {
			t.Errorf("topic %q: %d messages, error %v", name, len(out), err)
		}
		if len(w.entries) != 1 || w.entries[0].Code != broker.CodeIgnored || w.entries[0].Thing != "" {
			t.Errorf("topic %q: audit %+v", name, w.entries)
		}
	}
}

func TestIdentityIsTheTopicAndNothingElse(t *testing.T) {
	w, b := newWorld(t)
	out, _ := b.Handle(t.Context(), broker.Message{Topic: "thingpass/cam:2_b-/upload-request", Payload: []byte(onePhoto(nil)), Correlation: []byte{0, 1}})
	if out[0].Topic != "thingpass/cam:2_b-/response" || !bytes.Equal(out[0].Correlation, []byte{0, 1}) {
		t.Errorf("reply to %s, correlation %v", out[0].Topic, out[0].Correlation)
	}
	if want := "cam:2_b-/photo/2026/11/23/a1.jpg"; w.signed[0].Key != want {
		t.Errorf("key %q, want %q", w.signed[0].Key, want)
	}
}

func TestRootsThatAWSWouldRefuseAreRefused(t *testing.T) {
	for _, root := range []string{"/a", "a/", "a//b", "a/+", "#", "$aws/x", "a b", "ü", "a/b/c/d/e/f/g", strings.Repeat("a", 120), "a/$share"} {
		if err := broker.CheckRoot(root); err == nil {
			t.Errorf("root %q was taken", root)
		}
	}
	for _, root := range []string{"thingpass", "fleet/eu.1/thing_pass", "a/b/c/d/e/f"} {
		if err := broker.CheckRoot(root); err != nil {
			t.Errorf("root %q: %v", root, err)
		}
	}
}

func TestBusyAnswersWithTheIDAndQoS0(t *testing.T) {
	_, b := newWorld(t)
	out, err := b.Busy(broker.Message{Topic: "thingpass/cam1/upload-request", Payload: []byte(onePhoto(nil)), Correlation: []byte("c")})
	if err != nil || len(out) != 1 || out[0].QoS != 0 || string(out[0].Correlation) != "c" || out[0].Topic != "thingpass/cam1/response" {
		t.Fatalf("%+v, %v", out, err)
	}
	if a := decode(t, out[0].Payload); a.ID != "a1" || a.Code != "busy" || a.RetryAfter == 0 {
		t.Errorf("%+v", a)
	}
	if out, err := b.Busy(broker.Message{Topic: "thingpass/+/upload-request"}); err == nil || len(out) != 0 {
		t.Errorf("a topic without a thing got %+v, %v", out, err)
	}
}

func TestFiltersCoverTheRequests(t *testing.T) {
	_, b := newWorld(t)
	if got := strings.Join(b.Filters(), " "); got != "thingpass/+/credentials-request thingpass/+/download-request thingpass/+/upload-complete thingpass/+/upload-request" {
		t.Error(got)
	}
}
