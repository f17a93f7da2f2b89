// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
)

// slipped is a request whose signature was made by hand, with a slip.
func slipped(t testing.TB, canonical, secret, toSign func(string) string) string {
	t.Helper()
	text := order{}.text(t)
	r := explained(t, text, judged)
	lines := strings.Split(r.StringToSign, "\n")
	key := []byte(secret("AWS4" + sdkSecret))
	for _, step := range []string{"20261126", "eu-central-1", "s3", "aws4_request"} {
		key = mac(key, step)
	}
	sum := sha256.Sum256([]byte(canonical(r.Canonical)))
	lines[3] = hex.EncodeToString(sum[:])
	signature := hex.EncodeToString(mac(key, toSign(strings.Join(lines, "\n"))))
	return text[:strings.Index(text, "Signature=")+10] + signature + text[strings.Index(text, "Signature=")+74:]
}

func mac(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

// With the secret, the slip is found by what it leads to.
func TestSlipsAreFoundByTheirSignature(t *testing.T) {
	same := func(s string) string { return s }
	replace := func(old, new string) func(string) string {
		return func(s string) string { return strings.ReplaceAll(s, old, new) }
	}
	if r := explained(t, slipped(t, same, same, same), judged); len(r.Findings) > 0 || r.Signature != "right" {
		t.Fatalf("without a slip: %s", r.Text())
	}
	for name, test := range map[string]struct{ want, text string }{
		"CRLF":            {"canonical-crlf", slipped(t, replace("\n", "\r\n"), same, same)},
		"last line end":   {"canonical-crlf", slipped(t, func(s string) string { return s + "\n" }, same, same)},
		"no blank line":   {"canonical-blank-line", slipped(t, replace("\n\ncontent-length;", "\ncontent-length;"), same, same)},
		"path as it is":   {"canonical-escape", slipped(t, replace("%20", " "), same, same)},
		"path twice":      {"encoded-twice", slipped(t, replace("%20", "%2520"), same, same)},
		"host a URL":      {"host-is-url", slipped(t, replace("host:", "host:https://"), same, same)},
		"unsigned":        {"unsigned-payload", slipped(t, func(s string) string { return s[:len(s)-64] + "UNSIGNED-PAYLOAD" }, same, same)},
		"SHA25":           {"algorithm-misspelt", slipped(t, same, same, replace("SHA256", "SHA25"))},
		"CRLF to sign":    {"canonical-crlf", slipped(t, same, same, replace("\n", "\r\n"))},
		"no AWS4":         {"secret-wrong", slipped(t, same, func(s string) string { return s[4:] }, same)},
		"key's line end":  {"secret-wrong", slipped(t, same, func(s string) string { return s + "\n" }, same)},
		"another secret":  {"signature-differs", slipped(t, same, func(s string) string { return s + "another" }, same)},
		"names in titles": {"canonical-case", slipped(t, replace("\nhost:", "\nHost:"), same, same)},
	} {
		r := explained(t, test.text, judged)
		if ids := foundIDs(r); name != "names in titles" && (len(ids) == 0 || ids[0] != test.want || r.Signature != "wrong") {
			t.Errorf("%s: signature %q, found %q, want %s\n%s", name, r.Signature, ids, test.want, r.Text())
		}
	}
}

// A form's signature is computed too: it signs the policy's base64.
func TestTheSignatureOfAForm(t *testing.T) {
	policy := `{"expiration":"2026-11-26T07:00:00Z","conditions":[{"bucket":"photos-demo"},["starts-with","$key","cam1/"],` +
		`["starts-with","$x-amz-algorithm",""],["starts-with","$x-amz-credential",""],["starts-with","$x-amz-date",""]]}`
	encoded := base64.StdEncoding.EncodeToString([]byte(policy))
	key := []byte("AWS4" + sdkSecret)
	for _, step := range []string{"20261126", "eu-central-1", "s3", "aws4_request"} {
		key = mac(key, step)
	}
	form := func(signature string) string {
		return "curl -F key=cam1/1.jpg -F x-amz-algorithm=AWS4-HMAC-SHA256 -F x-amz-credential=AKIAINVENTED4TESTS01/20261126/eu-central-1/s3/aws4_request " +
			"-F x-amz-date=20261126T063955Z -F policy=" + encoded + " -F x-amz-signature=" + signature + " -F file=@1.jpg https://" + sdkHost + "/"
	}
	for want, signature := range map[string]string{
		"":                  hex.EncodeToString(mac(key, encoded)),
		"policy-malformed":  hex.EncodeToString(mac(key, policy)),
		"signature-differs": hex.EncodeToString(mac(key, "another")),
	} {
		r := explained(t, form(signature), judged)
		if ids := strings.Join(foundIDs(r), " "); ids != want || (r.Signature == "right") != (want == "") {
			t.Errorf("signature %q, found %q, want %q\n%s", r.Signature, ids, want, r.Text())
		}
	}
}
