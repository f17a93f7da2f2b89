// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"thingpass/policies/awsiot"
)

// certsAWSCommand is `thingpass certs aws`: things and certificates in AWS's
// registry, without a key leaving a thing.
func certsAWSCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "aws",
		Short: "Register things at AWS IoT Core with certificates for their own keys",
		Long: `Register things at AWS IoT Core with certificates for their own keys.

A thing makes its key and a CSR; AWS signs. Policies come from thing groups, so
that the next certificate has them as well. To rotate: register again with a new
CSR (both certificates are valid), flash, see the thing connect, retire the old.`,
		Example: `  thingpass certs aws register cam1 --csr cam1.csr --group cameras --out cam1.crt
  thingpass certs aws list cam1
  thingpass certs aws retire cam1 5f2c…`,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			return fmt.Errorf("unknown command %q for %s: use register, list or retire", args[0], c.CommandPath())
		},
	}
	c.AddCommand(certsAWSRegisterCommand(), certsAWSListCommand(), certsAWSRetireCommand())
	for _, sub := range append(c.Commands(), c) {
		sub.SilenceUsage = true
	}
	return c
}

func certsAWSRegisterCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "register NAME",
		Short: "Make a thing, and have AWS certify its key",
		Long: `Make a thing, put it into its groups, have AWS sign its CSR, attach the certificate,
and activate it last of all. A thing that is there keeps its other certificates.
The certificate is written before it is of any use; what broke off goes on with
--certificate-id, as the message says.`,
		Example: "  thingpass certs aws register cam1 --csr cam1.csr --group cameras --attribute site=north --out cam1.crt",
		Args:    certsTakes(1, "the thing's name, such as cam1"),
	}
	var r awsiot.Registration
	open := addAWSFlags(c)
	csr := c.Flags().String("csr", "", "the thing's CSR, a PEM `FILE`")
	out := c.Flags().String("out", "", "the `FILE` for the certificate; default NAME.crt, and never one that is there")
	attributes := c.Flags().StringArray("attribute", nil, "`NAME=VALUE`; may be repeated")
	c.Flags().StringVar(&r.Type, "type", "", "the thing type, which must exist")
	c.Flags().StringArrayVar(&r.Groups, "group", nil, "a thing group whose policies it gets; may be repeated")
	c.Flags().BoolVar(&r.Exclusive, "exclusive", false, "attach it exclusively: any client id will do")
	c.Flags().StringVar(&r.CertificateID, "certificate-id", "", "go on with a certificate that was issued already")
	c.RunE = func(c *cobra.Command, args []string) error {
		r.Thing = args[0]
		if *out == "" {
			*out = r.Thing + ".crt"
		}
		if err := readRegistration(&r, *csr, *attributes); err != nil {
			return unstartable(err)
		}
		r.Keep = func(_ string, pem []byte) error { return writeNew(*out, pem) }
		if r.CertificateID == "" {
			if _, err := os.Lstat(*out); !errors.Is(err, fs.ErrNotExist) {
				return unstartable(fmt.Errorf("--out %s is there already: name another file", *out))
			}
		}
		api, err := open(c)
		if err != nil {
			return err
		}
		return awsiot.Register(c.Context(), api, r, tellTo(c))
	}
	return c
}

func readRegistration(r *awsiot.Registration, csr string, attributes []string) error {
	if csr == "" && r.CertificateID == "" {
		return errors.New("give the thing's CSR with --csr FILE: `openssl req -new -key thing.key -subj /CN=cam1`, or the thing makes one")
	}
	if csr != "" {
		text, err := os.ReadFile(csr)
		if err != nil {
			return fmt.Errorf("--csr: %w", err)
		}
		if strings.Contains(string(text), "PRIVATE KEY") {
			return fmt.Errorf("--csr %s has a private key in it: a CSR is what stands between BEGIN and END CERTIFICATE REQUEST", csr)
		}
		r.CSR = text
	}
	r.Attributes = map[string]string{}
	for _, a := range attributes {
		name, value, found := strings.Cut(a, "=")
		if !found || name == "" {
			return fmt.Errorf("--attribute %q: write NAME=VALUE", a)
		}
		r.Attributes[name] = value
	}
	return nil
}

// writeNew writes a file that is not there yet, and has it on the disk.
func writeNew(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

func certsAWSListCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "list NAME",
		Short:   "List the certificates that AWS has for a thing",
		Example: "  thingpass certs aws list cam1 --json",
		Args:    certsTakes(1, "the thing's name, such as cam1"),
	}
	open := addAWSFlags(c)
	asJSON := c.Flags().Bool("json", false, "print JSON")
	c.RunE = func(c *cobra.Command, args []string) error {
		api, err := open(c)
		if err != nil {
			return err
		}
		all, err := awsiot.Certificates(c.Context(), api, args[0])
		if err != nil {
			return err
		}
		if *asJSON {
			return writeJSONList(c.OutOrStdout(), all)
		}
		w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "STATUS\tVALID UNTIL\tCREATED\tID")
		for _, x := range all {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", x.Status, x.NotAfter.UTC().Format(time.DateOnly), x.Created.UTC().Format(time.DateOnly), x.ID)
		}
		return w.Flush()
	}
	return c
}

func certsAWSRetireCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "retire NAME CERTIFICATE-ID",
		Short: "Revoke a thing's certificate at AWS, but not its last one by mistake",
		Long: `Revoke a thing's certificate at AWS and detach it. With --deactivate it may come
back (aws iot update-certificate). The only active certificate of a thing is
retired with --force alone: the thing could not connect any more.`,
		Example: "  thingpass certs aws retire cam1 5f2c…",
		Args:    certsTakes(2, "the thing's name and the certificate's id, see `certs aws list`"),
	}
	open := addAWSFlags(c)
	deactivate := c.Flags().Bool("deactivate", false, "INACTIVE instead of REVOKED, and still attached")
	force := c.Flags().Bool("force", false, "even if it is the only active one")
	c.RunE = func(c *cobra.Command, args []string) error {
		api, err := open(c)
		if err != nil {
			return err
		}
		return awsiot.Retire(c.Context(), api, args[0], args[1], !*deactivate, *force, tellTo(c))
	}
	return c
}
