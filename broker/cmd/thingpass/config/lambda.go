// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/url"

	"thingpass/broker"
)

// Lambda is for thingpass-lambda only, which has no MQTT connection: of mqtt it
// uses root.
type Lambda struct {
	IoTEndpoint string `mapstructure:"iot_endpoint"`  // https URL of iot-data
	AnyClientID bool   `mapstructure:"any_client_id"` // see iotrule.Function
}

// LoadServerless is Load for thingpass-lambda: nothing of mqtt but root is
// wanted, and lambda.iot_endpoint is.
func LoadServerless(path string, environ []string) (*Config, error) {
	l := newLoader(path)
	l.serverless = true
	return l.load(environ)
}

func (l *loader) judgeLambda(c *Config) {
	l.accept("mqtt.root", broker.CheckRoot(c.MQTT.Root))
	if c.Limited() && c.Quota.Store == MemoryStore {
		l.blame("quota.store", "quota.store is %s, and the function's instances come and go, each with a count of its own: give the URL of a Redis", MemoryStore)
	}
	const name = "lambda.iot_endpoint"
	l.require(name, c.Lambda.IoTEndpoint, ": what `aws iot describe-endpoint --endpoint-type iot:Data-ATS` prints, after https://")
	if c.Lambda.IoTEndpoint == "" {
		return
	}
	u, err := url.Parse(c.Lambda.IoTEndpoint)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.Path+u.RawQuery+u.Fragment != "" || u.User != nil {
		l.blame(name, "%s: want https://host or https://host:port", name)
	}
}
