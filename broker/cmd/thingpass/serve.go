// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"thingpass/broker/cmd/thingpass/config"
	"thingpass/broker/mqttconn"
)

func runCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "run",
		Short: "Answer things' requests until SIGINT or SIGTERM",
		Long: `Answer things' requests until SIGINT or SIGTERM.

The settings come from a file, from THINGPASS_… variables, or from both; a
variable wins. On the first signal the broker takes no new requests, answers what
it has and leaves; what it has not answered, the MQTT server gives again. A second
signal ends it at once.

Exit code: 0 after a signal, 1 if something went wrong while running, 2 if it
could not start with this command line or configuration.

Under systemd use Type=notify: the broker tells when it is ready.`,
		Example: `  thingpass run --config /etc/thingpass/broker.yaml
  THINGPASS_LOG_LEVEL=debug thingpass run --config broker.yaml`,
		Args: cobra.NoArgs,
	}
	path := addConfigFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		conf, err := loadConfig(*path)
		if err != nil {
			return err
		}
		return serve(c.Context(), conf, c.OutOrStdout(), c.ErrOrStderr())
	}
	return c
}

// serve runs a broker until ctx ends.
func serve(ctx context.Context, conf *config.Config, stdout, stderr io.Writer) (err error) {
	log := newLogger(conf.Log, stderr)
	for _, text := range exposed(conf) {
		log.Warn(text)
	}
	audit, closeAudit, err := openAudit(conf.Audit.File, stdout)
	if err != nil {
		return unstartable(err)
	}
	defer func() { err = errors.Join(err, closeAudit()) }()
	ready := make(chan struct{})
	client, mqtt, err := newClient(ctx, conf, audit, stderr, log, ready)
	if err != nil {
		return unstartable(err)
	}
	wait, err := startGroupWatch(ctx, ready, groupWatch{conf: mqtt, root: conf.MQTT.Root, every: time.Duration(conf.MQTT.GroupWatch), log: log})
	if err != nil {
		return unstartable(err)
	}
	defer wait()
	defer notify("STOPPING=1", log)
	if err := client.Run(ctx); err != nil {
		return failed(err)
	}
	log.Info("stopped")
	return nil
}

// newClient wires everything that answers requests. It closes ready when all
// connections are up.
func newClient(ctx context.Context, conf *config.Config, audit, stderr io.Writer, log *slog.Logger, ready chan<- struct{}) (*mqttconn.Client, mqttconn.Config, error) {
	bucket, err := openBucket(ctx, conf, log)
	if err != nil {
		return nil, mqttconn.Config{}, err
	}
	b, err := newBroker(conf, bucket, audit)
	if err != nil {
		return nil, mqttconn.Config{}, err
	}
	mqtt, err := mqttConfig(ctx, conf, b.Filters(), log)
	if err != nil {
		return nil, mqttconn.Config{}, err
	}
	mqtt.OnUp = whenAllAreUp(conf.MQTT.Connections, func() {
		announce(conf.Log, stderr, log, summary(conf))
		notify("READY=1", log)
		close(ready)
	})
	client, err := mqttconn.New(mqtt, b, log)
	return client, mqtt, err
}

// whenAllAreUp returns a function that calls ready once, when it has been called
// for so many different connections.
func whenAllAreUp(connections int, ready func()) func(clientID string) {
	var mu sync.Mutex
	up := map[string]bool{}
	return func(clientID string) {
		mu.Lock()
		defer mu.Unlock()
		if len(up) == connections {
			return
		}
		up[clientID] = true
		if len(up) == connections {
			ready()
		}
	}
}

func summary(c *config.Config) string {
	place := c.S3.Endpoint
	if place == "" {
		place = "AWS " + c.S3.Region
	}
	kinds := strings.Join(slices.Sorted(maps.Keys(c.Kinds)), ", ")
	return fmt.Sprintf("%s as %s, bucket %s at %s, kinds %s", c.MQTT.Server, c.MQTT.ClientID, c.S3.Bucket, place, kinds)
}
