// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// A proxy stands between a thing and a server, counts connections, and cuts
// them.
type proxy struct {
	address     string
	connections atomic.Int64
	received    atomic.Int64 // bytes from clients
	sent        atomic.Int64 // bytes to them
	cutAfter    atomic.Int64 // bytes from the client, then the connection is cut; 0 = never

	mu   sync.Mutex
	open []net.Conn
}

func newProxy(tb testing.TB, target string) *proxy {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &proxy{address: listener.Addr().String()}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			p.connections.Add(1)
			go p.serve(conn, target)
		}
	}()
	tb.Cleanup(func() {
		_ = listener.Close()
		p.cut()
	})
	return p
}

func (p *proxy) serve(client net.Conn, target string) {
	server, err := net.Dial("tcp", target)
	if err != nil {
		_ = client.Close() // the server is away: so are we
		return
	}
	p.mu.Lock()
	p.open = append(p.open, client, server)
	p.mu.Unlock()
	go func() {
		_, _ = io.Copy(client, io.TeeReader(server, counter{&p.sent})) // ends when either side does
		_ = client.Close()
	}()
	counted := io.TeeReader(client, counter{&p.received})
	if limit := p.cutAfter.Load(); limit > 0 {
		_, _ = io.CopyN(server, counted, limit)
		_ = client.(*net.TCPConn).SetLinger(0) // a reset, as from a lost link
	} else {
		_, _ = io.Copy(server, counted)
	}
	_ = client.Close()
	_ = server.Close()
}

// counter adds up the bytes that are written to it.
type counter struct{ sum *atomic.Int64 }

func (c counter) Write(data []byte) (int, error) {
	c.sum.Add(int64(len(data)))
	return len(data), nil
}

// cut ends all connections that are open.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range p.open {
		_ = conn.Close()
	}
	p.open = nil
}
