// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"context"
	"crypto/tls"
	"time"

	"thingpass/broker"
	"thingpass/broker/mqttconn"
)

// auto is a setting's value where the server decides.
const auto = "auto"

// MQTT says where the requests come from.
type MQTT struct {
	Server        string        `mapstructure:"server"`
	CA            string        `mapstructure:"ca"` // path; empty: the system's
	Cert          string        `mapstructure:"cert"`
	Key           string        `mapstructure:"key"`
	ClientID      string        `mapstructure:"client_id"`
	Root          string        `mapstructure:"root"`
	Group         string        `mapstructure:"group"`
	Connections   int           `mapstructure:"connections"`
	Workers       int           `mapstructure:"workers"` // 0: the default
	Queue         int           `mapstructure:"queue"`   // 0: the default
	SessionExpiry time.Duration `mapstructure:"session_expiry"`
	GroupWatch    Pause         `mapstructure:"group_watch"`
	Profile       string        `mapstructure:"profile"` // auto, aws or mosquitto
	Pace          string        `mapstructure:"pace"`    // auto, each, both or off
	PacePublishes int           `mapstructure:"pace_publishes"`
	PaceBytes     ByteSize      `mapstructure:"pace_bytes"`
	KeepAlive     time.Duration `mapstructure:"keep_alive"`
	ALPN          string        `mapstructure:"alpn"`   // auto, off, or what to ask for
	Region        string        `mapstructure:"region"` // for signing; empty: the host's, or that of S3
}

// Apply sets what is not a matter of files and credentials.
func (m MQTT) Apply(c *mqttconn.Config) {
	c.Server = m.Server
	c.ClientID = m.ClientID
	c.Group = m.Group
	c.Connections = m.Connections
	c.Workers = m.Workers
	c.Queue = m.Queue
	c.SessionExpiry = m.SessionExpiry
	c.KeepAlive = m.KeepAlive
	c.Profile = mqttconn.Profile(unlessAuto(m.Profile))
	c.Pace = mqttconn.Pace{Mode: mqttconn.PaceMode(unlessAuto(m.Pace)), Publishes: m.PacePublishes, Bytes: int(m.PaceBytes)}
	c.ALPN = unlessAuto(m.ALPN)
}

func unlessAuto(s string) string {
	if s == auto {
		return ""
	}
	return s
}

// OverWebSocket tells whether the server knows the broker by a signed URL, and
// not by its certificate.
func (m MQTT) OverWebSocket() bool { return mqttconn.OverWebSocket(m.Server) }

func (l *loader) judgeMQTT(m MQTT) {
	l.require("mqtt.server", m.Server, "")
	if m.OverWebSocket() {
		l.judgeSigned(m)
	} else {
		l.judgePair(m)
	}
	profile := mqttconn.ProfileOf(m.Server)
	if m.Profile == string(mqttconn.ProfileAWS) || m.Profile == string(mqttconn.ProfileMosquitto) {
		profile = mqttconn.Profile(m.Profile)
	}
	ask := func(name string, change func(*mqttconn.Config)) {
		sound := mqttconn.Config{
			Server:   "mqtts://localhost",
			TLS:      &tls.Config{Certificates: make([]tls.Certificate, 1)},
			Presign:  func(context.Context, string) (string, error) { return "", nil },
			Profile:  profile,
			ClientID: "c",
			Group:    "g",
			Filters:  []string{"t"},
		}
		change(&sound)
		l.accept(name, inner(sound.Validate()))
	}
	if m.Server != "" {
		ask("mqtt.server", func(c *mqttconn.Config) { c.Server = m.Server })
	}
	l.judgeRates(m, ask)
	ask("mqtt.client_id", func(c *mqttconn.Config) { c.ClientID = m.ClientID })
	if m.Connections == 0 {
		l.blame("mqtt.connections", "mqtt.connections is 0: want at least 1")
	}
	ask("mqtt.connections", func(c *mqttconn.Config) { c.Connections = m.Connections })
	ask("mqtt.workers", func(c *mqttconn.Config) { c.Workers = m.Workers })
	ask("mqtt.queue", func(c *mqttconn.Config) { c.Queue = m.Queue })
	ask("mqtt.session_expiry", func(c *mqttconn.Config) { c.SessionExpiry = m.SessionExpiry })
	if m.Group == "" {
		l.blame("mqtt.group", "mqtt.group is empty: brokers share the requests by it")
	}
	ask("mqtt.group", func(c *mqttconn.Config) { c.Group = m.Group })
	l.accept("mqtt.root", broker.CheckRoot(m.Root))
}

// judgeRates asks about what depends on the kind of server.
func (l *loader) judgeRates(m MQTT, ask func(string, func(*mqttconn.Config))) {
	l.oneOf("mqtt.profile", m.Profile, auto, string(mqttconn.ProfileAWS), string(mqttconn.ProfileMosquitto))
	l.oneOf("mqtt.pace", m.Pace, auto, string(mqttconn.PaceEach), string(mqttconn.PaceBoth), string(mqttconn.PaceOff))
	if m.PacePublishes == 0 {
		l.blame("mqtt.pace_publishes", "mqtt.pace_publishes is 0: want at least 1")
	}
	ask("mqtt.pace_publishes", func(c *mqttconn.Config) { c.Pace.Publishes = m.PacePublishes })
	ask("mqtt.pace_bytes", func(c *mqttconn.Config) { c.Pace.Bytes = int(m.PaceBytes) })
	ask("mqtt.keep_alive", func(c *mqttconn.Config) { c.KeepAlive = m.KeepAlive })
	l.require("mqtt.alpn", m.ALPN, "")
	if len(m.ALPN) > 255 {
		l.blame("mqtt.alpn", "mqtt.alpn is longer than 255 bytes")
	}
}

// judgeSigned refuses what a signed URL makes pointless: who sets it expects
// that it does something.
func (l *loader) judgeSigned(m MQTT) {
	for name, value := range map[string]string{"mqtt.cert": m.Cert, "mqtt.key": m.Key} {
		if value != "" {
			l.blame(name, "%s contradicts mqtt.server: over wss the broker signs with AWS credentials; remove it, or write mqtts://", name)
		}
	}
	if unlessAuto(m.ALPN) != "" {
		l.blame("mqtt.alpn", "mqtt.alpn contradicts mqtt.server: wss is HTTP; remove it, or write mqtts://")
	}
}

// judgePair wants both halves of the client certificate: mutual TLS is the only
// other way in.
func (l *loader) judgePair(m MQTT) {
	switch {
	case m.Cert == "" && m.Key == "":
		l.missing("mqtt.cert", ": the server knows the broker by its certificate")
		l.missing("mqtt.key", "")
	case m.Key == "":
		l.blame("mqtt.cert", "mqtt.cert is given without mqtt.key: want both")
	case m.Cert == "":
		l.blame("mqtt.key", "mqtt.key is given without mqtt.cert: want both")
	}
}
