// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"net/http"
	"strings"
)

// policy is the Content-Security-Policy: nothing inline, nothing from elsewhere but
// photos of the origins.
func policy(images []string) string {
	return "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; connect-src 'self'; " +
		"img-src " + strings.Join(append([]string{"'self'"}, images...), " ") + "; " +
		"manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}

// harden sets what every answer has. Handlers may set another Cache-Control for what
// is the same for everybody.
//
// Referrer-Policy is same-origin, not no-referrer: no other site learns anything from
// either, but the latter makes browsers say "Origin: null" with the console's own
// forms, and hides from it where somebody was whose session ended.
func (g *Guard) harden(h http.Header) {
	h.Set("Content-Security-Policy", g.policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Cache-Control", "no-store")
	if g.https {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}
