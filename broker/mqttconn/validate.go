// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// Validate returns every reason why a Client could not work like this, joined.
// Zero values that have defaults are fine.
func (c Config) Validate() error {
	c = c.withDefaults()
	_, err := parseServer(c.Server)
	errs := []error{err, c.checkTLS(), c.checkNames(), c.checkFilters()}
	errs = append(errs, c.checkProfile()...)
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
		{"longest life of a connection", c.MaxAge, 0, 365 * 24 * time.Hour},
		{"pause after a take-over", c.TakenOverWait, time.Millisecond, 24 * time.Hour},
	} {
		if d.v < d.min || d.v > d.max {
			errs = append(errs, fmt.Errorf("%s is %v: use %v to %v", d.name, d.v, d.min, d.max))
		}
	}
	return errs
}

// checkTLS refuses a connection in which one side does not prove who it is.
func (c Config) checkTLS() error {
	web := c.endpoint().web
	switch {
	case web && c.Presign == nil:
		return errors.New("nobody signs the URL: over WebSocket the server knows us by it")
	case web && c.TLS == nil:
		return errors.New("no TLS: the server's certificate would not be verified")
	case c.TLS == nil:
		return errors.New("no TLS: the server knows us by our certificate")
	case !web && len(c.TLS.Certificates) == 0 && c.TLS.GetClientCertificate == nil:
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
