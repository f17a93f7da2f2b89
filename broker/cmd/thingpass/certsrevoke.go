// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"thingpass/broker/cmd/thingpass/crlserver"
	"thingpass/certs"
)

func certsRevokeCommand() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "revoke NAME|SERIAL|FINGERPRINT|FILE",
		Short: "Revoke a certificate, or all of a name",
		Long: `Revoke a certificate, or all that a name has. Servers learn of it from the next
revocation list: run crl, then have them read it. A session that is open stays
open: end it as well (the README says how).`,
		Example: "  thingpass certs revoke cam1 --reason key-compromise",
		Args:    certsTakes(1, "a name, a serial number, a fingerprint, or a certificate file"),
	}
	c.Flags().StringVar(&reason, "reason", "", "why: "+strings.Join(reasonNames(), ", "))
	registered := addRegistryFlag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		if reason == "" {
			return fmt.Errorf("certs revoke needs --reason: one of %s", strings.Join(reasonNames(), ", "))
		}
		return revokeCerts(c, args[0], certs.Reason(reason), *registered)
	}
	return c
}

func reasonNames() []string {
	var names []string
	for _, r := range certs.Reasons() {
		names = append(names, string(r))
	}
	return names
}

func revokeCerts(c *cobra.Command, what string, reason certs.Reason, registered string) error {
	dir, err := certs.Open(certsDir(c))
	if err != nil {
		return err
	}
	things, err := openRegistry(registered)
	if err != nil {
		return err
	}
	now := time.Now()
	found, err := dir.Find(what, now)
	if err != nil {
		return err
	}
	var b strings.Builder
	var ids []string
	for _, i := range found {
		if err := dir.Revoke(i.Serial, certs.Revocation{At: now, Reason: reason}); err != nil {
			return err
		}
		ids = append(ids, i.Fingerprint)
		did := "revoked"
		if i.Status == certs.Revoked {
			did = "was revoked before:"
		}
		fmt.Fprintf(&b, "%s %s %q, serial number %s\n", did, i.Kind, i.Name, i.Serial)
	}
	if err := things.revoke(ids...); err != nil {
		return err
	}
	return reportCerts(c, strings.TrimSpace(b.String()), nil, "crl")
}

func certsCRLCommand() *cobra.Command {
	var days int
	var serve string
	var asJSON bool
	c := &cobra.Command{
		Use:   "crl",
		Short: "Write the revocation lists, or serve them over HTTP",
		Long: `Write a new revocation list for each CA whose key is here, and all of the newest
into one file, crl.pem, for Mosquitto's crlfile. A server that holds a list behind
its date refuses everyone: run this from time to time, revocations or not.

With --serve, nothing is written: the lists that there are, are served over HTTP
until SIGTERM, and newer ones as soon as they are written.`,
		Example: `  thingpass certs crl
  thingpass certs crl --serve 127.0.0.1:8080`,
		Args: certsTakes(0, "nothing but flags"),
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := certs.Open(certsDir(c))
			if err != nil {
				return err
			}
			if serve != "" {
				return serveCRLs(c.Context(), c.OutOrStdout(), serve, dir)
			}
			lists, err := dir.WriteCRLs(time.Now(), days)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSONList(c.OutOrStdout(), lists)
			}
			return printCRLs(c.OutOrStdout(), dir, lists)
		},
	}
	c.Flags().IntVar(&days, "days", certs.CRLDays, "how long the lists are good for")
	c.Flags().StringVar(&serve, "serve", "", "serve the lists on this `ADDRESS`, host:port")
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	return c
}

func printCRLs(w io.Writer, dir *certs.Dir, lists []certs.CRL) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "CA\tNUMBER\tREVOKED\tGOOD UNTIL\tPROBLEM")
	for _, l := range lists {
		problem := l.Problem
		if problem == "" {
			problem = "-"
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\n", l.Slug, strconv.FormatInt(l.Number, 10), l.Revoked, l.NextUpdate.Format("2006-01-02"), problem)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "wrote %s: copy it to where Mosquitto's crlfile is, send it SIGHUP, end the sessions of what was revoked\n", dir.CRLBundle())
	return err
}

// serveCRLs serves until ctx ends.
func serveCRLs(ctx context.Context, w io.Writer, address string, dir *certs.Dir) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "serving http://%s/crl.pem\n", l.Addr()); err != nil {
		return errors.Join(err, l.Close())
	}
	s := &http.Server{Handler: crlserver.New(dir), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
