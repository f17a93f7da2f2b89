// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/spf13/cobra"

	"thingpass/broker"
	"thingpass/broker/awss3"
	"thingpass/broker/cmd/thingpass/config"
	"thingpass/broker/cmd/thingpass/terminal"
	"thingpass/broker/cmd/thingpass/wiring"
	"thingpass/broker/mqttconn"
	"thingpass/broker/quota"
)

func checkCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "check",
		Short: "Find out whether a broker would work, and what is wrong",
		Long: `Find out whether a broker would work, and what is wrong.

Prints every setting with its source, then tries the MQTT server, the bucket, the
clock and the certificates, and says of each what to do. It disturbs no running
broker and stores nothing.

Exit code: 0 if all is well (there may be warnings), 1 if there is a problem, 2 if
the configuration cannot be used.`,
		Example: `  thingpass check --config broker.yaml
  thingpass check --config broker.yaml --json | jq -r '.findings[] | select(.level == "problem") | .text'`,
		Args: cobra.NoArgs,
	}
	path := addConfigFlag(c)
	asJSON := c.Flags().Bool("json", false, "print one JSON object")
	c.RunE = func(c *cobra.Command, _ []string) error {
		print := printText
		if *asJSON {
			print = printJSON
		}
		conf, err := loadConfig(*path)
		if err != nil {
			return refuseConfig(c, *asJSON, err)
		}
		bar := terminal.Start(c.ErrOrStderr(), "ask the servers", checkedServers)
		result := check(c.Context(), conf, bar)
		bar.End()
		if err := print(c.OutOrStdout(), result); err != nil {
			return failed(fmt.Errorf("print the result: %w", err))
		}
		if !result.OK {
			return failed(errReported)
		}
		return nil
	}
	return c
}

// finding is one sentence about the installation.
type finding struct {
	Part  string      `json:"part"` // mqtt, s3, credentials, quota, audit or files
	About string      `json:"about,omitempty"`
	Level awss3.Level `json:"level"`
	Text  string      `json:"text"`
}

type result struct {
	OK          bool             `json:"ok"`
	Settings    []config.Setting `json:"settings"`
	Credentials []variable       `json:"credentials,omitempty"`
	Findings    []finding        `json:"findings"`
}

// checkedServers is how many servers check asks.
const checkedServers = 4

// check tries everything, the servers at the same time.
func check(ctx context.Context, conf *config.Config, bar *terminal.Progress) result {
	var mqtt, s3, counts, credentials []finding
	var all sync.WaitGroup
	for findings, ask := range map[*[]finding]func(context.Context, *config.Config) []finding{
		&mqtt: checkMQTT, &s3: checkS3, &counts: checkQuota, &credentials: checkCredentials,
	} {
		all.Go(func() {
			*findings = ask(ctx, conf)
			bar.Add(1)
		})
	}
	all.Wait()
	r := result{OK: true, Settings: conf.Settings(), Credentials: credentialVariables(conf)}
	r.Findings = slices.Concat(checkFiles(conf), checkAudit(conf), counts, mqtt, s3, credentials)
	for _, f := range r.Findings {
		r.OK = r.OK && f.Level != awss3.Problem
	}
	return r
}

func checkFiles(conf *config.Config) []finding {
	var findings []finding
	for _, text := range exposed(conf) {
		findings = append(findings, finding{"files", "mode", awss3.Warning, text})
	}
	return findings
}

// checkAudit tries to open the file as run would, without making it.
func checkAudit(conf *config.Config) []finding {
	path := conf.Audit.File
	if path == "-" {
		return []finding{{"audit", "", awss3.OK, "goes to standard output"}}
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err == nil {
		err = file.Close()
	} else if errors.Is(err, fs.ErrNotExist) {
		_, err = os.Stat(filepath.Dir(path))
	}
	if err != nil {
		return []finding{{"audit", "", awss3.Problem, fmt.Sprintf("audit.file: %v: without an audit there is no grant", err)}}
	}
	return []finding{{"audit", "", awss3.OK, "goes to " + path}}
}

func checkMQTT(ctx context.Context, conf *config.Config) []finding {
	var credentials *broker.Credentials
	if conf.Credentials.Offered() {
		credentials = &broker.Credentials{Provider: &broker.Provider{Endpoint: "-", RoleAlias: "-"}, Place: broker.Place{Endpoint: "-", Region: "-", Bucket: "-"}}
	}
	b, err := wiring.Broker(conf, new(awss3.Bucket), credentials, broker.NewJSONAudit(io.Discard), quota.NewMemory(1)) // for its filters only
	if err != nil {
		return []finding{{"mqtt", "", awss3.Problem, err.Error()}}
	}
	mqtt, err := mqttConfig(ctx, conf, b.Filters(), slog.New(slog.DiscardHandler))
	if err != nil {
		return []finding{{"mqtt", "", awss3.Problem, err.Error()}}
	}
	var findings []finding
	for _, f := range mqttconn.Probe(ctx, mqtt) {
		findings = append(findings, finding{"mqtt", "", levelOf(f.Level), f.Text})
	}
	return findings
}

func levelOf(l slog.Level) awss3.Level {
	switch {
	case l >= slog.LevelError:
		return awss3.Problem
	case l >= slog.LevelWarn:
		return awss3.Warning
	}
	return awss3.OK
}

func checkS3(ctx context.Context, conf *config.Config) []finding {
	bucket, err := wiring.Bucket(ctx, conf, slog.New(slog.DiscardHandler))
	if err != nil {
		return []finding{{"s3", "", awss3.Problem, err.Error()}}
	}
	var findings []finding
	for _, f := range bucket.Probe(ctx) {
		findings = append(findings, finding{"s3", f.Subject, f.Level, f.Text})
	}
	if conf.S3.AccessKeyFile != "" && os.Getenv("AWS_ACCESS_KEY_ID") != "" && !conf.MQTT.OverWebSocket() {
		findings = append(findings, finding{"s3", "credentials", awss3.Warning,
			"AWS_ACCESS_KEY_ID is set, but s3.access_key_file is what is used: unset one of them"})
	}
	return findings
}
