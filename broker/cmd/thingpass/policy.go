// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// policyCommand is `thingpass policy`: what things, services and roles may do.
func policyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "policy",
		Short: "Render, check, try and deploy the policies that all trust rests on",
		Long: `Render, check, try and deploy the policies that all trust rests on.

The same AWS IoT policy documents are attached at AWS, compiled for Mosquitto,
and enforced by the dev stack. A document is a file, or the name of one of ours.`,
		Example: `  thingpass policy render --list
  thingpass policy lint
  thingpass policy explain --policy thing --thing cam1 subscribe 'thingpass/cam1/#'
  thingpass policy plan thing broker --account 123456789012 --region eu-central-1`,
		RunE: unknownPolicyCommand,

		SuggestionsMinimumDistance: 2,
	}
	for _, command := range policyCommands() {
		c.AddCommand(command)
	}
	for _, sub := range append(c.Commands(), c) {
		sub.SilenceUsage = true // an error is one line that says what to do
	}
	return c
}

// policyCommands are the commands below `thingpass policy`, one line each.
func policyCommands() []*cobra.Command {
	return []*cobra.Command{
		policyRenderCommand(),
		policyCloudFormationCommand(),
		policyLintCommand(),
		policySimulateCommand(),
		policyExplainCommand(),
		policyTestCommand(),
		policyDiffCommand(),
		policyIsolateCommand(),
		policyWhynotCommand(),
		policyPlanCommand(),
		policyApplyCommand(),
		policyVerifyCommand(),
		policyMosquittoCommand(),
	}
}

// unknownPolicyCommand runs when no subcommand does, see unknownCertsCommand.
func unknownPolicyCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return c.Help()
	}
	names := make([]string, 0, len(c.Commands()))
	for _, sub := range c.Commands() {
		names = append(names, sub.Name())
	}
	hint := strings.Join(names, ", ")
	if s := c.SuggestionsFor(args[0]); len(s) > 0 {
		hint = strings.Join(s, " or ")
	}
	return fmt.Errorf("unknown command %q for %s: use %s", args[0], c.CommandPath(), hint)
}
