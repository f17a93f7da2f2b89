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

// FuzzExplain: no text crashes it, takes long, or has it show a secret; places
// are in the text, and every finding says what to do.
func FuzzExplain(f *testing.F) {
	for _, path := range casePaths(f) {
		f.Add(readCase(f, path).text, "")
	}
	f.Add(order{token: true}.text(f), sdkSecret)
	f.Add(order{}.url(f), sdkSecret)
	f.Fuzz(func(t *testing.T, text, secret string) {
		start := time.Now()
		r, err := explain.Explain(text, explain.Options{Now: sdkNow, Secret: secret})
		if err != nil {
			return
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("took %v for %d bytes", took, len(text))
		}
		out := printed(t, r)
		if s := leak(text, out); s != "" && strings.Count(text, s) == 1 {
			t.Errorf("shows %q:\n%s", s, out)
		}
		lines := strings.Count(text, "\n") + 1
		for _, x := range r.Findings {
			if x.Line < 0 || x.Line > lines || x.Why == "" || x.Do == "" || x.Source == "" || !slices.Contains(explain.IDs(), x.ID) {
				t.Errorf("finding %+v", x)
			}
		}
	})
}

// FuzzParseSecret: what it takes is in the text, and never empty.
func FuzzParseSecret(f *testing.F) {
	f.Add("[default]\naws_access_key_id = AKIAINVENTED4TESTS01\naws_secret_access_key = " + sdkSecret + "\naws_session_token = " + sdkToken)
	f.Add(`{"credentials":{"secretAccessKey":"` + sdkSecret + `","sessionToken":"` + sdkToken + `"}}`)
	f.Add(sdkSecret + "\n")
	f.Fuzz(func(t *testing.T, text string) {
		secret, token, err := explain.ParseSecret(text)
		if (err == nil) == (secret == "") || !strings.Contains(text, secret) || !strings.Contains(text, token) {
			t.Errorf("secret %q, token %q, error %v", secret, token, err)
		}
	})
}

// Long texts of the worst kinds take a moment, not minutes.
func TestLongTextsAreReadInTime(t *testing.T) {
	for name, unit := range map[string]string{
		"xml": "<Error><Code>", "codes": "<Code>AccessDenied</Code>", "requests": "GET / HTTP/1.1\n\n", "stars": "* \n", "curl": "curl 'a.b ", "urls": "https://a?X-Amz-Date=1&",
		"lines": "a\n", "headers": "a: b\n", "canonical": "GET\n/\n\n", "parts": "Content-Disposition: form-data; name=\"a\"\n", "policies": `{"expiration":"`, "escapes": "%25", "auth": "AWS4-HMAC-SHA256 Credential=a,",
		"numbers": "returned -0x2700 ", "nul": "\x00", "inputs": "<input name=\"", "status": `{"status":"error",`,
	} {
		t.Run(name, func(t *testing.T) {
			size := explain.MaxInput / 4
			if testing.Short() { // under the race detector
				size /= 8
			}
			text := strings.Repeat(unit, size/len(unit))
			start := time.Now()
			explained(t, text, explain.Options{Secret: sdkSecret}).Text()
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			} else if testing.Verbose() {
				t.Logf("took %v", took)
			}
		})
	}
}

func TestWhatCannotBeRead(t *testing.T) {
	for _, text := range []string{"", " \r\n", strings.Repeat("a", explain.MaxInput+1)} {
		if _, err := explain.Explain(text, explain.Options{}); err == nil {
			t.Errorf("%d bytes are read", len(text))
		}
	}
}
