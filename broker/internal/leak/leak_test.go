// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package leak_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thingpass/broker/internal/leak"
	"thingpass/certs"
)

const (
	secret    = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	token     = "IQoJb3JpZ2luX2VjEXAMPLE"
	signature = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
)

// watch knows an access key and a private key.
func watch(t *testing.T) (w *leak.Watch, privateKey string) {
	t.Helper()
	w = &leak.Watch{}
	path := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(path, fmt.Appendf(nil, `{"accessKeyId":"AKIAIOSFODNN7EXAMPLE","secretAccessKey":%q,"sessionToken":%q}`, secret, token), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := w.LearnAccessKey(path); err != nil {
		t.Fatal(err)
	}
	ca, err := certs.NewCA("test CA")
	if err != nil {
		t.Fatal(err)
	}
	id, err := ca.Thing("cam1")
	if err != nil {
		t.Fatal(err)
	}
	w.LearnPEM("cam1's key", id.KeyPEM())
	return w, string(id.KeyPEM())
}

func TestEveryLeakIsFound(t *testing.T) {
	w, privateKey := watch(t)
	quoted := func(s string) string {
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	grant := `{"uploadUrl":"https://s3.test/a?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=` + signature + `"}`
	form := `{"fields":{"x-amz-signature":"` + signature + `","key":"a"}}`
	for name, text := range map[string]string{
		"a URL":                   "put https://s3.test/a?X-Amz-Expires=900&X-Amz-Signature=" + signature,
		"a URL in JSON":           grant,
		"a URL in JSON in JSON":   `{"msg":` + quoted(grant) + `}`,
		"an escaped &":            `X-Amz-Expires=900\u0026X-Amz-Signature=` + signature,
		"a URL in a URL":          "u=https%3A%2F%2Fs3.test%2F%3FX-Amz-Signature%3D" + signature,
		"a form":                  form,
		"a form in JSON":          `{"msg":` + quoted(form) + `}`,
		"a form in slog's text":   `msg=` + quoted(form),
		"a form as it is sent":    "Content-Disposition: form-data; name=\"x-amz-signature\"\r\n\r\n" + signature,
		"a map of Go":             `map[X-Amz-Signature:` + signature + `]`,
		"a token in a URL":        "a?X-Amz-Security-Token=IQoJb3JpZ2luX2Vj%2F%2F",
		"a token in a form":       `"x-amz-security-token":"IQoJb3JpZ2luX2VjOther"`,
		"an Authorization header": "Authorization: AWS4-HMAC-SHA256 Credential=AKIA/20261123/eu-central-1/s3/aws4_request, SignedHeaders=host, Signature=" + signature,
		"a PEM":                   privateKey,
		"the middle of a PEM":     strings.Split(privateKey, "\n")[1],
		"a PEM in JSON":           quoted(privateKey),
		"some other PEM":          "-----BEGIN RSA PRIVATE KEY-----",
		"the secret":              "the key is " + secret,
		"the secret in a query":   "k=wJalrXUtnFEMI%2FK7MDENG%2BbPxRfiCYEXAMPLEKEY",
		"the secret in base64":    "d0phbHJYVXRuRkVNSS9LN01ERU5HK2JQeFJmaUNZRVhBTVBMRUtFWQ==",
		"somebody's secret":       `{"secretAccessKey": "abcdefghijkl"}`,
		"a variable":              "AWS_SECRET_ACCESS_KEY=abcdefghijkl",
		"the token":               "x " + token,
		"somebody's token":        `\"sessionToken\":\"abcdefghijkl\"`,
		"a password":              "redis://user:swordfish@127.0.0.1:6379",
		"a policy":                `"policy":"eyJleHBpcmF0aW9uIjoi"`,
		"a struct of Go":          fmt.Sprintf("%+v", struct{ SecretAccessKey string }{"abcdefghijkl"}),
		"a credential in a URL":   "X-Amz-Credential=AKIA%2F20261123",
	} {
		if found := w.Find("before\n" + text + "\nafter"); len(found) == 0 {
			t.Errorf("%s is not found: %s", name, text)
		}
	}
}

func TestWhatIsNoSecretIsNotFound(t *testing.T) {
	w, _ := watch(t)
	for _, text := range []string{
		`{"time":"2026-11-23T10:00:00Z","thing":"cam1","request":"upload-request","sha256":"` + signature + `","code":"granted","us":20}`,
		"set s3.access_key_file, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or give this machine a role",
		`want {"accessKeyId": "…", "secretAccessKey": "…"}, with "sessionToken" and "expiration" for a session`,
		"no header that begins with x-amz- beside those given",
		"AWS_SECRET_ACCESS_KEY  set", "session_present=false", "https://user:xxxxx@127.0.0.1", "https://127.0.0.1:9000/photos",
		"thingpass_credentials_expiry_timestamp_seconds +Inf", "the session token has expired: get new credentials",
	} {
		if found := w.Find(text); len(found) > 0 {
			t.Errorf("%q is taken for %q", text, found)
		}
	}
}

func TestAFindDoesNotRepeatTheSecret(t *testing.T) {
	w, _ := watch(t)
	for _, found := range w.Find("a " + secret + " b ?X-Amz-Signature=" + signature) {
		if strings.Contains(found, secret) || strings.Contains(found, signature) {
			t.Errorf("repeated: %s", found)
		}
	}
}
