// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"thingpass/broker/devstack"
)

const (
	defaultDir = "dev"
	noWeb      = -1

	countEach = "each"
	countBoth = "both"
)

// runFlags are what `run` was asked for beyond devstack.Options.
type runFlags struct {
	devstack.Options
	only   string
	strict string // "", each or both
	web    int    // port, or noWeb
	ready  string // file
	fleet  []string
	level  string
}

func runCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run",
		Short: "Run the MQTT server and S3 until Ctrl-C",
		Long: `Run the MQTT server and S3 until Ctrl-C.

The first start makes a CA, certificates for the servers and for the broker, an
access key and the bucket; later starts use them again. broker.yaml in the folder
is a configuration for the broker: thingpass run --config DIR/broker.yaml`,
		Example: `  thingpass-dev run
  thingpass-dev run --dir dev --listen 192.168.1.10
  thingpass-dev run --listen 0.0.0.0 --advertise camera-hub.lan
  thingpass-dev run --aws-strict --wss-port 8443
  thingpass-dev run --registry registry.yaml`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return run(c, &f) },
	}
	flags := c.Flags()
	flags.StringVar(&f.Dir, "dir", defaultDir, "folder for certificates, objects and configuration")
	flags.StringVar(&f.Listen, "listen", "127.0.0.1", "address to listen on; 0.0.0.0 is every address of this machine")
	flags.StringVar(&f.Advertise, "advertise", "", "host that things use and that signed URLs contain (default: from --listen)")
	flags.IntVar(&f.MQTTPort, "mqtt-port", devstack.DefaultMQTTPort, "port of the MQTT server, 0 for any free one")
	flags.IntVar(&f.S3Port, "s3-port", devstack.DefaultS3Port, "port of S3, 0 for any free one")
	flags.IntVar(&f.ProviderPort, "provider-port", devstack.DefaultProviderPort, "port of the credential provider, 0 for any free one (the default where --s3-port is given)")
	flags.IntVar(&f.ViewPort, "view-port", devstack.DefaultViewPort, "port of 127.0.0.1 at which browsers see what the console shows them, 0 for any free one\n(the default where --s3-port is given)")
	flags.StringVar(&f.Bucket, "bucket", devstack.DefaultBucket, "name of the bucket")
	flags.StringVar(&f.Region, "region", devstack.DefaultRegion, "region of S3")
	flags.StringVar(&f.Root, "root", "", "first level of all topics (default: the registry's, or "+devstack.DefaultRoot+")")
	flags.StringVar(&f.Registry, "registry", "", "file that says who is who and which policies are attached to whom; it is read again\nwhen it changes (default: registry.yaml in the folder, or else every thing of the CA\nis let in under its own name)")
	flags.StringVar(&f.only, "only", "", "run one part alone: mqtt or s3")
	flags.StringVar(&f.strict, "aws-strict", "", "refuse what AWS IoT Core refuses, and discard what is above its quota of 100 publishes\na second and connection; =both: what a client sends and receives count together")
	flags.Lookup("aws-strict").NoOptDefVal = countEach
	flags.IntVar(&f.web, "wss-port", noWeb, "port of MQTT over WebSocket, 0 for any free one: who signs with the access key is\nthe broker, as with an IAM role on AWS (default: none)")
	flags.Lookup("wss-port").DefValue = "0" // nothing that --help would show
	flags.StringSliceVar(&f.fleet, "template", nil, "provision things by claim, as AWS IoT's fleet provisioning: NAME, or NAME=PREFIX where a\nthing's name is to be PREFIX and its serial number")
	flags.StringVar(&f.ready, "ready-file", "", "write where everything is to this file (JSON) when all is ready")
	flags.StringVar(&f.level, "log", "info", "what to log to standard error: debug, info, warn or error")
	return c
}

// offerValues has shells complete run's flags that take one of a few values.
func offerValues(run *cobra.Command) {
	for flag, values := range map[string][]string{
		"only":       {string(devstack.OnlyMQTT), string(devstack.OnlyS3)},
		"aws-strict": {countEach, countBoth},
		"log":        {"debug", "info", "warn", "error"},
	} {
		_ = run.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)) // a test says which is not there
	}
}

func run(c *cobra.Command, f *runFlags) error {
	if err := f.complete(c); err != nil {
		return err
	}
	// Whoever waits for the file must not find an earlier run's.
	if f.ready != "" {
		if err := os.Remove(f.ready); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	ctx := c.Context()
	stack, err := devstack.Start(ctx, f.Options)
	if err != nil {
		return explain(ctx, err)
	}
	printSummary(c.OutOrStdout(), stack.Ready())
	if f.ready != "" {
		err = stack.Ready().WriteFile(f.ready)
	}
	if err == nil {
		<-ctx.Done()
	}
	if f.ready != "" {
		_ = os.Remove(f.ready) // it is not ready any more
	}
	return errors.Join(err, stack.Close())
}

// complete reads what needs more than a flag, before the working directory
// changes (see devstack.StartS3).
func (f *runFlags) complete(c *cobra.Command) error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.level)); err != nil {
		return fmt.Errorf("--log %s: want debug, info, warn or error", f.level)
	}
	f.Log = slog.New(slog.NewTextHandler(c.ErrOrStderr(), &slog.HandlerOptions{Level: level}))
	f.Only = devstack.Part(f.only)
	for _, template := range f.fleet {
		name, prefix, _ := strings.Cut(template, "=")
		f.Templates = append(f.Templates, devstack.Template{Name: name, Prefix: prefix})
	}
	if err := f.completeMQTT(); err != nil {
		return err
	}
	// Whoever moves S3 aside, because of another stack, means the provider, too.
	if c.Flags().Changed("s3-port") && !c.Flags().Changed("provider-port") {
		f.ProviderPort = 0
	}
	if c.Flags().Changed("s3-port") && !c.Flags().Changed("view-port") {
		f.ViewPort = 0
	}
	if !c.Flags().Changed("s3-port") {
		f.ConsolePort = devstack.DefaultConsolePort
	}
	for name, port := range map[string]int{"mqtt-port": f.MQTTPort, "s3-port": f.S3Port, "wss-port": f.WebPort, "provider-port": f.ProviderPort, "view-port": f.ViewPort} {
		if port < 0 || port > 65535 {
			return fmt.Errorf("--%s %d: want 0 to 65535", name, port)
		}
	}
	if f.ready == "" {
		return nil
	}
	var err error
	f.ready, err = filepath.Abs(f.ready)
	return err
}

// explain adds what to do about an error, in terms of flags.
func explain(ctx context.Context, err error) error {
	var taken *devstack.PortError
	switch {
	case ctx.Err() != nil:
		return errors.New("stopped before it was ready")
	case errors.As(err, &taken):
		return fmt.Errorf("%w: stop it (`ss -ltnp` tells which it is), or choose another port with --%s-port, 0 for any free one",
			err, strings.ToLower(taken.Part))
	}
	return err
}

// completeMQTT reads what is special about the MQTT server.
func (f *runFlags) completeMQTT() error {
	switch f.strict {
	case "":
	case countEach, countBoth:
		f.Strict = &devstack.Strict{OneQuota: f.strict == countBoth}
	default:
		return fmt.Errorf("--aws-strict=%s: want %s or %s", f.strict, countEach, countBoth)
	}
	if f.web != noWeb {
		f.WebSocket, f.WebPort = true, f.web
	}
	return nil
}
