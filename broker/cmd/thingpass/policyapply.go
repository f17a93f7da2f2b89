// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/iot"
	"github.com/spf13/cobra"

	"thingpass/policies/awsiot"
)

// awsAPI is AWS IoT's client, as the commands hand it on.
type awsAPI = *iot.Client

func policyApplyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "apply POLICY...",
		Short: "Bring policies to AWS IoT Core: versions, pruning, attachments",
		Long: `Bring policies to AWS IoT Core. What would change is shown first, and done after
a yes, or with --yes. With --plan, it is done only if it is what that file says,
which "plan --json" has written and somebody has looked at. A policy that was
changed meanwhile is left alone. What was done is not done twice: after a failure,
apply again.
` + planArguments,
		Example: `  thingpass policy apply thing broker --account 123456789012 --region eu-central-1 --attach thing=cameras
  thingpass policy apply thing=rendered/thing.json --plan reviewed.json --yes`,
		Args: cobra.MinimumNArgs(1),
	}
	planOf := addPlanFlags(c)
	yes := c.Flags().Bool("yes", false, "do not ask")
	reviewed := c.Flags().String("plan", "", "a `FILE` of `plan --json`: do this and nothing else")
	c.RunE = func(c *cobra.Command, args []string) error {
		api, plan, err := planOf(c, args)
		if err != nil {
			return err
		}
		if err := matches(plan, *reviewed); err != nil {
			return err
		}
		if err := printPlan(c.OutOrStdout(), plan, false); err != nil || plan.Idle() {
			return err
		}
		if !*yes && !confirmed(c) {
			return errors.New("nothing was done: answer yes, or give --yes")
		}
		return awsiot.Apply(c.Context(), api, plan, tellTo(c))
	}
	return c
}

// matches returns nil if the plan is the one in the file.
func matches(plan *awsiot.Plan, file string) error {
	if file == "" {
		return nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return unstartable(fmt.Errorf("--plan: %w", err))
	}
	var reviewed awsiot.Plan
	if err := json.Unmarshal(text, &reviewed); err != nil {
		return unstartable(fmt.Errorf("--plan %s: %w", file, err))
	}
	if reflect.DeepEqual(&reviewed, plan) {
		return nil
	}
	return fmt.Errorf("what would be done now is not what %s says: documents, or AWS, changed since; plan and review again", file)
}

func confirmed(c *cobra.Command) bool {
	fmt.Fprint(c.OutOrStdout(), "do it? ")
	line, _ := bufio.NewReader(c.InOrStdin()).ReadString('\n')
	return strings.TrimSpace(line) == "yes"
}

// tellTo prints a line for each step.
func tellTo(c *cobra.Command) func(string) {
	return func(line string) { fmt.Fprintln(c.OutOrStdout(), line) }
}
