// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"thingpass/broker/cmd/thingpass/terminal"
	"thingpass/policies/contract"
	"thingpass/policies/isolate"
	"thingpass/policies/registry"
	"thingpass/policies/templates"
)

// ownPolicies are what a thing has of ours: at AWS IoT, and of the role that it
// takes.
func ownPolicies() []string { return []string{"thing", "thing-credentials", "credentials-role"} }

func policyIsolateCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "isolate",
		Short: "Prove that no thing reaches another's topics, filters, client id or keys",
		Long: `Prove that no thing reaches another's topics, filters, client id or keys.

The proof is for every name at once, and for every topic; then names that look
alike (cam1, cam10, cam1-, CAM1 and so on) are tried against each other. What is a
thing's own is what our contract has below its name, or what --own says. Without
--policy and --registry, our own documents for things are looked at.

The exit code is 1 if something leaks; it is shown with an example, the statement
and what to write instead.`,
		Example: `  thingpass policy isolate
  thingpass policy isolate --policy thing.json --own 'devices/{thing}/#'
  thingpass policy isolate --registry registry.yaml --policy credentials-role`,
	}
	f := isolateFlags{values: addValueFlags(c)}
	flags := c.Flags()
	flags.StringArrayVar(&f.policies, "policy", nil, "a document that things have, or with --registry their role: a file, or one of ours (may be given often)")
	flags.StringVar(&f.registry, "registry", "", "prove it for all things of that `FILE`")
	flags.StringArrayVar(&f.own, "own", nil, "what is a thing's own: a `FILTER` with {thing} as a level (may be given often)")
	flags.StringArrayVar(&f.shared, "shared", nil, "a topic `FILTER` that all things may use (may be given often)")
	flags.StringVar(&f.thing, "thing", "", "the documents are one thing's, its `NAME` written out in them")
	flags.BoolVar(&f.json, "json", false, "print the proof as JSON")
	c.RunE = f.run
	return c
}

func (f *isolateFlags) run(c *cobra.Command, _ []string) error {
	bar := terminal.Start(c.ErrOrStderr(), "prove", 0)
	p, err := f.prove()
	bar.End()
	if err != nil {
		return err
	}
	if f.json {
		err = p.PrintJSON(c.OutOrStdout())
	} else {
		err = p.Print(c.OutOrStdout())
	}
	if err == nil && len(p.Leaks) > 0 {
		err = errReported
	}
	return err
}

type isolateFlags struct {
	json            bool
	values          func() (templates.Values, error)
	policies        []string
	registry, thing string
	own, shared     []string
}

func (f *isolateFlags) prove() (isolate.Proof, error) {
	v, err := f.values()
	if err != nil {
		return isolate.Proof{}, unstartable(err)
	}
	names := f.policies
	if len(names) == 0 && f.registry == "" {
		names = ownPolicies()
	}
	docs, err := policyDocuments(names, v)
	if err != nil {
		return isolate.Proof{}, err
	}
	if f.registry != "" {
		r, err := registry.Load(f.registry)
		if err != nil {
			return isolate.Proof{}, unstartable(err)
		}
		claim, err := f.claim(r.Values)
		if err != nil {
			return isolate.Proof{}, unstartable(err)
		}
		return isolate.Registry(claim, r, docs, bucketOf(v, docs)), nil
	}
	claim, err := f.claim(withExamples(v))
	if err != nil {
		return isolate.Proof{}, unstartable(err)
	}
	at, bucket := placeOf(v, docs), bucketOf(v, docs)
	if f.thing != "" {
		return isolate.Named(claim, f.thing, docs, at, bucket), nil
	}
	return isolate.Documents(claim, docs, at, bucket), nil
}

// claim is the contract's, unless it is given.
func (f *isolateFlags) claim(v templates.Values) (isolate.Claim, error) {
	ours, err := contract.Ours(v)
	if err != nil {
		return isolate.Claim{}, err
	}
	claim := isolate.Ours(ours)
	if len(f.own) > 0 {
		claim.Topics, claim.Shared = f.own, nil
	}
	claim.Shared = append(claim.Shared, f.shared...)
	return claim, claim.Check()
}
