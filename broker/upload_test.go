// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"thingpass/broker"
)

const sumHex = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
const sumBase64 = "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="

func TestBadUploadRequestsAreRefusedWithTheirCode(t *testing.T) {
	many := func(n int) string {
		var items []string
		for i := range n {
			items = append(items, fmt.Sprintf(`{"id":"o%d","size":1}`, i))
		}
		return `{"id":"b","kind":"photo","objects":[` + strings.Join(items, ",") + `]}`
	}
	pairs := func(n int) map[string]any {
		m := map[string]any{}
		for i := range n {
			m[fmt.Sprintf("n%d", i)] = "v"
		}
		return map[string]any{"metadata": m}
	}
	metadata := func(name, value string) string {
		return onePhoto(map[string]any{"metadata": map[string]any{name: value}})
	}
	key := func(k string) string { return onePhoto(map[string]any{"objectKey": k}) }
	tests := map[string]struct {
		payload string
		code    broker.Code
	}{
		"empty payload":                     {"", broker.CodeBadRequest},
		"not JSON":                          {"hello", broker.CodeBadRequest},
		"an array":                          {"[]", broker.CodeBadRequest},
		"a string":                          {`"x"`, broker.CodeBadRequest},
		"null":                              {"null", broker.CodeBadRequest},
		"an empty object":                   {"{}", broker.CodeBadRequest},
		"a byte order mark":                 {"\xef\xbb\xbf" + onePhoto(nil), broker.CodeBadRequest},
		"UTF-16":                            {"\xff\xfe{\x00}\x00", broker.CodeBadRequest},
		"invalid UTF-8 in a value":          {`{"id":"a1","kind":"photo","size":1,"contentType":"` + "\xc3\x28" + `"}`, broker.CodeBadRequest},
		"truncated":                         {`{"id":"a1","kind":"photo","size":1`, broker.CodeBadRequest},
		"something after it":                {onePhoto(nil) + "x", broker.CodeBadRequest},
		"a second object":                   {onePhoto(nil) + onePhoto(nil), broker.CodeBadRequest},
		"trailing comma":                    {`{"id":"a1","kind":"photo","size":1,}`, broker.CodeBadRequest},
		"a comment":                         {`{"id":"a1",/* */"kind":"photo","size":1}`, broker.CodeBadRequest},
		"deeply nested":                     {`{"id":` + strings.Repeat("[", 30000) + strings.Repeat("]", 30000) + `}`, broker.CodeBadRequest},
		"deeply nested unknown":             {`{"x":` + strings.Repeat(`{"x":`, 10000) + "1" + strings.Repeat("}", 10001), broker.CodeBadRequest},
		"doubled id":                        {`{"id":"a1","id":"a2","kind":"photo","size":1}`, broker.CodeBadRequest},
		"doubled size":                      {`{"id":"a1","kind":"photo","size":1,"size":2}`, broker.CodeBadRequest},
		"doubled by an escape":              {`{"id":"a1","kind":"photo","size":1,"s\u0069ze":2}`, broker.CodeBadRequest},
		"doubled metadata":                  {`{"id":"a1","kind":"photo","size":1,"metadata":{"fw":"1","fw":"2"}}`, broker.CodeBadRequest},
		"unknown field":                     {onePhoto(map[string]any{"sha265": sumHex}), broker.CodeBadRequest},
		"a field in upper case":             {onePhoto(map[string]any{"SIZE": 1}), broker.CodeBadRequest},
		"a thing in the payload":            {onePhoto(map[string]any{"thing": "cam2"}), broker.CodeBadRequest},
		"no id":                             {onePhoto(map[string]any{"id": ""}), broker.CodeBadRequest},
		"an empty id":                       {`{"id":"","kind":"photo","size":1}`, broker.CodeBadRequest},
		"a number as id":                    {onePhoto(map[string]any{"id": 7}), broker.CodeBadRequest},
		"a slash in the id":                 {onePhoto(map[string]any{"id": "a/b"}), broker.CodeBadRequest},
		"dots as id":                        {onePhoto(map[string]any{"id": ".."}), broker.CodeBadRequest},
		"a percent sign in the id":          {onePhoto(map[string]any{"id": "%2e%2e"}), broker.CodeBadRequest},
		"a control character in the id":     {onePhoto(map[string]any{"id": "a\x00b"}), broker.CodeBadRequest},
		"65 characters of id":               {onePhoto(map[string]any{"id": strings.Repeat("a", 65)}), broker.CodeBadRequest},
		"no kind":                           {onePhoto(map[string]any{"kind": ""}), broker.CodeBadRequest},
		"unknown kind":                      {onePhoto(map[string]any{"kind": "video"}), broker.CodeUnknownKind},
		"a kind with a slash":               {onePhoto(map[string]any{"kind": "../photo"}), broker.CodeUnknownKind},
		"null as kind":                      {`{"id":"a1","kind":null,"size":1}`, broker.CodeBadRequest},
		"unknown mode":                      {onePhoto(map[string]any{"mode": "delete"}), broker.CodeModeNotAllowed},
		"foreign type":                      {onePhoto(map[string]any{"contentType": "text/html"}), broker.CodeTypeNotAllowed},
		"type with a parameter":             {onePhoto(map[string]any{"contentType": "image/jpeg; a=b"}), broker.CodeTypeNotAllowed},
		"type with a line break":            {onePhoto(map[string]any{"contentType": "image/jpeg\r\nx-amz-acl: public-read"}), broker.CodeTypeNotAllowed},
		"no size":                           {onePhoto(map[string]any{"size": ""}), broker.CodeBadRequest},
		"size zero":                         {onePhoto(map[string]any{"size": 0}), broker.CodeSizeNotAllowed},
		"negative size":                     {onePhoto(map[string]any{"size": -1}), broker.CodeSizeNotAllowed},
		"size above the kind's":             {onePhoto(map[string]any{"size": 8<<20 + 1}), broker.CodeSizeNotAllowed},
		"fractional size":                   {`{"id":"a1","kind":"photo","size":1.5}`, broker.CodeBadRequest},
		"size with an exponent":             {`{"id":"a1","kind":"photo","size":1e3}`, broker.CodeBadRequest},
		"size beyond 64 bits":               {`{"id":"a1","kind":"photo","size":99999999999999999999}`, broker.CodeBadRequest},
		"size as a string":                  {`{"id":"a1","kind":"photo","size":"1"}`, broker.CodeBadRequest},
		"size as true":                      {`{"id":"a1","kind":"photo","size":true}`, broker.CodeBadRequest},
		"short sha256":                      {onePhoto(map[string]any{"sha256": sumHex[:63]}), broker.CodeBadRequest},
		"sha256 not hexadecimal":            {onePhoto(map[string]any{"sha256": "g" + sumHex[1:]}), broker.CodeBadRequest},
		"sha256 of 31 bytes":                {onePhoto(map[string]any{"sha256": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="}), broker.CodeBadRequest},
		"sha256 with spare bits":            {onePhoto(map[string]any{"sha256": sumBase64[:42] + "h="}), broker.CodeBadRequest},
		"captured before 2020":              {onePhoto(map[string]any{"capturedAt": 1577836799}), broker.CodeBadRequest},
		"captured in two days":              {onePhoto(map[string]any{"capturedAt": 1795424400 + 2*86400}), broker.CodeBadRequest},
		"captured at a string":              {onePhoto(map[string]any{"capturedAt": "2026-11-23"}), broker.CodeBadRequest},
		"metadata as a list":                {onePhoto(map[string]any{"metadata": []string{"a"}}), broker.CodeBadRequest},
		"metadata with a number":            {onePhoto(map[string]any{"metadata": map[string]any{"rssi": -61}}), broker.CodeBadRequest},
		"metadata name in upper case":       {metadata("Fw", "1"), broker.CodeMetadataNotAllowed},
		"metadata name with a colon":        {metadata("a:b", "1"), broker.CodeMetadataNotAllowed},
		"metadata name with 33 characters":  {metadata(strings.Repeat("a", 33), "1"), broker.CodeMetadataNotAllowed},
		"metadata captured-at":              {metadata("captured-at", "1"), broker.CodeMetadataNotAllowed},
		"metadata value with a line break":  {metadata("a", "1\r\nx-amz-acl: public-read"), broker.CodeMetadataNotAllowed},
		"metadata value not ASCII":          {metadata("a", "ü"), broker.CodeMetadataNotAllowed},
		"metadata value with a space":       {metadata("a", "x "), broker.CodeMetadataNotAllowed},
		"metadata value with two spaces":    {metadata("a", "x  y"), broker.CodeMetadataNotAllowed},
		"an empty metadata value":           {metadata("a", ""), broker.CodeMetadataNotAllowed},
		"metadata value of 257":             {metadata("a", strings.Repeat("x", 257)), broker.CodeMetadataNotAllowed},
		"17 pairs of metadata":              {onePhoto(pairs(17)), broker.CodeMetadataNotAllowed},
		"a neighbour's key":                 {key("cam2/photo/2026/11/23/a1.jpg"), broker.CodeKeyNotAllowed},
		"a look-alike neighbour's key":      {key("cam10/photo/2026/11/23/a1.jpg"), broker.CodeKeyNotAllowed},
		"a key with ..":                     {key("cam1/photo/2026/11/../../../../cam2/a1.jpg"), broker.CodeKeyNotAllowed},
		"a key with %2e":                    {key("cam1/photo/2026/11/%2e%2e/a1.jpg"), broker.CodeKeyNotAllowed},
		"a key with a doubled slash":        {key("cam1/photo/2026//23/a1.jpg"), broker.CodeKeyNotAllowed},
		"a key with a leading slash":        {key("/cam1/photo/2026/11/23/a1.jpg"), broker.CodeKeyNotAllowed},
		"a key with a control character":    {key("cam1/photo/2026/11/23/a1\n.jpg"), broker.CodeKeyNotAllowed},
		"a key of 1,025 bytes":              {key("cam1/photo/2026/11/23/" + strings.Repeat("a", 1025-22-4) + ".jpg"), broker.CodeKeyNotAllowed},
		"a key with another id":             {key("cam1/photo/2026/11/23/a2.jpg"), broker.CodeKeyNotAllowed},
		"a key with another extension":      {key("cam1/photo/2026/11/23/a1.html"), broker.CodeKeyNotAllowed},
		"a key with another kind":           {key("cam1/log/2026/11/23/a1.jpg"), broker.CodeKeyNotAllowed},
		"a key with a date that is none":    {key("cam1/photo/2026/02/30/a1.jpg"), broker.CodeKeyNotAllowed},
		"a key with a signed number":        {key("cam1/photo/2026/+1/23/a1.jpg"), broker.CodeKeyNotAllowed},
		"a key with letters for a date":     {key("cam1/photo/yyyy/mm/dd/a1.jpg"), broker.CodeKeyNotAllowed},
		"a key with placeholders":           {key("cam1/photo/{yyyy}/{mm}/{dd}/a1.jpg"), broker.CodeKeyNotAllowed},
		"an empty key":                      {`{"id":"a1","kind":"photo","size":1,"objectKey":""}`, broker.CodeKeyNotAllowed},
		"no objects":                        {`{"id":"b","kind":"photo","objects":[]}`, broker.CodeTooManyObjects},
		"21 objects":                        {many(21), broker.CodeTooManyObjects},
		"objects as an object":              {`{"id":"b","kind":"photo","objects":{}}`, broker.CodeBadRequest},
		"a number among objects":            {`{"id":"b","kind":"photo","objects":[1]}`, broker.CodeBadRequest},
		"an object without id":              {`{"id":"b","kind":"photo","objects":[{"size":1}]}`, broker.CodeBadRequest},
		"objects with one id twice":         {`{"id":"b","kind":"photo","objects":[{"id":"x","size":1},{"id":"x","size":1}]}`, broker.CodeBadRequest},
		"objects with a kind of their own":  {`{"id":"b","kind":"photo","objects":[{"id":"x","size":1,"kind":"log"}]}`, broker.CodeBadRequest},
		"a size beside objects":             {`{"id":"b","kind":"photo","size":1,"objects":[{"id":"x","size":1}]}`, broker.CodeBadRequest},
		"metadata that the kind takes not":  {`{"id":"a","kind":"log","size":10,"metadata":{"rssi":"1"}}`, broker.CodeMetadataNotAllowed},
		"below the kind's size":             {`{"id":"a","kind":"log","size":9}`, broker.CodeSizeNotAllowed},
		"65,537 bytes":                      {onePhoto(nil) + strings.Repeat(" ", 65537), broker.CodePayloadTooLarge},
		"200 KB":                            {strings.Repeat("a", 200_000), broker.CodePayloadTooLarge},
		"more fields than any request has":  {"{" + strings.Repeat(`"metadata":{},`, 40) + `"id":"a"}`, broker.CodeBadRequest},
		"a metadata object of 10,000 names": {`{"id":"a1","kind":"photo","size":1,"metadata":{` + strings.TrimSuffix(strings.Repeat(`"a":"v",`, 8000), ",") + `}}`, broker.CodeBadRequest},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w, b := newWorld(t)
			got := ask(t, b, "upload-request", test.payload)
			if got.Code != string(test.code) {
				t.Errorf("code %q (%s), want %q", got.Code, got.Error, test.code)
			}
			if got.Error == "" || got.Time != w.now.Unix() {
				t.Errorf("a refusal has a sentence and the time: %+v", got)
			}
			if len(w.signed) != 0 {
				t.Errorf("%d grants were signed", len(w.signed))
			}
			if len(w.entries) != 1 || w.entries[0].Code != test.code || w.entries[0].Thing != "cam1" {
				t.Errorf("audit: %+v", w.entries)
			}
		})
	}
}

func TestTheKeyIsTheThingsOwnAndTheSameForTheSameID(t *testing.T) {
	w, b := newWorld(t)
	first := ask(t, b, "upload-request", onePhoto(map[string]any{"capturedAt": 1795424398}))
	if want := "cam1/photo/2026/11/23/a1.jpg"; first.ObjectKey != want {
		t.Fatalf("key %q, want %q", first.ObjectKey, want)
	}
	w.now = w.now.Add(36 * time.Hour)
	if again := ask(t, b, "upload-request", onePhoto(map[string]any{"capturedAt": 1795424398})); again.ObjectKey != first.ObjectKey {
		t.Errorf("after midnight the same request got %q", again.ObjectKey)
	}
	if again := ask(t, b, "upload-request", onePhoto(map[string]any{"objectKey": first.ObjectKey})); again.ObjectKey != first.ObjectKey {
		t.Errorf("after midnight the key that was given before became %q", again.ObjectKey)
	}
}

func TestAGrantBindsWhatTheThingAskedFor(t *testing.T) {
	w, b := newWorld(t)
	for _, sum := range []string{sumHex, strings.ToUpper(sumHex), sumBase64} {
		got := ask(t, b, "upload-request", onePhoto(map[string]any{"sha256": sum, "capturedAt": 1795424398, "metadata": map[string]any{"fw": "1.4.2"}}))
		put := w.signed[len(w.signed)-1]
		if put.Size != 1000 || put.SHA256 != sumBase64 || put.ContentType != "image/jpeg" || put.TTL != broker.DefaultTTL {
			t.Errorf("signed %+v", put)
		}
		if want := map[string]string{"fw": "1.4.2", "captured-at": "1795424398"}; !maps.Equal(put.Metadata, want) {
			t.Errorf("metadata %v, want %v", put.Metadata, want)
		}
		if got.Status != "success" || got.Mode != "put" || got.ID != "a1" || got.ExpiresAt != 1795424400+900 {
			t.Errorf("reply %+v", got)
		}
	}
	e := w.entries[0]
	if e.Code != broker.CodeGranted || e.Key != "cam1/photo/2026/11/23/a1.jpg" || e.SHA256 != sumHex || e.Size != 1000 || e.ExpiresAt != 1795425300 {
		t.Errorf("audit %+v", e)
	}
}

func TestURLsAreWrittenWithoutEscapes(t *testing.T) {
	_, b := newWorld(t)
	out, _ := b.Handle(t.Context(), broker.Message{Topic: "thingpass/cam1/upload-request", Payload: []byte(onePhoto(nil))})
	if !bytes.Contains(out[0].Payload, []byte("?a=1&b=2")) {
		t.Errorf("& was escaped: %s", out[0].Payload)
	}
}

func TestObjectsAreGrantedOrRefusedEachOnItsOwn(t *testing.T) {
	_, b := newWorld(t)
	got := ask(t, b, "upload-request", `{"id":"batch","kind":"log","objects":[{"id":"x","size":100},{"id":"y","size":1},
		{"id":"z","size":100,"contentType":"application/gzip"}]}`)
	if got.ID != "batch" || got.Status != "success" || got.Mode != "put" || len(got.Objects) != 3 {
		t.Fatalf("reply %+v", got)
	}
	keys := []string{got.Objects[0].ObjectKey, got.Objects[2].ObjectKey}
	if want := []string{"cam1/log/2026/11/23/x.txt", "cam1/log/2026/11/23/z.gz"}; !slices.Equal(keys, want) {
		t.Errorf("keys %v, want %v", keys, want)
	}
	if o := got.Objects[1]; o.ID != "y" || o.Code != "size-not-allowed" || o.UploadURL != "" {
		t.Errorf("the bad one: %+v", o)
	}
	all := ask(t, b, "upload-request", `{"id":"batch","kind":"log","objects":[{"id":"x","size":1}]}`)
	if all.Status != "error" || all.Code != "size-not-allowed" || len(all.Objects) != 1 {
		t.Errorf("all refused: %+v", all)
	}
}

func TestNoAuditNoGrant(t *testing.T) {
	w, b := newWorld(t)
	w.auditErr = errTest
	got := ask(t, b, "upload-request", onePhoto(nil))
	if got.Code != "unavailable" || got.RetryAfter == 0 || got.UploadURL != "" || got.ObjectKey != "" {
		t.Errorf("reply %+v", got)
	}
	mustContain(t, fmt.Sprint(got.Error), "audit")
}

func TestWithoutCredentialsAThingIsToldToWait(t *testing.T) {
	w, b := newWorld(t)
	w.signErr = errTest
	got := ask(t, b, "upload-request", onePhoto(nil))
	if got.Code != "unavailable" || got.RetryAfter != 5 {
		t.Errorf("reply %+v", got)
	}
	if strings.Contains(got.Error, errTest.Error()) {
		t.Errorf("the thing was told the operator's story: %q", got.Error)
	}
	_, err := b.Handle(t.Context(), broker.Message{Topic: "thingpass/cam1/upload-request", Payload: []byte(onePhoto(nil))})
	if !errors.Is(err, errTest) {
		t.Errorf("the operator was not told: %v", err)
	}
}

func TestARefusalNamesTheRequest(t *testing.T) {
	for name, test := range map[string]struct{ payload, id string }{
		"field after the id":  {`{"id":"a1","x":1}`, "a1"},
		"field before the id": {`{"x":[{"id":"no"}],"id":"a1"}`, "a1"},
		"cut after the id":    {`{"x":1,"id":"a1","y`, "a1"},
		"an id of another":    {`{"x":{"id":"inner"}}`, ""},
		"a bad id":            {`{"x":1,"id":"../a"}`, ""},
		"id as a value":       {`{"x":"id","y":"a1"}`, ""},
		"no JSON":             {`id: a1`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, b := newWorld(t)
			if got := ask(t, b, "upload-request", test.payload); got.ID != test.id {
				t.Errorf("id %q, want %q", got.ID, test.id)
			}
		})
	}
}
