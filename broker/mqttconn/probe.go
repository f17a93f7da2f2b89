// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"log/slog"
	"time"

	"github.com/eclipse/paho.golang/paho"
)

// A Finding is one thing that Probe has learnt, in a sentence for people.
type Finding struct {
	Level slog.Level // Info: fine; Warn: works, but look at it; Error: cannot work
	Text  string
}

// usefulPacket is the least Maximum Packet Size that a reply with twenty grants
// fits in.
const usefulPacket = 64 << 10

// probeGroup is appended to the group that a probe subscribes in.
const probeGroup = "-check"

// Probe connects once and tells what a Client would meet.
//
// It disturbs no running broker: it uses a client id of its own, and subscribes
// for a moment in a group of its own, "<group>-check", which gets copies only.
// A policy that allows the broker nothing but its own id and group refuses
// these; the finding then says so.
func Probe(ctx context.Context, conf Config) []Finding {
	conf = conf.withDefaults()
	if err := conf.Validate(); err != nil {
		return []Finding{{slog.LevelError, err.Error()}}
	}
	ctx, cancel := context.WithTimeout(ctx, conf.ConnectTimeout)
	defer cancel()
	var p probe
	p.run(ctx, conf)
	return p.findings
}

type probe struct{ findings []Finding }

func (p *probe) add(level slog.Level, format string, args ...any) {
	p.findings = append(p.findings, Finding{level, fmt.Sprintf(format, args...)})
}

func (p *probe) fine(format string, args ...any) { p.add(slog.LevelInfo, format, args...) }
func (p *probe) warn(format string, args ...any) { p.add(slog.LevelWarn, format, args...) }
func (p *probe) fail(format string, args ...any) { p.add(slog.LevelError, format, args...) }

func (p *probe) run(ctx context.Context, conf Config) {
	socket, err := dial(ctx, conf)
	if err != nil {
		p.fail("%s: %v", conf.address(), err)
		return
	}
	p.judgeTLS(conf, socket.tls)
	w := newWire(socket)
	s := newSession(w)
	c := paho.NewClient(paho.ClientConfig{Conn: w, Session: s, PacketTimeout: conf.ConnectTimeout,
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){ignore}})
	packet := visitPacket(conf)
	id := packet.ClientID
	ack, err := c.Connect(ctx, packet)
	switch {
	case ack != nil && ack.ReasonCode != 0:
		p.fail("%s: %v", conf.address(), connackError(ack, id))
	case err != nil:
		p.fail("%s: %v", conf.address(), explain(err))
	default:
		p.fine("connected to %s as %q", conf.address(), id)
		p.judgeServer(conf, ack.Properties)
		p.judgeTopics(conf)
		p.trySubscriptions(ctx, conf, c, ack.Properties)
		_ = c.Disconnect(&paho.Disconnect{})
	}
	w.fail(context.Canceled)
	_ = s.Close()
}

func ignore(paho.PublishReceived) (bool, error) { return true, nil }

// visitPacket asks for a session that leaves nothing behind, under an id of its
// own.
func visitPacket(conf Config) *paho.Connect {
	packet := connectPacket(conf, probeID(conf.ClientID))
	packet.CleanStart = true
	packet.Properties.SessionExpiryInterval = nil
	return packet
}

// probeID differs from every broker's id and from other probes'.
func probeID(clientID string) string {
	const tail = "-check-123456"
	return clientID[:min(len(clientID), maxClientID-len(tail))] + "-check-" + rand.Text()[:6]
}

func (p *probe) judgeTLS(conf Config, state tls.ConnectionState) {
	p.fine("%s, the server's certificate is good until %s", tls.VersionName(state.Version), date(state.PeerCertificates[0].NotAfter))
	if conf.endpoint().web {
		p.fine("the server knows us by a signed URL, which it accepts")
		return
	}
	own, err := clientCertificate(conf.TLS)
	if err != nil || own.Leaf == nil {
		return
	}
	text := fmt.Sprintf("our certificate is %q, good until %s", own.Leaf.Subject, date(own.Leaf.NotAfter))
	if time.Until(own.Leaf.NotAfter) < 30*24*time.Hour {
		p.warn("%s: renew it", text)
		return
	}
	p.fine("%s", text)
}

func clientCertificate(conf *tls.Config) (*tls.Certificate, error) {
	if conf.GetClientCertificate != nil {
		return conf.GetClientCertificate(&tls.CertificateRequestInfo{})
	}
	return &conf.Certificates[0], nil
}

func date(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// judgeServer compares what the server offers with what a Client needs.
func (p *probe) judgeServer(conf Config, s *paho.ConnackProperties) {
	if s.MaximumQoS != nil && *s.MaximumQoS == 0 {
		p.fail("the server takes QoS 0 only: requests could be lost")
	}
	if conf.Group != "" && !s.SharedSubAvailable {
		p.fail("%v", errNoShared)
	}
	if !s.WildcardSubAvailable {
		p.fail("the server offers no wildcards in subscriptions")
	}
	switch {
	case s.MaximumPacketSize == nil:
		p.fine("the server sets no limit to the size of packets")
	case *s.MaximumPacketSize < usefulPacket:
		p.warn("the server takes packets of %d bytes at most: replies with many grants will not fit", *s.MaximumPacketSize)
	default:
		p.fine("the server takes packets of %d bytes at most", *s.MaximumPacketSize)
	}
	if s.ReceiveMaximum != nil {
		p.fine("the server takes %d unacknowledged replies at a time", *s.ReceiveMaximum)
	}
	if s.ServerKeepAlive != nil {
		p.fine("the server wants a keep-alive of %d s", *s.ServerKeepAlive)
	}
}

// trySubscriptions subscribes in a group that no broker is in: a member of the
// brokers' own would be dealt requests, and they would be lost.
func (p *probe) trySubscriptions(ctx context.Context, conf Config, c *paho.Client, s *paho.ConnackProperties) {
	if conf.Group != "" {
		if !s.SharedSubAvailable {
			return
		}
		conf.Group += probeGroup
	}
	for _, f := range conf.Filters {
		filter := conf.subscription(f)
		if err := subscribe(ctx, c, filter); err != nil {
			p.fail("%v (only %q was tried, not the brokers' own group, which would lose requests)", err, filter)
			continue
		}
		p.fine("may subscribe %q", filter)
	}
}
