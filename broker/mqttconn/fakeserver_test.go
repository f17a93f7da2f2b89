// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"thingpass/broker/mqttconn"
	"thingpass/certs"
)

// A fakeServer does what no real server can be made to do when a test wants it.
// For each connection it runs a script, and closes the connection after it.
type fakeServer struct {
	ca      *certs.CA
	address string
}

// A peer is the server's end of a connection. What fails in a script ends it,
// not the test: the test judges what the client makes of it.
type peer struct {
	net.Conn
	sync.Mutex     // paho's packets lock it while they are written
	n          int // of the connection, from 0
	in         *bufio.Reader
}

func startFake(t *testing.T, script func(p *peer), change ...func(*tls.Config)) *fakeServer {
	t.Helper()
	ca := must(certs.NewCA("test CA"))(t)
	id := must(ca.Server([]string{"127.0.0.1"}))(t)
	conf := &tls.Config{
		Certificates: []tls.Certificate{id.TLSCertificate()},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    ca.Pool(),
	}
	for _, c := range change {
		c(conf)
	}
	l := must(tls.Listen("tcp", "127.0.0.1:0", conf))(t)
	var scripts sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		scripts.Wait()
	})
	scripts.Go(func() {
		for n := 0; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			scripts.Go(func() {
				defer func() { _ = c.Close() }()
				_ = c.SetDeadline(time.Now().Add(2 * patience))
				script(&peer{Conn: c, n: n, in: bufio.NewReader(c)})
			})
		}
	})
	return &fakeServer{ca: ca, address: l.Addr().String()}
}

// config is that of a broker at the fake server.
func (f *fakeServer) config(t *testing.T) mqttconn.Config {
	t.Helper()
	id := must(f.ca.Service("svc"))(t)
	return config(f.address, &tls.Config{RootCAs: f.ca.Pool(), Certificates: []tls.Certificate{id.TLSCertificate()}})
}

// next is the next packet that is no PINGREQ; nil when the client has gone.
func (p *peer) next() *packets.ControlPacket {
	for {
		c, err := packets.ReadPacket(p.in)
		if err != nil {
			return nil
		}
		if c.Type != packets.PINGREQ {
			return c
		}
		p.send(packets.NewControlPacket(packets.PINGRESP))
	}
}

// until passes over packets up to the next one of that type; nil when the
// client has gone.
func (p *peer) until(kind byte) *packets.ControlPacket {
	for {
		if c := p.next(); c == nil || c.Type == kind {
			return c
		}
	}
}

// serve answers what a broker sends until it goes, and passes it on to see.
func (p *peer) serve(see func(c *packets.ControlPacket)) {
	for c := p.next(); c != nil; c = p.next() {
		switch body := c.Content.(type) {
		case *packets.Subscribe:
			p.suback(body, 1)
		case *packets.Publish:
			if body.QoS > 0 {
				p.puback(body, 0)
			}
		}
		see(c)
	}
}

func (p *peer) send(w io.WriterTo) { _, _ = w.WriteTo(p) }

// connack waits for CONNECT and answers it.
func (p *peer) connack(code byte, props packets.Properties) *packets.Connect {
	c := p.until(packets.CONNECT)
	if c == nil {
		return nil
	}
	p.send(&packets.Connack{ReasonCode: code, Properties: &props})
	return c.Content.(*packets.Connect)
}

func (p *peer) suback(s *packets.Subscribe, code byte) {
	p.send(&packets.Suback{PacketID: s.PacketID, Reasons: []byte{code}, Properties: &packets.Properties{}})
}

func (p *peer) puback(b *packets.Publish, code byte) {
	p.send(&packets.Puback{PacketID: b.PacketID, ReasonCode: code, Properties: &packets.Properties{}})
}

func (p *peer) disconnect(code byte) {
	p.send(&packets.Disconnect{ReasonCode: code, Properties: &packets.Properties{}})
}

// subscribed lets the client in and grants its one subscription.
func (p *peer) subscribed(props packets.Properties) {
	p.connack(0, props)
	if c := p.until(packets.SUBSCRIBE); c != nil {
		p.suback(c.Content.(*packets.Subscribe), 1)
	}
}

// request gives the client a request of one of 64 things, at QoS 1 with that packet id, or
// at QoS 0 with id 0.
func (p *peer) request(id uint16, payload string) {
	p.send(&packets.Publish{PacketID: id, QoS: qosOf(id), Topic: fmt.Sprintf("thingpass/cam%d/upload-request", id%64), Payload: []byte(payload), Properties: &packets.Properties{}})
}

func qosOf(id uint16) byte {
	if id == 0 {
		return 0
	}
	return 1
}

func ptr[T any](v T) *T { return &v }
