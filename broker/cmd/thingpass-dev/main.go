// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Command thingpass-dev is an MQTT server and an S3 for development: the dev
// stack (package devstack) as a program. It is a program of its own so that
// thingpass, the product, links neither of them.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C does not wait
	os.Exit(execute(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// execute runs a command line and returns the exit code.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c := rootCommand()
	c.SetArgs(args)
	c.SetOut(stdout)
	c.SetErr(stderr)
	if err := c.ExecuteContext(ctx); err != nil {
		fmt.Fprintf(stderr, "thingpass-dev: %v\n", err)
		return 1
	}
	return 0
}

func rootCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "thingpass-dev",
		Short: "An MQTT server and an S3 for development, in one folder",
		Long: `An MQTT server and an S3 for development, in one folder.

The MQTT server speaks mutual TLS and lets a thing reach its own topics only. The
S3 verifies what Amazon's verifies, and keeps objects as plain files. Neither is
for production.`,
		Example: `  thingpass-dev run
  thingpass-dev demo --dir demo`,
		SilenceUsage:  true, // an error is one line that says what to do
		SilenceErrors: true,
	}
	run := runCommand()
	offerValues(run)
	c.AddCommand(run, thingCommand(), registryCommand(), demoCommand())
	return c
}
