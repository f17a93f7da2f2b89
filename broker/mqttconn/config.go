// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn

import (
	"context"
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
	Server   string      // mqtts://host[:port], port 8883 if none, or wss://host[:port][/path], 443 and /mqtt if none
	TLS      *tls.Config // for mqtts with a client certificate; see LoadTLS and LoadServerTLS
	ClientID string      // of the first connection; the others add -2, -3 …
	Filters  []string    // topic filters, without $share/<group>/

	// ReloadTLS, if there is one, gives the TLS of each connection, so that
	// renewed certificates and CAs need no restart; TLS is then only checked.
	ReloadTLS func() (*tls.Config, error)

	// Group is the name of the shared subscription. All connections of all
	// brokers that share the work have the same. Without a group each broker
	// gets every request, so there can be one connection of one broker only.
	//
	// The server keeps subscriptions with the session: after a change of
	// Group or Filters use another ClientID, or the old ones go on.
	Group string

	// Profile is whose limits are kept: those of AWS if Server is a host of
	// AWS's, otherwise none. Pace is that of the profile unless set.
	Profile Profile
	Pace    Pace

	// ALPN is what the TLS handshake asks for: "" is what AWS wants at port 443
	// of an mqtts server of profile aws and nothing elsewhere, "off" is nothing.
	ALPN string

	// Presign turns the URL of a wss server into one that lets us in. It is
	// called for each connection. Its result is a secret and is never logged.
	Presign func(ctx context.Context, url string) (string, error)

	// MaxAge is when a connection is left for a new one, in peace: what is being
	// worked on is answered before. 0 is 23 h for wss, which AWS cuts at 24 h,
	// and never for mqtts.
	MaxAge time.Duration

	Connections int // 1 unless set, at most 100
	Workers     int // requests handled at a time, by all connections; 32 unless set

	// Queue is how many requests may wait for a worker, 256 unless set, and
	// each connection's Receive Maximum: how many the server may send ahead of
	// our acknowledgements, unless AWS's limits or the pace allow fewer. So a single connection to a server that keeps the
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
	ReconnectMin   time.Duration // longest first pause before connecting again; doubled each time; 1 s unless set, 2 s for AWS
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
	c = c.withProfile()
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

// An endpoint is where a server is.
type endpoint struct {
	host, port string
	path       string // of the WebSocket
	web        bool   // over WebSocket
}

func (e endpoint) address() string { return net.JoinHostPort(e.host, e.port) }

// url is that of the WebSocket, without its default port: it is what is signed.
func (e endpoint) url() string {
	u := url.URL{Scheme: "wss", Host: e.host, Path: e.path}
	switch {
	case e.port != "443":
		u.Host = e.address()
	case strings.Contains(e.host, ":"):
		u.Host = "[" + e.host + "]"
	}
	return u.String()
}

// parseServer takes a server's URL apart.
func parseServer(server string) (endpoint, error) {
	const want = "use mqtts://host or mqtts://host:port, or wss://host"
	if server == "" {
		return endpoint{}, errors.New("no server: " + want)
	}
	u, err := url.Parse(server)
	if err != nil {
		return endpoint{}, errors.New("server: not a URL: " + want) // the parser's error would repeat a password
	}
	e := endpoint{host: u.Hostname(), port: u.Port(), path: u.Path, web: u.Scheme == "wss"}
	if !e.web && u.Scheme != "mqtts" || e.host == "" || u.User != nil || u.RawQuery+u.Fragment != "" || !e.web && strings.Trim(u.Path, "/") != "" {
		return endpoint{}, fmt.Errorf("server %q: %s", u.Redacted(), want)
	}
	if e.port == "" {
		e.port = map[bool]string{false: "8883", true: "443"}[e.web]
	}
	if e.web && strings.Trim(e.path, "/") == "" {
		e.path = "/mqtt"
	}
	if n, err := strconv.Atoi(e.port); err != nil || n < 1 || n > math.MaxUint16 {
		return endpoint{}, fmt.Errorf("server %q: port %s is not 1 to 65535", u.Redacted(), e.port)
	}
	return e, nil
}

// address is where to dial.
func (c Config) address() string { return c.endpoint().address() }

func (c Config) endpoint() endpoint {
	e, _ := parseServer(c.Server) // New has validated it
	return e
}
