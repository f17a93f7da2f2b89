// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"thingpass/broker"
)

const storedKey = "cam1/photo/2026/11/23/a1.jpg"

func stored(w *world) {
	w.objects[storedKey] = broker.Object{Size: 1000, ContentType: "image/jpeg", SHA256: sumBase64, ETag: `"e"`,
		Metadata: map[string]string{"fw": "1"}}
	w.objects["cam1/photo/2026/11/23/plain.jpg"] = broker.Object{Size: 5}
	w.objects["cam1/photo/2026/11/23/parts.jpg"] = broker.Object{Size: 5, SHA256: sumBase64 + "-2"}
	w.objects["cam1/photo/2026/11/23/crc.jpg"] = broker.Object{Size: 9, MD5: "25f9e794323b453885f5181f1b624d0b", CRC32: "y/Q5Jg==", CRC64NVME: "rosUhgqIlpE="}
	w.objects["cam2/photo/2026/11/23/a1.jpg"] = broker.Object{Size: 1000}
	w.objects["cam1/secret.txt"] = broker.Object{Size: 1000}
}

func report(key string, size int, sum string) string {
	text := fmt.Sprintf(`{"id":"a1","objectKey":%q,"size":%d`, key, size)
	if sum != "" {
		text += `,"sha256":"` + sum + `"`
	}
	return text + "}"
}

// reportSums is a report with other checksums, of an object that holds
// "123456789".
func reportSums(sums string) string {
	return `{"id":"a1","objectKey":"cam1/photo/2026/11/23/crc.jpg","size":9,` + sums + `}`
}

func TestAReportIsVerifiedNotBelieved(t *testing.T) {
	other := strings.Repeat("0", 64)
	for name, test := range map[string]struct {
		payload string
		code    broker.Code
	}{
		"as reported":                    {report(storedKey, 1000, sumHex), ""},
		"in base64":                      {report(storedKey, 1000, sumBase64), ""},
		"without checksum":               {report(storedKey, 1000, ""), ""},
		"S3 keeps no checksum":           {report("cam1/photo/2026/11/23/plain.jpg", 5, other), ""},
		"S3 keeps one of parts":          {report("cam1/photo/2026/11/23/parts.jpg", 5, other), ""},
		"every checksum":                 {reportSums(`"md5":"25F9E794323B453885F5181F1B624D0B","crc32":"cbf43926","crc64nvme":"ae8b14860a889691"`), ""},
		"another MD5":                    {reportSums(`"md5":"25f9e794323b453885f5181f1b624d0c"`), broker.CodeMismatch},
		"another CRC32":                  {reportSums(`"crc32":"cbf43927"`), broker.CodeMismatch},
		"another CRC64NVME":              {reportSums(`"crc32":"cbf43926","crc64nvme":"ae8b14860a889692"`), broker.CodeMismatch},
		"a checksum that S3 keeps not":   {reportSums(`"sha256":"` + other + `"`), ""},
		"MD5 in base64":                  {reportSums(`"md5":"JfnnlDI7RTiF9RgfG2JNCw=="`), broker.CodeBadRequest},
		"a short CRC32":                  {reportSums(`"crc32":"cbf4392"`), broker.CodeBadRequest},
		"CRC32 as a number":              {reportSums(`"crc32":12345678`), broker.CodeBadRequest},
		"CRC64NVME not hexadecimal":      {reportSums(`"crc64nvme":"ae8b14860a88969g"`), broker.CodeBadRequest},
		"a checksum twice":               {reportSums(`"crc32":"cbf43926","crc32":"cbf43926"`), broker.CodeBadRequest},
		"a checksum beside objects":      {`{"id":"a1","crc32":"cbf43926","objects":[{"objectKey":"k","size":1}]}`, broker.CodeBadRequest},
		"another size":                   {report(storedKey, 999, sumHex), broker.CodeMismatch},
		"another checksum":               {report(storedKey, 1000, other), broker.CodeMismatch},
		"absent":                         {report("cam1/photo/2026/11/23/a2.jpg", 1000, sumHex), broker.CodeNotFound},
		"a neighbour's":                  {report("cam2/photo/2026/11/23/a1.jpg", 1000, ""), broker.CodeKeyNotAllowed},
		"outside the layouts":            {report("cam1/secret.txt", 1000, ""), broker.CodeKeyNotAllowed},
		"climbing out":                   {report("cam1/photo/2026/11/23/../../../../../cam2/photo/2026/11/23/a1.jpg", 1000, ""), broker.CodeKeyNotAllowed},
		"an encoded slash":               {report("cam1%2fphoto/2026/11/23/a1.jpg", 1000, ""), broker.CodeKeyNotAllowed},
		"no key":                         {`{"id":"a1","size":1000}`, broker.CodeBadRequest},
		"no size":                        {`{"id":"a1","objectKey":"` + storedKey + `"}`, broker.CodeBadRequest},
		"no id":                          {`{"size":1000,"objectKey":"` + storedKey + `"}`, broker.CodeBadRequest},
		"negative size":                  {report(storedKey, -1, ""), broker.CodeBadRequest},
		"unknown field":                  {`{"id":"a1","size":1000,"objectKey":"` + storedKey + `","ok":true}`, broker.CodeBadRequest},
		"bad checksum":                   {report(storedKey, 1000, "abc"), broker.CodeBadRequest},
		"no objects":                     {`{"id":"a1","objects":[]}`, broker.CodeTooManyObjects},
		"21 objects":                     {`{"id":"a1","objects":[` + strings.TrimSuffix(strings.Repeat(`{"objectKey":"k","size":1},`, 21), ",") + `]}`, broker.CodeTooManyObjects},
		"objects and a key":              {`{"id":"a1","objectKey":"k","objects":[{"objectKey":"k","size":1}]}`, broker.CodeBadRequest},
		"an object without size":         {`{"id":"a1","objects":[{"objectKey":"k"}]}`, broker.CodeBadRequest},
		"not JSON":                       {`true`, broker.CodeBadRequest},
		"200 KB":                         {strings.Repeat(" ", 200_000), broker.CodePayloadTooLarge},
		"something after it":             {report(storedKey, 1000, sumHex) + `{}`, broker.CodeBadRequest},
		"size twice":                     {`{"id":"a1","size":1000,"size":1000,"objectKey":"` + storedKey + `"}`, broker.CodeBadRequest},
		"the key in another letter case": {report(strings.ToUpper(storedKey[:4])+storedKey[4:], 1000, ""), broker.CodeKeyNotAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			w, b := newWorld(t)
			stored(w)
			out, _ := b.Handle(t.Context(), broker.Message{Topic: "thingpass/cam1/upload-complete", Payload: []byte(test.payload)})
			got := decode(t, out[0].Payload)
			if got.Code != string(test.code) {
				t.Fatalf("code %q (%s), want %q", got.Code, got.Error, test.code)
			}
			if events := len(out) - 1; (events == 1) != (test.code == "") {
				t.Errorf("%d events", events)
			}
			if want := test.code; len(w.entries) != 1 || want != "" && w.entries[0].Code != want || want == "" && w.entries[0].Code != broker.CodeVerified {
				t.Errorf("audit %+v", w.entries)
			}
		})
	}
}

func TestTheEventTellsWhatS3Has(t *testing.T) {
	w, b := newWorld(t)
	stored(w)
	out, err := b.Handle(t.Context(), broker.Message{Topic: "thingpass/cam1/upload-complete", Payload: []byte(report(storedKey, 1000, sumHex))})
	if err != nil || len(out) != 2 || out[1].Topic != "thingpass/cam1/uploaded" || out[1].QoS != 1 {
		t.Fatalf("%+v, %v", out, err)
	}
	want := `{"thing":"cam1","kind":"photo","objectKey":"` + storedKey + `","size":1000,"contentType":"image/jpeg","sha256":"` + sumHex +
		`","etag":"\"e\"","metadata":{"fw":"1"},"time":1795424400}`
	if string(out[1].Payload) != want {
		t.Errorf("event\n%s, want\n%s", out[1].Payload, want)
	}
}

func TestWhenS3IsAwayTheThingReportsAgain(t *testing.T) {
	w, b := newWorld(t)
	stored(w)
	w.headErr = errTest
	got := ask(t, b, "upload-complete", report(storedKey, 1000, sumHex))
	if got.Code != "unavailable" || got.RetryAfter == 0 || strings.Contains(got.Error, errTest.Error()) {
		t.Errorf("%+v", got)
	}
	w.headErr, w.auditErr = nil, errTest
	out, _ := b.Handle(t.Context(), broker.Message{Topic: "thingpass/cam1/upload-complete", Payload: []byte(report(storedKey, 1000, sumHex))})
	if got := decode(t, out[0].Payload); got.Code != "unavailable" || len(out) != 1 {
		t.Errorf("without an audit: %+v and %d events", got, len(out)-1)
	}
}

func TestSeveralReportsAreAnsweredInOrder(t *testing.T) {
	w, b := newWorld(t)
	stored(w)
	var items []string
	for i := range 20 {
		key := fmt.Sprintf("cam1/photo/2026/11/23/n%d.jpg", i)
		items = append(items, fmt.Sprintf(`{"objectKey":%q,"size":7}`, key))
		if i%2 == 0 {
			w.objects[key] = broker.Object{Size: 7}
		}
	}
	out, _ := b.Handle(t.Context(), broker.Message{Topic: "thingpass/cam1/upload-complete", Payload: []byte(`{"id":"r","objects":[` + strings.Join(items, ",") + `]}`)})
	got := decode(t, out[0].Payload)
	if got.Status != "success" || len(got.Objects) != 20 || len(out) != 11 {
		t.Fatalf("%d messages, %s", len(out), out[0].Payload)
	}
	for i, o := range got.Objects {
		if o.ObjectKey != fmt.Sprintf("cam1/photo/2026/11/23/n%d.jpg", i) || (o.Status == "success") != (i%2 == 0) {
			t.Errorf("object %d: %+v", i, o)
		}
	}
	var e struct{ ObjectKey string }
	if err := json.Unmarshal(out[1].Payload, &e); err != nil || e.ObjectKey != "cam1/photo/2026/11/23/n0.jpg" {
		t.Errorf("first event %s", out[1].Payload)
	}
}
