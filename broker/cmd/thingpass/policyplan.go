// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"thingpass/broker/cmd/thingpass/terminal"
	"thingpass/policies/awsiot"
)

const planArguments = `
POLICY is the name of one of our documents, which are rendered with the value
flags; NAME=FILE is any document under that name at AWS; FILE.json takes its name
from the file. --prefix goes before each name at AWS.`

func policyPlanCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "plan POLICY...",
		Short: "Show what `apply` would change at AWS IoT Core, and change nothing",
		Long: `Show what apply would change at AWS IoT Core, and change nothing.

For each policy: whether it is created, gets a new version, or goes back to an
older one that says the same; which version is deleted where there are five
already, never the default; how much of AWS's 2,048 characters it takes; to which
thing groups it is attached. Exit code 0: nothing to do, or all shown; with
--fail-on-change, 1 if there is something to do.
` + planArguments,
		Example: `  thingpass policy plan thing broker --account 123456789012 --region eu-central-1 --attach thing=cameras
  thingpass policy plan thing=rendered/thing.json --json`,
		Args: cobra.MinimumNArgs(1),
	}
	planOf := addPlanFlags(c)
	asJSON := c.Flags().Bool("json", false, "print the plan as JSON")
	fail := c.Flags().Bool("fail-on-change", false, "exit with 1 if there is something to do, for a job that watches")
	c.RunE = func(c *cobra.Command, args []string) error {
		_, plan, err := planOf(c, args)
		if err != nil {
			return err
		}
		if err := printPlan(c.OutOrStdout(), plan, *asJSON); err != nil {
			return err
		}
		if *fail && !plan.Idle() {
			return errReported
		}
		return nil
	}
	return c
}

// addPlanFlags returns what makes the plan.
func addPlanFlags(c *cobra.Command) func(*cobra.Command, []string) (awsAPI, *awsiot.Plan, error) {
	read, open := addValueFlags(c), addAWSFlags(c)
	attach := c.Flags().StringArray("attach", nil, "attach `POLICY=GROUP`, a thing group; may be repeated")
	prefix := c.Flags().String("prefix", "thingpass-", "what the names at AWS begin with")
	return func(c *cobra.Command, args []string) (awsAPI, *awsiot.Plan, error) {
		values, err := read()
		if err != nil {
			return nil, nil, unstartable(err)
		}
		wanted, err := wantedPolicies(args, *attach, values, *prefix)
		if err != nil {
			return nil, nil, err
		}
		api, err := open(c)
		if err != nil {
			return nil, nil, err
		}
		bar := terminal.Start(c.ErrOrStderr(), "ask AWS", 0)
		plan, err := awsiot.MakePlan(c.Context(), api, wanted)
		bar.End()
		return api, plan, err
	}
}

func printPlan(w io.Writer, plan *awsiot.Plan, asJSON bool) error {
	if asJSON {
		return writeJSON(w, plan)
	}
	var b strings.Builder
	for i := range plan.Steps {
		s := &plan.Steps[i]
		fmt.Fprintf(&b, "%-8s %s  %s\n", s.Action, s.Policy, meter(s.Size))
		switch s.Action {
		case awsiot.Update:
			fmt.Fprintf(&b, "         version %s is the default until then\n", s.Default)
		case awsiot.Restore:
			fmt.Fprintf(&b, "         version %s says just this: it becomes the default in the place of %s\n", s.Restored, s.Default)
		}
		if s.Prune != "" {
			fmt.Fprintf(&b, "         version %s is deleted: AWS keeps %d, it is the oldest but the default\n", s.Prune, awsiot.MaxVersions)
		}
		for _, group := range s.Attach {
			fmt.Fprintf(&b, "         attached to thing group %s\n", group)
		}
	}
	if plan.Idle() {
		b.WriteString("nothing to do: AWS has all of this\n")
	} else {
		fmt.Fprintf(&b, "a change is in force %.0f minutes later at the latest, says AWS; connections that are open feel it, too\n", awsiot.Propagation.Minutes())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// meter shows how full a policy is.
func meter(size int) string {
	const width = 20
	full := (size*width + awsiot.MaxSize - 1) / awsiot.MaxSize
	return fmt.Sprintf("[%s%s] %d of %d characters", strings.Repeat("#", full), strings.Repeat(".", width-full), size, awsiot.MaxSize)
}
