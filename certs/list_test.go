// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package certs_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"thingpass/certs"
)

func TestListTellsWhatThereIs(t *testing.T) {
	dir := must(certs.Init(t.TempDir(), "test CA", certs.At(noon)))(t)
	for _, err := range []error{
		second(dir.Server([]string{"localhost", "127.0.0.1"}, certs.At(noon))),
		second(dir.Thing("cam1", certs.At(noon), certs.Days(30))),
		second(dir.Thing("cam2", certs.At(noon), certs.Days(31))),
		second(dir.Service("broker", certs.At(noon))),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, e := range must(dir.List(noon.Add(time.Second), month))(t) {
		got = append(got, strings.Join([]string{string(e.Kind), e.Name, e.NotAfter.Format("2006-01-02"), string(e.State), strings.Join(e.Hosts, "+")}, " "))
		if len(e.Fingerprint) != 64 || len(e.Serial) != 32 || !filepath.IsAbs(e.Key) {
			t.Errorf("%s: fingerprint %q, serial %q, key %q", e.Name, e.Fingerprint, e.Serial, e.Key)
		}
	}
	want := []string{
		"ca test CA 2039-12-30 valid ",
		"service broker 2032-04-05 valid ",
		"thing cam1 2030-01-31 expires soon ",
		"thing cam2 2030-02-01 valid ",
		"server localhost 2032-04-05 valid localhost+127.0.0.1",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func second[T any](_ T, err error) error { return err }

func TestDaysLeftAndStateFollowTheClock(t *testing.T) {
	dir := must(certs.Init(t.TempDir(), "test CA", certs.At(noon)))(t)
	must(dir.Thing("cam1", certs.At(noon), certs.Days(10)))(t)
	for _, tc := range []struct {
		now   time.Time
		days  int
		state certs.State
	}{
		{noon.Add(-2 * time.Hour), 10, certs.NotYetValid},
		{noon, 10, certs.Valid},
		{noon.Add(time.Second), 9, certs.Valid},
		{noon.AddDate(0, 0, 5), 5, certs.Valid},
		{noon.AddDate(0, 0, 5).Add(time.Second), 4, certs.ExpiresSoon},
		{noon.AddDate(0, 0, 10), 0, certs.ExpiresSoon}, // RFC 5280: NotAfter itself is within
		{noon.AddDate(0, 0, 10).Add(time.Second), -1, certs.Expired},
		{noon.AddDate(0, 0, 12), -2, certs.Expired},
	} {
		e := must(dir.List(tc.now, 5*24*time.Hour))(t)[1]
		if e.DaysLeft != tc.days || e.State != tc.state {
			t.Errorf("at %s: %d days left, %s; want %d, %s", tc.now, e.DaysLeft, e.State, tc.days, tc.state)
		}
		if (e.State == certs.Valid) != (e.Problem == "") {
			t.Errorf("at %s: state %s, problem %q", tc.now, e.State, e.Problem)
		}
	}
}

// Each damage is seen by List, refused by Load, and not repaired by stealth
// when the name is issued again.
func TestDamageIsSeen(t *testing.T) {
	for _, tc := range []struct {
		name    string
		damage  func(d *certs.Dir, f certs.Files) error
		state   certs.State
		load    string
		reissue string
	}{
		{"key lost", func(_ *certs.Dir, f certs.Files) error { return os.Remove(f.Key) },
			certs.KeyMissing, "thing.crt has no key beside it: restore thing.key", "without its key"},
		{"certificate lost", func(_ *certs.Dir, f certs.Files) error { return os.Remove(f.Cert) },
			certs.CertificateMissing, "thing.key has no certificate beside it: restore thing.crt", "without its certificate"},
		{"both lost", func(_ *certs.Dir, f certs.Files) error { return errors.Join(os.Remove(f.Cert), os.Remove(f.Key)) },
			certs.Damaged, "no such file", "damaged"},
		{"key truncated", func(_ *certs.Dir, f certs.Files) error { return os.Truncate(f.Key, 50) },
			certs.Damaged, "no PEM block", "damaged"},
		{"certificate truncated", func(_ *certs.Dir, f certs.Files) error { return os.Truncate(f.Cert, 50) },
			certs.Damaged, "no PEM block", "damaged"},
		{"two certificates in one file", func(d *certs.Dir, f certs.Files) error {
			return os.WriteFile(f.Cert, append(must(os.ReadFile(f.Cert))(t), d.CA().CertPEM()...), 0o600)
		}, certs.Damaged, "more than one PEM block", "damaged"},
		{"key of another", func(d *certs.Dir, f certs.Files) error {
			return os.Rename(d.Files(certs.Thing, "cam2").Key, f.Key)
		}, certs.Damaged, "do not belong together", "damaged"},
		{"pair of another", func(d *certs.Dir, f certs.Files) error {
			o := d.Files(certs.Thing, "cam2")
			return errors.Join(os.Rename(o.Key, f.Key), os.Rename(o.Cert, f.Cert))
		}, certs.Damaged, `the certificate names "cam2"`, "damaged"},
		{"pair of another CA", func(_ *certs.Dir, f certs.Files) error {
			id := must(newCA(t).Thing("cam1"))(t)
			return errors.Join(os.WriteFile(f.Key, id.KeyPEM(), 0o600), os.WriteFile(f.Cert, id.CertPEM(), 0o600))
		}, certs.Damaged, "verification failure", "damaged"},
		{"service under a thing's name", func(d *certs.Dir, f certs.Files) error {
			id := must(d.CA().Service("cam1"))(t)
			return errors.Join(os.WriteFile(f.Key, id.KeyPEM(), 0o600), os.WriteFile(f.Cert, id.CertPEM(), 0o600))
		}, certs.Damaged, `certificate of "cam1" is no thing's`, "damaged"},
		{"key open to others", func(_ *certs.Dir, f certs.Files) error { return os.Chmod(f.Key, 0o640) },
			certs.KeyExposed, "", "has a certificate until"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := newDir(t)
			must(dir.Thing("cam1"))(t)
			must(dir.Thing("cam2"))(t)
			if err := tc.damage(dir, dir.Files(certs.Thing, "cam1")); err != nil {
				t.Fatal(err)
			}
			if e := list(t, dir)[1]; e.Name != "cam1" || e.State != tc.state || e.Problem == "" {
				t.Errorf("listed as %s, %s (%s), want %s", e.Name, e.State, e.Problem, tc.state)
			}
			_, err := dir.Load(certs.Thing, "cam1")
			if tc.load == "" && err != nil || tc.load != "" && (err == nil || !strings.Contains(err.Error(), tc.load)) {
				t.Errorf("Load: %v, want %q", err, tc.load)
			}
			before := snapshot(t, dir.Path())
			if _, err := dir.Thing("cam1"); err == nil || !strings.Contains(err.Error(), tc.reissue) {
				t.Errorf("issued again: %v, want %q", err, tc.reissue)
			}
			if snapshot(t, dir.Path()) != before {
				t.Error("issuing again changed files")
			}
		})
	}
}

func TestListShowsWhatDoesNotBelongThere(t *testing.T) {
	dir := newDir(t)
	must(dir.Thing("cam1"))(t)
	must(dir.Thing("cam2"))(t)
	clients := filepath.Dir(dir.Files(certs.Thing, "cam1").Folder)
	for _, err := range []error{
		os.Rename(filepath.Join(clients, "cam1"), filepath.Join(clients, "CAM1")),
		os.Symlink("cam2", filepath.Join(clients, "cam2@f")), // reads as cam2 once more
		os.WriteFile(filepath.Join(clients, "notes"), nil, 0o600),
		os.WriteFile(filepath.Join(clients, ".DS_Store"), nil, 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	entries := list(t, dir)
	var got []string
	for _, e := range entries {
		got = append(got, e.Name+" "+string(e.State))
	}
	want := []string{"test CA valid", "CAM1 damaged", "cam2 valid", "cam2 damaged", "notes damaged"}
	if !slices.Equal(got, want) {
		t.Errorf("listed %q, want %q", got, want)
	}
	if _, err := dir.Load(certs.Thing, "CAM1"); err == nil {
		t.Error("a thing's certificate was loaded under another name")
	}
}

func TestEntryAsJSON(t *testing.T) {
	dir := newDir(t)
	must(dir.Thing("cam1"))(t)
	if err := os.Remove(dir.Files(certs.Thing, "cam1").Cert); err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]string{
		{"kind", "name", "serial", "fingerprint", "notBefore", "notAfter", "daysLeft", "state", "folder", "caFile", "certFile", "keyFile"},
		{"kind", "name", "daysLeft", "state", "problem", "folder", "caFile", "certFile", "keyFile"},
	} {
		var fields map[string]any
		data := must(json.Marshal(list(t, dir)[i]))(t)
		if err := json.Unmarshal(data, &fields); err != nil {
			t.Fatal(err)
		}
		for _, name := range want {
			if _, ok := fields[name]; !ok {
				t.Errorf("no %q in %s", name, data)
			}
		}
		if len(fields) != len(want) {
			t.Errorf("fields other than %q in %s", want, data)
		}
	}
}
