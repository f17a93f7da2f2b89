// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"

	"thingpass/broker/cmd/thingpass/config"
	"thingpass/broker/mqttconn"
)

// loadTLS reads what the connections to the MQTT server are secured with.
func loadTLS(c *config.Config) (conf *tls.Config, err error) {
	if c.MQTT.OverWebSocket() {
		if conf, err = mqttconn.LoadServerTLS(c.MQTT.CA); err != nil {
			err = fmt.Errorf("mqtt.ca: %w", err)
		}
		return conf, err
	}
	if conf, err = mqttconn.LoadTLS(c.MQTT.CA, c.MQTT.Cert, c.MQTT.Key); err != nil {
		err = fmt.Errorf("mqtt.ca, mqtt.cert, mqtt.key: %w", err)
	}
	return conf, err
}

func mqttConfig(ctx context.Context, c *config.Config, filters []string, log *slog.Logger) (mqttconn.Config, error) {
	mqtt := mqttconn.Config{Filters: filters}
	c.MQTT.Apply(&mqtt)
	var err error
	if mqtt.TLS, err = loadTLS(c); err != nil {
		return mqttconn.Config{}, err
	}
	if c.MQTT.OverWebSocket() {
		return signedMQTT(ctx, c, mqtt, log)
	}
	return mqtt, nil
}

// exposed returns a sentence for each secret file that others may read.
func exposed(c *config.Config) []string {
	var found []string
	for name, path := range c.SecretFiles() {
		info, err := os.Stat(path)
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			found = append(found, fmt.Sprintf("%s: others may read or change %s: chmod 600 it", name, path))
		}
	}
	return found
}
