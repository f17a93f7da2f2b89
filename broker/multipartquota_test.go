// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker_test

import (
	"slices"
	"testing"

	"thingpass/broker"
	"thingpass/broker/quota"
)

func TestEachPartIsChargedOnceAndForItself(t *testing.T) {
	w, b := newLimited(t, quota.NewMemory(0), broker.Limits{BytesPerDay: 11 * mib})
	first := ask(t, b, "upload-request", oneClip(nil))
	if !slices.Equal(numbersOf(first), []int{1, 2}) {
		t.Fatalf("%+v", first)
	}
	if again := ask(t, b, "upload-request", oneClip(nil)); !slices.Equal(numbersOf(again), []int{1, 2}) {
		t.Errorf("asked again: %+v", again)
	}
	// 1 MiB is left: not enough for the last part, of 2 MiB.
	if all := ask(t, b, "upload-request", oneClip(map[string]any{"count": 20})); !slices.Equal(numbersOf(all), []int{1, 2}) {
		t.Errorf("all at once: %+v", all)
	}
	last := map[string]any{"fromPart": 3, "uploadId": first.UploadID}
	mustBe(t, "the last part", ask(t, b, "upload-request", oneClip(last)), broker.CodeQuotaExceeded, 15*3600)
	// A part is not to be had for the price of a smaller one.
	mustBe(t, "a part that grew", ask(t, b, "upload-request", oneClip(map[string]any{"size": 11 * mib, "fromPart": 3})), "", 0)
	mustBe(t, "and again", ask(t, b, "upload-request", oneClip(last)), broker.CodeQuotaExceeded, 15*3600)
	w.now = w.now.AddDate(0, 0, 1)
	last["objectKey"] = clipKey
	if got := ask(t, b, "upload-request", oneClip(last)); !slices.Equal(numbersOf(got), []int{3}) || got.UploadID != first.UploadID {
		t.Errorf("the next day: %+v", got)
	}
}

func TestAReportOfPartsIsChargedNothing(t *testing.T) {
	w, b := newLimited(t, quota.NewMemory(0), broker.Limits{BytesPerDay: 5 * mib})
	stored3(w, 1, 2, 3)
	if got, events := report1(t, b, clipReport(nil)); got.Status != "success" || events != 1 {
		t.Errorf("%+v", got)
	}
	mustBe(t, "a part afterwards", ask(t, b, "upload-request", oneClip(map[string]any{"id": "a2", "count": 1})), "", 0)
	mustBe(t, "a part too many", ask(t, b, "upload-request", oneClip(map[string]any{"id": "a3", "count": 1})), broker.CodeQuotaExceeded, 15*3600)
}
