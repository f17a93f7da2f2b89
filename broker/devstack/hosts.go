// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
)

// hosts are the names of this machine.
type hosts struct {
	listen string   // where to listen
	public string   // what things are told, and what signed URLs contain
	all    []string // what the server's certificate is good for, public first
}

// findHosts chooses the names. Signed URLs contain the public one, so it has to
// be what things can reach: the address that was asked for, or, where that is
// "every address", the one of the default route.
func findHosts(listen, advertise string) (hosts, error) {
	h := hosts{listen: cmp.Or(listen, "127.0.0.1"), public: advertise}
	for flag, host := range map[string]string{"listen": h.listen, "advertise": advertise} {
		if _, _, err := net.SplitHostPort(host); err == nil && !isIP(host) || strings.ContainsAny(host, "/[] ") {
			return hosts{}, fmt.Errorf("%s %q: want a host name or an IP address, without port or brackets", flag, host)
		}
	}
	everywhere := false
	if ip, err := netip.ParseAddr(h.listen); err == nil && ip.IsUnspecified() {
		everywhere = true
	}
	switch {
	case h.public != "":
	case everywhere:
		h.public = defaultAddress()
	default:
		h.public = h.listen
	}
	h.all = []string{h.public, "localhost", "127.0.0.1", "::1", "*." + h.virtual()}
	if everywhere {
		h.all = append(h.all, addresses()...)
	} else {
		h.all = append(h.all, h.listen)
	}
	if name, err := os.Hostname(); err == nil && isDNSName(name) {
		h.all = append(h.all, name)
	}
	h.all = unique(h.all)
	return h, nil
}

// virtual is the name beneath which buckets are hosts. An IP address has none.
func (h hosts) virtual() string {
	if isDNSName(h.public) && !isIP(h.public) {
		return h.public
	}
	return "localhost"
}

// isLocal is true if no other machine can come in by the public name.
func (h hosts) isLocal() bool {
	ip, err := netip.ParseAddr(h.public)
	return h.public == "localhost" || err == nil && ip.IsLoopback()
}

// defaultAddress is our address on the way to everybody else. Nothing is sent.
func defaultAddress() string {
	if conn, err := net.Dial("udp", "192.0.2.1:9"); err == nil {
		defer conn.Close()
		if host, _, err := net.SplitHostPort(conn.LocalAddr().String()); err == nil {
			return host
		}
	}
	return append(addresses(), "127.0.0.1")[0]
}

// addresses are those of all interfaces that others can reach.
func addresses() []string {
	var out []string
	list, _ := net.InterfaceAddrs() // none is an answer, too
	for _, a := range list {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			out = append(out, n.IP.String())
		}
	}
	return out
}

func isIP(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

func isDNSName(host string) bool {
	return len(host) <= 253 && regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$`).MatchString(host)
}

// unique keeps the first of each.
func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
