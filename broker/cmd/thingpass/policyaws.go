// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/iot"
	"github.com/spf13/cobra"

	"thingpass/policies/awsiot"
	"thingpass/policies/templates"
)

// addAWSFlags adds what says where AWS IoT is. The value flags, where a command
// has them, have a region already.
func addAWSFlags(c *cobra.Command) (open func(*cobra.Command) (*iot.Client, error)) {
	if c.Flags().Lookup("region") == nil {
		c.Flags().String("region", "", "the AWS region; without it, AWS_REGION or the profile says so")
	}
	endpoint := c.Flags().String("endpoint-url", "", "another `URL` of AWS IoT's API, such as that of a VPC endpoint")
	return func(c *cobra.Command) (*iot.Client, error) {
		region, _ := c.Flags().GetString("region")
		return awsiot.Open(c.Context(), awsiot.Options{Region: region, Endpoint: *endpoint})
	}
}

// wantedPolicies reads arguments such as "thing", "thing=rendered/thing.json" and
// "rendered/thing.json", and what is to be attached where.
func wantedPolicies(args, attach []string, values templates.Values, prefix string) ([]awsiot.Wanted, error) {
	var out []awsiot.Wanted
	at := map[string]int{}
	for _, arg := range args {
		name, source, named := strings.Cut(arg, "=")
		if !named {
			source = arg
		}
		own, text, err := readDocument(source, values)
		if err != nil {
			return nil, unstartable(err)
		}
		if !named {
			name = own
		}
		if _, twice := at[name]; twice {
			return nil, unstartable(fmt.Errorf("policy %q is given twice", name))
		}
		at[name] = len(out)
		out = append(out, awsiot.Wanted{Name: prefix + name, Document: text})
	}
	for _, a := range attach {
		name, group, found := strings.Cut(a, "=")
		i, known := at[name]
		if !found || !known || group == "" {
			return nil, unstartable(fmt.Errorf("--attach %q: write POLICY=GROUP, with a policy that is given here", a))
		}
		out[i].Groups = append(out[i].Groups, group)
	}
	return out, nil
}
