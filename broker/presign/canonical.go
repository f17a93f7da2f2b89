// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package presign

// What follows is for programs that judge a signature which somebody else made
// (package explain): the encoding and the key by which Sign works.

// Escape is s URI-encoded as SigV4 wants it in a query: only letters, digits,
// '-', '.', '_' and '~' stay.
func Escape(s string) string { return string(appendEscaped(nil, s)) }

// EscapePath is Escape for an object key or a path: its slashes stay.
func EscapePath(s string) string { return string(appendPath(nil, s)) }

// SigningKey is the key of SigV4 for one day (yyyymmdd), region and service. It
// is as secret as what it is derived from, but for that day and region alone.
func SigningKey(secret, date, region, service string) []byte {
	return signingKey(secret, date, region, service)
}
