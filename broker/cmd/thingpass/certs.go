// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"thingpass/certs"
)

const (
	defaultCertsDir = "certs-dev"
	defaultCAName   = "thingpass development CA"
)

// certsCommand is `thingpass certs`: a development CA and its certificates.
func certsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "certs",
		Short: "Make and look after certificates: a CA, things, services, servers",
		Long: `Make and look after certificates: a CA, things, services and servers.

A thing's certificate carries the thing's name (CN), which Mosquitto and the dev
stack take for its identity. Keys are ECDSA P-256, readable by their owner alone;
a thing that makes its own key brings a request (sign). On AWS the certificates
are AWS IoT's: see aws.`,
		Example: `  thingpass certs init
  thingpass certs server localhost 127.0.0.1
  thingpass certs service thingpass-broker
  thingpass certs thing cam1
  thingpass certs list`,
		RunE: unknownCertsCommand,

		SuggestionsMinimumDistance: 2,
	}
	c.PersistentFlags().String("dir", defaultCertsDir, "directory of the CA and of all that it issues")
	c.AddCommand(certsInitCommand(), certsThingCommand(), certsServiceCommand(), certsServerCommand(), certsListCommand(),
		certsSignCommand(), certsRenewCommand(), certsRotateCommand(), certsRevokeCommand(), certsCRLCommand(),
		certsBundleCommand(), certsCheckCommand(), certsRootsCommand(),
		certsAWSCommand())
	for _, sub := range append(c.Commands(), c) {
		sub.SilenceUsage = true // an error is one line that says what to do
	}
	return c
}

// unknownCertsCommand runs when no subcommand does: cobra would print its help
// for `certs thnig cam1` and call that a success.
func unknownCertsCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return c.Help()
	}
	hint := "one of those that thingpass certs --help lists"
	if s := c.SuggestionsFor(args[0]); len(s) > 0 {
		hint = strings.Join(s, " or ")
	}
	return fmt.Errorf("unknown command %q for %s: use %s", args[0], c.CommandPath(), hint)
}

func certsThingCommand() *cobra.Command {
	return certsClientCommand(certs.Thing, "cam1", "list", (*certs.Dir).Thing)
}

func certsServiceCommand() *cobra.Command {
	return certsClientCommand(certs.Service, "thingpass-broker", "thing cam1", (*certs.Dir).Service)
}

func certsClientCommand(kind certs.Kind, example, next string, issue func(*certs.Dir, string, ...certs.Option) (certs.Identity, error)) *cobra.Command {
	var days int
	var registered *string
	c := &cobra.Command{
		Use:     string(kind) + " NAME",
		Short:   fmt.Sprintf("Issue a certificate to a %s", kind),
		Example: fmt.Sprintf("  thingpass certs %s %s", kind, example),
		Args:    certsTakes(1, fmt.Sprintf("the %s's name, such as %s", kind, example)),
		RunE: func(c *cobra.Command, args []string) error {
			return issueCert(c, *registered, next, func(d *certs.Dir) (certs.Identity, error) {
				return issue(d, args[0], certs.Days(days))
			})
		},
	}
	registered = new(string)
	if kind == certs.Thing {
		registered = addRegistryFlag(c)
	}
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return fmt.Errorf("%w: see %s --help; a name that begins with - goes last, behind --", err, c.CommandPath())
	})
	addDaysFlag(c, &days, certs.LeafDays)
	return c
}

func certsServerCommand() *cobra.Command {
	var days int
	c := &cobra.Command{
		Use:   "server HOST...",
		Short: "Issue a certificate to a server (MQTT, S3), for all its host names and addresses",
		Long: `Issue a certificate to a server: an MQTT server such as Mosquitto, or an S3 server.
Give every DNS name and IP address under which things and services reach it; the
first one names the folder.`,
		Example: "  thingpass certs server localhost 127.0.0.1 192.168.1.20",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("certs server needs at least one host, such as localhost or 192.168.1.20")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			return issueCert(c, "", "service thingpass-broker", func(d *certs.Dir) (certs.Identity, error) {
				return d.Server(args, certs.Days(days))
			})
		},
	}
	addDaysFlag(c, &days, certs.LeafDays)
	return c
}

func issueCert(c *cobra.Command, registered, next string, issue func(*certs.Dir) (certs.Identity, error)) error {
	dir, err := certs.Open(certsDir(c))
	if err != nil {
		return err
	}
	things, err := openRegistry(registered) // before there is a certificate that is not in it
	if err != nil {
		return err
	}
	id, err := issue(dir)
	if err != nil {
		return err
	}
	if err := things.add(id); err != nil {
		return err
	}
	what := fmt.Sprintf("issued %s %q, valid until %s", id.Kind, id.Name, certsUntil(id.Leaf.NotAfter))
	return reportCerts(c, what, certsFiles(id, dir.Files(id.Kind, id.Name)), next)
}

// certsFiles are id's files, and what each is for.
func certsFiles(id certs.Identity, f certs.Files) [][2]string {
	files := [][2]string{{f.CA, "whom it trusts"}, {f.Cert, "who it is"}}
	if id.HasKey() {
		files = append(files, [2]string{f.Key, "secret: for its owner alone"})
	}
	return files
}

// reportCerts prints what was made, where it is, and what to do next.
func reportCerts(c *cobra.Command, what string, files [][2]string, next string) error {
	var b strings.Builder
	fmt.Fprintln(&b, what)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, f := range files {
		fmt.Fprintf(w, "  %s\t%s\n", f[0], f[1])
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if next != "" {
		fmt.Fprintf(&b, "next: thingpass certs %s%s\n", next, certsDirFlag(certsDir(c)))
	}
	_, err := io.WriteString(c.OutOrStdout(), b.String())
	return err
}

// certsDirFlag is how to name dir on the command line again.
func certsDirFlag(dir string) string {
	if dir == filepath.Clean(defaultCertsDir) {
		return ""
	}
	return " --dir " + quoteForShell(dir)
}

func quoteForShell(s string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-"
	if strings.Trim(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func certsUntil(t time.Time) string {
	return fmt.Sprintf("%s (%d days)", t.Format("2006-01-02"), int(time.Until(t).Round(time.Minute).Hours()/24))
}

func certsDir(c *cobra.Command) string {
	dir, _ := c.Flags().GetString("dir") // defined by certsCommand
	return filepath.Clean(dir)
}

func addDaysFlag(c *cobra.Command, days *int, normal int) {
	c.Flags().IntVar(days, "days", normal, "how long the certificate is valid")
}

// certsTakes words what is missing better than cobra's "accepts 1 arg(s)".
func certsTakes(n int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != n {
			return fmt.Errorf("%s takes %s, but was given %q", c.CommandPath(), what, args)
		}
		return nil
	}
}
