// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn_test

import (
	"crypto/tls"
	"errors"
	"testing"

	"github.com/eclipse/paho.golang/packets"
)

// AWS takes MQTT at port 443 only from who asks for it by ALPN.
func TestALPNIsWhatTheServerAsksFor(t *testing.T) {
	t.Parallel()
	const wanted = "x-amzn-mqtt-ca"
	f := startFake(t, func(p *peer) {
		p.subscribed(packets.Properties{})
		p.serve(func(*packets.ControlPacket) {})
	}, func(c *tls.Config) {
		c.NextProtos = []string{wanted}
		c.VerifyConnection = func(s tls.ConnectionState) error {
			if s.NegotiatedProtocol != wanted { // a client that asks for nothing gets this far
				return errors.New("no ALPN")
			}
			return nil
		}
	})
	conf := f.config(t)
	conf.ALPN = wanted
	runUp(t, conf, handler{})
	for alpn, complaint := range map[string]string{"": "not connected", "off": "not connected", "mqtt": "no application protocol"} {
		conf.ALPN = alpn
		r := run(t, conf, handler{})
		r.awaitLog(t, complaint)
		if r.Stats().Connects != 0 {
			t.Errorf("ALPN %q was let in", alpn)
		}
		r.stop()
	}
}
