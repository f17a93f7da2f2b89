// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"thingpass/broker/fleet"
)

func TestFilesAreKeptInTheBucket(t *testing.T) {
	s := startS3(t)
	files, ctx := s.bucket.Files(), t.Context()
	const key = ".thingpass/journal/a+b &c.gz"
	if _, err := files.Get(ctx, key, 10); !errors.Is(err, fleet.ErrNotFound) {
		t.Errorf("before it is there: %v", err)
	}
	if err := files.PutNew(ctx, key, "application/gzip", []byte("first")); err != nil {
		t.Fatal(err)
	}
	if err := files.PutNew(ctx, key, "application/gzip", []byte("second")); !errors.Is(err, fleet.ErrExists) {
		t.Errorf("over one that is there: %v", err)
	}
	if body, err := files.Get(ctx, key, 5); err != nil || string(body) != "first" {
		t.Errorf("got %q, %v", body, err)
	}
	if _, err := files.Get(ctx, key, 4); err == nil {
		t.Error("more than the limit was read")
	}
	if err := files.Put(ctx, key, "application/gzip", []byte("third")); err != nil {
		t.Error(err)
	}
	if body, err := files.Get(ctx, key, 100); err != nil || string(body) != "third" {
		t.Errorf("got %q, %v", body, err)
	}
	for range 2 {
		if err := files.Delete(ctx, key); err != nil {
			t.Error(err)
		}
	}
	if _, err := files.Get(ctx, key, 10); !errors.Is(err, fleet.ErrNotFound) {
		t.Errorf("after its deletion: %v", err)
	}
}

func TestFilesAreListedPageByPage(t *testing.T) {
	s := startS3(t)
	files := s.bucket.Files()
	var want []string
	for i := range 7 {
		key := fmt.Sprintf("cam1/photo/2026/11/0%d/a&b+%d.jpg", i/2+1, i)
		want = append(want, key)
		if err := files.Put(t.Context(), key, "image/jpeg", bytes.Repeat([]byte("x"), i)); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for page, after := (fleet.Listing{More: true}), ""; page.More; after = page.Last {
		var err error
		if page, err = files.List(t.Context(), fleet.List{Prefix: "cam1/", After: after, Max: 3}); err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Objects {
			got = append(got, o.Key)
			if o.Size != int64(len(got)-1) || time.Since(o.Stored).Abs() > time.Hour {
				t.Errorf("%+v", o)
			}
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	folders, err := files.List(t.Context(), fleet.List{Prefix: "cam1/photo/2026/11/", Delimiter: "/", After: "cam1/photo/2026/11/02/"})
	if err != nil || !slices.Equal(folders.Prefixes, []string{"cam1/photo/2026/11/03/", "cam1/photo/2026/11/04/"}) || len(folders.Objects) > 0 {
		t.Errorf("%+v, %v", folders, err)
	}
}

func TestABrowserSeesAnObjectAsWhatItsNameSays(t *testing.T) {
	s := startS3(t)
	for key, want := range map[string]string{"cam1/photo/x.jpg": "image/jpeg", "cam1/log/x.txt": "text/plain; charset=utf-8", "cam1/page/x.html": "application/octet-stream"} {
		if err := s.bucket.Files().Put(t.Context(), key, "text/html", []byte("<script>")); err != nil {
			t.Fatal(err)
		}
		url, err := s.bucket.SignView(t.Context(), key, time.Now(), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := s.http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || string(body) != "<script>" || resp.Header.Get("Content-Type") != want {
			t.Errorf("%s: %d %s as %s (%v)", key, resp.StatusCode, body, resp.Header.Get("Content-Type"), err)
		}
	}
}
