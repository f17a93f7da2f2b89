// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"thingpass/broker"
)

const clipSum, clipSumBase64 = "0000002a", "AAAAKg=="

// clipReport is a good report of oneClip, with fields changed as there.
func clipReport(change map[string]any) string {
	return changed(map[string]any{"id": "r1", "objectKey": clipKey, "size": 12 * mib, "uploadId": "mine", "crc32": clipSum}, change)
}

// report1 reports as cam1, and returns the reply and the number of events.
func report1(t *testing.T, b *broker.Broker, payload string) (answer, int) {
	t.Helper()
	out, _ := b.Handle(t.Context(), broker.Message{Topic: "thingpass/cam1/upload-complete", Payload: []byte(payload)})
	return decode(t, out[0].Payload), len(out) - 1
}

func TestAReportOfPartsIsVerifiedNotBelieved(t *testing.T) {
	without := func(n int) func(*world) {
		return func(w *world) { delete(w.uploads["mine"].Parts, n) }
	}
	resize := func(n int, size int64) func(*world) {
		return func(w *world) { w.uploads["mine"].Parts[n] = broker.Part{Number: n, Size: size} }
	}
	there := func(o broker.Object) func(*world) {
		return func(w *world) { w.objects[clipKey] = o }
	}
	good := broker.Object{Size: 12 * mib, CRC32: clipSumBase64}
	for name, test := range map[string]struct {
		change map[string]any
		fault  func(*world)
		code   broker.Code
	}{
		"as it is":                        {nil, nil, ""},
		"a checksum in capitals":          {map[string]any{"crc32": "0000002A"}, nil, ""},
		"a part left of a longer object":  {nil, resize(4, 5*mib), ""},
		"before any part":                 {nil, func(w *world) { stored3(w) }, broker.CodePartsMissing},
		"without the first part":          {nil, without(1), broker.CodePartsMissing},
		"without the middle part":         {nil, without(2), broker.CodePartsMissing},
		"without the last part":           {nil, without(3), broker.CodePartsMissing},
		"with a short part":               {nil, resize(1, 5*mib-1), broker.CodePartsMissing},
		"with a long last part":           {nil, resize(3, 2*mib+1), broker.CodePartsMissing},
		"a size of fewer parts":           {map[string]any{"size": 10 * mib}, nil, ""},
		"a smaller size":                  {map[string]any{"size": 12*mib - 1}, nil, broker.CodePartsMissing},
		"a larger size":                   {map[string]any{"size": 12*mib + 1}, nil, broker.CodePartsMissing},
		"a size beyond the kind":          {map[string]any{"size": 64*mib + 1}, nil, broker.CodeSizeNotAllowed},
		"size 0":                          {map[string]any{"size": 0}, nil, broker.CodeSizeNotAllowed},
		"a negative size":                 {map[string]any{"size": -1}, nil, broker.CodeBadRequest},
		"another checksum":                {map[string]any{"crc32": "0000002b"}, nil, broker.CodeMismatch},
		"no checksum":                     {map[string]any{"crc32": nil}, nil, broker.CodeBadRequest},
		"the other algorithm":             {map[string]any{"crc32": nil, "crc64nvme": "000000000000002a"}, nil, broker.CodeBadRequest},
		"both algorithms":                 {map[string]any{"crc64nvme": "000000000000002a"}, nil, broker.CodeBadRequest},
		"7 digits":                        {map[string]any{"crc32": "000002a"}, nil, broker.CodeBadRequest},
		"no digits":                       {map[string]any{"crc32": "0000002g"}, nil, broker.CodeBadRequest},
		"a sha256":                        {map[string]any{"sha256": sumHex}, nil, broker.CodeBadRequest},
		"an md5":                          {map[string]any{"md5": strings.Repeat("0", 32)}, nil, broker.CodeBadRequest},
		"an unknown upload":               {map[string]any{"uploadId": "nobody"}, nil, broker.CodeNoSuchUpload},
		"another thing's upload":          {map[string]any{"uploadId": "theirs"}, nil, broker.CodeNoSuchUpload},
		"another thing's key":             {map[string]any{"uploadId": "theirs", "objectKey": "cam2/clip/2026/11/23/a1.mp4"}, nil, broker.CodeKeyNotAllowed},
		"another thing's key, own upload": {map[string]any{"objectKey": "cam2/clip/2026/11/23/a1.mp4"}, nil, broker.CodeKeyNotAllowed},
		"another key of its own":          {map[string]any{"objectKey": "cam1/clip/2026/11/23/a2.mp4"}, nil, broker.CodeNoSuchUpload},
		"a kind without the mode":         {map[string]any{"objectKey": storedKey}, nil, broker.CodeModeNotAllowed},
		"an upload without a checksum":    {nil, func(w *world) { w.uploads["mine"].Checksum = "" }, broker.CodeNoSuchUpload},
		"the object is there, equal":      {nil, there(good), ""},
		"there, of another size":          {nil, there(broker.Object{Size: 1, CRC32: clipSumBase64}), broker.CodeMismatch},
		"there, with another checksum":    {nil, there(broker.Object{Size: 12 * mib, CRC32: "AAAAKw=="}), broker.CodeMismatch},
		"there, came by put":              {nil, there(broker.Object{Size: 12 * mib, SHA256: sumBase64}), broker.CodeMismatch},
		"S3 finds the parts too small":    {nil, func(w *world) { w.completeErr = broker.ErrBadParts }, broker.CodePartsMissing},
		"S3 says nothing":                 {nil, func(w *world) { w.completeErr = errTest }, broker.CodeUnavailable},
		"the parts cannot be listed":      {nil, func(w *world) { w.partsErr = errTest }, broker.CodeUnavailable},
		"the object cannot be seen":       {nil, func(w *world) { w.headErr = errTest }, broker.CodeUnavailable},
		"the audit cannot be written":     {nil, func(w *world) { w.auditErr = errTest }, broker.CodeUnavailable},
		"abort is no truth":               {map[string]any{"abort": "yes"}, nil, broker.CodeBadRequest},
		"abort is false":                  {map[string]any{"abort": false}, nil, ""},
		"fromPart":                        {map[string]any{"fromPart": 1}, nil, broker.CodeBadRequest},
		"without uploadId":                {map[string]any{"uploadId": nil}, nil, broker.CodeNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			w, b := newWorld(t)
			w.trueSum = clipSumBase64
			stored3(w, 1, 2, 3)
			w.begin("cam2/clip/2026/11/23/a1.mp4", "theirs", w.now, broker.ChecksumCRC32)
			if test.fault != nil {
				test.fault(w)
			}
			got, events := report1(t, b, clipReport(test.change))
			if got.Code != string(test.code) {
				t.Fatalf("code %q (%s), want %q", got.Code, got.Error, test.code)
			}
			if (events == 1) != (test.code == "") {
				t.Errorf("%d events", events)
			}
			if test.code == broker.CodePartsMissing && w.completeErr == nil && len(w.completed) != 0 {
				t.Error("S3 was asked to join what is known to be wrong")
			}
			if _, there := w.uploads["theirs"]; !there {
				t.Error("another thing's upload is gone")
			}
			for _, key := range w.asked {
				if !strings.HasPrefix(key, "cam1/") {
					t.Errorf("asked about %q", key)
				}
			}
			if w.auditErr == nil && (len(w.entries) != 1 || test.code != "" && w.entries[0].Code != test.code) {
				t.Errorf("audit %+v", w.entries)
			}
		})
	}
}

func TestTheFirstMissingPartIsNamed(t *testing.T) {
	w, b := newWorld(t)
	stored3(w, 1, 3)
	got, _ := report1(t, b, clipReport(nil))
	mustContain(t, got.Error, "part 2 of 3 is not there")
}

func TestACompletionTellsS3WhatToCheck(t *testing.T) {
	w, b := newWorld(t)
	stored3(w, 1, 2, 3)
	if got, events := report1(t, b, clipReport(nil)); got.Status != "success" || got.ObjectKey != clipKey || events != 1 {
		t.Fatalf("%+v, %d events", got, events)
	}
	c := w.completed[0]
	numbers := []int{c.Parts[0].Number, c.Parts[1].Number, c.Parts[2].Number}
	if c.Size != 12*mib || c.Checksum != "crc32" || c.Sum != clipSumBase64 || !slices.Equal(numbers, []int{1, 2, 3}) || c.Parts[0].ETag != `"e1"` || c.Parts[0].Checksum != "AAAAAA==" {
		t.Errorf("%+v", c)
	}
	if e := w.entries[0]; e.Code != broker.CodeVerified || e.Mode != "multipart" || e.UploadID != "mine" || e.Kind != "clip" || e.Size != 12*mib {
		t.Errorf("audit %+v", e)
	}
}

func TestTheOtherAlgorithmWorksAsWell(t *testing.T) {
	w, b := newWorld(t)
	stored3(w, 1, 2, 3).Checksum = broker.ChecksumCRC64NVME
	change := map[string]any{"crc32": nil, "crc64nvme": "000000000000002a"}
	if got, events := report1(t, b, clipReport(change)); got.Status != "success" || events != 1 || w.completed[0].Sum != "AAAAAAAAACo=" {
		t.Errorf("%+v, %+v", got, w.completed)
	}
	if got, events := report1(t, b, clipReport(change)); got.Status != "success" || events != 1 {
		t.Errorf("again: %+v", got)
	}
}

func TestASecondReportIsAnsweredAndAnnouncedAgain(t *testing.T) {
	w, b := newWorld(t)
	stored3(w, 1, 2, 3)
	for range 2 {
		if got, events := report1(t, b, clipReport(nil)); got.Status != "success" || events != 1 {
			t.Fatalf("%+v, %d events", got, events)
		}
	}
	if len(w.completed) != 1 {
		t.Errorf("completed %d times", len(w.completed))
	}
	if got, events := report1(t, b, clipReport(map[string]any{"crc32": "0000002b"})); got.Code != "mismatch" || events != 0 {
		t.Errorf("another checksum afterwards: %+v", got)
	}
}

// Two reports at once: S3 joins the parts for one, and tells the other so.
func TestAnObjectThatIsNotThereYetIsNotSentAgain(t *testing.T) {
	for _, answer := range []error{nil, broker.ErrExists} {
		w, b := newWorld(t)
		stored3(w, 1, 2, 3)
		w.completeAnswer = &answer
		if got, events := report1(t, b, clipReport(nil)); got.Code != "unavailable" || got.RetryAfter == 0 || events != 0 {
			t.Errorf("%v: %+v", answer, got)
		}
	}
}

func TestACompletionLeavesNoOtherUploadOfTheKey(t *testing.T) {
	w, b := newWorld(t)
	stored3(w, 1, 2, 3)
	w.begin(clipKey, "twin", w.now, broker.ChecksumCRC32)
	w.begin(clipKey+"x", "longer", w.now, broker.ChecksumCRC32)
	w.begin("cam1/clip/2026/11/23/a2.mp4", "other", w.now, broker.ChecksumCRC32)
	if got, _ := report1(t, b, clipReport(nil)); got.Status != "success" {
		t.Fatalf("%+v", got)
	}
	if len(w.uploads) != 2 || w.uploads["longer"] == nil || w.uploads["other"] == nil {
		t.Errorf("left: %v", w.uploads)
	}
	w, b = newWorld(t) // what cannot be cleaned up now is no reason to refuse
	stored3(w, 1, 2, 3)
	w.uploadsErr = errTest
	if got, events := report1(t, b, clipReport(nil)); got.Status != "success" || events != 1 {
		t.Errorf("%+v", got)
	}
}

func TestAFailedCompletionKeepsTheParts(t *testing.T) {
	for _, fault := range []error{errTest, broker.ErrBadParts, broker.ErrWrongChecksum} {
		w, b := newWorld(t)
		stored3(w, 1, 2, 3)
		w.completeErr = fault
		if got, _ := report1(t, b, clipReport(nil)); got.Status == "success" || w.uploads["mine"] == nil {
			t.Errorf("%v: %+v, left %v", fault, got, w.uploads)
		}
		w.completeErr = nil
		if got, _ := report1(t, b, clipReport(nil)); got.Status != "success" {
			t.Errorf("%v, then well: %+v", fault, got)
		}
	}
}

func TestAnAbortRemovesTheUploadAndCanBeRepeated(t *testing.T) {
	w, b := newWorld(t)
	stored3(w, 1)
	abort := `{"id":"r1","objectKey":"` + clipKey + `","uploadId":"mine","abort":true}`
	for range 2 {
		got, events := report1(t, b, abort)
		if got.Status != "success" || got.ObjectKey != clipKey || events != 0 || len(w.uploads) != 0 {
			t.Fatalf("%+v, %d events, left %v", got, events, w.uploads)
		}
	}
	if e := w.entries[0]; e.Code != broker.CodeAborted || e.UploadID != "mine" || e.Mode != "multipart" || e.Kind != "clip" {
		t.Errorf("audit %+v", e)
	}
	if got, _ := report1(t, b, clipReport(nil)); got.Code != "no-such-upload" {
		t.Errorf("reported afterwards: %+v", got)
	}
}

func TestBadAbortsAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		payload string
		code    broker.Code
	}{
		"without an upload":       {`{"id":"r","objectKey":"` + clipKey + `","abort":true}`, broker.CodeBadRequest},
		"without a key":           {`{"id":"r","uploadId":"mine","abort":true}`, broker.CodeBadRequest},
		"with a size":             {clipReport(map[string]any{"abort": true, "crc32": nil}), broker.CodeBadRequest},
		"with a checksum":         {clipReport(map[string]any{"abort": true, "size": nil}), broker.CodeBadRequest},
		"of a neighbour":          {`{"id":"r","objectKey":"cam2/clip/2026/11/23/a1.mp4","uploadId":"theirs","abort":true}`, broker.CodeKeyNotAllowed},
		"climbing to a neighbour": {`{"id":"r","objectKey":"cam1/../cam2/clip/2026/11/23/a1.mp4","uploadId":"theirs","abort":true}`, broker.CodeKeyNotAllowed},
		"outside the layouts":     {`{"id":"r","objectKey":"cam1/secret","uploadId":"mine","abort":true}`, broker.CodeKeyNotAllowed},
		"of a kind without parts": {`{"id":"r","objectKey":"` + storedKey + `","uploadId":"mine","abort":true}`, broker.CodeModeNotAllowed},
		"among objects":           {`{"id":"r","objects":[{"objectKey":"` + clipKey + `","uploadId":"mine","abort":true}]}`, broker.CodeBadRequest},
		"a report among objects":  {`{"id":"r","objects":[` + clipReport(map[string]any{"id": nil}) + `]}`, broker.CodeBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			w, b := newWorld(t)
			stored3(w, 1, 2, 3)
			w.begin("cam2/clip/2026/11/23/a1.mp4", "theirs", w.now, broker.ChecksumCRC32)
			if got, events := report1(t, b, test.payload); got.Code != string(test.code) || events != 0 {
				t.Errorf("%+v, want %s", got, test.code)
			}
			if len(w.uploads) != 2 || len(w.completed) != 0 || len(w.asked) != 0 {
				t.Errorf("left %v, completed %v, asked %q", w.uploads, w.completed, w.asked)
			}
		})
	}
	w, b := newWorld(t)
	stored3(w)
	w.abortErr = errTest
	if got, _ := report1(t, b, `{"id":"r","objectKey":"`+clipKey+`","uploadId":"mine","abort":true}`); got.Code != "unavailable" || got.RetryAfter == 0 {
		t.Errorf("S3 is away: %+v", got)
	}
}

func TestASweepTouchesOldUploadsOfOurKeysOnly(t *testing.T) {
	w, b := newWorld(t)
	old := w.now.Add(-25 * time.Hour)
	w.begin(clipKey, "old", old, broker.ChecksumCRC32)
	w.begin("cam2/clip/2026/11/23/a1.mp4", "old too", old, "")
	w.begin(storedKey, "of a kind that lost the mode", old, "")
	kept := []string{"young", "no thing", "no kind", "no layout", "no date", "elsewhere"}
	w.begin(clipKey, "young", w.now, broker.ChecksumCRC32)
	w.begin("cam 1/clip/2026/11/23/a1.mp4", "no thing", old, "")
	w.begin("cam1/other/2026/11/23/a1.mp4", "no kind", old, "")
	w.begin("cam1/clip/a1.mp4", "no layout", old, "")
	w.begin("cam1/clip/2026/13/23/a1.mp4", "no date", old, "")
	w.begin("backup.tar", "elsewhere", old, "")
	aborted, err := b.Sweep(t.Context(), w.now.Add(-24*time.Hour))
	if err != nil || len(aborted) != 3 {
		t.Errorf("%v, %v", aborted, err)
	}
	for _, id := range kept {
		if w.uploads[id] == nil {
			t.Errorf("%s was aborted", id)
		}
	}
	if len(w.uploads) != len(kept) {
		t.Errorf("left: %v", w.uploads)
	}
	if aborted, err := b.Sweep(t.Context(), w.now.Add(-24*time.Hour)); err != nil || len(aborted) != 0 {
		t.Errorf("again: %v, %v", aborted, err)
	}
}

func TestASweepTellsWhatWentWrongAndGoesOn(t *testing.T) {
	w, b := newWorld(t)
	w.begin(clipKey, "old", w.now.Add(-25*time.Hour), broker.ChecksumCRC32)
	w.abortErr = broker.ErrNoSuchUpload // another broker was first
	if aborted, err := b.Sweep(t.Context(), w.now); err != nil || len(aborted) != 0 {
		t.Errorf("another was first: %v, %v", aborted, err)
	}
	w.abortErr = errTest
	if _, err := b.Sweep(t.Context(), w.now); !errors.Is(err, errTest) || !strings.Contains(err.Error(), clipKey) {
		t.Errorf("got %v", err)
	}
	w.abortErr, w.uploadsErr = nil, errTest
	if aborted, err := b.Sweep(t.Context(), w.now); !errors.Is(err, errTest) || len(aborted) != 1 {
		t.Errorf("got %v, %v", aborted, err)
	}
}
