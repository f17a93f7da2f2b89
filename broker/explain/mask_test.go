// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain_test

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"thingpass/broker/explain"
)

// What nobody may see of the cases' texts, found by other means than those of
// the package.
var (
	testSecrets = []*regexp.Regexp{
		regexp.MustCompile(`Signature(?:Provided>|"\r?\n\r?\n|=)([A-Za-z0-9+/%=]{8,})`),
		regexp.MustCompile(`x-amz-signature(?:"\r?\n\r?\n|=)([0-9a-f]{16,})`),
		regexp.MustCompile(`(IQoJ[A-Za-z0-9+/%=]{16,})`),
		regexp.MustCompile(`policy(?:"\r?\n\r?\n|=)([A-Za-z0-9+/=]{40,})`),
		regexp.MustCompile(`AWS A\w+:([A-Za-z0-9+/=]{20,})`),
	}
	testKeyIDs = regexp.MustCompile(`(?:AKIA|ASIA)[A-Z0-9]{12,}`)
)

// window is how much of a secret in a row must not be seen.
const window = 10

// leak is a piece of text's secrets that out shows, or empty.
func leak(text, out string) string {
	for _, secret := range testSecrets {
		for _, m := range secret.FindAllStringSubmatch(text, -1) {
			for i := 0; i+window <= len(m[1]); i++ {
				if strings.Contains(out, m[1][i:i+window]) {
					return m[1][i : i+window]
				}
			}
		}
	}
	for _, id := range testKeyIDs.FindAllString(text, -1) {
		if strings.Contains(out, id) {
			return id
		}
	}
	return ""
}

// both ways of printing.
func printed(t testing.TB, r explain.Report) string {
	t.Helper()
	asJSON, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return r.Text() + string(asJSON)
}

// No case's explanation shows a secret of it.
func TestNoCaseShowsASecret(t *testing.T) {
	secrets := 0
	for _, path := range casePaths(t) {
		c := readCase(t, path)
		if leak(c.text, c.text) != "" {
			secrets++
		}
		if s := leak(c.text, printed(t, explained(t, c.text, explain.Options{Now: c.now}))); s != "" {
			t.Errorf("%s: shows %q", filepath.Base(path), s)
		}
	}
	if secrets < 60 {
		t.Errorf("only %d cases have secrets: the test sees too little", secrets)
	}
}

// Secrets in places where they do not belong are masked too.
func TestSecretsInOddPlaces(t *testing.T) {
	const secret = "wJalrInventedSecretKeyForTests0123456789"
	const token = "IQoJb3JpZ2luInventedSessionToken0123456789abcdefABCDEF"
	const sig = "7c1f0a3be2d94586a1b0c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718"
	for _, text := range []string{
		"curl -u cam1:" + secret + " https://b.s3.eu-central-1.amazonaws.com/k?X-Amz-Date=" + secret,
		"GET /" + token + " HTTP/1.1\nHost: https://user:" + secret + "@b.s3.eu-central-1.amazonaws.com\nAuthorization: AWS4-HMAC-SHA256 Credential=" + secret + "\n",
		"GET / HTTP/1.1\nHost: s3.eu-central-1.amazonaws.com/" + sig + "\nAuthorization: Bearer " + secret + "\n",
		`{"status":"error","code":"internal","error":"Signature=` + sig + ` secretAccessKey: ` + secret + `"}`,
		"An error occurred (AccessDenied) when calling the PutObject operation: not authorized to perform: s3:PutObject on resource: " + token,
		"E (1) x: couldn't get hostname for :" + secret,
		"Authorization: AWS4-HMAC-SHA256 Signature=" + sig + ", Credential=a/b/c, SignedHeaders=" + token,
		"Authorization: AWS4-HMAC-SHA256 Sgnature=" + sig + ", Credential=a/20261126/c/s3/aws4_request, SignedHeaders=host",
		"Authorization: AWS4-HMAC-SHA256 Credential=a/20261126/c/s3/aws4_request, SignedHeaders=host, Signature=" + sig[:30] + " " + sig[30:],
		"https://b.s3.eu-central-1.amazonaws.com/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signatur=" + sig + "&X-Amz-Security-Tokn=" + token,
	} {
		out := printed(t, explained(t, text, explain.Options{Secret: secret, Token: token}))
		for _, s := range []string{secret, token, sig} {
			for i := 0; i+window <= len(s); i++ {
				if strings.Contains(text, s[i:i+window]) && strings.Contains(out, s[i:i+window]) {
					t.Errorf("%s\nshows %q:\n%s", text, s[i:i+window], out)
					break
				}
			}
		}
	}
}

// Terminals obey control characters: none of the input's come out.
func TestControlCharactersDoNotComeOut(t *testing.T) {
	out := explained(t, "GET / HTTP/1.1\nHost: https://\x1b[31mevil\x07\u009b.s3.eu-central-1.amazonaws.com\n", explain.Options{}).Text()
	if strings.ContainsAny(out, "\x1b\x07\u009b") || !strings.Contains(out, "host-is-url") {
		t.Errorf("prints %q", out)
	}
}

// Each layer of masking hides what no other does: what was read as a secret, of
// any look; what stands where secrets stand; and what looks like a key.
func TestEachLayerOfMaskingIsNeeded(t *testing.T) {
	const resource = "An error occurred (AccessDenied) when calling the PutObject operation: not authorized to perform: s3:PutObject on resource: "
	for text, secret := range map[string]string{
		resource + "minio-secret-word":                             "minio-secret-word",
		resource + "/k?Signature=short-one":                        "short-one",
		resource + "/k?password=hunter22":                          "hunter22",
		resource + "AKIAINVENTED4TESTS01":                          "AKIAINVENTED4TESTS01",
		"E (1) x: couldn't get hostname for :ASIAINVENTED4TESTS02": "ASIAINVENTED4TESTS02",
		"GET / HTTP/1.1\nHost: localkeyid0001/x\nAuthorization: AWS4-HMAC-SHA256 Credential=localkeyid0001/20261126/eu-central-1/s3/aws4_request, SignedHeaders=host, Signature=0\n": "localkeyid0001",
	} {
		r := explained(t, text, explain.Options{Secret: "minio-secret-word"})
		if out := printed(t, r); strings.Contains(out, secret) || len(r.Findings) == 0 {
			t.Errorf("%q: found %q, shows %q:\n%s", text, foundIDs(r), secret, out)
		}
	}
}
