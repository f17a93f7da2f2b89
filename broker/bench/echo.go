// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/eclipse/paho.golang/autopaho"
	"github.com/eclipse/paho.golang/paho"

	"thingpass/broker/bench/load"
	"thingpass/broker/mqttconn"
)

// echo is the bare responder on paho.golang: this program as a child of itself.
//
// Plain, it is what one writes first that stays alive: autopaho with everything
// at its default, and 32 goroutines that publish, because publishing QoS 1 in
// the handler stalls the connection. With -buffered it has what is known to help
// besides: one write for a packet, acknowledgement after the reply, sent every
// 2 ms.
type echo struct {
	server, ca, cert, key, root, group string
	size                               int
	buffered                           bool
}

func runEcho(ctx context.Context, args []string) error {
	var e echo
	flags := flag.NewFlagSet("echo", flag.ContinueOnError)
	for name, field := range map[string]*string{"server": &e.server, "ca": &e.ca, "cert": &e.cert, "key": &e.key, "root": &e.root, "group": &e.group} {
		flags.StringVar(field, name, "", "")
	}
	flags.IntVar(&e.size, "size", 1000, "")
	flags.BoolVar(&e.buffered, "buffered", false, "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	return e.serve(ctx)
}

func (e echo) serve(ctx context.Context) error {
	conf, err := mqttconn.LoadTLS(e.ca, e.cert, e.key)
	if err != nil {
		return err
	}
	server, err := url.Parse(e.server)
	if err != nil {
		return err
	}
	requests := make(chan paho.PublishReceived, 1000)
	client := autopaho.ClientConfig{
		ServerUrls: []*url.URL{server}, TlsCfg: conf, KeepAlive: 30, CleanStartOnInitialConnection: true,
		OnConnectionUp: func(c *autopaho.ConnectionManager, _ *paho.Connack) { go e.subscribe(ctx, c) },
		ClientConfig: paho.ClientConfig{ClientID: "bench-paho", OnPublishReceived: []func(paho.PublishReceived) (bool, error){
			func(r paho.PublishReceived) (bool, error) { requests <- r; return true, nil },
		}},
	}
	if e.buffered {
		client.EnableManualAcknowledgment, client.SendAcksInterval = true, 2*time.Millisecond
		client.AttemptConnection = dialBuffered
	}
	c, err := autopaho.NewConnection(ctx, client)
	if err != nil {
		return err
	}
	for range 32 {
		go e.work(ctx, c, requests)
	}
	<-ctx.Done()
	return nil
}

func (e echo) subscribe(ctx context.Context, c *autopaho.ConnectionManager) {
	filter := "$share/" + e.group + "/" + e.root + "/+/upload-request"
	if _, err := c.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: filter, QoS: 1}}}); err == nil {
		fmt.Println("ready")
	}
}

func (e echo) work(ctx context.Context, c *autopaho.ConnectionManager, requests <-chan paho.PublishReceived) {
	const kept = len(load.Start) + load.IDLength + 1
	for r := range requests {
		reply := make([]byte, e.size)
		n := copy(reply, r.Packet.Payload[:kept])
		n += copy(reply[n:], `,"status":"success","echo":"`)
		for i := n; i < e.size-2; i++ {
			reply[i] = 'x'
		}
		copy(reply[e.size-2:], `"}`)
		topic := strings.TrimSuffix(r.Packet.Topic, "upload-request") + "response"
		if _, err := c.Publish(ctx, &paho.Publish{Topic: topic, QoS: 1, Payload: reply}); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		if err := r.Client.Ack(r.Packet); err != nil && !errors.Is(err, paho.ErrManualAcknowledgmentDisabled) {
			fmt.Fprintln(os.Stderr, err)
		}
	}
}

// buffered is a connection whose packets are written whole: paho locks it, writes
// the pieces, and unlocks it.
type buffered struct {
	net.Conn
	sync.Mutex
	in  *bufio.Reader
	out *bufio.Writer
}

func dialBuffered(ctx context.Context, c autopaho.ClientConfig, server *url.URL) (net.Conn, error) {
	d := tls.Dialer{Config: c.TlsCfg}
	conn, err := d.DialContext(ctx, "tcp", server.Host)
	if err != nil {
		return nil, err
	}
	return &buffered{Conn: conn, in: bufio.NewReaderSize(conn, 16<<10), out: bufio.NewWriterSize(conn, 64<<10)}, nil
}

func (b *buffered) Read(p []byte) (int, error)  { return b.in.Read(p) }
func (b *buffered) Write(p []byte) (int, error) { return b.out.Write(p) }
func (b *buffered) Unlock() {
	_ = b.out.Flush() // paho learns of it when it reads
	b.Mutex.Unlock()
}
