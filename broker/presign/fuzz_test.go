// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package presign_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"thingpass/broker/presign"
)

// FuzzSignAgainstSDK: whatever Sign signs, the SDK's signer signs to the same
// bytes, and the URL names the object that was asked for.
//
// Headers are lines of "name:value", the query is split at '&' and '='. One
// thing is not compared: a Content-Length of 0, which the SDK leaves unsigned.
func FuzzSignAgainstSDK(f *testing.F) {
	for i, key := range keys() {
		f.Add(uint8(i), uint8(i), key, "Content-Length:48213\nContent-Type:image/jpeg\nIf-None-Match:*",
			"x-id=PutObject", "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "", int64(1772368496), int64(900))
	}
	f.Add(uint8(1), uint8(1), "k", " a:  x  y \nx-amz-meta-b:\n~|:  ", "a/b=1&a-b=2&X-Amz-E=3&k=b&k=a&é=ü+%20 ", "id", "s", "token/+=", int64(86399), int64(604800))
	f.Add(uint8(2), uint8(0), "k", "expect:x\nhost:h\nname with space:v", "=v&X-Amz-Date=1", "a/b", "s ecret", "t\n", int64(-1), int64(0))
	f.Add(uint8(3), uint8(2), "\xff", "a:\x00\nA:b", "q=\xff", "", "", "", int64(253402300800), int64(604801))
	f.Fuzz(func(t *testing.T, site, method uint8, key, headers, query, id, secret, token string, unix, seconds int64) {
		x := sites()[int(site)%len(sites())]
		now := time.Unix(unix%253402300800, 0)
		c := presign.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: token}
		r := presign.Request{
			Method:  []string{"PUT", "GET", "HEAD"}[method%3],
			Key:     key,
			Headers: split(headers, "\n", ":"),
			Query:   split(query, "&", "="),
			Expires: time.Duration(seconds%604802) * time.Second,
		}
		got, err := x.signer(t).Sign(now, c, r)
		if err != nil {
			if got != (presign.Signed{}) {
				t.Errorf("refused with %v, yet signed %v", err, got)
			}
			return
		}
		checkURL(t, x, got, now, r)
		if !signsZeroLength(r) {
			equal(t, "URL", got.URL, sdkSign(t, x, now, c, r))
		}
	})
}

func split(text, between, within string) []presign.Header {
	var all []presign.Header
	for part := range strings.SplitSeq(text, between) {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, within)
		all = append(all, presign.Header{Name: name, Value: value})
	}
	return all
}

func signsZeroLength(r presign.Request) bool {
	for _, h := range r.Headers {
		if strings.EqualFold(h.Name, "content-length") && strings.Trim(h.Value, " ") == "0" {
			return true
		}
	}
	return false
}

// checkURL reads the URL back as a thing and S3 will.
func checkURL(t *testing.T, x site, got presign.Signed, now time.Time, r presign.Request) {
	t.Helper()
	u, err := url.Parse(got.URL)
	if err != nil {
		t.Fatal(err)
	}
	base, err := url.Parse(x.sdkBase)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "host", u.Host, base.Host)
	equal(t, "path", u.Path, base.Path+r.Key)
	if end := now.Add(r.Expires); !got.Expires.Equal(end) {
		t.Errorf("expires at %v, want %v", got.Expires, end)
	}
	if signature := u.Query()["X-Amz-Signature"]; len(signature) != 1 || len(signature[0]) != 64 {
		t.Errorf("signature %q", signature)
	}
}
