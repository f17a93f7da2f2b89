// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"thingpass/broker"
)

// onePass is a request for a pass, with more fields.
func onePass(more string) string {
	if more != "" {
		more = "," + more
	}
	return `{"id":"p1","kind":"photo","mode":"pass"` + more + `}`
}

func TestBadPassRequestsAreRefusedWithTheirCode(t *testing.T) {
	names := func(n int) string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf(`"n%d"`, i)
		}
		return `"metadataNames":[` + strings.Join(list, ",") + `]`
	}
	for name, test := range map[string]struct {
		payload string
		code    broker.Code
	}{
		"a size":                          {onePass(`"size":1000`), broker.CodeBadRequest},
		"a checksum of one object":        {onePass(`"sha256":"` + sumHex + `"`), broker.CodeBadRequest},
		"a key":                           {onePass(`"objectKey":"cam1/photo/2026/11/23/a1.jpg"`), broker.CodeBadRequest},
		"a neighbour's key":               {onePass(`"objectKey":"cam2/photo/2026/11/23/a1.jpg"`), broker.CodeBadRequest},
		"a prefix of its own":             {onePass(`"keyPrefix":"cam2/photo/"`), broker.CodeBadRequest},
		"objects":                         {onePass(`"objects":[{"id":"x"}]`), broker.CodeBadRequest},
		"bounds of its own":               {onePass(`"maxSize":99999999`), broker.CodeBadRequest},
		"a life of its own":               {onePass(`"ttl":99999999`), broker.CodeBadRequest},
		"an unknown checksum":             {onePass(`"checksum":"md5"`), broker.CodeBadRequest},
		"an empty checksum":               {onePass(`"checksum":""`), broker.CodeBadRequest},
		"a checksum in capitals":          {onePass(`"checksum":"SHA256"`), broker.CodeBadRequest},
		"checksum as true":                {onePass(`"checksum":true`), broker.CodeBadRequest},
		"another type":                    {onePass(`"contentType":"text/html"`), broker.CodeTypeNotAllowed},
		"a type with a parameter":         {onePass(`"contentType":"image/jpeg,text/html"`), broker.CodeTypeNotAllowed},
		"captured before 2020":            {onePass(`"capturedAt":1577836799`), broker.CodeBadRequest},
		"captured in two days":            {onePass(`"capturedAt":1795600000`), broker.CodeBadRequest},
		"a fixed captured-at":             {onePass(`"metadata":{"captured-at":"1"}`), broker.CodeMetadataNotAllowed},
		"S3's variable in metadata":       {onePass(`"metadata":{"fw":"${filename}"}`), broker.CodeMetadataNotAllowed},
		"metadata with a line break":      {onePass(`"metadata":{"fw":"a\r\nb"}`), broker.CodeMetadataNotAllowed},
		"17 names":                        {onePass(names(17)), broker.CodeMetadataNotAllowed},
		"a name twice":                    {onePass(`"metadataNames":["a","a"]`), broker.CodeMetadataNotAllowed},
		"a name that is fixed as well":    {onePass(`"metadata":{"fw":"1"},"metadataNames":["fw"]`), broker.CodeMetadataNotAllowed},
		"a name in capitals":              {onePass(`"metadataNames":["FW"]`), broker.CodeMetadataNotAllowed},
		"a name with a quote":             {onePass(`"metadataNames":["a\",\"b"]`), broker.CodeMetadataNotAllowed},
		"an empty name":                   {onePass(`"metadataNames":[""]`), broker.CodeMetadataNotAllowed},
		"a name of 33":                    {onePass(`"metadataNames":["` + strings.Repeat("a", 33) + `"]`), broker.CodeMetadataNotAllowed},
		"names as a string":               {onePass(`"metadataNames":"fw"`), broker.CodeBadRequest},
		"a number among the names":        {onePass(`"metadataNames":[1]`), broker.CodeBadRequest},
		"names that the kind takes not":   {`{"id":"p1","kind":"notes","mode":"pass","metadataNames":["rssi"]}`, broker.CodeMetadataNotAllowed},
		"a kind that offers none":         {`{"id":"p1","kind":"log","mode":"pass"}`, broker.CodeModeNotAllowed},
		"a kind that there is not":        {`{"id":"p1","kind":"../photo","mode":"pass"}`, broker.CodeUnknownKind},
		"an id that climbs":               {`{"id":"../p","kind":"photo","mode":"pass"}`, broker.CodeBadRequest},
		"names in mode put":               {`{"id":"p1","kind":"photo","size":1,"metadataNames":["fw"]}`, broker.CodeBadRequest},
		"checksum in mode put":            {`{"id":"p1","kind":"photo","size":1,"checksum":"sha256"}`, broker.CodeBadRequest},
		"names in an object":              {`{"id":"p1","kind":"photo","objects":[{"id":"x","size":1,"metadataNames":[]}]}`, broker.CodeBadRequest},
		"a pass from downloads":           {`{"id":"p1","kind":"firmware","mode":"pass"}`, broker.CodeModeNotAllowed},
		"mode get as an upload":           {`{"id":"p1","kind":"firmware","mode":"get"}`, broker.CodeModeNotAllowed},
		"mode get of a kind that has put": {`{"id":"p1","kind":"log","mode":"get"}`, broker.CodeModeNotAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{now: time.Unix(1795424400, 0)}
			c := config(w)
			c.Kinds = append(c.Kinds, broker.Kind{Name: "notes", Modes: []string{"pass"}, Types: photo().Types, MaxSize: 10, Metadata: []string{"fw"}})
			b, err := broker.New(c)
			if err != nil {
				t.Fatal(err)
			}
			got := ask(t, b, "upload-request", test.payload)
			if got.Code != string(test.code) || got.Error == "" || got.KeyPrefix != "" || got.Fields != nil {
				t.Errorf("code %q (%s), want %q: %+v", got.Code, got.Error, test.code, got)
			}
			if w.granted() != 0 {
				t.Error("something was signed")
			}
			if len(w.entries) != 1 || w.entries[0].Code != test.code || w.entries[0].Thing != "cam1" {
				t.Errorf("audit: %+v", w.entries)
			}
		})
	}
}

func TestAPassIsForThisThingsPrefixOnly(t *testing.T) {
	for thing, want := range map[string]string{"cam1": "cam1/photo/2026/11/23/", "cam10": "cam10/photo/2026/11/23/", "a:b_c-d": "a:b_c-d/photo/2026/11/23/"} {
		w, b := newWorld(t)
		got := askAs(t, b, thing, "upload-request", onePass(""))
		if got.KeyPrefix != want || got.KeySuffix != ".jpg" || len(w.passes) != 1 || w.passes[0].KeyPrefix != want {
			t.Errorf("%s got %q, signed %+v", thing, got.KeyPrefix, w.passes)
		}
	}
}

func TestAPassBindsWhatTheThingAskedFor(t *testing.T) {
	w, b := newWorld(t)
	got := ask(t, b, "upload-request", onePass(`"contentType":"image/jpeg","capturedAt":1795300000,"metadata":{"fw":"1.4.2"},
		"metadataNames":["captured-at","rssi"],"checksum":"sha256"`))
	if got.Status != "success" || got.Mode != "pass" || got.ID != "p1" || got.MinSize != 1 || got.MaxSize != 8<<20 || got.ExpiresAt != 1795424400+3600 {
		t.Errorf("reply %+v", got)
	}
	p := w.passes[0]
	if p.KeyPrefix != "cam1/photo/2026/11/21/" || !p.SHA256 || p.TTL != time.Hour || p.MaxSize != 8<<20 ||
		!maps.Equal(p.Metadata, map[string]string{"fw": "1.4.2"}) || !slices.Equal(p.MetadataNames, []string{"captured-at", "rssi"}) {
		t.Errorf("signed %+v", p)
	}
	e := w.entries[0]
	if e.Code != broker.CodeGranted || e.KeyPrefix != "cam1/photo/2026/11/21/" || e.Key != "" || e.Mode != "pass" || e.Kind != "photo" || e.ExpiresAt != got.ExpiresAt {
		t.Errorf("audit %+v", e)
	}
}

func TestWhatAPassStoredIsReportedAsEver(t *testing.T) {
	w, b := newWorld(t)
	pass := ask(t, b, "upload-request", onePass(""))
	key := pass.KeyPrefix + "b7Kq-000017" + pass.KeySuffix
	w.objects[key] = broker.Object{Size: 5}
	w.objects[pass.KeyPrefix+"sub/x.jpg"] = broker.Object{Size: 5}
	if got := ask(t, b, "upload-complete", report(key, 5, "")); got.Status != "success" {
		t.Errorf("its own: %+v", got)
	}
	if got := ask(t, b, "upload-complete", report(pass.KeyPrefix+"sub/x.jpg", 5, "")); got.Code != "key-not-allowed" {
		t.Errorf("S3 takes a deeper key, the broker must not: %+v", got)
	}
}

func TestNoPassWithoutAuditOrCredentials(t *testing.T) {
	w, b := newWorld(t)
	w.auditErr = errTest
	if got := ask(t, b, "upload-request", onePass("")); got.Code != "unavailable" || got.RetryAfter == 0 || got.Fields != nil || got.UploadURL != "" {
		t.Errorf("without an audit: %+v", got)
	}
	w.auditErr, w.signErr = nil, errTest
	got := ask(t, b, "upload-request", onePass(""))
	if got.Code != "unavailable" || got.Fields != nil || strings.Contains(got.Error, errTest.Error()) {
		t.Errorf("without credentials: %+v", got)
	}
	_, err := b.Handle(t.Context(), broker.Message{Topic: "thingpass/cam1/upload-request", Payload: []byte(onePass(""))})
	if !errors.Is(err, errTest) {
		t.Errorf("the operator was not told: %v", err)
	}
}
