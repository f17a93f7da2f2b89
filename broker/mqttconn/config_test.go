// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn_test

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"thingpass/broker/mqttconn"
)

func presign(_ context.Context, url string) (string, error) { return url, nil }

// aws makes a change of a configuration for a host of AWS's, which no setting
// calls so.
func aws(change func(c *mqttconn.Config)) func(c *mqttconn.Config) {
	return func(c *mqttconn.Config) {
		c.Server = "mqtts://abc-ats.iot.eu-central-1.amazonaws.com"
		change(c)
	}
}

func TestConfigErrors(t *testing.T) {
	pair := &tls.Config{Certificates: make([]tls.Certificate, 1)}
	for _, tc := range []struct {
		change func(c *mqttconn.Config)
		want   string // "" means that it is fine
	}{
		{func(c *mqttconn.Config) {}, ""},
		{func(c *mqttconn.Config) { c.Server = "" }, "no server: use mqtts://host or mqtts://host:port, or wss://host"},
		{func(c *mqttconn.Config) { c.Server = "localhost:8883" }, `server "localhost:8883": use mqtts://host`},
		{func(c *mqttconn.Config) { c.Server = "mqtt://localhost" }, `server "mqtt://localhost": use mqtts://host`},
		{func(c *mqttconn.Config) { c.Server = "mqtts://u:secret@localhost" }, `server "mqtts://u:xxxxx@localhost": use`},
		{func(c *mqttconn.Config) { c.Server = "mqtts://u:secret@localhost:x" }, "server: not a URL"},
		{func(c *mqttconn.Config) { c.Server = "mqtts://localhost/path" }, "use mqtts://host"},
		{func(c *mqttconn.Config) { c.Server = "mqtts://localhost:0" }, "port 0 is not 1 to 65535"},
		{func(c *mqttconn.Config) { c.Server = "mqtts://localhost:65536" }, "port 65536 is not 1 to 65535"},
		{func(c *mqttconn.Config) { c.Server = "mqtts://[::1]" }, ""},
		{func(c *mqttconn.Config) { c.TLS = nil }, "no TLS: the server knows us by our certificate"},
		{func(c *mqttconn.Config) { c.TLS = &tls.Config{} }, "no client certificate"},
		{func(c *mqttconn.Config) {
			c.TLS = &tls.Config{Certificates: pair.Certificates, InsecureSkipVerify: true}
		}, "would not be verified"},
		{func(c *mqttconn.Config) { c.ClientID = "" }, "no client id"},
		{func(c *mqttconn.Config) { c.ClientID = "a/b" }, `client id "a/b": use printable ASCII`},
		{func(c *mqttconn.Config) { c.ClientID = "a b" }, `client id "a b": use printable ASCII`},
		{func(c *mqttconn.Config) { c.ClientID = "straße" }, "use printable ASCII"},
		{func(c *mqttconn.Config) { c.ClientID = strings.Repeat("x", 128) }, ""},
		{func(c *mqttconn.Config) { c.ClientID, c.Connections = strings.Repeat("x", 127), 2 }, "is longer than 128 bytes"},
		{func(c *mqttconn.Config) { c.Group = "a/b" }, `group "a/b": use printable ASCII`},
		{func(c *mqttconn.Config) { c.Group = strings.Repeat("x", 123) }, "group is longer than 122 bytes"},
		{func(c *mqttconn.Config) { c.Group = "" }, ""},
		{func(c *mqttconn.Config) { c.Group, c.Connections = "", 2 }, "2 connections without a group: each would answer every request"},
		{func(c *mqttconn.Config) { c.Filters = nil }, "no topic filters"},
		{func(c *mqttconn.Config) { c.Filters = []string{""} }, `topic filter "": empty`},
		{func(c *mqttconn.Config) { c.Filters = []string{"a", "b\x00"} }, "with a zero byte"},
		{func(c *mqttconn.Config) { c.Filters = []string{"$share/g/a"} }, "leave $share/<group>/ away"},
		{func(c *mqttconn.Config) { c.Filters = []string{"a/b+/c"} }, "+ and # stand for whole levels"},
		{func(c *mqttconn.Config) { c.Filters = []string{"a/#/c"} }, "+ and # stand for whole levels"},
		{func(c *mqttconn.Config) { c.Filters = []string{"+/a/#", "#", "+"} }, ""},
		{func(c *mqttconn.Config) { c.Connections = -1 }, "connections is -1: use 1 to 100"},
		{func(c *mqttconn.Config) { c.Workers = -1 }, "workers is -1: use 1 to 10000"},
		{func(c *mqttconn.Config) { c.Queue = 65536 }, "queue is 65536: use 1 to 65535"},
		{func(c *mqttconn.Config) { c.MaxPacket = 10 }, "the largest packet is 10: use 1024 to"},
		{func(c *mqttconn.Config) { c.SessionExpiry = time.Millisecond }, "session expiry is 1ms: use 1s to 168h0m0s"},
		{func(c *mqttconn.Config) { c.KeepAlive = -1 }, "keep-alive is -1ns: use 1s"},
		{func(c *mqttconn.Config) { c.DrainTimeout = -1 }, "drain timeout is -1ns"},
		{func(c *mqttconn.Config) { c.ReconnectMin, c.ReconnectMax = 2*time.Second, time.Second }, "first reconnect pause is 2s: use 1ms to 1s"},
		{func(c *mqttconn.Config) { c.Server = "wss://localhost" }, "nobody signs the URL"},
		{func(c *mqttconn.Config) { c.Server, c.Presign, c.TLS = "wss://localhost", presign, &tls.Config{} }, ""},
		{func(c *mqttconn.Config) {
			c.Server, c.Presign, c.TLS = "wss://localhost/ws?x=1", presign, &tls.Config{}
		}, "use mqtts://host"},
		{func(c *mqttconn.Config) {
			c.Server, c.Presign, c.TLS = "wss://localhost", presign, &tls.Config{InsecureSkipVerify: true}
		}, "would not be verified"},
		{func(c *mqttconn.Config) { c.Profile = "azure" }, `profile "azure": use aws or mosquitto`},
		{func(c *mqttconn.Config) { c.Pace.Mode = "slow" }, `pace "slow": use each, both or off`},
		{func(c *mqttconn.Config) { c.Pace.Publishes = -1 }, "pace of -1 publishes a second"},
		{func(c *mqttconn.Config) { c.Pace.Bytes = 10 }, "pace of 10 bytes a second"},
		{func(c *mqttconn.Config) { c.MaxAge = -1 }, "longest life of a connection is -1ns"},
		{func(c *mqttconn.Config) { c.KeepAlive = 10 * time.Second }, ""},
		{aws(func(c *mqttconn.Config) {}), ""},
		{aws(func(c *mqttconn.Config) { c.KeepAlive = 10 * time.Second }), "keep-alive is 10s: AWS takes 30s to 20m0s"},
		{aws(func(c *mqttconn.Config) { c.KeepAlive = 1201 * time.Second }), "keep-alive is 20m1s: AWS takes"},
		{aws(func(c *mqttconn.Config) { c.Group = "" }), "no group: on AWS"},
		{aws(func(c *mqttconn.Config) { c.Filters = []string{"1/2/3/4/5/6/7/8"} }), ""},
		{aws(func(c *mqttconn.Config) { c.Filters = []string{"1/2/3/4/5/6/7/8/9"} }), "8 slashes and 17 bytes, AWS takes 7 and 256"},
		{aws(func(c *mqttconn.Config) { c.Filters = []string{strings.Repeat("x", 257)} }), "0 slashes and 257 bytes"},
		{aws(func(c *mqttconn.Config) { c.Filters = make([]string, 51) }), "51 topic filters: AWS takes 50"},
	} {
		conf := config("localhost:8883", pair)
		tc.change(&conf)
		_, err := mqttconn.New(conf, handler{}, slog.New(slog.NewTextHandler(io.Discard, nil)))
		switch {
		case tc.want == "" && err != nil:
			t.Errorf("New: %v", err)
		case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("New: %v, want %q", err, tc.want)
		case err != nil && strings.Contains(err.Error(), "secret"):
			t.Errorf("New gives a password away: %v", err)
		}
	}
}

func TestEveryConfigErrorIsTold(t *testing.T) {
	_, err := mqttconn.New(mqttconn.Config{Connections: 500}, handler{}, slog.Default())
	for _, want := range []string{"no server", "no TLS", "no client id", "no topic filters", "connections is 500"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New: %v, want %q in it", err, want)
		}
	}
}

func TestClientNeedsAHandlerAndALogger(t *testing.T) {
	conf := config("localhost:8883", &tls.Config{Certificates: make([]tls.Certificate, 1)})
	if _, err := mqttconn.New(conf, nil, slog.Default()); err == nil {
		t.Error("New takes no handler for one")
	}
	if _, err := mqttconn.New(conf, handler{}, nil); err == nil {
		t.Error("New takes no logger for one")
	}
}
