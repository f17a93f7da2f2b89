// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"thingpass/broker/devstack"
)

func registryCommand() *cobra.Command {
	var root string
	c := &cobra.Command{
		Use:   "registry",
		Short: "Print the registry that the stack uses without a file",
		Long: `Print the registry that the stack uses without a file.

It is a beginning for one's own: who is who, and which policies are attached to whom.
See "The registry file" in policies/README.md.`,
		Example: `  thingpass-dev registry > dev/registry.yaml`,
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			text, err := devstack.DefaultRegistry(root)
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(c.OutOrStdout(), text)
			return err
		},
	}
	c.Flags().StringVar(&root, "root", devstack.DefaultRoot, "first level of all topics")
	return c
}
