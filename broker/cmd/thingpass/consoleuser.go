// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"thingpass/broker/console/access"
)

// consoleCommand is `thingpass console`: what the console needs besides its
// configuration.
func consoleCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "console",
		Short: "Look after the console: who may sign in",
		Example: `  thingpass console user add otto --role operator --users users --generate
  thingpass console user list --users users`,
		RunE: unknownCertsCommand, // which words any command's
	}
	c.AddCommand(consoleUserCommand())
	return c
}

func consoleUserCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "user",
		Short: "Add, list and remove who may sign in with a password",
		Long: `Add, list and remove who may sign in to the console with a password. The file has
one line per user, with a hash (argon2id) and never the password. A running console
sees a change within a second; who is removed or changed is signed out.`,
		Example: `  thingpass console user add otto --role operator --users users --generate
  thingpass console user list --users users
  thingpass console user remove otto --users users`,
		RunE: unknownCertsCommand,
	}
	c.PersistentFlags().String("users", "", "the password file, console.users of the configuration")
	c.AddCommand(consoleUserAddCommand(), consoleUserListCommand(), consoleUserRemoveCommand())
	return c
}

func consoleUserAddCommand() *cobra.Command {
	var role string
	var generate, replace bool
	c := &cobra.Command{
		Use:   "add NAME",
		Short: "Add a user, or give one another role and password",
		Long: `Add a user. The password is asked for on the terminal, or is the first line of the
standard input, or is made and printed once (--generate). It needs 12 characters.`,
		Example: `  thingpass console user add otto --role operator --users users
  thingpass console user add vera --role viewer --users users --generate
  thingpass console user add vera --role viewer --users users --replace < password`,
		Args: certsTakes(1, "the user's name, such as otto"),
		RunE: func(c *cobra.Command, args []string) error {
			path, err := usersFile(c)
			if err != nil {
				return err
			}
			r, err := access.ParseRole(role)
			if err != nil {
				return unstartable(fmt.Errorf("--role: %w", err))
			}
			return addConsoleUser(c, path, args[0], r, generate, replace)
		},
	}
	c.Flags().StringVar(&role, "role", "", "viewer (reads) or operator (acts as well)")
	c.Flags().BoolVar(&generate, "generate", false, "make a password and print it")
	c.Flags().BoolVar(&replace, "replace", false, "change a user who is there already")
	return c
}

func addConsoleUser(c *cobra.Command, path, name string, role access.Role, generate, replace bool) error {
	password, err := "", error(nil)
	if generate {
		password = access.NewPassword()
	} else if password, err = readPassword(c.Context(), c.InOrStdin(), c.ErrOrStderr()); err != nil {
		return err
	}
	err = access.AddAccount(path, name, role, password, replace)
	switch {
	case errors.Is(err, access.ErrExists):
		return fmt.Errorf("%w: --replace gives the user another password and role", err)
	case errors.Is(err, access.ErrPassword):
		return fmt.Errorf("%w: --generate makes one that does", err)
	case err != nil:
		return err
	}
	text := fmt.Sprintf("%s %s may sign in\n", role, name)
	if generate {
		text += fmt.Sprintf("  password  %s  (shown this once)\n", password)
	}
	_, err = io.WriteString(c.OutOrStdout(), text)
	return err
}

func consoleUserListCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "list",
		Short:   "List who may sign in with a password",
		Example: "  thingpass console user list --users users",
		Args:    certsTakes(0, "nothing but flags"),
		RunE: func(c *cobra.Command, _ []string) error {
			path, err := usersFile(c)
			if err != nil {
				return err
			}
			list, err := access.Accounts(path)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSONList(c.OutOrStdout(), list)
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			for _, a := range list {
				fmt.Fprintf(w, "%s\t%s\n", a.Name, a.Role)
			}
			return w.Flush()
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	return c
}

func consoleUserRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "remove NAME",
		Short:   "Remove a user, who is signed out",
		Example: "  thingpass console user remove otto --users users",
		Args:    certsTakes(1, "the user's name, such as otto"),
		RunE: func(c *cobra.Command, args []string) error {
			path, err := usersFile(c)
			if err != nil {
				return err
			}
			if err := access.RemoveAccount(path, args[0]); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s may no longer sign in\n", args[0])
			return err
		},
	}
}

func usersFile(c *cobra.Command) (string, error) {
	path, _ := c.Flags().GetString("users") // defined by consoleUserCommand
	if path == "" {
		return "", unstartable(errors.New("which users? --users FILE names the password file"))
	}
	return path, nil
}
