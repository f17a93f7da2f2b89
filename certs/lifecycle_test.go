// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package certs_test

import (
	"crypto/elliptic"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"thingpass/certs"
)

func newTwoLevels(t *testing.T) *certs.Dir {
	t.Helper()
	return must(certs.InitIntermediate(filepath.Join(t.TempDir(), "certs"), "test root", nil, nil))(t)
}

func accepted(t *testing.T, server, client certs.Identity, root *x509.CertPool) bool {
	t.Helper()
	se, ce := handshake(t, serverConfig(server, root), clientConfig(client, root, "localhost"))
	return se == nil && ce == nil
}

func TestIntermediateIssuesWithoutTheRootsKey(t *testing.T) {
	made := newTwoLevels(t)
	if err := os.Remove(made.Files(certs.Authority, "").Key); err != nil { // taken off the network
		t.Fatal(err)
	}
	dir := must(certs.Open(made.Path()))(t)
	server, thing := must(dir.Server([]string{"localhost"}))(t), must(dir.Thing("cam1"))(t)
	if !accepted(t, server, thing, dir.CA().Pool()) {
		t.Error("who trusts the root refuses what the intermediate issued")
	}
	for _, id := range []certs.Identity{server, thing} {
		kept := must(dir.Load(id.Kind, id.Name))(t)
		if n := strings.Count(string(kept.CertPEM()), "BEGIN"); n != 2 {
			t.Errorf("%s holds %d certificates, want its own and the intermediate's", id.Name, n)
		}
		if ca := read(t, dir.Files(id.Kind, id.Name).CA); ca != string(dir.CA().CertPEM()) || strings.Count(ca, "BEGIN") != 1 {
			t.Error("ca.crt is not the root alone")
		}
	}
	for _, e := range list(t, dir) {
		if e.State != certs.Valid {
			t.Errorf("%s %s is %s: %s", e.Kind, e.Name, e.State, e.Problem)
		}
	}
	if _, err := certs.InitIntermediate(made.Path(), "x", nil, nil); err == nil || !strings.Contains(err.Error(), "bring it back") {
		t.Errorf("another intermediate without the root's key: %v", err)
	}
}

func TestTheNextIntermediateTakesOver(t *testing.T) {
	first := newTwoLevels(t)
	server, old := must(first.Server([]string{"localhost"}))(t), must(first.Thing("old"))(t)
	dir := must(certs.InitIntermediate(first.Path(), "ignored", nil, nil))(t)
	young := must(dir.Thing("young"))(t)
	if young.Issuer.Equal(old.Issuer) {
		t.Error("the first intermediate still issues")
	}
	for _, id := range []certs.Identity{old, young} {
		if !accepted(t, server, id, dir.CA().Pool()) {
			t.Errorf("%s is refused", id.Name)
		}
		must(must(certs.Open(dir.Path()))(t).Load(certs.Thing, id.Name))(t)
	}
	if lists := must(dir.CRLs())(t); len(lists) != 3 {
		t.Errorf("%d revocation lists, want one for each of three CAs", len(lists))
	}
}

func TestIntermediateErrors(t *testing.T) {
	one := newDir(t)
	if _, err := certs.InitIntermediate(one.Path(), "x", nil, nil); err == nil || !strings.Contains(err.Error(), "path length 0") {
		t.Errorf("below a CA of one level: %v", err)
	}
	if _, err := certs.InitIntermediate(t.TempDir(), strings.Repeat("a", 60), nil, nil); err == nil {
		t.Error("a name too long was taken")
	}
	dir := newTwoLevels(t) // as a crash between root and intermediate leaves it
	if err := os.RemoveAll(filepath.Join(dir.Path(), "intermediates")); err != nil {
		t.Fatal(err)
	}
	if _, err := certs.Open(dir.Path()); err == nil || !strings.Contains(err.Error(), "init --intermediate") {
		t.Errorf("opened a root without intermediates: %v", err)
	}
	must(certs.InitIntermediate(dir.Path(), "x", nil, nil))(t)
	must(certs.Open(dir.Path()))(t)
}

func TestSignedThingIsKeptWithoutAKey(t *testing.T) {
	dir := newTwoLevels(t)
	key := curveKey(t, elliptic.P256())
	r := must(certs.ParseRequest(request(t, key, pkix.Name{})))(t)
	must(dir.Sign("cam1", r))(t)
	if _, err := dir.Sign("cam1", r); !errors.Is(err, fs.ErrExist) {
		t.Errorf("signed twice: %v", err)
	}
	id := must(must(certs.Open(dir.Path()))(t).Load(certs.Thing, "cam1"))(t)
	if id.HasKey() || !key.PublicKey.Equal(id.Leaf.PublicKey) {
		t.Error("a key is there, or another was certified")
	}
	e := list(t, dir)[2]
	if e.State != certs.Valid || e.Key != "" || e.Request == "" {
		t.Errorf("listed as %+v", e)
	}
	renewed := must(dir.Renew(certs.Thing, "cam1"))(t)
	if !key.PublicKey.Equal(renewed.Leaf.PublicKey) || renewed.Leaf.Equal(id.Leaf) {
		t.Error("renewed with another key, or not at all")
	}
	other := must(certs.ParseRequest(request(t, curveKey(t, elliptic.P256()), pkix.Name{})))(t)
	if err := os.WriteFile(e.Request, other.PEM(), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := dir.Load(certs.Thing, "cam1"); err == nil || !strings.Contains(err.Error(), "do not belong together") {
		t.Errorf("loaded with another's request: %v", err)
	}
}

func statuses(t *testing.T, d *certs.Dir, name string) string {
	t.Helper()
	var out []string
	for _, i := range must(d.Issued(time.Now()))(t) {
		if i.Name == name {
			out = append(out, string(i.Status))
		}
	}
	return strings.Join(out, " ")
}

func TestRotationKeepsBothValidUntilItIsFinished(t *testing.T) {
	dir := newTwoLevels(t)
	server, old := must(dir.Server([]string{"localhost"}))(t), must(dir.Thing("cam1"))(t)
	next := must(dir.Rotate(certs.Thing, "cam1", nil))(t)
	for _, id := range []certs.Identity{old, next} {
		if !accepted(t, server, id, dir.CA().Pool()) {
			t.Error("one of the two is refused")
		}
	}
	if kept := must(dir.Load(certs.Thing, "cam1"))(t); !kept.Leaf.Equal(old.Leaf) {
		t.Error("the old one is no longer in its place")
	}
	if e := list(t, dir); e[2].State != certs.Rotating || !e[3].Next || e[3].State != certs.Valid {
		t.Errorf("listed as %+v", e[2:4])
	}
	for what, err := range map[string]error{
		"rotate": second(dir.Rotate(certs.Thing, "cam1", nil)), "renew": second(dir.Renew(certs.Thing, "cam1"))} {
		if !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s in the middle of a rotation: %v", what, err)
		}
	}
	must(dir.FinishRotation(certs.Thing, "cam1", time.Now()))(t)
	kept := must(must(certs.Open(dir.Path()))(t).Load(certs.Thing, "cam1"))(t)
	if !kept.Leaf.Equal(next.Leaf) || string(kept.KeyPEM()) != string(next.KeyPEM()) {
		t.Error("the new one is not in its place")
	}
	if got := statuses(t, dir, "cam1"); got != "revoked current" && got != "current revoked" {
		t.Errorf("on record: %s", got)
	}
	if _, err := dir.FinishRotation(certs.Thing, "cam1", time.Now()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("finished twice: %v", err)
	}
}

// Whatever a crash leaves between two steps, finishing again ends it, and no
// key is lost.
func TestInterruptedRotationIsFinishedAgain(t *testing.T) {
	for name, crash := range map[string]func(current, next certs.Files) error{
		"before anything":     func(_, _ certs.Files) error { return nil },
		"key copied":          func(c, n certs.Files) error { return copyFile(n.Key, c.Key) },
		"certificate, too":    func(c, n certs.Files) error { return errors.Join(copyFile(n.Key, c.Key), copyFile(n.Cert, c.Cert)) },
		"a temporary is left": func(c, _ certs.Files) error { return os.Mkdir(filepath.Join(c.Folder, ".thingpass-new-1"), 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := newDir(t)
			must(dir.Thing("cam1"))(t)
			next := must(dir.Rotate(certs.Thing, "cam1", nil))(t)
			if err := crash(dir.Files(certs.Thing, "cam1"), dir.NextFiles(certs.Thing, "cam1")); err != nil {
				t.Fatal(err)
			}
			if name == "key copied" {
				if e := list(t, dir)[1]; !strings.Contains(e.Problem, "rotate --finish cam1") {
					t.Errorf("listed as %s: %s", e.State, e.Problem)
				}
			}
			if id := must(dir.FinishRotation(certs.Thing, "cam1", time.Now()))(t); !id.Leaf.Equal(next.Leaf) {
				t.Error("another certificate is in its place")
			}
			must(dir.Load(certs.Thing, "cam1"))(t)
			if strings.Contains(statuses(t, dir, "cam1"), "next") {
				t.Error("the rotation goes on")
			}
		})
	}
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	return errors.Join(err, os.WriteFile(to, data, 0o600))
}

func TestRotateToTheThingsOwnKeyAndGiveUp(t *testing.T) {
	dir := newDir(t)
	old := must(dir.Thing("cam1"))(t)
	key := curveKey(t, elliptic.P256())
	r := must(certs.ParseRequest(request(t, key, pkix.Name{CommonName: "cam1"})))(t)
	gone := must(dir.Rotate(certs.Thing, "cam1", r))(t)
	if err := dir.AbandonRotation(certs.Thing, "cam1", time.Now()); err != nil {
		t.Fatal(err)
	}
	if kept := must(dir.Load(certs.Thing, "cam1"))(t); !kept.Leaf.Equal(old.Leaf) {
		t.Error("the old one is not in its place")
	}
	if r := must(dir.Revocation(gone.Leaf))(t); r.At.IsZero() {
		t.Error("what was given up is still good")
	}
	must(dir.Rotate(certs.Thing, "cam1", r))(t)
	must(dir.FinishRotation(certs.Thing, "cam1", time.Now().Add(time.Hour)))(t)
	if exists := second(os.Stat(dir.Files(certs.Thing, "cam1").Key)); !errors.Is(exists, fs.ErrNotExist) {
		t.Error("the old key lies beside a certificate that is not its own")
	}
	if r := must(dir.Revocation(old.Leaf))(t); !r.At.After(time.Now()) {
		t.Errorf("the old one is revoked at %s, want in an hour", r.At)
	}
	if got := statuses(t, dir, "cam1"); strings.Count(got, "superseded") != 1 {
		t.Errorf("on record: %s, want the old one still good", got)
	}
}

func TestRevokedStaysRevoked(t *testing.T) {
	dir := newDir(t)
	id := must(dir.Thing("cam1"))(t)
	now := time.Now()
	found := must(dir.Find("cam1", now))(t)
	for _, r := range []certs.Revocation{{At: now.Add(time.Hour), Reason: certs.ReasonSuperseded}, {At: now.Add(-time.Minute), Reason: certs.KeyCompromise}, {At: now.Add(time.Hour), Reason: certs.Unspecified}} {
		if err := dir.Revoke(found[0].Serial, r); err != nil {
			t.Fatal(err)
		}
	}
	if r := must(dir.Revocation(id.Leaf))(t); r.Reason != certs.KeyCompromise || r.At.After(now) {
		t.Errorf("revoked at %s for %s", r.At, r.Reason)
	}
	if err := dir.Revoke(found[0].Serial, certs.Revocation{At: now, Reason: "hold"}); err == nil {
		t.Error("an unknown reason was taken")
	}
	if e := list(t, dir)[1]; e.State != certs.IsRevoked {
		t.Errorf("listed as %s", e.State)
	}
	if _, err := dir.Renew(certs.Thing, "cam1"); err == nil || !strings.Contains(err.Error(), "use certs rotate") {
		t.Errorf("renewed the key of a revoked certificate: %v", err)
	}
	path := filepath.Join(dir.Path(), "revoked", found[0].Serial, "revocation.json")
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := dir.WriteCRLs(now, 30); err == nil {
		t.Error("a damaged revocation was taken for none")
	}
}

func TestFind(t *testing.T) {
	dir := newDir(t)
	id := must(dir.Thing("cam1"))(t)
	must(dir.Server([]string{"both"}))(t)
	must(dir.Thing("both"))(t)
	f := dir.Files(certs.Thing, "cam1")
	serial := must(dir.Find("cam1", time.Now()))(t)[0].Serial
	for _, what := range []string{"cam1", serial, id.Fingerprint(), f.Cert} {
		if got := must(dir.Find(what, time.Now()))(t); len(got) != 1 || got[0].Fingerprint != id.Fingerprint() {
			t.Errorf("%s: %+v", what, got)
		}
	}
	foreign := filepath.Join(t.TempDir(), "x.crt")
	if err := os.WriteFile(foreign, must(newCA(t).Thing("cam1"))(t).CertPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	for what, why := range map[string]string{"cam9": "nothing was issued", foreign: "only its issuer", f.Key: "no PEM block", "both": "give the serial number"} {
		if got, err := dir.Find(what, time.Now()); err == nil || got != nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v, %v; want %q", what, got, err, why)
		}
	}
	// a directory of an earlier version has no record
	if err := os.RemoveAll(filepath.Join(dir.Path(), "issued")); err != nil {
		t.Fatal(err)
	}
	if got := must(dir.Find("cam1", time.Now()))(t); len(got) != 1 {
		t.Errorf("without a record: %+v", got)
	}
}

func TestCRL(t *testing.T) {
	dir := newTwoLevels(t)
	must(dir.Thing("cam1"))(t)
	must(dir.Thing("cam2"))(t)
	now := time.Now()
	revoke := func(name string, at time.Time) {
		if err := dir.Revoke(must(dir.Find(name, now))(t)[0].Serial, certs.Revocation{At: at, Reason: certs.KeyCompromise}); err != nil {
			t.Fatal(err)
		}
	}
	revoke("cam1", now.Add(-time.Second))
	revoke("cam2", now.Add(time.Hour))
	lists := must(dir.WriteCRLs(now, 30))(t)
	root, below := lists[0], lists[1]
	if root.Number != 2 || below.Number != 2 || root.Revoked != 0 || below.Revoked != 1 { // the first is made by init
		t.Errorf("lists: %+v", lists)
	}
	parsed := must(x509.ParseRevocationList(below.DER()))(t)
	if e := parsed.RevokedCertificateEntries[0]; e.ReasonCode != 1 || parsed.NextUpdate.Sub(now) < 29*24*time.Hour {
		t.Errorf("entry %+v, next update %s", e, parsed.NextUpdate)
	}
	if lists := must(dir.WriteCRLs(now.Add(2*time.Hour), 30))(t); lists[1].Revoked != 2 || lists[1].Number != 3 {
		t.Errorf("what was planned did not come: %+v", lists)
	}
	if n := strings.Count(read(t, dir.CRLBundle()), "BEGIN X509 CRL"); n != 2 {
		t.Errorf("%d lists in the bundle, want one of each CA", n)
	}
	if err := os.Remove(dir.Files(certs.Authority, "").Key); err != nil {
		t.Fatal(err)
	}
	away := must(certs.Open(dir.Path()))(t)
	if lists := must(away.WriteCRLs(now, 30))(t); lists[0].Number != 3 || lists[0].Problem != "" {
		t.Errorf("with the root's key away: %+v", lists[0])
	}
	if lists := must(away.WriteCRLs(now.AddDate(0, 0, 390), 30))(t); !strings.Contains(lists[0].Problem, "expires soon") {
		t.Errorf("a year later: %+v", lists[0])
	}
	if _, err := dir.WriteCRLs(now, 0); err == nil {
		t.Error("a list for no days was made")
	}
}

// OpenSSL tells an old list from a new one by its date alone.
func TestEachCRLIsDatedAfterTheLast(t *testing.T) {
	dir, now := newDir(t), time.Now()
	first, next := must(dir.WriteCRLs(now, 30))(t), must(dir.WriteCRLs(now, 30))(t)
	if !next[0].ThisUpdate.After(first[0].ThisUpdate) {
		t.Errorf("both are dated %s", next[0].ThisUpdate)
	}
}

func TestCRLNumbersAreGivenOnce(t *testing.T) {
	dir := newDir(t)
	var wg sync.WaitGroup
	numbers := make(chan int64, 8)
	for range cap(numbers) {
		wg.Go(func() {
			lists, err := dir.WriteCRLs(time.Now(), 30)
			if err != nil {
				t.Error(err)
				return
			}
			numbers <- lists[0].Number
		})
	}
	wg.Wait()
	close(numbers)
	seen := make(map[int64]bool)
	for n := range numbers {
		if seen[n] {
			t.Errorf("number %d was given twice", n)
		}
		seen[n] = true
	}
	block, _ := pem.Decode([]byte(read(t, dir.CRLBundle())))
	if newest := must(x509.ParseRevocationList(block.Bytes))(t); len(seen) == 0 || newest.Number.Int64() < int64(len(seen)) {
		t.Errorf("the bundle has number %s, after %d lists", newest.Number, len(seen))
	}
}
