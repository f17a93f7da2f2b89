// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"thingpass/certs"
)

type checkFlags struct {
	name, kind, ca, crl string
	asJSON              bool
}

func certsCheckCommand() *cobra.Command {
	var f checkFlags
	c := &cobra.Command{
		Use:   "check FILE...",
		Short: "Find out what is wrong with certificate files, and how to mend it",
		Long: `Find out what is wrong with certificate files: dates, name, usage, chain, key,
revocation. Give a certificate together with its key to compare the two. The CA
is that of --dir, if there is one, or --ca FILE. Exit code 1 if anything is wrong.`,
		Example: "  thingpass certs check certs-dev/clients/cam1/thing.crt certs-dev/clients/cam1/thing.key --name cam1",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("certs check needs at least one file, such as thing.crt")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return checkCertFiles(c, args, &f) },
	}
	c.Flags().StringVar(&f.name, "name", "", "the `NAME` it must have: a thing, a service, a server's host")
	c.Flags().StringVar(&f.kind, "kind", "", "what it must be for: thing, service or server")
	c.Flags().StringVar(&f.ca, "ca", "", "the `FILE` of the CA to which it must lead")
	c.Flags().StringVar(&f.crl, "crl", "", "the `FILE` of the CA's revocation lists, in PEM")
	c.Flags().BoolVar(&f.asJSON, "json", false, "print a JSON array")
	return c
}

func checkCertFiles(c *cobra.Command, paths []string, f *checkFlags) error {
	checkup, err := f.checkup(c)
	if err != nil {
		return err
	}
	var files []certs.CheckedFile
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files = append(files, certs.CheckedFile{Name: path, Data: data})
	}
	found := certs.Check(files, checkup)
	if f.asJSON {
		if err := writeJSONList(c.OutOrStdout(), found); err != nil {
			return err
		}
	} else if err := printCertFindings(c, found); err != nil {
		return err
	}
	if len(found) > 0 {
		return fmt.Errorf("%d of these want attention", len(found))
	}
	return nil
}

func printCertFindings(c *cobra.Command, found []certs.Finding) error {
	for _, f := range found {
		if _, err := fmt.Fprintln(c.OutOrStdout(), printable(f.String())); err != nil {
			return err
		}
	}
	if len(found) == 0 {
		_, err := fmt.Fprintln(c.OutOrStdout(), "nothing is wrong")
		return err
	}
	return nil
}

func (f *checkFlags) checkup(c *cobra.Command) (certs.Checkup, error) {
	out := certs.Checkup{Now: time.Now(), Name: f.name, Kind: certs.Kind(f.kind)}
	switch out.Kind {
	case "", certs.Thing, certs.Service, certs.Server:
	default:
		return out, fmt.Errorf("there is no kind %q: use thing, service or server", f.kind)
	}
	authorities := []*x509.Certificate(nil)
	if f.ca != "" {
		var err error
		if authorities, err = readCertificates(f.ca); err != nil {
			return out, err
		}
		out.Roots = authorities
	} else if dir, err := certs.Open(certsDir(c)); err == nil {
		out.Roots, out.Revoked = []*x509.Certificate{dir.CA().Root()}, dir.Revocation
		authorities = []*x509.Certificate{dir.CA().Root(), dir.CA().Certificate()}
	} else if !errors.Is(err, fs.ErrNotExist) || c.Flags().Changed("dir") {
		return out, err
	}
	if f.crl == "" {
		return out, nil
	}
	var err error
	out.CRLs, err = readCRLs(f.crl, authorities)
	return out, err
}

func readCertificates(path string) ([]*x509.Certificate, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var out []*x509.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		out = append(out, cert)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: there is no certificate in it: give PEM (BEGIN CERTIFICATE)", path)
	}
	return out, nil
}

// readCRLs reads lists; those of the authorities must be signed by them.
func readCRLs(path string, authorities []*x509.Certificate) ([]*x509.RevocationList, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var out []*x509.RevocationList
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		list, err := x509.ParseRevocationList(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: list %d: %w: write it again with thingpass certs crl", path, len(out)+1, err)
		}
		for _, a := range authorities {
			if a.Subject.String() == list.Issuer.String() {
				if err := list.CheckSignatureFrom(a); err != nil {
					return nil, fmt.Errorf("%s: list %d is not signed by %s: %w", path, len(out)+1, a.Subject, err)
				}
			}
		}
		out = append(out, list)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: there is no list in it: give PEM (BEGIN X509 CRL)", path)
	}
	return out, nil
}
