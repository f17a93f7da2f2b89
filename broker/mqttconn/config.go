// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn

import (
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Config says where to connect, as whom, and within which bounds. Server, TLS,
// ClientID and Filters are required; everything else has a default where zero.
type Config struct {
	Server   string      // mqtts://host or mqtts://host:port, port 8883 if none
	TLS      *tls.Config // with a client certificate; see LoadTLS
	ClientID string      // of the first connection; the others add -2, -3 …
	Filters  []string    // topic filters, without $share/<group>/

	// Group is the name of the shared subscription. All connections of all
	// brokers that share the work have the same. Without a group each broker
	// gets every request, so there can be one connection of one broker only.
	//
	// The server keeps subscriptions with the session: after a change of
	// Group or Filters use another ClientID, or the old ones go on.
	Group string

	Connections int // 1 unless set, at most 100
	Workers     int // requests handled at a time, by all connections; 32 unless set

	// Queue is how many requests may wait for a worker, 256 unless set, and
	// each connection's Receive Maximum: how many the server may send ahead of
	// our acknowledgements. So a single connection to a server that keeps the
	// rule never overfills it; several connections, requests at QoS 0 and
	// servers that do not keep it (Mosquitto 2.0.11 does not) do, and those
	// requests are refused as busy. Requests hold at most Queue × MaxPacket
	// bytes for each connection.
	Queue int

	MaxPacket      int           // bytes of the largest packet we accept; 256 KiB unless set. The server drops larger ones
	SessionExpiry  time.Duration // how long the server keeps our requests while we are away; 1 h unless set
	KeepAlive      time.Duration // 30 s unless set
	ConnectTimeout time.Duration // TCP, TLS and CONNECT together; 10 s unless set
	HandleTimeout  time.Duration // of the context that Handle gets; 10 s unless set
	PublishTimeout time.Duration // for the server to take one reply, after which the connection is given up; 5 s unless set
	DrainTimeout   time.Duration // to answer what we have, after Run's context ended; 10 s unless set
	ReconnectMin   time.Duration // longest first pause before connecting again; doubled each time; 1 s unless set
	ReconnectMax   time.Duration // longest pause of all; 30 s unless set
	TakenOverWait  time.Duration // pause after another client took our id; 1 min unless set

	// OnUp is called when a connection is subscribed to every filter, OnDown
	// when one that was up has ended. They must not block.
	OnUp   func(clientID string)
	OnDown func(clientID string, err error)

	// OnServed is called when the replies to a request have been handed over,
	// with the time since it arrived. It must not block.
	OnServed func(topic string, took time.Duration)
}

func (c Config) withDefaults() Config {
	setInt := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	setTime := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	setInt(&c.Connections, 1)
	setInt(&c.Workers, 32)
	setInt(&c.Queue, 256)
	setInt(&c.MaxPacket, 256<<10)
	setTime(&c.SessionExpiry, time.Hour)
	setTime(&c.KeepAlive, 30*time.Second)
	setTime(&c.ConnectTimeout, 10*time.Second)
	setTime(&c.HandleTimeout, 10*time.Second)
	setTime(&c.PublishTimeout, 5*time.Second)
	setTime(&c.DrainTimeout, 10*time.Second)
	setTime(&c.ReconnectMin, time.Second)
	setTime(&c.ReconnectMax, 30*time.Second)
	setTime(&c.TakenOverWait, time.Minute)
	return c
}

// clientID is that of the i-th connection, from 0.
func (c Config) clientID(i int) string {
	if i == 0 {
		return c.ClientID
	}
	return c.ClientID + "-" + strconv.Itoa(i+1)
}

// subscription is a filter as it is sent to the server.
func (c Config) subscription(filter string) string {
	if c.Group == "" {
		return filter
	}
	return "$share/" + c.Group + "/" + filter
}

// splitServer takes host and port out of mqtts://host:port.
func splitServer(server string) (host, port string, err error) {
	const want = "use mqtts://host or mqtts://host:port"
	if server == "" {
		return "", "", errors.New("no server: " + want)
	}
	u, err := url.Parse(server)
	if err != nil {
		return "", "", errors.New("server: not a URL: " + want) // the parser's error would repeat a password
	}
	host, port = u.Hostname(), u.Port()
	if u.Scheme != "mqtts" || host == "" || u.User != nil || strings.Trim(u.Path, "/")+u.RawQuery+u.Fragment != "" {
		return "", "", fmt.Errorf("server %q: %s", u.Redacted(), want)
	}
	if port == "" {
		port = "8883"
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > math.MaxUint16 {
		return "", "", fmt.Errorf("server %q: port %s is not 1 to 65535", u.Redacted(), port)
	}
	return host, port, nil
}

// address is where to dial.
func (c Config) address() string {
	host, port, _ := splitServer(c.Server) // New has validated it
	return net.JoinHostPort(host, port)
}
