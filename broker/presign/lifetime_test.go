// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package presign_test

import (
	"errors"
	"math"
	"net/url"
	"strconv"
	"testing"
	"time"

	"thingpass/broker/presign"
)

func TestGrantNeverOutlivesWhatSignedIt(t *testing.T) {
	s := awsSigner(t)
	second := noon.Truncate(time.Second)
	for _, x := range []struct {
		name       string
		want, left time.Duration // asked for; until the credentials expire
		seconds    int
	}{
		{"credentials outlive it", 15 * time.Minute, time.Hour, 900},
		{"both end together", 15 * time.Minute, 15 * time.Minute, 900},
		{"a second less", 15 * time.Minute, 15*time.Minute - time.Second, 899},
		{"a nanosecond less", 15 * time.Minute, 15*time.Minute - 1, 899},
		{"the least that is signed", 15 * time.Minute, presign.MinRemaining, 30},
		{"parts of a second are not granted", 15 * time.Minute, 59*time.Second + 999*time.Millisecond, 59},
		{"short by wish", 5 * time.Second, time.Hour, 5},
		{"a week cut to an hour", presign.MaxExpires, time.Hour, 3600},
	} {
		t.Run(x.name, func(t *testing.T) {
			c, r := sessionKeys, photo()
			c.Expires, r.Expires = second.Add(x.left), x.want
			got := sign(t, s, noon, c, r)
			u, err := url.Parse(got.URL)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "X-Amz-Expires", u.Query().Get("X-Amz-Expires"), strconv.Itoa(x.seconds))
			if end := second.Add(time.Duration(x.seconds) * time.Second); !got.Expires.Equal(end) {
				t.Errorf("expires at %v, want %v", got.Expires, end)
			}
			if got.Expires.After(c.Expires) {
				t.Errorf("URL lives until %v, its credentials until %v", got.Expires, c.Expires)
			}
			r.Expires = time.Duration(x.seconds) * time.Second
			equal(t, "URL", got.URL, sdkSign(t, sites()[0], noon, c, r))
		})
	}
}

func TestCredentialsAtTheirEndSignNothing(t *testing.T) {
	s := awsSigner(t)
	second := noon.Truncate(time.Second)
	for name, end := range map[string]time.Time{
		"just too little":           second.Add(presign.MinRemaining - 1),
		"one second":                second.Add(time.Second),
		"now":                       noon,
		"a day ago":                 noon.AddDate(0, 0, -1),
		"1970":                      time.Unix(0, 0),
		"further back than counted": time.Unix(math.MinInt64, 0),
	} {
		t.Run(name, func(t *testing.T) {
			c, r := sessionKeys, photo()
			sign(t, s, noon, c, r) // a remembered key must not help
			c.Expires, r.Expires = end, time.Second
			got, err := s.Sign(noon, c, r)
			if !errors.Is(err, presign.ErrExpiring) || got != (presign.Signed{}) {
				t.Errorf("got %v, error %v; want ErrExpiring", got, err)
			}
		})
	}
}

func TestZeroLengthIsSigned(t *testing.T) {
	// The SDK leaves it out: then anyone could store more than nothing.
	r := presign.Request{
		Method: "PUT", Key: "empty", Expires: time.Minute,
		Headers: []presign.Header{{Name: "Content-Length", Value: "0"}},
	}
	canonical, _, err := awsSigner(t).Hashed(noon, manualKeys, r)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "canonical request", canonical, "PUT\n/empty\n"+
		"X-Amz-Algorithm=AWS4-HMAC-SHA256"+
		"&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260301%2Fus-east-1%2Fs3%2Faws4_request"+
		"&X-Amz-Date=20260301T123456Z&X-Amz-Expires=60&X-Amz-SignedHeaders=content-length%3Bhost\n"+
		"content-length:0\nhost:esp32-devices.s3.us-east-1.amazonaws.com\n\n"+
		"content-length;host\nUNSIGNED-PAYLOAD")
}
