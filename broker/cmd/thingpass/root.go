// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"thingpass/broker/cmd/thingpass/config"
)

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1 // it went wrong while running
	exitUsage   = 2 // it could not start like this: command line or configuration
)

// run is the whole program but for signals and the end of the process, so that
// tests can start it as it is.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := rootCommand()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return exitCode(root.ExecuteContext(ctx), stderr)
}

// exitCode reports err, unless that is done, and returns how to end with it.
func exitCode(err error, stderr io.Writer) int {
	if err == nil {
		return exitOK
	}
	if !errors.Is(err, errReported) {
		report(stderr, err)
	}
	var failed failure
	if errors.As(err, &failed) {
		return failed.code
	}
	return exitUsage // cobra's own errors are all about the command line
}

// failure is an error that carries the exit code.
type failure struct {
	error
	code int
}

func (f failure) Unwrap() error { return f.error }

func failed(err error) error      { return failure{err, exitFailure} }
func unstartable(err error) error { return failure{err, exitUsage} }

// errReported ends the program without another word: all has been said.
var errReported = errors.New("reported")

// report prints an error with the program's name before it, unless it is a list
// of lines that begin with file and line: editors and CI look for those.
func report(stderr io.Writer, err error) {
	var list config.Errors
	if errors.As(err, &list) {
		fmt.Fprintln(stderr, err)
		return
	}
	fmt.Fprintf(stderr, "thingpass: %v\n", err)
}

func rootCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "thingpass",
		Short: "Let things with a certificate put objects into a private S3 bucket",
		Long: `Let things with a certificate put objects into a private S3 bucket.

A thing asks over MQTT; the broker decides, signs, and answers with leave to
store that object and no other; the thing sends the bytes to S3 over HTTPS.`,
		Example: `  thingpass check --config broker.yaml    # is everything right?
  thingpass run --config broker.yaml      # answer things until SIGTERM
  thingpass certs init                    # a CA for development
  thingpass completion bash               # so that Tab completes commands and flags
  thingpass man | man -l -                # all of this as a manual`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	c.SetVersionTemplate("{{.Version}}\n")
	for _, group := range []*cobra.Command{certsCommand(), policyCommand(), consoleCommand(), manCommand()} {
		exitWithFailure(group)
		c.AddCommand(group)
	}
	c.AddCommand(runCommand(), checkCommand(), healthCommand(), explainCommand(), costCommand(), versionCommand())
	addOffers(c)
	return c
}

// exitWithFailure makes errors of the commands' work, other than of their
// command lines, end with exitFailure, unless an error carries its own code.
func exitWithFailure(c *cobra.Command) {
	for _, sub := range c.Commands() {
		exitWithFailure(sub)
	}
	work := c.RunE
	if work == nil || c.HasSubCommands() {
		return
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		err := work(c, args)
		if carries := (failure{}); err == nil || errors.As(err, &carries) {
			return err // which already says how to end
		}
		return failed(err)
	}
}

// addConfigFlag adds --config, for which the environment stands in.
func addConfigFlag(c *cobra.Command) *string {
	return c.Flags().StringP("config", "c", "", "configuration file (or "+config.FileVariable+")")
}

// configPath is the file of the flag, or of the environment, or none.
func configPath(flag string) string {
	if flag == "" {
		return os.Getenv(config.FileVariable)
	}
	return flag
}

// loadConfig reads the file of the flag, or of the environment, or none.
func loadConfig(flag string) (*config.Config, error) {
	path := configPath(flag)
	c, err := config.Load(path, os.Environ())
	if err != nil && path == "" {
		err = fmt.Errorf("there is no --config FILE, and the environment alone does not do:\n%w", err)
	}
	if err != nil {
		return nil, unstartable(err)
	}
	return c, nil
}
