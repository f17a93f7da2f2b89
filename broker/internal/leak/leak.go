// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package leak finds in what programs print what they must never print:
// signatures, tokens and keys. For tests.
package leak

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// signs give a secret away whatever its value is. Each is part of a URL, of a form
// or of a file that is a secret as a whole.
var signs = map[string]*regexp.Regexp{
	"a signature":             regexp.MustCompile(`(?i)x-amz-signature(%3d|[^0-9a-z]{1,12})[0-9a-f]{8}`), // in a URL, a form, or JSON of either
	"a token":                 regexp.MustCompile(`(?i)x-amz-security-token(%3d|[^0-9a-z]{1,12})[0-9a-z+/%]{8}`),
	"a credential in a URL":   regexp.MustCompile(`(?i)x-amz-credential(=|%3d)`),
	"a signature in a header": regexp.MustCompile(`AWS4-HMAC-SHA256 Credential=`),
	"the policy of a form":    regexp.MustCompile(`(?i)policy\\*"\s*:\s*\\*"eyJ`),
	"a private key":           regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----`),
	"an access key's secret":  regexp.MustCompile(`(?i)secret_?access_?key\\*"?\s*[:=]\s*\\*"?[0-9a-z+/]{8}`),
	"a session's token":       regexp.MustCompile(`(?i)session_?token\\*"?\s*[:=]\s*\\*"?[0-9a-z+/]{8}`),
	"a password in a URL":     regexp.MustCompile(`[a-z]://[^/\s:@"]*:[^/\s:@"x][^/\s:@"]*@`),
}

// A Watch knows secrets by their values too. The zero value knows none. It is safe
// for concurrent use.
type Watch struct {
	mu    sync.Mutex
	known map[string]string // what each value is
}

// Learn adds a secret value, in the forms that it may be printed in.
func (w *Watch) Learn(what, value string) {
	if len(value) < 8 {
		return // it would be found everywhere
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.known == nil {
		w.known = map[string]string{}
	}
	quoted, _ := json.Marshal(value) // a string can always be
	for _, form := range []string{value, strings.Trim(string(quoted), `"`), url.QueryEscape(value), base64.StdEncoding.EncodeToString([]byte(value))} {
		w.known[form] = what
	}
}

// LearnPEM adds what is in a PEM file of a private key, line by line: lines are
// what survives quoting.
func (w *Watch) LearnPEM(what string, text []byte) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if !strings.Contains(block.Type, "PRIVATE KEY") {
			continue
		}
		body := base64.StdEncoding.EncodeToString(block.Bytes)
		for len(body) >= 32 {
			w.Learn(what, body[:min(64, len(body))])
			body = body[min(64, len(body)):]
		}
	}
}

// LearnAccessKey adds what is in a file of an access key.
func (w *Watch) LearnAccessKey(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var key struct{ SecretAccessKey, SessionToken string }
	if err := json.Unmarshal(text, &key); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	w.Learn("the secret of "+path, key.SecretAccessKey)
	w.Learn("the token of "+path, key.SessionToken)
	return nil
}

// Find returns what is in the text that must not be, and in which line; never the
// line itself.
func (w *Watch) Find(text string) (found []string) {
	at := func(what string, index int) {
		found = append(found, fmt.Sprintf("%s in line %d", what, 1+strings.Count(text[:index], "\n")))
	}
	for what, sign := range signs {
		if place := sign.FindStringIndex(text); place != nil {
			at(what, place[0])
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for value, what := range w.known {
		if index := strings.Index(text, value); index >= 0 {
			at(what, index)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}
