// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"crypto/sha256"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"unicode"
	"unicode/utf8"
)

var (
	errNotLoopback = errors.New("the console answers on this machine only, by a name such as localhost or 127.0.0.1, and not through a proxy")
	errCertificate = errors.New("the certificate is for nobody who may see the console")
)

// local returns nil if a request is one of this machine to this machine. A proxy
// beside the broker would make all the world local: what a proxy adds is refused.
func local(r *http.Request) error {
	to, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if to == nil || !isLoopback(to.String()) || !isLoopback(r.RemoteAddr) || !loopbackName(r.Host) {
		return errNotLoopback
	}
	for _, h := range []string{"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip"} {
		if r.Header.Get(h) != "" {
			return errNotLoopback
		}
	}
	return nil
}

func isLoopback(hostport string) bool {
	a, err := netip.ParseAddrPort(hostport)
	return err == nil && a.Addr().Unmap().IsLoopback()
}

// user returns who a verified client certificate is for.
func (c *Certificates) user(r *http.Request) (User, [sha256.Size]byte, error) {
	none := [sha256.Size]byte{}
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 || len(r.TLS.PeerCertificates) == 0 {
		return User{}, none, errNobody
	}
	leaf := r.TLS.PeerCertificates[0]
	name := leaf.Subject.CommonName
	if !printable(name) || slices.Contains(leaf.Subject.OrganizationalUnit, "thing") {
		return User{}, none, errCertificate
	}
	if c.Revoked != nil {
		if err := c.Revoked(leaf); err != nil {
			return User{}, none, errCertificate
		}
	}
	u := User{Name: name, Way: wayCertificate}
	switch {
	case slices.Contains(c.Operators, name):
		u.Role = Operator
	case len(c.Viewers) == 0 || slices.Contains(c.Viewers, name):
		u.Role = Viewer
	default:
		return User{}, none, errCertificate
	}
	return u, sha256.Sum256(leaf.Raw), nil
}

// printable says whether a name of elsewhere may be in the audit and on pages: at
// most maxActor bytes of UTF-8, all of them to be seen.
func printable(name string) bool {
	if name == "" || len(name) > maxActor || !utf8.ValidString(name) {
		return false
	}
	for _, c := range name {
		if c == utf8.RuneError || !unicode.IsPrint(c) {
			return false
		}
	}
	return true
}
