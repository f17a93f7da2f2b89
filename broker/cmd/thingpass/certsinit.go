// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"thingpass/certs"
)

func certsInitCommand() *cobra.Command {
	var name string
	var days, intermediateDays int
	var intermediate bool
	c := &cobra.Command{
		Use:   "init",
		Short: "Make the CA",
		Long: `Make the CA. With --intermediate, a root and an intermediate that issues in its
stead: move ca/ca.key to a place without a network then. Said again, with the
root's key in its place, it makes the next intermediate.`,
		Example: `  thingpass certs init --name "bench 3"
  thingpass certs init --intermediate`,
		Args: certsTakes(0, "nothing but flags"),
		RunE: func(c *cobra.Command, _ []string) error {
			if intermediate {
				return initIntermediate(c, name, certs.Days(days), certs.Days(intermediateDays))
			}
			dir, err := certs.Init(certsDir(c), name, certs.Days(days))
			if err != nil {
				return err
			}
			f, until := dir.Files(certs.Authority, ""), dir.CA().Certificate().NotAfter
			return reportCerts(c, fmt.Sprintf("made the CA %q, valid until %s", name, certsUntil(until)), [][2]string{
				{f.Cert, "whom things, services and servers trust"},
				{f.Key, "secret: whoever has it can pass as anyone"},
			}, "server localhost 127.0.0.1")
		},
	}
	c.Flags().StringVar(&name, "name", defaultCAName, "what the CA is called in certificates")
	c.Flags().BoolVar(&intermediate, "intermediate", false, "a root, and an intermediate that issues")
	c.Flags().IntVar(&intermediateDays, "intermediate-days", certs.IntermediateDays, "how long the intermediate is valid")
	addDaysFlag(c, &days, certs.CADays)
	return c
}

func initIntermediate(c *cobra.Command, name string, root, intermediate certs.Option) error {
	dir, err := certs.InitIntermediate(certsDir(c), name, []certs.Option{root}, []certs.Option{intermediate})
	if err != nil {
		return err
	}
	issuer := dir.CA().Certificate()
	f := dir.Files(certs.Authority, "")
	return reportCerts(c, fmt.Sprintf("made the intermediate %q, valid until %s", issuer.Subject.CommonName, certsUntil(issuer.NotAfter)), [][2]string{
		{f.Cert, "the root: whom things, services and servers trust"},
		{f.Key, "secret: move it to where no network is; back once a year for thingpass certs crl"},
		{dir.CRLBundle(), "revocation lists of both: Mosquitto's crlfile"},
	}, "server localhost 127.0.0.1")
}

func certsSignCommand() *cobra.Command {
	var days int
	var thing string
	var registered *string
	c := &cobra.Command{
		Use:   "sign FILE.csr",
		Short: "Issue a certificate to a thing that made its key itself",
		Long: `Issue a certificate to a thing that made its key itself, from its request (CSR, PEM
or DER; - is the standard input). The common name in it must be the thing's name,
or absent. Extensions that it asks for are ignored.`,
		Example: "  thingpass certs sign cam2.csr --thing cam2",
		Args:    certsTakes(1, "the file of a request, such as cam2.csr"),
		RunE: func(c *cobra.Command, args []string) error {
			if thing == "" {
				return errors.New("certs sign needs --thing NAME: who it is, is not for the request to say")
			}
			r, err := readRequest(c, args[0])
			if err != nil {
				return err
			}
			return issueCert(c, *registered, "list", func(d *certs.Dir) (certs.Identity, error) {
				return d.Sign(thing, r, certs.Days(days))
			})
		},
	}
	c.Flags().StringVar(&thing, "thing", "", "the thing's `NAME`")
	registered = addRegistryFlag(c)
	addDaysFlag(c, &days, certs.LeafDays)
	return c
}

// readRequest reads a request from a file, or from the standard input.
func readRequest(c *cobra.Command, path string) (*certs.Request, error) {
	const limit = 1 << 20 // ParseRequest has a stricter one, and words it
	in := c.InOrStdin()
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }() // read only
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, limit))
	if err != nil {
		return nil, err
	}
	r, err := certs.ParseRequest(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}
