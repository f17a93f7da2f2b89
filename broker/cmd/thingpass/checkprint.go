// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"thingpass/broker/awss3"
	"thingpass/broker/cmd/thingpass/config"
	"thingpass/broker/cmd/thingpass/terminal"
)

// variable is one of AWS's. Whether it is set helps to find out which
// credentials were taken; what it is set to is nobody's business.
type variable struct {
	Name string `json:"name"`
	Set  bool   `json:"set"`
}

func credentialVariables(c *config.Config) []variable {
	if c.S3.AccessKeyFile != "" && !c.MQTT.OverWebSocket() {
		return nil // they are not looked at
	}
	var list []variable
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE",
		"AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"} {
		list = append(list, variable{name, os.Getenv(name) != ""})
	}
	return list
}

func printJSON(w io.Writer, r result) error {
	return writeJSON(w, r)
}

func printText(w io.Writer, r result) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "settings")
	for _, s := range r.Settings {
		value := "unset"
		if s.Set {
			value = s.Value
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\n", s.Name, value, s.Source)
	}
	if len(r.Credentials) > 0 {
		fmt.Fprintln(table, "\nAWS's own variables")
	}
	for _, v := range r.Credentials {
		value := "unset"
		if v.Set {
			value = "set"
		}
		fmt.Fprintf(table, "  %s\t%s\n", v.Name, value)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return printFindings(w, r)
}

var levelColours = map[awss3.Level]terminal.Colour{awss3.OK: terminal.Good, awss3.Warning: terminal.Warn, awss3.Problem: terminal.Bad}

func printFindings(w io.Writer, r result) error {
	var b strings.Builder
	b.WriteString("\nfindings\n")
	problems := 0
	for _, f := range r.Findings {
		what := strings.TrimSpace(f.Part + " " + f.About)
		level := terminal.Paint(w, levelColours[f.Level], fmt.Sprintf("%-7s", f.Level))
		fmt.Fprintf(&b, "  %s  %s: %s\n", level, what, f.Text)
		if f.Level == awss3.Problem {
			problems++
		}
	}
	switch problems {
	case 0:
		b.WriteString("\nall is well\n")
	case 1:
		b.WriteString("\n1 problem\n")
	default:
		fmt.Fprintf(&b, "\n%d problems\n", problems)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// refuseConfig prints what is wrong with a configuration in the form that was
// asked for.
func refuseConfig(c *cobra.Command, asJSON bool, cause error) error {
	if !asJSON {
		return cause
	}
	lines := []string{cause.Error()}
	var list config.Errors
	if errors.As(cause, &list) {
		lines = strings.Split(list.Error(), "\n")
	}
	if err := writeJSON(c.OutOrStdout(), map[string]any{"ok": false, "errors": lines}); err != nil {
		return failed(fmt.Errorf("print the result: %w", err))
	}
	return unstartable(errReported)
}
