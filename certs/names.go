// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// MaxName is the greatest length of a name, in bytes.
//
// AWS IoT allows 128, but RFC 5280 allows a common name 64 (ub-common-name) and
// calls that mandatory. Mosquitto, OpenSSL's verifier, mbedTLS and Go let a
// longer one pass; `openssl req` will not put it into a request, and servers
// written in Erlang (EMQX, VerneMQ, RabbitMQ) drop the connection. Better to
// hear it here than from the second server one tries.
const MaxName = 64

const nameAlphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_-"

// CheckName returns nil if name can be the name of a thing or a service: 1 to
// MaxName characters of A-Z a-z 0-9 : _ -, the alphabet of AWS IoT's thing names.
func CheckName(name string) error {
	if name == "" {
		return errors.New("a name must not be empty: use 1 to 64 of A-Z a-z 0-9 : _ -")
	}
	for _, r := range name {
		if !strings.ContainsRune(nameAlphabet, r) {
			return fmt.Errorf("name %.80q contains %q%s: use only A-Z a-z 0-9 : _ -", name, r, meaning(r))
		}
	}
	if len(name) > MaxName {
		return fmt.Errorf("name %.80q has %d characters, but the common name of a certificate holds at most %d (RFC 5280, ub-common-name): choose a shorter one", name, len(name), MaxName)
	}
	return nil
}

// meaning says why a character that people try is dangerous in a name.
func meaning(r rune) string {
	switch r {
	case '+', '#':
		return ", an MQTT wildcard"
	case '/':
		return ", which separates topic levels and folders"
	case '$':
		return ", which begins MQTT's system topics and policy variables"
	case '*', '?':
		return ", a policy wildcard"
	}
	return ""
}

// checkLabel is for the CA's own name, which is only ever read by people.
func checkLabel(name string) error {
	if name == "" || len(name) > MaxName {
		return fmt.Errorf("the CA's name has %d characters: use 1 to %d", len(name), MaxName)
	}
	for _, r := range name {
		if r < ' ' || r > '~' {
			return fmt.Errorf("the CA's name %q contains %q: use printable ASCII", name, r)
		}
	}
	return nil
}

// checkHosts returns the hosts of a server certificate in canonical form:
// lower-case DNS names (the first label may be *) and IP addresses.
func checkHosts(hosts []string) ([]string, error) {
	if len(hosts) == 0 {
		return nil, errors.New("a server needs at least one host: a DNS name or an IP address")
	}
	seen := make(map[string]bool)
	var out []string
	for _, h := range hosts {
		c, err := canonicalHost(h)
		if err != nil {
			return nil, err
		}
		if !seen[c] {
			seen[c] = true
			out = append(out, c)
		}
	}
	return out, nil
}

func canonicalHost(host string) (string, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip.Zone() != "" {
			return "", fmt.Errorf("host %q has a zone, which a certificate cannot hold: leave out %q", host, "%"+ip.Zone())
		}
		return ip.Unmap().String(), nil
	}
	if _, err := netip.ParseAddrPort(host); err == nil || strings.Contains(host, ":") {
		return "", fmt.Errorf("host %.80q is neither a DNS name nor an IP address: leave out scheme, port and brackets", host)
	}
	host = strings.ToLower(host)
	if len(host) > 253 {
		return "", fmt.Errorf("host %.80q has %d characters: DNS allows 253", host, len(host))
	}
	for _, label := range strings.Split(strings.TrimPrefix(host, "*."), ".") {
		if !validLabel(label) {
			return "", fmt.Errorf("host %.80q is neither a DNS name nor an IP address: use labels of a-z 0-9 - _, non-ASCII names in their xn-- form", host)
		}
	}
	return host, nil
}

func validLabel(label string) bool {
	const ok = "abcdefghijklmnopqrstuvwxyz0123456789-_"
	return label != "" && len(label) <= 63 && strings.Trim(label, ok) == "" &&
		label[0] != '-' && label[len(label)-1] != '-'
}

// folderName turns a checked name or host into a file name that is safe and
// unambiguous on every file system, also one that ignores case (macOS, a USB
// stick): of two different names no two share a folder, whatever the case.
//
//	cam1          cam1
//	cam:1         cam=1                ':' is reserved on some systems
//	*.s3.local    +.s3.local           '*' is the shell's
//	ESP32-Cam     ESP32-Cam@1c4        the upper-case letters, as bits
//
// Escaping each capital letter would do too, but nobody can read it.
func folderName(name string) string {
	safe := strings.NewReplacer(":", "=", "*", "+").Replace(name)
	if mask := capitals(name); mask != "" {
		return safe + "@" + mask
	}
	return safe
}

// nameOfFolder undoes folderName.
func nameOfFolder(folder string) string {
	safe, _, _ := strings.Cut(folder, "@")
	return strings.NewReplacer("=", ":", "+", "*").Replace(safe)
}

// capitals is the positions of the upper-case letters as a hexadecimal number
// (the last character is bit 0), or empty if there is none.
func capitals(name string) string {
	var mask uint64 // names with capitals are at most MaxName = 64 long
	for _, r := range name {
		mask <<= 1
		if r >= 'A' && r <= 'Z' {
			mask |= 1
		}
	}
	if mask == 0 {
		return ""
	}
	return fmt.Sprintf("%x", mask)
}
