// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"thingpass/certs"
)

func certsRenewCommand() *cobra.Command {
	var days int
	var newKey bool
	c := &cobra.Command{
		Use:   "renew NAME",
		Short: "Issue the next certificate for the same key, in the place of the last",
		Long: `Issue the next certificate for the same key and name, in the place of the last,
which stays valid until it expires. With --new-key the key is replaced, too: for
servers and services, which read their files again. For things see rotate.`,
		Example: "  thingpass certs renew cam1",
		Args:    certsTakes(1, "a name, such as cam1"),
	}
	registered := addRegistryFlag(c)
	c.Flags().BoolVar(&newKey, "new-key", false, "replace the key, too")
	addDaysFlag(c, &days, certs.LeafDays)
	c.RunE = func(c *cobra.Command, args []string) error {
		return changeCert(c, args[0], *registered, "renewed", "list", func(d *certs.Dir, kind certs.Kind) (certs.Identity, certs.Files, error) {
			renew := d.Renew
			if newKey {
				renew = d.RenewKey
			}
			id, err := renew(kind, args[0], certs.Days(days))
			return id, d.Files(kind, args[0]), err
		})
	}
	return c
}

// changeCert runs a change that issues another certificate to a name.
func changeCert(c *cobra.Command, name, registered, did, next string, change func(*certs.Dir, certs.Kind) (certs.Identity, certs.Files, error)) error {
	dir, err := certs.Open(certsDir(c))
	if err != nil {
		return err
	}
	kind, err := dir.KindOf(name)
	if err != nil {
		return err
	}
	things, err := openRegistry(registered)
	if err != nil {
		return err
	}
	id, files, err := change(dir, kind)
	if err != nil {
		return err
	}
	if kind == certs.Thing {
		if err := things.add(id); err != nil {
			return err
		}
	}
	what := fmt.Sprintf("%s %s %q, valid until %s", did, kind, name, certsUntil(id.Leaf.NotAfter))
	return reportCerts(c, what, certsFiles(id, files), next)
}

type rotateFlags struct {
	days            int
	finish, abandon bool
	csr             string
	revokeAfter     daysValue
	registry        *string
}

func certsRotateCommand() *cobra.Command {
	var f rotateFlags
	c := &cobra.Command{
		Use:   "rotate NAME",
		Short: "Replace a key in two steps, with both certificates valid in between",
		Long: `Replace a key in two steps. rotate NAME makes a new key and certificate (or, with
--csr, a certificate for the thing's new key) beside the old: both are valid. When
the owner uses the new one, rotate --finish NAME revokes the old and puts the new
one into its place; --abandon gives the new one up. list shows who is in between.`,
		Example: `  thingpass certs rotate cam1
  thingpass certs rotate --finish cam1 --revoke-after 7d`,
		Args: certsTakes(1, "a name, such as cam1"),
		RunE: func(c *cobra.Command, args []string) error { return rotateCert(c, args[0], &f) },
	}
	c.Flags().BoolVar(&f.finish, "finish", false, "the owner uses the new one: revoke the old")
	c.Flags().BoolVar(&f.abandon, "abandon", false, "revoke the new one, and keep the old")
	c.Flags().StringVar(&f.csr, "csr", "", "certify the thing's new key, by its request in this `FILE`")
	c.Flags().Var(&f.revokeAfter, "revoke-after", "with --finish: let the old one be valid for so long: `7d`, 12h")
	f.registry = addRegistryFlag(c)
	addDaysFlag(c, &f.days, certs.LeafDays)
	return c
}

func (f *rotateFlags) check() error {
	switch {
	case f.finish && f.abandon:
		return errors.New("--finish and --abandon exclude each other")
	case (f.finish || f.abandon) && f.csr != "":
		return errors.New("--csr begins a rotation: leave out --finish and --abandon")
	case !f.finish && f.revokeAfter != 0:
		return errors.New("--revoke-after goes with --finish")
	}
	return nil
}

func rotateCert(c *cobra.Command, name string, f *rotateFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	if f.finish || f.abandon {
		return endRotation(c, name, f)
	}
	var r *certs.Request
	if f.csr != "" {
		var err error
		if r, err = readRequest(c, f.csr); err != nil {
			return err
		}
	}
	next := "rotate --finish " + quoteForShell(name)
	return changeCert(c, name, *f.registry, "issued a second certificate to", next, func(d *certs.Dir, kind certs.Kind) (certs.Identity, certs.Files, error) {
		id, err := d.Rotate(kind, name, r, certs.Days(f.days))
		return id, d.NextFiles(kind, name), err
	})
}

func endRotation(c *cobra.Command, name string, f *rotateFlags) error {
	dir, err := certs.Open(certsDir(c))
	if err != nil {
		return err
	}
	kind, err := dir.KindOf(name)
	if err != nil {
		return err
	}
	things, err := openRegistry(*f.registry)
	if err != nil {
		return err
	}
	now := time.Now()
	before, err := dir.Find(name, now)
	if err != nil {
		return err
	}
	if f.abandon {
		if err := dir.AbandonRotation(kind, name, now); err != nil {
			return err
		}
		if err := things.revoke(idsWith(before, certs.Next)...); err != nil {
			return err
		}
		return reportCerts(c, fmt.Sprintf("gave up the new certificate of %q; the old one stays", name), nil, "crl")
	}
	at := now.Add(time.Duration(f.revokeAfter))
	id, err := dir.FinishRotation(kind, name, at)
	if err != nil {
		return err
	}
	if f.revokeAfter == 0 { // the registry knows no later; see the README
		if err := things.revoke(idsWith(before, certs.Current)...); err != nil {
			return err
		}
	}
	what := fmt.Sprintf("rotated %s %q; the old certificate is revoked from %s on", kind, name, at.Format("2006-01-02 15:04"))
	return reportCerts(c, what, certsFiles(id, dir.Files(kind, name)), "crl")
}

func idsWith(issued []certs.Issued, s certs.Status) []string {
	var ids []string
	for _, i := range issued {
		if i.Status == s {
			ids = append(ids, i.Fingerprint)
		}
	}
	return ids
}
