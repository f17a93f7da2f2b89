// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"thingpass/broker"
	"thingpass/broker/cmd/thingpass/config"
	"thingpass/broker/cmd/thingpass/terminal"
	"thingpass/policies"
	"thingpass/policies/contract"
	"thingpass/policies/lint"
	"thingpass/policies/registry"
	"thingpass/policies/templates"
)

func policyLintCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "lint [FILE...]",
		Short: "Find what is wrong with policies, each with a reason and a fix",
		Long: `Find what is wrong with policies: 44 rules on AWS IoT, IAM and S3 documents, each
with its place, a reason and a fix. FILE is a document, a folder with documents, or
the name of one of ours; without any, all of ours are judged.

What is meant to be so is ignored with a reason: in .policylint.yaml in the
document's folder, in thing.lint.yaml beside thing.json, or with --ignore. An ignore
that has no effect is itself a finding.

The exit code is 0 if nothing is as bad as --fail-on says, else 1.`,
		Example: `  thingpass policy lint
  thingpass policy lint thing.json --broker-config broker.yaml --registry registry.yaml
  thingpass policy lint policies/ --format sarif --fail-on warning
  thingpass policy lint broker.json --ignore 'IOT008@Join=the brokers send these very filters'
  thingpass policy lint --rules
  thingpass policy lint --explain IOT013`,
	}
	f := addLintFlags(c)
	c.RunE = f.run
	return c
}

func (f *lintFlags) run(c *cobra.Command, args []string) error {
	switch {
	case f.rules && f.format == formatJSON:
		return lint.PrintRulesJSON(c.OutOrStdout())
	case f.rules:
		return lint.PrintRules(c.OutOrStdout())
	case f.explain != "":
		rule, err := lint.FindRule(f.explain)
		if err != nil {
			return unstartable(fmt.Errorf("--explain: %w", err))
		}
		return rule.Explain(c.OutOrStdout())
	}
	report, err := f.lint(args)
	if err != nil {
		return unstartable(err)
	}
	if err := f.print(c.OutOrStdout(), report); err != nil {
		return err
	}
	if report.Worst() >= f.threshold {
		return failed(errReported)
	}
	return nil
}

// lintFlags are what the command was given.
type lintFlags struct {
	values func() (templates.Values, error)

	as, format, failOn string
	registry, contract string
	ignores            []string
	rules              bool
	explain            string

	threshold lint.Severity
	command   *cobra.Command
}

func addLintFlags(c *cobra.Command) *lintFlags {
	f, flags := &lintFlags{values: addValueFlags(c), command: c}, c.Flags()
	flags.StringVar(&f.as, "as", "", "what the files are, if not what they look like: thing, broker, claim, role, credentials, session, trust, bucket, cors, lifecycle …")
	addFormatFlag(c, &f.format, "text", formatJSON, "sarif")
	flags.StringVar(&f.failOn, "fail-on", "error", "the least severity that ends with exit code 1: error, warning or info")
	flags.StringArrayVar(&f.ignores, "ignore", nil, "ignore a rule, `RULE@SID=REASON` or RULE=REASON (may be given often)")
	flags.StringVar(&f.registry, "registry", "", "the registry `FILE`: attributes that policies name must exist")
	flags.StringVar(&f.contract, "contract", "", "a contract `FILE` of topics (default: ours)")
	flags.BoolVar(&f.rules, "rules", false, "show all rules")
	flags.StringVar(&f.explain, "explain", "", "show a `RULE` with a bad and a good example")
	return f
}

func (f *lintFlags) print(w io.Writer, report *lint.Report) error {
	switch f.format {
	case formatJSON:
		return report.JSON(w)
	case "sarif":
		return report.SARIF(w, "")
	}
	return report.PaintedText(w, func(s lint.Severity, word string) string {
		return terminal.Paint(w, severityColours[s], word)
	})
}

var severityColours = map[lint.Severity]terminal.Colour{lint.Error: terminal.Bad, lint.Warning: terminal.Warn}

// lint reads everything that is named, and judges it.
func (f *lintFlags) lint(args []string) (*lint.Report, error) {
	var err error
	if f.threshold, err = lint.ParseSeverity(f.failOn); err != nil {
		return nil, fmt.Errorf("--fail-on: %w", err)
	}
	values, err := f.values()
	if err != nil {
		return nil, err
	}
	opt := lint.Options{Now: time.Now()}
	if opt.Place, err = f.place(); err != nil {
		return nil, err
	}
	values = withExamples(values)
	if err := f.readBeside(&opt, values); err != nil {
		return nil, err
	}
	if len(args) == 0 {
		args = lint.Ours(values)
	}
	found := lint.Collect(args, values)
	if f.as != "" {
		kind, err := lint.ParseKind(f.as)
		if err != nil {
			return nil, fmt.Errorf("--as: %w", err)
		}
		for i := range found.Inputs {
			found.Inputs[i].Kind = kind
		}
	}
	opt.Ignores = append(opt.Ignores, found.Ignores...)
	opt.Problems = found.Problems
	return lint.Run(found.Inputs, opt), nil
}

// place is what ARNs are compared with: what was said of the account, not
// examples, nor where S3 is.
func (f *lintFlags) place() (policies.Place, error) {
	v, err := readValues(f.flag("values"))
	if err == nil {
		err = setFlagged(&v, f.command)
	}
	at := policies.Place{Region: v.Region, Account: v.Account}
	if v.Region != "" || v.Partition != "" {
		at.Partition = v.Get("partition")
	}
	return at, err
}

func (f *lintFlags) flag(name string) string { return f.command.Flags().Lookup(name).Value.String() }

// readBeside reads contract, configuration, registry and ignores.
func (f *lintFlags) readBeside(opt *lint.Options, values templates.Values) (err error) {
	opt.Root = values.Get("root")
	if f.contract == "" {
		opt.Contract, err = contract.Ours(values)
	} else {
		var text []byte
		if text, err = os.ReadFile(f.contract); err == nil {
			opt.Contract, err = contract.Parse(f.contract, text, values)
		}
	}
	if err != nil {
		return fmt.Errorf("--contract: %w", err)
	}
	if file := f.flag("broker-config"); file != "" {
		c, err := config.Load(file, os.Environ())
		if err != nil {
			return err
		}
		opt.Keys = keysOf(file, c)
	}
	if f.registry != "" {
		if opt.Registry, err = registry.Load(f.registry); err != nil {
			return err
		}
	}
	for _, s := range f.ignores {
		g, err := lint.ParseIgnore(s)
		if err != nil {
			return err
		}
		opt.Ignores = append(opt.Ignores, g)
	}
	return nil
}

func keysOf(file string, c *config.Config) *lint.Keys {
	keys := &lint.Keys{Source: file, Bucket: c.S3.Bucket}
	for name, k := range c.Kinds {
		get := slices.Contains(k.Modes, broker.ModeGet)
		put := slices.ContainsFunc(k.Modes, func(m string) bool { return m != broker.ModeGet })
		keys.Kinds = append(keys.Kinds, lint.KeyKind{Name: name, Layout: cmp.Or(k.Key, broker.DefaultKeyLayout), Object: k.Object, Get: get, Put: put})
	}
	slices.SortFunc(keys.Kinds, func(a, b lint.KeyKind) int { return cmp.Compare(a.Name, b.Name) })
	return keys
}
