// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"thingpass/broker"
)

const (
	mib     = 1 << 20
	clipKey = "cam1/clip/2026/11/23/a1.mp4"
)

// oneClip is a good request for 12 MiB in three parts, with fields replaced, added
// or (by nil) removed.
func oneClip(change map[string]any) string {
	return changed(map[string]any{"id": "a1", "kind": "clip", "mode": "multipart", "size": 12 * mib}, change)
}

// changed is the JSON of fields, of which some are replaced, added or (by nil)
// removed.
func changed(fields, change map[string]any) string {
	for name, value := range change {
		if value == nil {
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

func stored3(w *world, numbers ...int) *fakeUpload {
	u := w.begin(clipKey, "mine", w.now.Add(-time.Minute), broker.ChecksumCRC32)
	for _, n := range numbers {
		u.Parts[n] = broker.Part{Number: n, Size: []int64{0, 5 * mib, 5 * mib, 2 * mib}[n], ETag: fmt.Sprintf(`"e%d"`, n), Checksum: "AAAAAA=="}
	}
	return u
}

func numbersOf(a answer) (numbers []int) {
	for _, p := range a.Parts {
		numbers = append(numbers, p.Number)
	}
	return numbers
}

func TestBadMultipartRequestsAreRefusedWithTheirCode(t *testing.T) {
	long := strings.Repeat("x", 513)
	for name, test := range map[string]struct {
		change map[string]any
		code   broker.Code
	}{
		"part 0":                       {map[string]any{"fromPart": 0}, broker.CodePartNotAllowed},
		"a negative part":              {map[string]any{"fromPart": -1}, broker.CodePartNotAllowed},
		"the part after the last":      {map[string]any{"fromPart": 4}, broker.CodePartNotAllowed},
		"part 10,001":                  {map[string]any{"fromPart": 10_001}, broker.CodePartNotAllowed},
		"a part of 32 bits and one":    {map[string]any{"fromPart": int64(1)<<32 + 1}, broker.CodePartNotAllowed},
		"a part beyond 64 bits":        {map[string]any{"fromPart": json.Number("99999999999999999999")}, broker.CodeBadRequest},
		"a part that is text":          {map[string]any{"fromPart": "1"}, broker.CodeBadRequest},
		"half a part":                  {map[string]any{"fromPart": 1.5}, broker.CodeBadRequest},
		"no parts":                     {map[string]any{"count": 0}, broker.CodeBadRequest},
		"21 parts at once":             {map[string]any{"count": 21}, broker.CodeBadRequest},
		"an empty upload id":           {map[string]any{"uploadId": ""}, broker.CodeBadRequest},
		"an upload id that climbs":     {map[string]any{"uploadId": "../x"}, broker.CodeBadRequest},
		"an upload id of dots":         {map[string]any{"uploadId": ".."}, broker.CodeBadRequest},
		"an upload id with a query":    {map[string]any{"uploadId": "a&partNumber=7"}, broker.CodeBadRequest},
		"a long upload id":             {map[string]any{"uploadId": long}, broker.CodeBadRequest},
		"an unknown upload id":         {map[string]any{"uploadId": "nobody's"[:6]}, broker.CodeNoSuchUpload},
		"the upload id of another":     {map[string]any{"uploadId": "theirs"}, broker.CodeNoSuchUpload},
		"the upload id of another key": {map[string]any{"uploadId": "mine", "id": "a2"}, broker.CodeNoSuchUpload},
		"another's key, its upload id": {map[string]any{"uploadId": "theirs", "objectKey": "cam2/clip/2026/11/23/a1.mp4"}, broker.CodeKeyNotAllowed},
		"an upload without a checksum": {map[string]any{"uploadId": "foreign"}, broker.CodeNoSuchUpload},
		"another checksum":             {map[string]any{"checksum": "sha256"}, broker.CodeBadRequest},
		"a size beyond the kind":       {map[string]any{"size": 64*mib + 1}, broker.CodeSizeNotAllowed},
		"no size":                      {map[string]any{"size": nil}, broker.CodeBadRequest},
		"size 0":                       {map[string]any{"size": 0}, broker.CodeSizeNotAllowed},
		"a sha256":                     {map[string]any{"sha256": sumHex}, broker.CodeBadRequest},
		"objects":                      {map[string]any{"objects": []any{}, "size": nil}, broker.CodeBadRequest},
		"a kind without the mode":      {map[string]any{"kind": "photo"}, broker.CodeModeNotAllowed},
		"an upload id in mode put":     {map[string]any{"mode": "put", "uploadId": "mine"}, broker.CodeBadRequest},
		"a part in mode put":           {map[string]any{"mode": "put", "fromPart": 1}, broker.CodeBadRequest},
		"a bad name in metadata":       {map[string]any{"metadata": map[string]any{"A": "b"}}, broker.CodeMetadataNotAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			w, b := newWorld(t)
			stored3(w, 1)
			w.begin("cam2/clip/2026/11/23/a1.mp4", "theirs", w.now, broker.ChecksumCRC32)
			w.begin(clipKey, "foreign", w.now, "")
			if got := ask(t, b, "upload-request", oneClip(test.change)); got.Code != string(test.code) || len(got.Parts) != 0 {
				t.Errorf("%+v, want %s", got, test.code)
			}
			if len(w.signedParts) != 0 || len(w.created) != 0 || len(w.uploads) != 3 {
				t.Errorf("signed %+v, created %+v", w.signedParts, w.created)
			}
			if len(w.entries) != 1 || w.entries[0].Code != test.code || w.entries[0].ExpiresAt != 0 {
				t.Errorf("audit %+v", w.entries)
			}
		})
	}
}

func TestAWindowHoldsTheNextMissingParts(t *testing.T) {
	for name, test := range map[string]struct {
		change map[string]any
		there  []int
		want   []int
		stored string
	}{
		"nothing is there":             {nil, nil, []int{1, 2}, ""},
		"the first is":                 {nil, []int{1}, []int{2, 3}, "1"},
		"the middle is":                {nil, []int{2}, []int{1, 3}, "2"},
		"all are":                      {nil, []int{1, 2, 3}, nil, "1-3"},
		"from the second":              {map[string]any{"fromPart": 2}, nil, []int{2, 3}, ""},
		"from one that is there":       {map[string]any{"fromPart": 1, "count": 1}, []int{1, 3}, []int{2}, "1,3"},
		"one at a time":                {map[string]any{"count": 1}, nil, []int{1}, ""},
		"all at once":                  {map[string]any{"count": 20}, nil, []int{1, 2, 3}, ""},
		"the last, behind all missing": {map[string]any{"fromPart": 3, "uploadId": "mine"}, nil, []int{3}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w, b := newWorld(t)
			stored3(w, test.there...)
			got := ask(t, b, "upload-request", oneClip(test.change))
			if got.UploadID != "mine" || got.Stored != test.stored || !slices.Equal(numbersOf(got), test.want) || got.Checksum != "crc32" ||
				got.PartSize != 5*mib || got.PartCount != 3 || got.ObjectKey != clipKey {
				t.Errorf("%+v, want %v and stored %q", got, test.want, test.stored)
			}
			if (got.ExpiresAt != 0) != (len(test.want) > 0) {
				t.Errorf("expires at %d", got.ExpiresAt)
			}
			for i, p := range w.signedParts {
				if p.Size != []int64{0, 5 * mib, 5 * mib, 2 * mib}[p.Number] || p.Size != got.Parts[i].Size || p.Key != clipKey || p.UploadID != "mine" || p.TTL != time.Hour {
					t.Errorf("signed %+v", p)
				}
			}
			if e := w.entries[0]; e.Code != broker.CodeGranted || e.Mode != "multipart" || e.UploadID != "mine" || e.Size != 12*mib || (e.Parts == "") != (len(test.want) == 0) {
				t.Errorf("audit %+v", e)
			}
		})
	}
}

func TestPartsOfAnotherSizeAreSentAgain(t *testing.T) {
	w, b := newWorld(t)
	u := stored3(w, 1, 2, 3)
	u.Parts[2] = broker.Part{Number: 2, Size: 5*mib - 1}
	u.Parts[3] = broker.Part{Number: 3, Size: 5 * mib} // of a longer object
	u.Parts[4] = broker.Part{Number: 4, Size: 2 * mib}
	if got := ask(t, b, "upload-request", oneClip(nil)); got.Stored != "1" || !slices.Equal(numbersOf(got), []int{2, 3}) {
		t.Errorf("%+v", got)
	}
}

func TestTheFirstRequestBeginsAnUploadAndTheNextOnesFindIt(t *testing.T) {
	w, b := newWorld(t)
	metadata := map[string]any{"metadata": map[string]any{"fw": "1"}, "capturedAt": 1795424398, "checksum": "crc64nvme"}
	first := ask(t, b, "upload-request", oneClip(metadata))
	if len(w.created) != 1 || first.UploadID != "upload-1" || first.Checksum != "crc64nvme" {
		t.Fatalf("%+v, created %+v", first, w.created)
	}
	if n := w.created[0]; n.Key != clipKey || n.ContentType != "video/mp4" || n.Metadata["fw"] != "1" || n.Metadata["captured-at"] != "1795424398" || n.Checksum != "crc64nvme" {
		t.Errorf("created %+v", n)
	}
	// The thing has rebooted, and another broker answers: the algorithm stays.
	again := ask(t, b, "upload-request", oneClip(nil))
	if len(w.created) != 1 || again.UploadID != "upload-1" || again.Checksum != "crc64nvme" {
		t.Errorf("%+v, created %+v", again, w.created)
	}
}

func TestOfTwoUploadsEverybodyChoosesTheFirst(t *testing.T) {
	w, b := newWorld(t)
	w.begin(clipKey, "b", w.now.Add(-time.Minute), broker.ChecksumCRC32)
	w.begin(clipKey, "c", w.now.Add(-time.Minute), broker.ChecksumCRC32)
	w.begin(clipKey, "a", w.now, broker.ChecksumCRC32)
	w.begin(clipKey, "0", w.now.Add(-time.Hour), "") // not ours
	w.begin(clipKey+"x", "1", w.now.Add(-time.Hour), broker.ChecksumCRC32)
	if got := ask(t, b, "upload-request", oneClip(nil)); got.UploadID != "b" || len(w.created) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestAnObjectThatIsThereIsNotSentAgain(t *testing.T) {
	w, b := newWorld(t)
	w.objects[clipKey] = broker.Object{Size: 12 * mib, CRC32: "AAAAAQ=="}
	got := ask(t, b, "upload-request", oneClip(nil))
	if got.Status != "success" || got.UploadID != "" || got.Stored != "1-3" || len(got.Parts) != 0 || got.Checksum != "crc32" || len(w.created) != 0 {
		t.Errorf("%+v", got)
	}
	if got := ask(t, b, "upload-request", oneClip(map[string]any{"size": 12*mib + 1})); got.Code != "mismatch" {
		t.Errorf("of another size: %+v", got)
	}
	if got := ask(t, b, "upload-complete", fmt.Sprintf(`{"id":"r","objectKey":%q,"size":%d,"crc32":"00000001"}`, clipKey, 12*mib)); got.Status != "success" {
		t.Errorf("reported: %+v", got)
	}
	if got := ask(t, b, "upload-complete", fmt.Sprintf(`{"id":"r","objectKey":%q,"size":%d,"crc32":"00000002"}`, clipKey, 12*mib)); got.Code != "mismatch" {
		t.Errorf("reported with another checksum: %+v", got)
	}
}

func TestLargeObjectsGetLargerParts(t *testing.T) {
	for _, test := range []struct {
		size, partSize, want int64
		count                int
	}{
		{1, 0, 5 * mib, 1},
		{5 * mib, 0, 5 * mib, 1},
		{5*mib + 1, 0, 5 * mib, 2},
		{10_000 * 5 * mib, 0, 5 * mib, 10_000},
		{10_000*5*mib + 1, 0, 10 * mib, 5001},
		{broker.MaxMultipartSize, 4 << 30, 5 << 30, 9314},
		{broker.MaxMultipartSize, 0, 5120 * mib, 9314},
	} {
		w := &world{now: time.Unix(1795424400, 0), objects: map[string]broker.Object{}}
		k := clip()
		k.MaxSize, k.PartSize, k.Modes = broker.MaxMultipartSize, test.partSize, []string{broker.ModeMultipart}
		b, err := broker.New(broker.Config{Kinds: []broker.Kind{k}, Signer: w, Store: w, Audit: w, Now: func() time.Time { return w.now }, Multipart: w})
		if err != nil {
			t.Fatal(err)
		}
		got := ask(t, b, "upload-request", oneClip(map[string]any{"size": test.size}))
		if got.PartSize != test.want || got.PartCount != test.count {
			t.Errorf("%d bytes: %d parts of %d, want %d of %d", test.size, got.PartCount, got.PartSize, test.count, test.want)
		}
		last := ask(t, b, "upload-request", oneClip(map[string]any{"size": test.size, "fromPart": test.count}))
		if n := last.Parts[0]; n.Size+int64(test.count-1)*got.PartSize != test.size || n.Size > got.PartSize || n.Size < 1 {
			t.Errorf("%d bytes: the last part has %d", test.size, n.Size)
		}
	}
}

func TestManyHolesFitIntoASmallBuffer(t *testing.T) {
	w, b := newWorld(t)
	u := w.begin(clipKey, "mine", w.now, broker.ChecksumCRC32)
	for n := 1; n <= 12; n += 2 {
		u.Parts[n] = broker.Part{Number: n, Size: 5 * mib}
	}
	got := ask(t, b, "upload-request", oneClip(map[string]any{"size": 64 * mib}))
	if got.Stored != "1,3,5,7,9,11" || !slices.Equal(numbersOf(got), []int{2, 4}) {
		t.Errorf("%+v", got)
	}
	k := clip()
	k.MaxSize = 5 << 30
	b, err := broker.New(broker.Config{Kinds: []broker.Kind{k}, Signer: w, Store: w, Audit: w, Now: func() time.Time { return w.now }, Multipart: w})
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 1000; n += 2 {
		u.Parts[n] = broker.Part{Number: n, Size: 5 * mib}
	}
	if got := ask(t, b, "upload-request", oneClip(map[string]any{"size": 5 << 30})); len(got.Stored) > 80 || !strings.HasPrefix(got.Stored, "1,3,5") {
		t.Errorf("stored is %q", got.Stored)
	}
}

func TestWhenS3IsAwayNoPartIsGranted(t *testing.T) {
	for name, fault := range map[string]func(*world){
		"head":    func(w *world) { w.headErr = errTest },
		"list":    func(w *world) { w.uploadsErr = errTest },
		"create":  func(w *world) { w.createErr = errTest },
		"sign":    func(w *world) { w.partErr = errTest },
		"parts":   func(w *world) { stored3(w); w.partsErr = errTest },
		"auditor": func(w *world) { w.auditErr = errTest },
	} {
		t.Run(name, func(t *testing.T) {
			w, b := newWorld(t)
			fault(w)
			got := ask(t, b, "upload-request", oneClip(nil))
			if got.Code != "unavailable" || got.RetryAfter == 0 || len(got.Parts) != 0 || strings.Contains(got.Error, errTest.Error()) {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestAnUploadThatEndedAMomentAgoIsNoUpload(t *testing.T) {
	w, b := newWorld(t)
	stored3(w, 1)
	w.partsErr = broker.ErrNoSuchUpload
	if got := ask(t, b, "upload-request", oneClip(nil)); got.UploadID != "upload-1" || len(w.created) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestAKindInPartsNeedsItsStore(t *testing.T) {
	w := &world{}
	_, err := broker.New(broker.Config{Kinds: []broker.Kind{clip()}, Signer: w, Store: w, Audit: w, Now: time.Now})
	if err == nil || !strings.Contains(err.Error(), "multipart") {
		t.Errorf("got %v", err)
	}
	for name, change := range map[string]func(*broker.Kind){
		"small parts":           func(k *broker.Kind) { k.PartSize = 5*mib - 1 },
		"huge parts":            func(k *broker.Kind) { k.PartSize = 5<<30 + 1 },
		"huge, with put":        func(k *broker.Kind) { k.MaxSize = 5<<30 + 1 },
		"beyond what S3 stores": func(k *broker.Kind) { k.MaxSize, k.Modes = 50e12+1, []string{broker.ModeMultipart} },
	} {
		k := clip()
		change(&k)
		if k.Check() == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
