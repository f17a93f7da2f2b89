// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"

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

SIGHUP reads the configuration again and opens the audit's file anew. Kinds,
limits, S3's settings and key, the log's level and certificates change between two
requests; what needs a restart is named in the log, and stays. A configuration with
a mistake changes nothing.

Every decision is one line of JSON in the audit (audit.file), written before the
reply; where it cannot be written, nothing is granted. With http.listen the broker
tells /metrics (for Prometheus), /healthz and /readyz. With events.sqs_queue it
announces what the bucket says was stored, even if no thing reports it.

Exit code: 0 after a signal, 1 if something went wrong while running, 2 if it
could not start with this command line or configuration.

Under systemd use Type=notify-reload: the broker tells when it is ready, and when
it has reloaded.`,
		Example: `  thingpass run --config /etc/thingpass/broker.yaml
  THINGPASS_LOG_LEVEL=debug thingpass run --config broker.yaml
  THINGPASS_HTTP_LISTEN=127.0.0.1:9464 thingpass run --config broker.yaml &
  curl http://127.0.0.1:9464/readyz       # {"ready":true,…}, or what is missing`,
		Args: cobra.NoArgs,
	}
	path := addConfigFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		hangups := make(chan os.Signal, 1)
		signal.Notify(hangups, syscall.SIGHUP) // from the beginning: unheard, it ends the process
		defer signal.Stop(hangups)
		conf, err := loadConfig(*path)
		if err != nil {
			return err
		}
		s, err := newService(c.Context(), configPath(*path), conf, c.OutOrStdout(), c.ErrOrStderr())
		if err != nil {
			return unstartable(err)
		}
		return s.serve(c.Context(), hangups, c.ErrOrStderr())
	}
	return c
}

// serve runs the broker until ctx ends, and closes the service.
func (s *service) serve(ctx context.Context, hangups <-chan os.Signal, stderr io.Writer) (err error) {
	defer func() { err = errors.Join(err, s.close()) }()
	ready := make(chan struct{})
	client, mqtt, err := s.newClient(ctx, stderr, ready)
	if err != nil {
		return unstartable(err)
	}
	endAside, err := begin(ctx,
		func(ctx context.Context) (func(), error) { return s.tell(ctx, client) },
		func(ctx context.Context) (func(), error) { return s.startConsole(ctx, client, mqtt, stderr) },
		s.startProvider,
		func(ctx context.Context) (func(), error) { return s.startEvents(ctx, ready, client) },
		func(ctx context.Context) (func(), error) { return s.startGroupWatch(ctx, ready, mqtt) },
		func(ctx context.Context) (func(), error) { return s.startSweep(ctx), nil },
		func(ctx context.Context) (func(), error) { return s.startReloading(ctx, ready, hangups), nil })
	defer endAside()
	if err != nil {
		return unstartable(err)
	}
	defer notify("STOPPING=1", s.log)
	defer useProcessors(s.now.Load().conf.MQTT.Connections)()
	if err := client.Run(ctx); err != nil {
		return failed(err)
	}
	s.log.Info("stopped")
	return nil
}

// begin starts what runs beside the service, until ctx ends or one of them does
// not start. The function that it returns, in both cases, ends those that did, and
// waits for them.
func begin(ctx context.Context, starts ...func(context.Context) (func(), error)) (end func(), err error) {
	ctx, stop := context.WithCancel(ctx)
	var ends []func()
	end = func() {
		stop()
		for _, end := range slices.Backward(ends) {
			end()
		}
	}
	for _, start := range starts {
		one, err := start(ctx)
		if err != nil {
			return end, err
		}
		ends = append(ends, one)
	}
	return end, nil
}

// newClient returns what brings the requests. It closes ready when all connections
// are up.
func (s *service) newClient(ctx context.Context, stderr io.Writer, ready chan<- struct{}) (*mqttconn.Client, mqttconn.Config, error) {
	now := s.now.Load()
	mqtt, err := mqttConfig(ctx, now.conf, now.Filters(), s.log)
	if err != nil {
		return nil, mqttconn.Config{}, err
	}
	mqtt.ReloadTLS, s.subscribed = s.tls, mqtt.Filters
	mqtt.OnUp = whenAllAreUp(now.conf.MQTT.Connections, func() {
		announce(now.conf.Log, stderr, s.log, "ready: "+summary(now.conf))
		notify("READY=1", s.log)
		close(ready)
	})
	mqtt.OnServed = s.meter.Served
	client, err := mqttconn.New(mqtt, s.meter.Handler(s), s.log)
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
