// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package certs_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"thingpass/certs"
)

var badNames = []struct{ name, why string }{
	{"", "must not be empty"},
	{"cam+1", "MQTT wildcard"},
	{"+", "MQTT wildcard"},
	{"#", "MQTT wildcard"},
	{"cam/1", "separates topic levels"},
	{"../cam1", `contains '.'`},
	{"..", `contains '.'`},
	{"cam.1", `contains '.'`},
	{"$aws", "system topics"},
	{"${iot:ClientId}", "policy variables"},
	{"cam*", "policy wildcard"},
	{"cam?", "policy wildcard"},
	{"cam 1", `contains ' '`},
	{" cam1", `contains ' '`},
	{"cam1\n", `contains '\n'`},
	{"cam1\x00", `contains '\x00'`},
	{"cam\x7f", `contains '\x7f'`},
	{"cam,CN=broker", `contains ','`},
	{"cam=1", `contains '='`},
	{"cam@1", `contains '@'`},
	{"cam%2f", `contains '%'`},
	{`cam\1`, `contains '\\'`},
	{"käm1", `contains 'ä'`},
	{"caｍ1", "contains 'ｍ'"},
	{"cam\xff1", `contains '�'`},
	{strings.Repeat("a", 65), "at most 64"},
	{strings.Repeat("a", 128), "RFC 5280, ub-common-name"},
}

func TestBadNamesAreRefused(t *testing.T) {
	ca := newCA(t)
	dir := must(certs.Init(t.TempDir(), "test CA"))(t)
	for _, tc := range badNames {
		issuers := map[string]func(string, ...certs.Option) (certs.Identity, error){
			"CA.Thing": ca.Thing, "CA.Service": ca.Service, "Dir.Thing": dir.Thing, "Dir.Service": dir.Service,
		}
		for what, issue := range issuers {
			id, err := issue(tc.name)
			if err == nil || !strings.Contains(err.Error(), tc.why) {
				t.Errorf("%s(%q): %v, want %q", what, tc.name, err, tc.why)
			}
			if id != (certs.Identity{}) {
				t.Errorf("%s(%q) returned an identity with the error", what, tc.name)
			}
		}
	}
	if got := len(list(t, dir)); got != 1 {
		t.Errorf("%d entries after refusals, want the CA alone", got)
	}
}

func TestEveryThingNameOfItsLengthIsAccepted(t *testing.T) {
	for _, name := range []string{"a", "-", "-rf", "_", ":", "::", "A:b_c-9", strings.Repeat("Z", 64)} {
		if err := certs.CheckName(name); err != nil {
			t.Error(err)
		}
	}
}

func TestBadHostsAreRefused(t *testing.T) {
	ca := newCA(t)
	for _, tc := range []struct {
		hosts []string
		why   string
	}{
		{nil, "at least one host"},
		{[]string{""}, "neither a DNS name nor"},
		{[]string{"localhost", ""}, "neither a DNS name nor"},
		{[]string{"localhost:8883"}, "leave out scheme, port and brackets"},
		{[]string{"127.0.0.1:8883"}, "leave out scheme, port and brackets"},
		{[]string{"[::1]"}, "leave out scheme, port and brackets"},
		{[]string{"https://localhost"}, "leave out scheme, port and brackets"},
		{[]string{"fe80::1%eth0"}, "has a zone"},
		{[]string{"a..b"}, "neither a DNS name nor"},
		{[]string{"../x"}, "neither a DNS name nor"},
		{[]string{"a/b"}, "neither a DNS name nor"},
		{[]string{"*"}, "neither a DNS name nor"},
		{[]string{"a.*.b"}, "neither a DNS name nor"},
		{[]string{"*.*.b"}, "neither a DNS name nor"},
		{[]string{"-a.b"}, "neither a DNS name nor"},
		{[]string{"bücher.test"}, "xn--"},
		{[]string{strings.Repeat("a", 64) + ".test"}, "neither a DNS name nor"},
		{[]string{strings.Repeat("abcdefg.", 32) + "test"}, "DNS allows 253"},
	} {
		id, err := ca.Server(tc.hosts)
		if err == nil || !strings.Contains(err.Error(), tc.why) || id != (certs.Identity{}) {
			t.Errorf("Server(%q) = %v, %v; want %q", tc.hosts, id.Name, err, tc.why)
		}
	}
}

func TestHostsAreCanonicalAndUnique(t *testing.T) {
	id := must(newCA(t).Server([]string{"LOCALHOST", "localhost", "::ffff:127.0.0.1", "0:0::1"}))(t)
	if want := []string{"localhost", "127.0.0.1", "::1"}; !slices.Equal(id.Leaf.DNSNames, want) || len(id.Leaf.IPAddresses) != 2 {
		t.Errorf("hosts %q and %v, want %q", id.Leaf.DNSNames, id.Leaf.IPAddresses, want)
	}
}

// A host may be longer than a common name: it must still be found by its name.
func TestLongHostHasNoCommonName(t *testing.T) {
	host := strings.Repeat("abcdefg.", 9) + "test"
	dir := must(certs.Init(t.TempDir(), "test CA"))(t)
	id := must(dir.Server([]string{host}))(t)
	if id.Leaf.Subject.CommonName != "" || id.Leaf.VerifyHostname(host) != nil {
		t.Errorf("CN %q, %v", id.Leaf.Subject.CommonName, id.Leaf.VerifyHostname(host))
	}
	if got := must(dir.Load(certs.Server, host))(t); got.Name != host {
		t.Errorf("loaded %q", got.Name)
	}
}

func TestBadNamesOfCAsAreRefused(t *testing.T) {
	for _, name := range []string{"", strings.Repeat("a", 65), "CA\n", "ÇA"} {
		if ca, err := certs.NewCA(name); err == nil || ca != nil {
			t.Errorf("NewCA(%q) = %v, %v", name, ca, err)
		}
	}
}

// FuzzFoldersAreUnambiguous: no two names share a folder, not even where the
// file system ignores case, and a folder is one plain path element.
func FuzzFoldersAreUnambiguous(f *testing.F) {
	for _, s := range [][2]string{{"cam1", "CAM1"}, {"a:b", "a_b"}, {"ESP-a", "esp-A"}, {"A", "a"}, {"Aa", "aA"}, {"::", "."}, {strings.Repeat("A", 64), strings.Repeat("a", 64)}} {
		f.Add(s[0], s[1])
	}
	dir := must(certs.Init(f.TempDir(), "test CA"))(f)
	f.Fuzz(func(t *testing.T, a, b string) {
		if a == b || certs.CheckName(a) != nil || certs.CheckName(b) != nil {
			return
		}
		fa, fb := dir.Files(certs.Thing, a).Folder, dir.Files(certs.Service, b).Folder
		if strings.EqualFold(fa, fb) {
			t.Errorf("%q and %q share %s", a, b, fa)
		}
		base := filepath.Base(fa)
		if filepath.Dir(fa) != filepath.Join(dir.Path(), "clients") || strings.HasPrefix(base, ".") || strings.ContainsAny(base, `:*?"<>|\/`) {
			t.Errorf("%q leads to %s", a, fa)
		}
	})
}

func TestWildcardServerHasASafeFolder(t *testing.T) {
	dir := must(certs.Init(t.TempDir(), "test CA"))(t)
	must(dir.Server([]string{"*.s3.test"}))(t)
	if got := filepath.Base(dir.Files(certs.Server, "*.s3.test").Folder); got != "+.s3.test" {
		t.Errorf("folder %q", got)
	}
	if e := list(t, dir)[1]; e.Name != "*.s3.test" || e.State != certs.Valid {
		t.Errorf("listed as %s, %s: %s", e.Name, e.State, e.Problem)
	}
}
