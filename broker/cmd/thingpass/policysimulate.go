// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"

	"thingpass/policies/explain"
)

const operationsHelp = `Operations are
  connect              with --client-id, --persistent and --will
  publish TOPIC        retain TOPIC: publish with RETAIN
  subscribe FILTER     receive TOPIC: have a message delivered
  assume ALIAS         a role alias, at the credential provider
  s3:PutObject KEY     or any other action of IAM, with a key or an ARN`

func policySimulateCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "simulate OPERATION...",
		Short: "Say what a client may do, and which statement decides it",
		Long: `Say what a client may do, and which statement decides it, as AWS IoT decides.

` + operationsHelp + `

Who asks is a thing or certificate of a registry, or made up: --policy, --thing.
The exit code is 0 if all is allowed, 1 if anything is denied. --json is in the
shape of aws iot test-authorization.`,
		Example: `  thingpass policy simulate --policy thing --thing cam1 connect publish thingpass/cam1/upload-request
  thingpass policy simulate --policy thing --thing cam1 --client-id cam2 connect
  thingpass policy simulate --policy credentials-role --thing cam1 s3:PutObject cam1/a.jpg`,
	}
	f := addIdentityFlags(c)
	file := c.Flags().String("operations", "", "a `FILE` of operations, one a line; - is standard input")
	asJSON := c.Flags().Bool("json", false, "as aws iot test-authorization prints it")
	c.RunE = func(c *cobra.Command, args []string) error {
		ops, err := readOperations(args, *file, c.InOrStdin())
		if err != nil {
			return unstartable(err)
		}
		id, err := f.identity()
		if err != nil {
			return err
		}
		return simulate(c.OutOrStdout(), explain.New(id), ops, *asJSON)
	}
	return c
}

func simulate(to io.Writer, bench *explain.Bench, ops []explain.Operation, asJSON bool) error {
	answers := make([]explain.Answer, len(ops))
	for i, o := range ops {
		answers[i] = bench.Ask(o)
	}
	var err error
	if asJSON {
		err = bench.PrintJSON(to, answers)
	} else {
		err = explain.Print(to, answers)
	}
	return errors.Join(err, denied(answers...))
}

// denied ends the command with exitFailure if anything is.
func denied(answers ...explain.Answer) error {
	for _, a := range answers {
		if !a.Allowed() {
			return failed(errReported)
		}
	}
	return nil
}

func readOperations(args []string, file string, stdin io.Reader) ([]explain.Operation, error) {
	ops, err := explain.Parse(args)
	if err != nil {
		return nil, err
	}
	if file != "" {
		in := stdin
		if file != "-" {
			f, err := os.Open(file)
			if err != nil {
				return nil, err
			}
			defer func() { _ = f.Close() }()
			in = f
		}
		more, err := explain.ReadAll(file, in)
		if err != nil {
			return nil, err
		}
		ops = append(ops, more...)
	}
	if len(ops) == 0 {
		return nil, errors.New("what does it ask for? give operations, such as: connect publish thingpass/cam1/upload-request")
	}
	return ops, nil
}

func policyExplainCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "explain OPERATION",
		Short: "Say why something is denied, and what would have to change",
		Long: `Say why one operation is allowed or denied: what each statement made of it, which
variable did not resolve and for what reason, and the least that would have to
change. Suggestions have been tried, and open no more than what was asked for.

` + operationsHelp + `

The exit code is 0 if it is allowed, 1 if it is denied.`,
		Example: `  thingpass policy explain --policy thing --thing cam1 --client-id esp32 publish thingpass/cam1/upload-request
  thingpass policy explain --policy thing --thing cam1 subscribe 'thingpass/cam1/#'`,
	}
	f := addIdentityFlags(c)
	asJSON := c.Flags().Bool("json", false, "as aws iot test-authorization prints it, with what would have to change")
	c.RunE = func(c *cobra.Command, args []string) error {
		ops, err := readOperations(args, "", nil)
		if err == nil && len(ops) != 1 {
			err = errors.New("policy explain takes one operation; policy simulate takes many")
		}
		if err != nil {
			return unstartable(err)
		}
		id, err := f.identity()
		if err != nil {
			return err
		}
		bench := explain.New(id)
		a := bench.Ask(ops[0])
		if *asJSON {
			err = bench.PrintJSON(c.OutOrStdout(), []explain.Answer{a})
		} else {
			err = bench.PrintLong(c.OutOrStdout(), a)
		}
		return errors.Join(err, denied(a))
	}
	return c
}
