// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"thingpass/certs"
)

const certsExpireSoon = 30 * 24 * time.Hour

func certsListCommand() *cobra.Command {
	var asJSON, issued, fail bool
	var expiring daysValue
	c := &cobra.Command{
		Use:   "list",
		Short: "List the certificates: until when they are valid, and what is wrong",
		Long: `List the CA's certificates: until when they are valid, and what is wrong with them.
With --expiring, only those that expire within that time, or have expired; with
--fail that, or anything wrong, ends with exit code 1. With --issued, all
certificates that were ever issued, with serial numbers, and what became of them.`,
		Example: "  thingpass certs list --expiring 30d",
		Args:    certsTakes(0, "nothing but flags"),
		RunE: func(c *cobra.Command, _ []string) error {
			if issued {
				return listIssued(c, asJSON)
			}
			entries, err := certsEntries(certsDir(c), time.Duration(expiring), c.Flags().Changed("expiring"))
			if err != nil {
				return err
			}
			show := printCerts
			if asJSON {
				show = writeJSONList
			}
			if err := show(c.OutOrStdout(), entries); err != nil {
				return err
			}
			if bad := certsToMind(entries); fail && bad > 0 {
				return fmt.Errorf("%d of the certificates want attention", bad)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	c.Flags().BoolVar(&issued, "issued", false, "all that were ever issued")
	c.Flags().BoolVar(&fail, "fail", false, "exit code 1 if one of them expires soon, or something is wrong")
	c.Flags().Var(&expiring, "expiring", "only what expires within this time: `30d`, 12h")
	return c
}

// certsToMind counts what is neither valid nor in the middle of a rotation.
func certsToMind(entries []certs.Entry) int {
	n := 0
	for _, e := range entries {
		if e.State != certs.Valid && e.State != certs.Rotating {
			n++
		}
	}
	return n
}

func listIssued(c *cobra.Command, asJSON bool) error {
	dir, err := certs.Open(certsDir(c))
	if err != nil {
		return err
	}
	issued, err := dir.Issued(time.Now())
	if err != nil {
		return err
	}
	w := c.OutOrStdout()
	if asJSON {
		return writeJSONList(w, issued)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "KIND\tNAME\tFROM\tUNTIL\tSTATUS\tREVOKED\tSERIAL")
	for _, i := range issued {
		revoked := "-"
		if !i.RevokedAt.IsZero() {
			revoked = i.RevokedAt.Format("2006-01-02") + " " + string(i.Reason)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", i.Kind, printable(i.Name), i.NotBefore.Format("2006-01-02"), i.NotAfter.Format("2006-01-02"), i.Status, revoked, i.Serial)
	}
	return t.Flush()
}

// certsEntries lists all, or, if only is set, those that expire within soon.
func certsEntries(path string, soon time.Duration, only bool) ([]certs.Entry, error) {
	dir, err := certs.Open(path)
	if err != nil {
		return nil, err
	}
	if !only {
		soon = certsExpireSoon
	}
	now := time.Now()
	entries, err := dir.List(now, soon)
	if err != nil {
		return nil, err
	}
	if only {
		entries = slices.DeleteFunc(entries, func(e certs.Entry) bool {
			return e.NotAfter.IsZero() || e.NotAfter.Sub(now) >= soon
		})
	}
	return entries, nil
}

func printCerts(w io.Writer, entries []certs.Entry) error {
	if len(entries) == 0 {
		_, err := fmt.Fprintln(w, "nothing expires within that time")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "KIND\tNAME\tUNTIL\tDAYS\tSTATE\tFINGERPRINT (SHA-256)")
	for _, e := range entries {
		until, days, print := "-", "-", "-"
		if !e.NotAfter.IsZero() {
			until, days, print = e.NotAfter.Format("2006-01-02"), strconv.Itoa(e.DaysLeft), e.Fingerprint[:16]
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", e.Kind, printable(certsName(e)), until, days, e.State, print)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, e := range entries {
		if e.Problem != "" {
			if _, err := fmt.Fprintln(w, printable(fmt.Sprintf("%s %s: %s: %s", e.Kind, e.Name, e.State, e.Problem))); err != nil {
				return err
			}
		}
	}
	return nil
}

func certsName(e certs.Entry) string {
	if e.Next {
		return e.Name + " (next)"
	}
	if len(e.Hosts) > 0 {
		return strings.Join(e.Hosts, ",")
	}
	return e.Name
}

// printable keeps what a stray file is called from steering the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}

// daysValue is a flag for a time that people count in days.
type daysValue time.Duration

func (d *daysValue) Set(s string) error {
	if n, ok := strings.CutSuffix(s, "d"); ok {
		days, err := strconv.ParseUint(n, 10, 16)
		if err != nil {
			return fmt.Errorf("%q is no number of days", n)
		}
		*d = daysValue(days) * daysValue(24*time.Hour)
		return nil
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return fmt.Errorf("use days or hours, such as 30d or 12h")
	}
	*d = daysValue(v)
	return nil
}

func (d *daysValue) String() string { return "" } // no default to show

func (d *daysValue) Type() string { return "time" }
