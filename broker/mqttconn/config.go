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
	// requests are refused as busy.
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

// Validate returns every reason why a Client could not work like this, joined.
// Zero values that have defaults are fine.
func (c Config) Validate() error {
	c = c.withDefaults()
	_, _, err := splitServer(c.Server)
	errs := []error{err, c.checkTLS(), c.checkNames(), c.checkFilters()}
	for _, n := range []struct {
		name     string
		v        int
		min, max int
	}{
		{"connections", c.Connections, 1, 100},
		{"workers", c.Workers, 1, 10_000},
		{"queue", c.Queue, 1, math.MaxUint16},
		{"the largest packet", c.MaxPacket, 1024, 256 << 20},
	} {
		if n.v < n.min || n.v > n.max {
			errs = append(errs, fmt.Errorf("%s is %d: use %d to %d", n.name, n.v, n.min, n.max))
		}
	}
	errs = append(errs, c.checkTimes()...)
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("mqttconn: %w", err)
	}
	return nil
}

func (c Config) checkTimes() []error {
	var errs []error
	for _, d := range []struct {
		name     string
		v        time.Duration
		min, max time.Duration
	}{
		{"session expiry", c.SessionExpiry, time.Second, 7 * 24 * time.Hour},
		{"keep-alive", c.KeepAlive, time.Second, math.MaxUint16 * time.Second},
		{"connect timeout", c.ConnectTimeout, time.Millisecond, time.Hour},
		{"handle timeout", c.HandleTimeout, time.Millisecond, time.Hour},
		{"publish timeout", c.PublishTimeout, time.Millisecond, time.Hour},
		{"drain timeout", c.DrainTimeout, time.Millisecond, time.Hour},
		{"first reconnect pause", c.ReconnectMin, time.Millisecond, c.ReconnectMax},
		{"longest reconnect pause", c.ReconnectMax, time.Millisecond, time.Hour},
		{"pause after a take-over", c.TakenOverWait, time.Millisecond, 24 * time.Hour},
	} {
		if d.v < d.min || d.v > d.max {
			errs = append(errs, fmt.Errorf("%s is %v: use %v to %v", d.name, d.v, d.min, d.max))
		}
	}
	return errs
}

// checkTLS refuses what would not be mutual TLS.
func (c Config) checkTLS() error {
	switch {
	case c.TLS == nil:
		return errors.New("no TLS: the server knows us by our certificate")
	case len(c.TLS.Certificates) == 0 && c.TLS.GetClientCertificate == nil:
		return errors.New("no client certificate: the server knows us by it")
	case c.TLS.InsecureSkipVerify:
		return errors.New("the server's certificate would not be verified: give its CA instead")
	}
	return nil
}

// AWS IoT Core's limits; the group leaves room for that of Probe.
const (
	maxClientID = 128
	maxGroup    = 128 - len(probeGroup)
)

func (c Config) checkNames() error {
	var errs []error
	switch last := c.clientID(c.Connections - 1); {
	case c.ClientID == "":
		errs = append(errs, errors.New("no client id: without a fixed one the server cannot keep our session"))
	case len(last) > maxClientID:
		errs = append(errs, fmt.Errorf("client id %q is longer than %d bytes", last, maxClientID))
	case strings.ContainsAny(last, "+#/\x00") || !printable(last):
		errs = append(errs, fmt.Errorf("client id %q: use printable ASCII without + # / and spaces", last))
	}
	switch {
	case len(c.Group) > maxGroup:
		errs = append(errs, fmt.Errorf("group is longer than %d bytes", maxGroup))
	case strings.ContainsAny(c.Group, "+#/\x00") || !printable(c.Group):
		errs = append(errs, fmt.Errorf("group %q: use printable ASCII without + # / and spaces", c.Group))
	case c.Group == "" && c.Connections > 1:
		errs = append(errs, fmt.Errorf("%d connections without a group: each would answer every request", c.Connections))
	}
	return errors.Join(errs...)
}

func printable(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}

func (c Config) checkFilters() error {
	if len(c.Filters) == 0 {
		return errors.New("no topic filters")
	}
	for _, f := range c.Filters {
		if err := checkFilter(f); err != nil {
			return err
		}
	}
	return nil
}

func checkFilter(f string) error {
	if f == "" || len(f) > math.MaxUint16 || strings.ContainsRune(f, 0) {
		return fmt.Errorf("topic filter %q: empty, too long, or with a zero byte", f)
	}
	levels := strings.Split(f, "/")
	if levels[0] == "$share" {
		return fmt.Errorf("topic filter %q: leave $share/<group>/ away, and set the group", f)
	}
	for i, level := range levels {
		if strings.ContainsAny(level, "+#") && len(level) > 1 || level == "#" && i < len(levels)-1 {
			return fmt.Errorf("topic filter %q: + and # stand for whole levels, # for the last ones", f)
		}
	}
	return nil
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
