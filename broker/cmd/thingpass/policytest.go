// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"thingpass/policies/unittest"
)

func policyTestCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "test FILE|DIR...",
		Short: "Run unit tests of policies, written in YAML",
		Long: `Run unit tests of policies, written in YAML: who does what, and what AWS IoT would
say. A case that fails prints why it was decided so.

  policies:
    thing: {builtin: thing}            # one of ours, or {file: thing.json}
  things:
    cam1: {type: camera, attributes: {site: north}}
  identities:
    cam1: {thing: cam1, policies: [thing]}
    stray: {clientId: cam1, policies: [thing]}
  cases:
    - {as: cam1, do: publish thingpass/cam1/upload-request, expect: allow, by: Ask}
    - {as: stray, do: connect, expect: deny, why: a certificate of no thing}

The exit code is 0 if all pass, 1 if not, 2 if a file is wrong. A folder stands
for its *.yaml.`,
		Example: `  thingpass policy test policies/tests
  thingpass policy test --coverage --require-coverage policies/tests
  thingpass policy test --junit report.xml policies/tests/thing.yaml`,
	}
	var o testOptions
	flags := c.Flags()
	flags.BoolVar(&o.json, "json", false, "print all cases as JSON")
	flags.StringVar(&o.junit, "junit", "", "also write a report for CI systems to `FILE`")
	flags.BoolVar(&o.coverage, "coverage", false, "list the statements that no case is decided by")
	flags.BoolVar(&o.require, "require-coverage", false, "exit with 1 if there are such statements")
	c.RunE = o.run
	return c
}

type testOptions struct {
	json, coverage, require bool
	junit                   string
}

func (o *testOptions) run(c *cobra.Command, args []string) error {
	suites, err := loadSuites(args)
	if err != nil {
		return unstartable(err)
	}
	r := unittest.Run(suites)
	if o.json {
		err = r.PrintJSON(c.OutOrStdout())
	} else {
		err = r.Print(c.OutOrStdout())
	}
	if err == nil && (o.coverage || o.require) && !o.json {
		err = r.PrintCoverage(c.OutOrStdout())
	}
	if err == nil && o.junit != "" {
		err = writeJUnit(o.junit, r)
	}
	if err == nil && (r.Failed() > 0 || o.require && len(r.Coverage.Undecided) > 0) {
		err = errReported
	}
	return err
}

// loadSuites reads everything before anything is run.
func loadSuites(paths []string) ([]*unittest.Suite, error) {
	if len(paths) == 0 {
		return nil, errors.New("policy test: which tests? give a FILE or a DIR, such as policies/tests")
	}
	var suites []*unittest.Suite
	var problems []error
	for _, path := range paths {
		files, err := unittest.Files(path)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			s, err := unittest.Load(filepath.Clean(file))
			if err != nil {
				problems = append(problems, err)
				continue
			}
			suites = append(suites, s)
		}
	}
	return suites, errors.Join(problems...)
}

func writeJUnit(file string, r unittest.Report) error {
	var out strings.Builder
	if err := r.PrintJUnit(&out); err != nil {
		return err
	}
	if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
		return fmt.Errorf("--junit: %w", err)
	}
	return nil
}
