// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

//go:build !race

// The race detector slows and allocates by itself, so these run without it.

package presign_test

import (
	"testing"

	"thingpass/broker/presign"
)

func TestURLCostsOneAllocation(t *testing.T) {
	multipart, renamed := photo(), photo()
	multipart.Query = []presign.Header{{Name: "uploadId", Value: "a/b"}, {Name: "partNumber", Value: "1"}}
	names := []string{"x-amz-meta-a", "x-amz-meta-b", "x-amz-meta-c", "x-amz-meta-d", "x-amz-meta-e"}
	next := 0
	for _, x := range []struct {
		name   string
		c      presign.Credentials
		r      presign.Request
		change func(*presign.Request)
	}{
		{"photo", manualKeys, photo(), nil},
		{"session token", sessionKeys, photo(), nil},
		{"query", manualKeys, multipart, nil},
		{"header names never seen", manualKeys, renamed, func(r *presign.Request) {
			r.Headers[4].Name = names[next%len(names)]
			next++
		}},
	} {
		s := awsSigner(t)
		got := testing.AllocsPerRun(1000, func() {
			if x.change != nil {
				x.change(&x.r)
			}
			if _, err := s.Sign(noon, x.c, x.r); err != nil {
				t.Fatal(err)
			}
		})
		if got > 1 {
			t.Errorf("%s: %v allocations, want the URL's alone", x.name, got)
		}
	}
}

func TestFormCostsItsStringsOnly(t *testing.T) {
	s, p := awsSigner(t), pass()
	got := testing.AllocsPerRun(1000, func() {
		if _, err := s.SignPost(noon, sessionKeys, p); err != nil {
			t.Fatal(err)
		}
	})
	if got > 5 {
		t.Errorf("%v allocations, want 5", got)
	}
}

// The limits are far from what is measured (see bench_test.go): a busy machine
// must not fail them, a lost cache must.
func TestSigningStaysNearItsFloor(t *testing.T) {
	if testing.Short() || testing.CoverMode() != "" {
		t.Skip("times are not meaningful here")
	}
	floor, sdk := newFloorRace(t), newSDKRace(t)
	for range 300 {
		floor.round()
		sdk.round()
	}
	post := race{{call: newSignPost(t), calls: 20}, {call: newSDKPost(t), calls: 1}}
	for range 300 {
		post.round()
	}
	if x := post.median(1) / post.median(0); x < 6 {
		t.Errorf("the SDK's PresignPostObject takes %.1f times as long, want at least 6", x)
	}
	if x := floor.median(0) / floor.median(1); x > 3 {
		t.Errorf("a signature takes %.1f times its two hashes, want at most 3", x)
	}
	if x := sdk.median(1) / sdk.median(0); x < 10 {
		t.Errorf("the SDK's PresignPutObject takes %.1f times as long, want at least 10", x)
	}
}
