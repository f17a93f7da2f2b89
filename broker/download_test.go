// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"thingpass/broker"
)

const ownLog = "cam1/log/2026/11/23/a1.txt"

// fetchable fills the bucket with what cam1 may fetch, and with much that it may
// not.
func fetchable(w *world) {
	for _, key := range []string{ownLog, "cam2/log/2026/11/23/a1.txt", "cam10/log/2026/11/23/a1.txt", "cam1/photo/2026/11/23/a1.jpg", "cam1/secret.txt",
		"firmware/cams/latest.bin", "firmware/cams/v2.bin", "firmware/beta/latest.bin", "settings/cam1.json", "settings/cam2.json",
		"bells/latest", "notice/latest.txt", "latest.bin", "firmware/latest.bin"} {
		w.objects[key] = broker.Object{Size: 1000, ContentType: "text/plain", ETag: `"e1"`}
	}
}

func fetch(more string) string { return `{"id":"g1",` + more + `}` }

func TestBadDownloadRequestsAreRefusedWithTheirCode(t *testing.T) {
	own := func(key string) string { return fetch(`"kind":"log","objectKey":"` + key + `"`) }
	name := func(n string) string { return fetch(`"kind":"firmware","name":"` + n + `"`) }
	for what, test := range map[string]struct {
		payload string
		code    broker.Code
	}{
		"not JSON":                           {"x", broker.CodeBadRequest},
		"no id":                              {`{"kind":"firmware"}`, broker.CodeBadRequest},
		"no kind":                            {fetch(`"name":"v2"`), broker.CodeBadRequest},
		"an unknown field":                   {fetch(`"kind":"firmware","naem":"v2"`), broker.CodeBadRequest},
		"a field twice":                      {fetch(`"kind":"firmware","name":"v2","name":"v2"`), broker.CodeBadRequest},
		"a mode":                             {fetch(`"kind":"firmware","mode":"get"`), broker.CodeBadRequest},
		"a range":                            {fetch(`"kind":"firmware","range":"0-1"`), broker.CodeBadRequest},
		"an unknown kind":                    {fetch(`"kind":"video"`), broker.CodeUnknownKind},
		"a kind for uploads":                 {fetch(`"kind":"photo","objectKey":"cam1/photo/2026/11/23/a1.jpg"`), broker.CodeModeNotAllowed},
		"a neighbour's":                      {own("cam2/log/2026/11/23/a1.txt"), broker.CodeKeyNotAllowed},
		"a look-alike neighbour's":           {own("cam10/log/2026/11/23/a1.txt"), broker.CodeKeyNotAllowed},
		"its own of another kind":            {own("cam1/photo/2026/11/23/a1.jpg"), broker.CodeKeyNotAllowed},
		"outside the layout":                 {own("cam1/secret.txt"), broker.CodeKeyNotAllowed},
		"a shared one by its key":            {own("firmware/cams/latest.bin"), broker.CodeKeyNotAllowed},
		"climbing out":                       {own("cam1/log/2026/11/23/../../../../../cam2/log/2026/11/23/a1.txt"), broker.CodeKeyNotAllowed},
		"an encoded climb":                   {own("cam1/log/2026/11/%2e%2e/a1.txt"), broker.CodeKeyNotAllowed},
		"a doubled slash":                    {own("cam1/log/2026//23/a1.txt"), broker.CodeKeyNotAllowed},
		"a leading slash":                    {own("/" + ownLog), broker.CodeKeyNotAllowed},
		"a query behind":                     {own(ownLog + "?versionId=1"), broker.CodeKeyNotAllowed},
		"no key":                             {fetch(`"kind":"log"`), broker.CodeBadRequest},
		"an empty key":                       {own(""), broker.CodeBadRequest},
		"a name for its own":                 {fetch(`"kind":"log","objectKey":"` + ownLog + `","name":"a"`), broker.CodeBadRequest},
		"a group for its own":                {fetch(`"kind":"log","objectKey":"` + ownLog + `","group":"cams"`), broker.CodeBadRequest},
		"its own, absent":                    {own("cam1/log/2026/11/23/a2.txt"), broker.CodeNotFound},
		"shared, absent":                     {name("v3"), broker.CodeNotFound},
		"a name with a slash":                {name("a/b"), broker.CodeBadRequest},
		"a name that climbs":                 {name("../beta/latest"), broker.CodeBadRequest},
		"two dots":                           {name(".."), broker.CodeBadRequest},
		"a hidden name":                      {name(".v2"), broker.CodeBadRequest},
		"an empty name":                      {name(""), broker.CodeBadRequest},
		"a name of 65":                       {name(strings.Repeat("a", 65)), broker.CodeBadRequest},
		"a name with a percent sign":         {name("%2e%2e"), broker.CodeBadRequest},
		"a name with a control character":    {name(`v2\u0000`), broker.CodeBadRequest},
		"name as a number":                   {fetch(`"kind":"firmware","name":2`), broker.CodeBadRequest},
		"a group that it is not in":          {fetch(`"kind":"firmware","group":"beta"`), broker.CodeKeyNotAllowed},
		"a group that there is not":          {fetch(`"kind":"firmware","group":"x"`), broker.CodeKeyNotAllowed},
		"a group that climbs":                {fetch(`"kind":"firmware","group":"../cams"`), broker.CodeKeyNotAllowed},
		"an empty group":                     {fetch(`"kind":"firmware","group":""`), broker.CodeKeyNotAllowed},
		"a group where there is none":        {fetch(`"kind":"notice","group":"cams"`), broker.CodeBadRequest},
		"a name where there is none":         {fetch(`"kind":"settings","name":"cam2"`), broker.CodeBadRequest},
		"a key of shared ones":               {fetch(`"kind":"notice","objectKey":"notice/latest.txt"`), broker.CodeBadRequest},
		"what only another thing may":        {fetch(`"kind":"bells"`), broker.CodeKeyNotAllowed},
		"what only another may, and absent":  {fetch(`"kind":"bells","name":"x"`), broker.CodeKeyNotAllowed},
		"an empty etag":                      {fetch(`"kind":"notice","etag":""`), broker.CodeBadRequest},
		"an endless etag":                    {fetch(`"kind":"notice","etag":"` + strings.Repeat("a", 257) + `"`), broker.CodeBadRequest},
		"a bad sha256":                       {fetch(`"kind":"notice","sha256":"abc"`), broker.CodeBadRequest},
		"versionId as a number":              {fetch(`"kind":"notice","versionId":1}`), broker.CodeBadRequest},
		"65,537 bytes":                       {fetch(`"kind":"notice"`) + strings.Repeat(" ", 65537), broker.CodePayloadTooLarge},
		"an object that nobody can pin down": {fetch(`"kind":"notice","name":"loose"`), broker.CodeUnavailable},
	} {
		t.Run(what, func(t *testing.T) {
			w, b := newWorld(t)
			fetchable(w)
			w.objects["notice/loose.txt"] = broker.Object{Size: 1}
			got := ask(t, b, "download-request", test.payload)
			if got.Code != string(test.code) || got.Error == "" || got.DownloadURL != "" {
				t.Errorf("code %q (%s), want %q", got.Code, got.Error, test.code)
			}
			if w.granted() != 0 {
				t.Errorf("signed %+v", w.gets)
			}
			if len(w.entries) != 1 || w.entries[0].Code != test.code || w.entries[0].Request != "download-request" {
				t.Errorf("audit: %+v", w.entries)
			}
		})
	}
}

func TestEachThingFetchesWhatItMay(t *testing.T) {
	for _, test := range []struct{ thing, request, key, code string }{
		{"cam1", `"kind":"log","objectKey":"` + ownLog + `"`, ownLog, ""},
		{"cam1", `"kind":"firmware"`, "firmware/cams/latest.bin", ""},
		{"cam1", `"kind":"firmware","name":"v2"`, "firmware/cams/v2.bin", ""},
		{"cam1", `"kind":"firmware","group":"cams"`, "firmware/cams/latest.bin", ""},
		{"cam1", `"kind":"settings"`, "settings/cam1.json", ""},
		{"cam2", `"kind":"settings"`, "settings/cam2.json", ""},
		{"cam1", `"kind":"notice"`, "notice/latest.txt", ""},
		{"both", `"kind":"firmware"`, "", "bad-request"},
		{"both", `"kind":"firmware","group":"beta"`, "firmware/beta/latest.bin", ""},
		{"stranger", `"kind":"firmware"`, "", "key-not-allowed"},
		{"stranger", `"kind":"firmware","group":"cams"`, "", "key-not-allowed"},
		{"stranger", `"kind":"firmware","objectKey":"x"`, "", "key-not-allowed"},
		{"cams", `"kind":"firmware","group":"cams"`, "", "key-not-allowed"},
		{"stranger", `"kind":"notice"`, "notice/latest.txt", ""},
		{"bell1", `"kind":"bells"`, "bells/latest", ""},
		{"bell10", `"kind":"bells"`, "", "key-not-allowed"},
		{"cam2", `"kind":"log","objectKey":"` + ownLog + `"`, "", "key-not-allowed"},
	} {
		w, b := newWorld(t)
		fetchable(w)
		got := askAs(t, b, test.thing, "download-request", fetch(test.request))
		if got.Code != test.code || got.ObjectKey != test.key {
			t.Errorf("%s, %s: got %q, %q (%s); want %q, %q", test.thing, test.request, got.ObjectKey, got.Code, got.Error, test.key, test.code)
		}
		if test.code == "" && (len(w.gets) != 1 || w.gets[0].Key != test.key || w.gets[0].ETag != `"e1"`) {
			t.Errorf("%s, %s: signed %+v", test.thing, test.request, w.gets)
		}
	}
}

func TestADownloadTellsWhatItIs(t *testing.T) {
	w, b := newWorld(t)
	w.objects["notice/latest.txt"] = broker.Object{Size: 7, ContentType: "text/plain", SHA256: sumBase64, ETag: `"e1"`, VersionID: "v1",
		Metadata: map[string]string{"sha256": strings.Repeat("0", 64)}}
	got := ask(t, b, "download-request", fetch(`"kind":"notice"`))
	if got.Size != 7 || got.SHA256 != sumHex || got.ETag != `"e1"` || got.VersionID != "v1" || got.ExpiresAt != 1795424400+900 || got.Mode != "get" || got.Unchanged {
		t.Errorf("reply %+v", got)
	}
	if g := w.gets[0]; g.VersionID != "v1" || g.TTL != 15*time.Minute {
		t.Errorf("signed %+v", g)
	}
	e := w.entries[0]
	if e.Code != broker.CodeGranted || e.Key != "notice/latest.txt" || e.Mode != "get" || e.Size != 7 || e.ExpiresAt != got.ExpiresAt {
		t.Errorf("audit %+v", e)
	}
	for noted, want := range map[string]string{strings.ToUpper(sumHex): sumHex, sumHex[:63] + "g": "", sumHex[:62]: "", "": ""} {
		w.objects["notice/latest.txt"] = broker.Object{ETag: `"e"`, SHA256: sumBase64 + "-2", Metadata: map[string]string{"sha256": noted}}
		if got := ask(t, b, "download-request", fetch(`"kind":"notice"`)); got.SHA256 != want {
			t.Errorf("metadata %q gives %q, want %q", noted, got.SHA256, want)
		}
	}
}

func TestWhatTheThingHasIsNotSentAgain(t *testing.T) {
	etag := func(e string) string { return `"etag":"\"` + e + `\""` }
	for what, test := range map[string]struct {
		tells     string
		unchanged bool
	}{
		"nothing":                        {`"name":"latest"`, false},
		"the version":                    {`"versionId":"v1"`, true},
		"another version":                {`"versionId":"v0"`, false},
		"the etag":                       {etag("e1"), true},
		"the etag without quotes":        {`"etag":"e1"`, false},
		"another etag":                   {etag("e0"), false},
		"the checksum":                   {`"sha256":"` + sumHex + `"`, true},
		"the checksum in base64":         {`"sha256":"` + sumBase64 + `"`, true},
		"another checksum":               {`"sha256":"` + strings.Repeat("0", 64) + `"`, false},
		"all three":                      {etag("e1") + `,"versionId":"v1","sha256":"` + sumHex + `"`, true},
		"the etag and another checksum":  {etag("e1") + `,"sha256":"` + strings.Repeat("0", 64) + `"`, false},
		"another version, same checksum": {`"versionId":"v0","sha256":"` + sumHex + `"`, false},
	} {
		t.Run(what, func(t *testing.T) {
			w, b := newWorld(t)
			w.objects["notice/latest.txt"] = broker.Object{Size: 7, SHA256: sumBase64, ETag: `"e1"`, VersionID: "v1"}
			got := ask(t, b, "download-request", fetch(`"kind":"notice",`+test.tells))
			if got.Status != "success" || got.Unchanged != test.unchanged || (got.DownloadURL == "") != test.unchanged || got.Size != 7 || got.ETag != `"e1"` {
				t.Errorf("got %+v", got)
			}
			if want := map[bool]broker.Code{true: broker.CodeUnchanged, false: broker.CodeGranted}[test.unchanged]; w.entries[0].Code != want || (w.granted() == 0) != test.unchanged {
				t.Errorf("audit %+v, %d signatures", w.entries, w.granted())
			}
		})
	}
	w, b := newWorld(t)
	w.objects["notice/latest.txt"] = broker.Object{ETag: `"e1"`}
	if got := ask(t, b, "download-request", fetch(`"kind":"notice","sha256":"`+sumHex+`"`)); got.Unchanged {
		t.Error("a checksum that nobody knows was believed")
	}
}

func TestNoDownloadWithoutAuditBucketOrCredentials(t *testing.T) {
	w, b := newWorld(t)
	fetchable(w)
	for what, fault := range map[string]*error{"audit": &w.auditErr, "bucket": &w.headErr, "credentials": &w.signErr} {
		*fault = errTest
		got := ask(t, b, "download-request", fetch(`"kind":"notice"`))
		if got.Code != "unavailable" || got.RetryAfter == 0 || got.DownloadURL != "" || got.Headers != nil || strings.Contains(got.Error, errTest.Error()) {
			t.Errorf("without %s: %+v", what, got)
		}
		*fault = nil
	}
}

// A thing that is called like a shared folder could plant what others fetch.
func TestAThingWithASharedFoldersNameGetsNothing(t *testing.T) {
	for _, thing := range []string{"firmware", "settings", "bells", "notice"} {
		w, b := newWorld(t)
		w.everything = true
		for verb, payload := range map[string]string{"upload-request": onePhoto(nil), "upload-complete": report(thing+"/photo/2026/11/23/a1.jpg", 1000, ""),
			"download-request": fetch(`"kind":"notice"`)} {
			if got := askAs(t, b, thing, verb, payload); got.Code != "key-not-allowed" || got.ID == "" {
				t.Errorf("%s, %s: %+v", thing, verb, got)
			}
		}
		if got := askAs(t, b, thing, "upload-request", onePass("")); got.Code != "key-not-allowed" || w.granted() != 0 || len(w.entries) != 4 {
			t.Errorf("%s: %+v, %d signatures", thing, got, w.granted())
		}
	}
}

func TestDownloadsAreHeardOnlyWhereTheyAreOffered(t *testing.T) {
	w, b := newWorld(t)
	if f := b.Filters(); !slices.Contains(f, "thingpass/+/download-request") {
		t.Errorf("filters %q", f)
	}
	c := config(w)
	c.Kinds, c.Downloads = []broker.Kind{photo()}, nil
	b, err := broker.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if f := b.Filters(); slices.Contains(f, "thingpass/+/download-request") {
		t.Errorf("filters %q", f)
	}
	if out, err := b.Handle(t.Context(), broker.Message{Topic: "thingpass/cam1/download-request", Payload: []byte(fetch(`"kind":"photo"`))}); len(out) != 0 || err == nil {
		t.Errorf("%d messages, %v", len(out), err)
	}
}
