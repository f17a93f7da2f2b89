// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"net/url"
	"path"
	"strings"
)

const maxReturn = 1 << 10 // bytes

// returnPath is where to go after signing in: a path of the console with its query,
// or / if s is anything else. Browsers take backslashes for slashes and drop control
// characters, so that a path with them could lead to another site.
func returnPath(s string) string {
	const home = "/"
	if len(s) > maxReturn || !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") {
		return home
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == '\\' || c >= 0x7f {
			return home
		}
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || strings.Contains(u.Path, "//") {
		return home
	}
	if clean := path.Clean(u.Path); isOwn(clean) || clean != strings.TrimSuffix(u.Path, "/") && clean != u.Path {
		return home
	}
	if u.RawQuery != "" {
		return u.EscapedPath() + "?" + u.RawQuery
	}
	return u.EscapedPath()
}

// isOwn says whether the path is one of the gate's pages.
func isOwn(path string) bool {
	return strings.HasPrefix(path, "/sign-") || strings.HasPrefix(path, "/oidc/")
}
