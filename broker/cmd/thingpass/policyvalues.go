// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"thingpass/broker/cmd/thingpass/config"
	"thingpass/policies/templates"
)

// addValueFlags adds --values FILE, --broker-config FILE and a flag for each
// value of the documents. The function that it returns reads both files and what
// was given on the command line, which wins; the configuration gives way.
func addValueFlags(c *cobra.Command) (read func() (templates.Values, error)) {
	flags := c.Flags()
	file := flags.String("values", "", "a YAML `FILE` of values: account, region, bucket, root and the others")
	configured := flags.String("broker-config", "", "a broker's configuration `FILE`, for what it says of bucket, root, group and roles")
	for _, f := range templates.Fields() {
		flags.String(f.Name, f.Default, f.Help)
	}
	return func() (templates.Values, error) {
		v, err := readValues(*file)
		if err == nil {
			err = fillFromConfig(&v, *configured)
		}
		if err == nil {
			err = setFlagged(&v, c)
		}
		return v, err
	}
}

// fillFromConfig takes what a broker is run with for what is not given.
func fillFromConfig(v *templates.Values, path string) error {
	if path == "" {
		return nil
	}
	conf, err := config.Load(path, os.Environ())
	if err != nil {
		return err
	}
	for name, value := range configured(conf) {
		if value == "" || v.Given(name) {
			continue
		}
		if err := v.Set(name, value); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// configured are the values that a broker's configuration tells.
func configured(conf *config.Config) map[string]string {
	_, role, _ := strings.Cut(conf.Credentials.RoleARN, ":role/")
	return map[string]string{
		"root":          conf.MQTT.Root,
		"group":         conf.MQTT.Group,
		"broker":        conf.MQTT.ClientID,
		"bucket":        conf.S3.Bucket,
		"region":        conf.S3.Region,
		"signature-age": conf.LongestTTL().String(),
		"session-role":  role,
		"role-alias":    conf.Credentials.Provider.RoleAlias,
		"events-queue":  conf.Events.SQSQueue[strings.LastIndexByte(conf.Events.SQSQueue, '/')+1:],
	}
}

func readValues(file string) (templates.Values, error) {
	if file == "" {
		return templates.Values{}, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return templates.Values{}, fmt.Errorf("--values: %w", err)
	}
	return templates.ReadValues(file, text)
}

func setFlagged(v *templates.Values, c *cobra.Command) error {
	for _, f := range templates.Fields() {
		flag := c.Flags().Lookup(f.Name)
		if !flag.Changed {
			continue
		}
		if err := v.Set(f.Name, flag.Value.String()); err != nil {
			return fmt.Errorf("--%w", err)
		}
	}
	return v.Check()
}
