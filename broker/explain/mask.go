// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"net/url"
	"slices"
	"strings"

	"thingpass/broker/presign"
)

const masked = "…"

// shapes are secrets by the look of where they stand. The last group of each is
// what is hidden.
var shapes = []*pattern{
	lazy(`(?i)(signature(?:s|provided)?["']?\s*(?:=|:|>|%3D|\\u003d)\s*["']?)([A-Za-z0-9+/=%._-]{8,})`),
	lazy(`(?i)((?:x-amz-)?(?:security-?_?|session-?_?)token["']?\s*(?:=|:|>|%3D|\\u003d|,)\s*["']?)([A-Za-z0-9+/=%._-]{8,})`),
	lazy(`(?i)(secret[-_]?(?:access)?[-_]?(?:key)?["']?\s*(?:=|:|>)\s*["']?)([A-Za-z0-9+/=%._-]{8,})`),
	lazy(`(?i)(\b(?:passw(?:or)?d|pass|pwd|psk)["']?\s*(?:=|:|>)\s*["']?)([^\s"'<>&,]{3,})`),
	lazy(`(?i)(\b(?:authorization|proxy-authorization):\s*(?:basic|bearer|token|aws)\s+)(\S+)`),
	lazy(`(?i)(https?://[^\s/:@"'<>]+:)([^\s/@"'<>]+)@`),
	lazy(`(-----BEGIN [A-Z ]*PRIVATE KEY-----)([^-]*)`),
}

// tokens of AWS begin like this: with a name before it or without, it is one.
var (
	awsToken  = lazy(`\b(?:IQoJ|FwoG|FQoG|AQoD)[A-Za-z0-9+/=%._-]{16,}`)
	jwt       = lazy(`\beyJ[A-Za-z0-9_-]{10,}(?:\.[A-Za-z0-9_-]*)+`)
	keyID     = lazy(`(?i)(AKIA|ASIA|ABIA|ACCA|AROA|AIDA|AGPA|ANPA|ANVA)[A-Z0-9]{6,128}`)
	longText  = lazy(`[A-Za-z0-9+/=%_-]{40,}`)
	hexDigest = lazy(`^[0-9a-fA-F]+$`)
	hexRun    = lazy(`[0-9a-fA-F]{24,}`)
)

// show lets a digest be seen that is no secret: of a body, or of a canonical
// request. All other long runs of hexadecimal digits may be a signature, or a
// piece of one.
func (e *evidence) show(digest string) string {
	e.digests = append(e.digests, strings.ToLower(digest))
	return digest
}

func (e *evidence) maskDigest(s string) string {
	if slices.Contains(e.digests, strings.ToLower(s)) || strings.ToLower(s) == emptyHash {
		return s
	}
	return masked
}

// hide remembers a secret that was read, in all the ways in which it can stand
// in a text. Very short ones are no secrets, and hiding them would hide all.
func (e *evidence) hide(secret string) {
	forms := []string{secret, presign.Escape(secret), url.QueryEscape(secret)}
	if plain, err := url.PathUnescape(secret); err == nil {
		forms = append(forms, plain, presign.Escape(plain))
	}
	for _, s := range forms {
		if len(s) >= 8 && !slices.Contains(e.secrets, s) && len(e.secrets) < 200 {
			e.secrets = append(e.secrets, s)
		}
	}
}

// hideKey remembers an access key id, of which both ends may be seen.
func (e *evidence) hideKey(id string) {
	if len(id) >= 10 && !slices.Contains(e.keyIDs, id) && len(e.keyIDs) < 50 {
		e.keyIDs = append(e.keyIDs, id)
	}
}

// mask takes the secrets out of s.
func (e *evidence) mask(s string) string {
	if s == "" {
		return s
	}
	for _, secret := range e.secrets {
		s = strings.ReplaceAll(s, secret, masked)
	}
	for _, shape := range shapes {
		s = shape.ReplaceAllStringFunc(s, func(m string) string {
			g := shape.FindStringSubmatchIndex(m)
			return m[:g[4]] + masked + m[g[5]:]
		})
	}
	s = awsToken.ReplaceAllString(s, masked)
	s = jwt.ReplaceAllString(s, masked)
	for _, id := range e.keyIDs {
		s = strings.ReplaceAll(s, id, ends(id))
	}
	s = keyID.ReplaceAllStringFunc(s, ends)
	s = hexRun.ReplaceAllStringFunc(s, e.maskDigest)
	return longText.ReplaceAllStringFunc(s, maskLong)
}

// ends is what may be seen of an access key id.
func ends(id string) string { return id[:4] + masked + id[len(id)-4:] }

// maskLong hides what has the look of a secret key or of a token: long, with
// capitals, small letters and digits. Digests and paths are neither.
func maskLong(s string) string {
	if hexDigest.MatchString(s) || strings.Count(s, "/") > len(s)/12 || strings.Contains(s, "%2F") {
		return s
	}
	if strings.ContainsFunc(s, func(r rune) bool { return 'a' <= r && r <= 'z' }) &&
		strings.ContainsFunc(s, func(r rune) bool { return 'A' <= r && r <= 'Z' }) &&
		strings.ContainsFunc(s, func(r rune) bool { return '0' <= r && r <= '9' }) {
		return masked
	}
	return s
}
