// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"thingpass/broker/devstack"
)

func thingCommand() *cobra.Command {
	var f thingFlags
	c := &cobra.Command{
		Use:   "thing NAME",
		Short: "Make the certificate of a thing, and tell what to flash",
		Long: `Make the certificate of a thing, and tell what to flash.

The stack may run or not. A thing that has its certificate keeps it. Where there is
a registry file, the thing and its certificate are entered there, and a stack that
runs reads it again by itself.`,
		Example: "  thingpass-dev thing cam1\n  thingpass-dev thing cam1 --group cameras",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("thing: want one name, as in: thingpass-dev thing cam1")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return thing(c, &f, args[0]) },
	}
	c.Flags().StringVar(&f.dir, "dir", defaultDir, "folder of the stack")
	c.Flags().StringVar(&f.registry, "registry", "", "registry file (default: registry.yaml in the folder, if there is one)")
	c.Flags().StringArrayVar(&f.groups, "group", nil, "thing group of the registry, may be given several times (default: those of jitp, or the only one)")
	return c
}

type thingFlags struct {
	dir, registry string
	groups        []string
}

func thing(c *cobra.Command, f *thingFlags, name string) error {
	files, err := devstack.Thing(f.dir, name)
	switch {
	case errors.Is(err, fs.ErrExist):
		fmt.Fprintf(c.OutOrStdout(), "thing %s has its certificate already\n", name)
	case err != nil:
		return err
	default:
		fmt.Fprintf(c.OutOrStdout(), "thing %s\n", name)
	}
	registry, err := devstack.RegisterThing(f.dir, f.registry, name, f.groups)
	if err != nil {
		return fmt.Errorf("the certificate is made, but the registry does not have it: %w", err)
	}
	if registry != "" {
		fmt.Fprintf(c.OutOrStdout(), "  %-12s %s\n", "registry", registry)
	}
	server, root := devstack.LastMQTT(f.dir)
	printThing(c.OutOrStdout(), name, root, server, files)
	return nil
}
