// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Profile is the kind of MQTT server, whose limits are to be kept.
type Profile string

const (
	ProfileAWS       Profile = "aws"       // AWS IoT Core
	ProfileMosquitto Profile = "mosquitto" // Mosquitto, and whatever has no limits of its own
)

// Limits of AWS IoT Core: AWS General Reference, "AWS IoT Core endpoints and
// quotas", and the page "MQTT" of its Developer Guide. None can be raised but
// the number of subscriptions.
const (
	awsFilters     = 50 // subscriptions per connection
	awsSlashes     = 7  // in a topic, $share/<group>/ not counted
	awsTopic       = 256
	awsPayload     = 128 << 10
	awsUnacked     = 100 // messages, each way
	awsMinPacket   = 512 // least Maximum Packet Size that it accepts
	awsMinAlive    = 30 * time.Second
	awsMaxAlive    = 1200 * time.Second
	awsReconnect   = 2 * time.Second // one CONNECT a second for each client id, and pauses are at least half
	awsSession     = time.Hour
	awsWebLifetime = 24 * time.Hour // of a WebSocket connection
	longestThing   = 128            // bytes of a thing's name [P-2]
)

// ProfileOf is the profile of a server unless another is set: AWS's for hosts of
// AWS.
func ProfileOf(server string) Profile {
	if e, err := parseServer(server); err == nil && awsHost(e.host) {
		return ProfileAWS
	}
	return ProfileMosquitto
}

// Region is the AWS region that a server's host is named after, or "".
func Region(server string) string {
	e, err := parseServer(server)
	if err != nil || !awsHost(e.host) {
		return ""
	}
	_, rest, _ := strings.Cut(e.host, ".iot.") // <prefix>-ats.iot.<region>.amazonaws.com, in China <prefix>.ats.iot.…
	region, _, _ := strings.Cut(rest, ".")
	return region
}

// OverWebSocket tells whether a server is reached by a signed URL instead of a
// client certificate.
func OverWebSocket(server string) bool {
	e, err := parseServer(server)
	return err == nil && e.web
}

// withProfile completes what depends on the kind of server.
func (c Config) withProfile() Config {
	if c.Profile == "" {
		c.Profile = ProfileOf(c.Server)
	}
	c.Pace = c.Pace.withDefaults()
	if c.Pace.Mode == "" {
		c.Pace.Mode = PaceOff
		if c.Profile == ProfileAWS {
			c.Pace.Mode = PaceBoth
		}
	}
	if c.ReconnectMin == 0 && c.Profile == ProfileAWS {
		c.ReconnectMin = awsReconnect
	}
	if c.MaxAge == 0 && OverWebSocket(c.Server) {
		c.MaxAge = awsWebLifetime - time.Hour
	}
	return c
}

// window is the Receive Maximum: what may come is what fits the queue, and what
// can be answered in time.
func (c Config) window() int {
	n := c.Queue
	if c.Profile == ProfileAWS {
		n = min(n, awsUnacked)
	}
	if c.Pace.Mode != PaceOff {
		n = min(n, c.Pace.ahead())
	}
	return n
}

// payloadLimit is the size of the largest payload, 0 where there is none.
func (c Config) payloadLimit() int {
	if c.Profile == ProfileAWS {
		return awsPayload
	}
	return 0
}

// checkProfile returns what the kind of server would refuse.
func (c Config) checkProfile() []error {
	switch c.Profile {
	case ProfileMosquitto:
		return c.checkPace()
	case ProfileAWS:
	default:
		return []error{fmt.Errorf("profile %q: use %s or %s", c.Profile, ProfileAWS, ProfileMosquitto)}
	}
	errs := c.checkPace()
	if c.KeepAlive < awsMinAlive || c.KeepAlive > awsMaxAlive {
		errs = append(errs, fmt.Errorf("keep-alive is %v: AWS takes %v to %v", c.KeepAlive, awsMinAlive, awsMaxAlive))
	}
	if c.Group == "" {
		errs = append(errs, errors.New("no group: on AWS a connection takes 100 publishes a second, and only a group lets you add another"))
	}
	if len(c.Filters) > awsFilters {
		errs = append(errs, fmt.Errorf("%d topic filters: AWS takes %d per connection", len(c.Filters), awsFilters))
	}
	for _, f := range c.Filters {
		if n := strings.Count(f, "/"); n > awsSlashes || len(f) > awsTopic {
			errs = append(errs, fmt.Errorf("topic filter %q: %d slashes and %d bytes, AWS takes %d and %d", f, n, len(f), awsSlashes, awsTopic))
		}
	}
	return errs
}

func (c Config) checkPace() []error {
	var errs []error
	switch c.Pace.Mode {
	case PaceOff, PaceEach, PaceBoth:
	default:
		errs = append(errs, fmt.Errorf("pace %q: use %s, %s or %s", c.Pace.Mode, PaceEach, PaceBoth, PaceOff))
	}
	if c.Pace.Publishes < 1 || c.Pace.Publishes > 1_000_000 {
		errs = append(errs, fmt.Errorf("pace of %d publishes a second: use 1 to 1000000", c.Pace.Publishes))
	}
	if c.Pace.Bytes < 1024 || c.Pace.Bytes > 1<<30 {
		errs = append(errs, fmt.Errorf("pace of %d bytes a second: use 1024 to %d", c.Pace.Bytes, 1<<30))
	}
	return errs
}

// judgeTopics warns of topics that AWS would refuse for some things only.
func (p *probe) judgeTopics(conf Config) {
	if conf.Profile != ProfileAWS {
		return
	}
	for _, f := range conf.Filters {
		if room := awsTopic - len(f) + 1; strings.Contains(f, "+") && room < longestThing {
			p.warn("topic filter %q: AWS takes topics of %d bytes, so a thing's name can have %d only", f, awsTopic, room)
		}
	}
	if conf.Pace.Mode == PaceOff || conf.Pace.Publishes > awsPublishes {
		p.warn("the pace is above AWS's quota of %d publishes a second for each connection: what exceeds it is discarded", awsPublishes)
	}
	if conf.SessionExpiry > awsSession {
		p.warn("a session expiry of %v: AWS makes %v of it unless its quota was raised", conf.SessionExpiry, awsSession)
	}
	if conf.ReconnectMin < awsReconnect {
		p.warn("pauses before connecting again of %v: AWS takes one CONNECT a second for each client id", conf.ReconnectMin)
	}
}
