// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"thingpass/policies/cloudformation"
)

// policyCloudFormationCommand is `thingpass policy cloudformation`.
func policyCloudFormationCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "cloudformation",
		Short: "Print a CloudFormation template of the bucket, policies, roles and alarms",
		Long: `Print a CloudFormation template of the bucket, the policies of AWS IoT and the
roles, with the documents that render makes. Account, region and partition are
those that the stack is created in. The bucket stays when the stack is deleted.

With --origin the bucket answers that web page, with --expire-keys objects expire.
--with adds, separated by commas:

` + partList() + `
The stack has parameters: KeepVersions, and with alarms AlarmTopic (an SNS topic)
and LambdaFunction.`,
		Example: `  thingpass policy cloudformation --bucket my-photos > thingpass.json
  thingpass policy cloudformation --values values.yaml --with events,alarms --on ec2 > thingpass.json
  aws cloudformation deploy --stack-name thingpass --template-file thingpass.json --capabilities CAPABILITY_NAMED_IAM`,
		Args: cobra.NoArgs,
	}
	read := addValueFlags(c)
	with := c.Flags().StringSlice("with", nil, "`PARTS` to add, or all")
	on := c.Flags().String("on", string(cloudformation.ECS), "where the broker runs: ecs or ec2")
	prefix := c.Flags().String("prefix", "thingpass-", "what the names of AWS IoT's policies begin with")
	c.RunE = func(c *cobra.Command, _ []string) error {
		values, err := read()
		if err != nil {
			return unstartable(err)
		}
		if len(*with) == 1 && (*with)[0] == "all" {
			*with = nil
			for _, p := range cloudformation.Parts() {
				*with = append(*with, p.Name)
			}
		}
		text, err := cloudformation.Template(values, cloudformation.Options{Prefix: *prefix, Parts: *with, On: cloudformation.Place(*on)})
		if err != nil {
			return unstartable(fmt.Errorf("policy cloudformation: %w", err))
		}
		_, err = c.OutOrStdout().Write(text)
		return err
	}
	return c
}

func partList() string {
	var list strings.Builder
	for _, p := range cloudformation.Parts() {
		fmt.Fprintf(&list, "  %-12s %s\n", p.Name, p.For)
	}
	return list.String()
}
