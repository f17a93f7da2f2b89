// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/spf13/cobra"

	"thingpass/broker/cmd/thingpass/terminal"
	"thingpass/certs/amazon"
)

type rootsFlags struct {
	chain, ca, out string
	timeout        time.Duration
	asJSON         bool
}

func certsRootsCommand() *cobra.Command {
	var f rootsFlags
	c := &cobra.Command{
		Use:   "roots HOST[:PORT]",
		Short: "Say which of Amazon's roots a thing needs for an endpoint",
		Long: `Connect to an AWS endpoint (IoT data, credential provider, S3), print the chains
that it shows to clients with RSA and with ECDSA, and say to which of Amazon's
roots they lead. --out writes those roots, for flashing. --chain FILE looks at a
chain that was saved, and connects to nobody. --ca FILE checks what things have.`,
		Example: `  thingpass certs roots a1b2c3-ats.iot.eu-central-1.amazonaws.com:8883
  thingpass certs roots --chain saved.pem --json | jq -r '.[].roots[0].file'`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 && f.chain == "" {
				return errors.New("certs roots needs an endpoint, HOST[:PORT], or --chain FILE")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			endpoint := ""
			if len(args) > 0 {
				endpoint = args[0]
			}
			return checkRoots(c, endpoint, &f)
		},
	}
	c.Flags().StringVar(&f.chain, "chain", "", "look at the chain in this PEM `FILE`")
	c.Flags().StringVar(&f.ca, "ca", "", "what things trust: is it enough for the endpoint? A PEM `FILE`")
	c.Flags().StringVar(&f.out, "out", "", "write the roots that are needed to this new `FILE`")
	c.Flags().DurationVar(&f.timeout, "timeout", 10*time.Second, "how long to wait for the endpoint")
	c.Flags().BoolVar(&f.asJSON, "json", false, "print a JSON array, an element for each chain")
	return c
}

func checkRoots(c *cobra.Command, endpoint string, f *rootsFlags) error {
	if f.ca != "" && f.out != "" {
		return errors.New("--out writes Amazon's roots, and --ca looks at others: leave one out")
	}
	host, address := splitEndpoint(endpoint)
	w := c.OutOrStdout()
	if host != "" {
		if err := amazon.CheckHost(host); err != nil {
			return err
		}
	}
	roots, err := f.trusted()
	if err != nil {
		return err
	}
	bar := terminal.Start(c.ErrOrStderr(), "ask "+printable(cmp.Or(host, f.chain)), 0)
	chains, err := f.chains(c.Context(), host, address)
	bar.End()
	if err != nil {
		return err
	}
	var needed []amazon.Root
	answers := make([]rootsAnswer, len(chains))
	for i, chain := range chains {
		anchors, err := amazon.Anchors(roots, chain.certs, host, time.Now())
		answers[i] = rootsAnswerOf(chain, anchors)
		if !f.asJSON {
			answers[i].print(w) // also if it leads nowhere: then somebody wants to see it
		}
		if err != nil {
			return fmt.Errorf("chain for %s: %w", chain.name, err)
		}
		needed = addRoot(needed, anchors[0])
	}
	if f.asJSON {
		if err := writeJSON(w, answers); err != nil {
			return err
		}
	}
	return f.writeRoots(w, needed)
}

func addRoot(roots []amazon.Root, r amazon.Root) []amazon.Root {
	for _, have := range roots {
		if have.File == r.File && have.Cert.Equal(r.Cert) {
			return roots
		}
	}
	return append(roots, r)
}

// trusted are Amazon's roots, or those of --ca.
func (f *rootsFlags) trusted() ([]amazon.Root, error) {
	if f.ca == "" {
		return amazon.Roots()
	}
	certs, err := readCertificates(f.ca)
	if err != nil {
		return nil, err
	}
	if problems := amazon.CheckAnchors(certs, time.Now()); len(problems) > 0 {
		return nil, fmt.Errorf("%s: %w", f.ca, problems[0])
	}
	var roots []amazon.Root
	for _, cert := range certs {
		roots = append(roots, amazon.Root{Name: cert.Subject.CommonName, File: f.ca, Cert: cert})
	}
	return roots, nil
}

type servedChain struct {
	name  string
	certs []*x509.Certificate
}

func splitEndpoint(endpoint string) (host, address string) {
	if h, _, err := net.SplitHostPort(endpoint); err == nil {
		return h, endpoint
	}
	return endpoint, net.JoinHostPort(endpoint, "443")
}

// chains are what the endpoint shows; which one depends on the cipher suites
// that the client offers, so it is asked twice.
func (f *rootsFlags) chains(ctx context.Context, host, address string) ([]servedChain, error) {
	if f.chain != "" {
		certs, err := readCertificates(f.chain)
		return []servedChain{{f.chain, certs}}, err
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	var out []servedChain
	var errs []error
	for _, kind := range []struct {
		name  string
		suite uint16
	}{{"RSA", tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}, {"ECDSA", tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}} {
		certs, err := showChain(ctx, host, address, kind.suite)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", kind.name, err))
			continue
		}
		out = append(out, servedChain{kind.name, certs})
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s shows no certificate: %w", address, errors.Join(errs...))
	}
	return out, nil
}

// showChain trusts nobody: it sends nothing, and looks at what is shown. An
// endpoint that wants a client's certificate shows its own first.
func showChain(ctx context.Context, host, address string, suite uint16) ([]*x509.Certificate, error) {
	var shown []*x509.Certificate
	d := tls.Dialer{Config: &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12,
		CipherSuites: []uint16{suite}, InsecureSkipVerify: true, //nolint:gosec // see above
		VerifyConnection: func(s tls.ConnectionState) error {
			shown = s.PeerCertificates
			return nil
		}}}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err == nil {
		_ = conn.Close()
	}
	if len(shown) > 0 {
		return shown, nil
	}
	return nil, err
}

func (f *rootsFlags) writeRoots(w io.Writer, roots []amazon.Root) error {
	if f.out == "" {
		return nil
	}
	file, err := os.OpenFile(f.out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	for _, r := range roots {
		if _, err = file.Write(r.PEM); err != nil {
			break
		}
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	if !f.asJSON {
		_, err = fmt.Fprintf(w, "wrote %s\n", f.out)
	}
	return err
}
