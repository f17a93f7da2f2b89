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
	var dir string
	c := &cobra.Command{
		Use:   "thing NAME",
		Short: "Make the certificate of a thing, and tell what to flash",
		Long: `Make the certificate of a thing, and tell what to flash.

The stack may run or not. A thing that has its certificate keeps it.`,
		Example: "  thingpass-dev thing cam1",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("thing: want one name, as in: thingpass-dev thing cam1")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return thing(c, dir, args[0]) },
	}
	c.Flags().StringVar(&dir, "dir", defaultDir, "folder of the stack")
	return c
}

func thing(c *cobra.Command, dir, name string) error {
	files, err := devstack.Thing(dir, name)
	switch {
	case errors.Is(err, fs.ErrExist):
		fmt.Fprintf(c.OutOrStdout(), "thing %s has its certificate already\n", name)
	case err != nil:
		return err
	default:
		fmt.Fprintf(c.OutOrStdout(), "thing %s\n", name)
	}
	server, root := devstack.LastMQTT(dir)
	printThing(c.OutOrStdout(), name, root, server, files)
	return nil
}
