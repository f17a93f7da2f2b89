// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"thingpass/policies/registry"
	"thingpass/policies/templates"
	"thingpass/policies/whynot"
)

func policyWhynotCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "whynot [FILE...]",
		Short: "Say why a server refused a client, from a line of its log",
		Long: `Say why a server refused a client, from its log: AWS IoT's entries in CloudWatch
Logs, as the console shows them and as aws logs prints them, lifecycle events of
$aws/events/presence, lines of the dev stack and of the Mosquitto plugin. Without
FILE, standard input.

Who the client is says the registry, by the certificate that the log names.
Without --registry, --policy is what every client has, taken for the thing that
its client id names. The exit code is 1 if something was refused.`,
		Example: `  aws logs tail AWSIotLogsV2 --since 10m | thingpass policy whynot --registry registry.yaml
  thingpass policy whynot --policy thing refused.json`,
	}
	o := whynotOptions{values: addValueFlags(c)}
	c.Flags().StringVar(&o.registry, "registry", "", "the registry `FILE` that knows things, certificates and their policies")
	c.Flags().StringArrayVar(&o.policies, "policy", nil, "without a registry: a document that every client has (may be given often)")
	c.Flags().BoolVar(&o.json, "json", false, "print the answers as JSON")
	c.RunE = o.run
	return c
}

type whynotOptions struct {
	values   func() (templates.Values, error)
	registry string
	policies []string
	json     bool
}

func (o *whynotOptions) run(c *cobra.Command, args []string) error {
	v, err := o.values()
	if err != nil {
		return unstartable(err)
	}
	find, err := whynotFinder(o.registry, o.policies, v)
	if err != nil {
		return err
	}
	l, err := readLogs(args, c.InOrStdin())
	if err != nil {
		return unstartable(err)
	}
	answers := whynot.Explain(whynot.Join(l.Events), find)
	if o.json {
		err = whynot.PrintJSON(c.OutOrStdout(), answers)
	} else {
		err = whynot.Print(c.OutOrStdout(), l, answers)
	}
	if err == nil && len(answers) > 0 {
		err = errReported
	}
	return err
}

func whynotFinder(file string, names []string, v templates.Values) (whynot.Finder, error) {
	switch {
	case file != "" && len(names) > 0:
		return nil, unstartable(errors.New("--registry and --policy exclude each other: the registry says which policies are attached"))
	case file != "":
		r, err := registry.Load(file)
		if err != nil {
			return nil, unstartable(err)
		}
		return whynot.InRegistry(r, file), nil
	case len(names) == 0:
		return nil, unstartable(errors.New("whose policies? give --registry FILE, or --policy NAME (a file, or one of ours such as thing)"))
	}
	docs, err := policyDocuments(names, v)
	if err != nil {
		return nil, err
	}
	return whynot.Assumed(docs, placeOf(v, docs)), nil
}

// readLogs reads files one after the other, or standard input.
func readLogs(files []string, stdin io.Reader) (whynot.Log, error) {
	readers := []io.Reader{stdin}
	if len(files) > 0 {
		readers = nil
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return whynot.Log{}, err
		}
		defer func() { _ = f.Close() }()
		readers = append(readers, f)
	}
	var all whynot.Log
	for _, r := range readers {
		l, err := whynot.Read(r)
		if err != nil {
			return whynot.Log{}, err
		}
		all.Events = append(all.Events, l.Events...)
		all.Entries += l.Entries
		all.Ignored += l.Ignored
	}
	if all.Entries == 0 {
		return whynot.Log{}, fmt.Errorf("there is no log entry in %d lines: want JSON with an eventType (CloudWatch Logs, lifecycle events), or lines with msg=\"mqtt refused\" or \"thingpass refused\"", all.Ignored)
	}
	return all, nil
}
