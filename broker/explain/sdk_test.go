// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"thingpass/broker/explain"
)

const (
	sdkSecret = "wJalrInventedSecretKeyForTests0123456789"
	sdkToken  = "IQoJb3JpZ2luX2VjInvented/Token+For=Tests0123456789abcdefABCDEF=="
	sdkHost   = "photos-demo.s3.eu-central-1.amazonaws.com"
)

var sdkNow = time.Date(2026, 11, 26, 6, 39, 55, 0, time.UTC)

var judged = explain.Options{Now: sdkNow.Add(5 * time.Second), Secret: sdkSecret}

// What the SDK signed is right, by rules and by signature, in all forms.
func TestWhatTheSDKSignsIsRight(t *testing.T) {
	for name, text := range map[string]string{
		"put":           order{}.text(t),
		"lines of LF":   strings.ReplaceAll(order{}.text(t), "\r\n", "\n"),
		"get":           order{method: "GET"}.text(t),
		"session":       order{token: true}.text(t),
		"unsigned":      order{payload: "UNSIGNED-PAYLOAD"}.text(t),
		"headers":       order{headers: map[string]string{"Content-Type": "image/jpeg", "If-None-Match": "*", "X-Amz-Meta-Fw": "1.2  beta"}}.text(t),
		"query":         order{method: "GET", path: "/?list-type=2&prefix=live%2Fcam1%2F&max-keys=5"}.text(t),
		"key":           order{path: "/a%3Db%26c~d%21%28e%29%27%2A%2B%C3%BC.json"}.text(t),
		"url":           order{bare: true}.url(t),
		"url, session":  order{bare: true, token: true}.url(t),
		"curl":          "curl -X PUT -H 'Content-Length: 10' --upload-file t.json '" + order{}.url(t) + "'",
		"url in text":   "I (123) cam: PUT to " + order{bare: true, token: true}.url(t) + " now",
		"get url, curl": "curl '" + order{method: "GET"}.url(t) + "'",
	} {
		r := explained(t, text, judged)
		if len(r.Findings) > 0 || !strings.HasPrefix(r.Signature, "right") {
			t.Errorf("%s: signature %q, found %q in\n%s\n%s", name, r.Signature, foundIDs(r), text, r.Text())
		}
	}
}

// Each of these is signed well, but for another request than the one sent, or
// changed afterwards. The secret makes the name of the mistake certain.
func TestMistakesByTheSDK(t *testing.T) {
	put := order{}.text(t)
	change := func(old, new string) string { return changed(t, put, old, new) }
	typed := map[string]string{"Content-Type": "image/jpeg"}
	for want, text := range map[string]string{
		"method-differs":         strings.Replace(order{method: "GET"}.text(t), "GET", "PUT", 1),
		"host-is-url":            strings.Replace(order{host: "https://" + sdkHost}.text(t), "Host: https://", "Host: ", 1),
		"host-differs":           strings.Replace(order{host: "photos-demo.s3.amazonaws.com"}.text(t), "Host: photos-demo.s3.amazonaws.com", "Host: "+sdkHost, 1),
		"encoded-twice":          order{twice: true}.text(t),
		"scope-service":          order{service: "iot"}.text(t),
		"scope-region":           order{region: "us-east-1"}.text(t),
		"hash-of-nothing":        order{payload: emptySum}.text(t),
		"content-type-differs":   strings.Replace(order{headers: typed}.text(t), "image/jpeg", "image/png", 1),
		"signed-header-not-sent": strings.Replace(order{headers: typed}.text(t), "Content-Type: image/jpeg\r\n", "", 1),
		"header-not-signed":      change("\r\n\r\n", "\r\nX-Amz-Meta-Fw: 1\r\n\r\n"),
		"length-differs":         change("Content-Length: 10", "Content-Length: 12"),
		"content-hash-differs":   change("21.5}", "22.5}"),
		"signature-differs":      change("/1.json", "/2.json"),
		"algorithm-misspelt":     change("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA25"),
		"field-misspelt":         change("Credential=", "Credentials="),
		"scope-end":              change("/aws4_request", ""),
		"scope-date":             change("/20261126/", "/20261127/"),
		"token-missing":          withoutLine(order{token: true}.text(t), "X-Amz-Security-Token"),
		"token-of-others":        change("\r\n\r\n", "\r\nX-Amz-Security-Token: "+sdkToken+"\r\n\r\n"),
		"date-format":            change("X-Amz-Date: 20261126T063955Z", "X-Amz-Date: 2026-11-26T06:39:55Z"),
		"content-hash-missing":   withoutLine(put, "X-Amz-Content-Sha256"),
		"clock":                  order{signedAt: sdkNow.Add(7 * time.Hour)}.text(t) + "\nHTTP/1.1 403 Forbidden\nDate: Thu, 26 Nov 2026 06:39:58 GMT\n\n",
	} {
		r := explained(t, text, judged)
		if !slices.Contains(foundIDs(r), want) {
			t.Errorf("found %q, want %s in\n%s\n%s", foundIDs(r), want, text, r.Text())
		}
		if s := leak(text, printed(t, r)); s != "" || strings.Contains(printed(t, r), sdkSecret[:10]) {
			t.Errorf("%s: shows %q", want, s)
		}
	}
}

// changed is text with one thing in it changed.
func changed(t testing.TB, text, old, new string) string {
	t.Helper()
	if !strings.Contains(text, old) {
		t.Fatalf("no %q in %s", old, text)
	}
	return strings.Replace(text, old, new, 1)
}

const emptySum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func withoutLine(text, name string) string {
	var kept []string
	for l := range strings.SplitSeq(text, "\r\n") {
		if !strings.HasPrefix(l, name+":") {
			kept = append(kept, l)
		}
	}
	return strings.Join(kept, "\r\n")
}

// URLs that the SDK signed, and what becomes of them on their way.
func TestMistakesInURLsOfTheSDK(t *testing.T) {
	put, session, bare := order{}.url(t), order{token: true}.url(t), order{bare: true}.url(t)
	for want, text := range map[string]string{
		"ampersand-escaped":   strings.ReplaceAll(put, "&", `\u0026`),
		"encoded-twice":       strings.ReplaceAll(put, "%2F", "%252F"),
		"plus-not-encoded":    strings.ReplaceAll(session, "%2B", "+"),
		"url-cut":             put[:len(put)-1],
		"url-broken":          put[:200] + "\n" + put[200:],
		"token-missing":       cutParameter(session, "X-Amz-Security-Token"),
		"parameter-missing":   cutParameter(put, "X-Amz-Date"),
		"expired":             order{signedAt: sdkNow.Add(-time.Hour)}.url(t),
		"expires-too-long":    strings.Replace(put, "X-Amz-Expires=900", "X-Amz-Expires=604801", 1),
		"signature-capitals":  put[:len(put)-64] + strings.ToUpper(put[len(put)-64:]),
		"signature-differs":   strings.Replace(bare, "/1.json", "/2.json", 1),
		"method-differs":      "curl '" + bare + "'",
		"host-differs":        "curl -X PUT -H 'Content-Length: 10' -T x '" + strings.Replace(order{host: "photos-demo.s3.amazonaws.com"}.url(t), "https://photos-demo.s3.amazonaws.com", "https://"+sdkHost, 1) + "'",
		"header-not-signed":   "curl -T t.json -H 'X-Amz-Acl: private' -H 'Content-Length: 10' '" + put + "'",
		"scope-region":        order{region: "us-east-1"}.url(t),
		"two-signatures":      strings.Replace(order{}.text(t), " HTTP/1.1", "?"+strings.SplitN(put, "?", 2)[1]+" HTTP/1.1", 1),
		"token-of-others":     session,
		"signed-headers-list": strings.Replace(put, "content-length%3Bhost", "host%3Bcontent-length", 1),
	} {
		o := judged
		if want == "token-of-others" {
			o.Token = "another" + sdkToken
		}
		r := explained(t, text, o)
		if !slices.Contains(foundIDs(r), want) {
			t.Errorf("found %q, want %s in\n%s\n%s", foundIDs(r), want, text, r.Text())
		}
		if s := leak(text, printed(t, r)); s != "" {
			t.Errorf("%s: shows %q", want, s)
		}
	}
}

func cutParameter(url, name string) string {
	start := strings.Index(url, name+"=")
	rest := url[start:]
	return url[:start] + rest[strings.IndexByte(rest, '&')+1:]
}
