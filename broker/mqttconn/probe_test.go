// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"thingpass/broker"
	"thingpass/broker/mqttconn"
	"thingpass/certs"
)

// plainServer greets everybody in clear text.
func plainServer(t *testing.T) string {
	t.Helper()
	l := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	done := make(chan struct{})
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = bufio.NewReader(c).Peek(1)
			_, _ = c.Write([]byte("220 welcome\r\n"))
			_ = c.Close()
		}
	}()
	return l.Addr().String()
}

func text(findings []mqttconn.Finding) string {
	var b strings.Builder
	for _, f := range findings {
		fmt.Fprintln(&b, f.Level, f.Text)
	}
	return b.String()
}

// A probe of a live system must not take requests, nor throw a broker out.
func TestProbeDisturbsNoBroker(t *testing.T) {
	const requests = 100
	s := startMosquitto(t)
	conf := config(s.Services, s.ServiceTLS("svc"))
	r := runUp(t, conf, handler{handle: func(_ context.Context, m broker.Message) ([]broker.Message, error) { return echo(m), nil }})
	cam1 := newThing(t, s, "cam1")
	sending := make(chan struct{})
	go func() {
		defer close(sending)
		sendEach(t, []*thing{cam1}, requests, time.Millisecond)
	}()
	for range 5 {
		findings := mqttconn.Probe(t.Context(), conf)
		if worst(findings).Level != slog.LevelInfo {
			t.Errorf("findings:\n%s", text(findings))
		}
	}
	<-sending
	awaitAll(t, []*thing{cam1}, requests)
	if n := r.Stats().Connects; n != 1 {
		t.Errorf("the broker had to connect %d times", n)
	}
}

func TestProbeTellsWhatItFound(t *testing.T) {
	s := startMosquitto(t)
	soon := must(s.CA.Service("svc", certs.Days(5)))(t)
	got := text(mqttconn.Probe(t.Context(), config(s.Services, s.ClientTLS(soon))))
	for _, want := range []string{
		"INFO TLS 1.3, the server's certificate is good until 20",
		"WARN our certificate is \"CN=svc,OU=service\", good until 20",
		"INFO connected to " + s.Services + " as \"broker-check-",
		"INFO the server sets no limit to the size of packets",
		"INFO the server takes 1000 unacknowledged replies at a time",
		"INFO may subscribe \"$share/brokers-check/thingpass/+/upload-request\"",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no finding %q in\n%s", want, got)
		}
	}
}

func TestProbeFindsWhatAServerLacks(t *testing.T) {
	zero := ptr(byte(0))
	for want, props := range map[string]packets.Properties{
		"ERROR the server takes QoS 0 only":                    {MaximumQOS: zero},
		"ERROR the server offers no shared subscriptions":      {SharedSubAvailable: zero},
		"ERROR the server offers no wildcards":                 {WildcardSubAvailable: zero},
		"WARN the server takes packets of 1000 bytes at most":  {MaximumPacketSize: ptr(uint32(1000))},
		"INFO the server takes packets of 131072 bytes at mos": {MaximumPacketSize: ptr(uint32(131072))},
		"INFO the server wants a keep-alive of 60 s":           {ServerKeepAlive: ptr(uint16(60))},
	} {
		f := startFake(t, func(p *peer) {
			p.connack(0, props)
			p.serve(func(*packets.ControlPacket) {})
		})
		if got := text(mqttconn.Probe(t.Context(), f.config(t))); !strings.Contains(got, want) {
			t.Errorf("no finding %q in\n%s", want, got)
		}
	}
}

func TestProbeTellsRefusals(t *testing.T) {
	for want, script := range map[string]func(p *peer){
		"ERROR 127.0.0.1:": func(p *peer) { p.connack(packets.ConnackNotAuthorized, packets.Properties{}) },
		"only \"$share/brokers-check/thingpass/+/upload-request\" was tried": func(p *peer) {
			p.connack(0, packets.Properties{})
			p.suback(p.until(packets.SUBSCRIBE).Content.(*packets.Subscribe), packets.SubackNotauthorized)
			p.next()
		},
	} {
		f := startFake(t, script)
		if got := text(mqttconn.Probe(t.Context(), f.config(t))); !strings.Contains(got, want) {
			t.Errorf("no finding %q in\n%s", want, got)
		}
	}
}

func TestProbeEndsInTime(t *testing.T) {
	s := startMosquitto(t)
	p := startProxy(t, s.Services)
	p.stall(true)
	conf := config(p.address, s.ServiceTLS("svc"))
	conf.ConnectTimeout = 100 * time.Millisecond
	began := time.Now()
	if got := worst(mqttconn.Probe(t.Context(), conf)); got.Level != slog.LevelError || time.Since(began) > 3*time.Second {
		t.Errorf("after %v Probe finds %v", time.Since(began), got)
	}
	if got := worst(mqttconn.Probe(t.Context(), mqttconn.Config{})); !strings.Contains(got.Text, "no server") {
		t.Errorf("of no configuration Probe finds %v", got)
	}
}
