// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"

	"github.com/spf13/cobra"

	"thingpass/broker/console/access"
	"thingpass/broker/cost"
	"thingpass/certs"
	"thingpass/policies/cloudformation"
	"thingpass/policies/lint"
	"thingpass/policies/templates"
)

// offers are what shells offer for a flag of a command, by both names.
func offers() map[string]cobra.CompletionFunc {
	kinds := choose(string(certs.Thing), string(certs.Service), string(certs.Server))
	return map[string]cobra.CompletionFunc{
		"certs bundle --format":      choose("nvs-csv", "pem", "der", "header"),
		"certs check --kind":         kinds,
		"certs revoke --reason":      choose(reasonNames()...),
		"console user add --role":    choose(string(access.Viewer), string(access.Operator)),
		"cost --mode":                chooseSome(costModeNames),
		"cost --region":              priceRegions,
		"cost --verify":              choose(string(cost.VerifyReport), string(cost.VerifyEvents), string(cost.VerifyNone)),
		"policy cloudformation --on": choose(string(cloudformation.ECS), string(cloudformation.EC2)),
		"policy cloudformation --with": chooseSome(func() []string {
			names := []string{"all"}
			for _, p := range cloudformation.Parts() {
				names = append(names, p.Name)
			}
			return names
		}),
		"policy diff --fail-on":     choose("widening", "narrowing", "any"),
		"policy explain --policy":   documentsOrFiles,
		"policy isolate --policy":   documentsOrFiles,
		"policy lint --explain":     lintRules,
		"policy lint --fail-on":     choose(lint.Error.String(), lint.Warning.String(), lint.Info.String()),
		"policy mosquitto --things": documentsOrFiles,
		"policy simulate --policy":  documentsOrFiles,
		"policy whynot --policy":    documentsOrFiles,
	}
}

// argumentOffers are the same for commands' arguments. Others take files.
func argumentOffers() map[string]cobra.CompletionFunc {
	return map[string]cobra.CompletionFunc{
		"policy apply": documentsOrFiles, "policy diff": documentsOrFiles, "policy lint": documentsOrFiles,
		"policy plan": documentsOrFiles, "policy render": ourDocuments,
	}
}

// addOffers tells cobra of all that shells can offer. A command that takes no
// arguments offers no files for them, either.
func addOffers(root *cobra.Command) {
	flags, arguments := offers(), argumentOffers()
	everyCommand(root, func(c *cobra.Command) {
		name := strings.TrimPrefix(c.CommandPath(), root.Name()+" ")
		for key, offer := range flags {
			if flag, found := strings.CutPrefix(key, name+" --"); found {
				_ = c.RegisterFlagCompletionFunc(flag, offer) // a test says which is not there
			}
		}
		for _, flag := range []string{"config", "values", "broker-config", "registry", "prices", "contract"} {
			if c.Flags().Lookup(flag) != nil {
				_ = c.MarkFlagFilename(flag, "yaml", "yml") // it is there
			}
		}
		c.ValidArgsFunction = arguments[name]
		if c.ValidArgsFunction == nil && c.Args != nil && c.Args(c, []string{"x"}) != nil && c.Args(c, nil) == nil {
			c.ValidArgsFunction = cobra.NoFileCompletions
		}
	})
}

// choose offers these values, and no files.
func choose(values ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
}

// chooseSome offers values that are written with commas between them.
func chooseSome(values func() []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, begun string) (out []cobra.Completion, _ cobra.ShellCompDirective) {
		before := begun[:strings.LastIndexByte(begun, ',')+1]
		for _, v := range values() {
			out = append(out, before+v)
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}

// priceRegions are those that the price list of --prices has, or ours.
func priceRegions(c *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	file, _ := c.Flags().GetString("prices") // it is defined where --region is
	list, err := readPrices(file)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return list.RegionNames(), cobra.ShellCompDirectiveNoFileComp
}

func lintRules(*cobra.Command, []string, string) (out []cobra.Completion, _ cobra.ShellCompDirective) {
	for _, r := range lint.Rules() {
		out = append(out, cobra.CompletionWithDesc(r.ID, r.Title))
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// ourDocuments are all of them, with what each is.
func ourDocuments(*cobra.Command, []string, string) (out []cobra.Completion, _ cobra.ShellCompDirective) {
	for _, name := range templates.Names() {
		if d, err := templates.Find(name); err == nil {
			out = append(out, cobra.CompletionWithDesc(name, string(d.Kind)+": "+d.For))
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

func documentsOrFiles(c *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	names, _ := ourDocuments(c, args, begun)
	return names, cobra.ShellCompDirectiveDefault
}
