// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"thingpass/policies/registry"
	"thingpass/policies/templates"
)

// Defaults of the MQTT server.
const (
	DefaultRoot   = "thingpass"        // first level of every topic
	DefaultGroup  = "thingpass"        // of the brokers' shared subscription
	DefaultBroker = "thingpass-broker" // name of the broker's certificate
)

const writeTimeout = 5 * time.Second

// MQTTOptions says how to start the embedded MQTT server. Certificate and
// ClientCAs are required.
type MQTTOptions struct {
	Listen      string // address with port, default 127.0.0.1:0
	Certificate tls.Certificate
	ClientCAs   *x509.CertPool // who vouches for things and services
	// Registry says who is who and may do what; nil: registry.Default, in memory, for
	// Root and Group. What changes in it counts at once.
	Registry *registry.Store
	Root     string // default DefaultRoot
	Group    string // default DefaultGroup
	// Provisioning gives things an identity that come with a claim; nil: it does not.
	Provisioning *Provisioning
	// WriteTimeout is how long a client may take nothing before it is
	// disconnected, default 5 s.
	WriteTimeout time.Duration
	Strict       *Strict           // refuse what AWS IoT Core refuses; nil: do not
	WebSocket    *WebSocketOptions // serve MQTT over WebSocket as well; nil: do not
	Log          *slog.Logger
}

// MQTT is a running MQTT server.
type MQTT struct {
	server   *mqtt.Server
	listener *mtlsListener
	hook     *hook
	closed   sync.Once
}

// StartMQTT serves MQTT 3.1.1 and 5 over mutual TLS until Close; ctx bounds the
// start only. Sessions live in memory.
func StartMQTT(ctx context.Context, o MQTTOptions) (*MQTT, error) {
	store, err := o.openRegistry()
	if err := errors.Join(err, o.check()); err != nil {
		return nil, fmt.Errorf("start MQTT: %w", err)
	}
	log := orDefault(o.Log, slog.New(slog.DiscardHandler))
	tcp, err := listen(ctx, "MQTT", orDefault(o.Listen, "127.0.0.1:0"))
	if err != nil {
		return nil, fmt.Errorf("start MQTT: %w", err)
	}
	m := &MQTT{server: newServer(log, o.Strict), listener: newListener(tcp, o.tls(), store, log)}
	m.listener.goodbye = m.goodbye
	m.listener.strict = o.Strict
	m.listener.patience.Store(int64(orDefault(o.WriteTimeout, writeTimeout)))
	if err := m.openWeb(ctx, o); err != nil {
		tcp.Close()
		return nil, fmt.Errorf("start MQTT: %w", err)
	}
	m.hook = &hook{registry: store, server: m.server, sessions: m.listener.sessions, strict: o.Strict, explained: newSliding(explanations), log: log}
	if err := m.openProvisioning(o, store, log); err != nil {
		tcp.Close()
		return nil, fmt.Errorf("start MQTT: %w", err)
	}
	if err := m.serve(m.hook); err != nil {
		tcp.Close()
		return nil, fmt.Errorf("start MQTT: %w", err)
	}
	store.OnChange(m.hook.rejudge)
	return m, nil
}

// openRegistry makes the registry that is used without a file.
func (o *MQTTOptions) openRegistry() (*registry.Store, error) {
	if o.Registry != nil {
		return o.Registry, nil
	}
	var v templates.Values
	if err := errors.Join(v.Set("root", orDefault(o.Root, DefaultRoot)), v.Set("group", orDefault(o.Group, DefaultGroup))); err != nil {
		return nil, err
	}
	return registry.InMemory(registry.Default(v))
}

func (m *MQTT) openWeb(ctx context.Context, o MQTTOptions) error {
	if o.WebSocket == nil {
		return nil
	}
	if o.WebSocket.Key.ID == "" || o.WebSocket.Key.Secret == "" {
		return errors.New("a WebSocket needs an access key: who signs with it is let in")
	}
	l, err := listen(ctx, "MQTT over WebSocket", orDefault(o.WebSocket.Listen, "127.0.0.1:0"))
	if err != nil {
		return err
	}
	m.listener.web = newWebDoor(l, o.WebSocket, o.Certificate, m.listener.log)
	return nil
}

func (o *MQTTOptions) check() error {
	if len(o.Certificate.Certificate) == 0 {
		return errors.New("a server certificate is needed")
	}
	if o.ClientCAs == nil {
		return errors.New("a CA for client certificates is needed: without one nobody could connect")
	}
	return nil
}

func (o *MQTTOptions) tls() *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{o.Certificate},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    o.ClientCAs,
		MinVersion:   tls.VersionTLS12, // what ESP32s speak
	}
}

// newServer sets mochi to AWS IoT Core's limits, or to none.
func newServer(log *slog.Logger, strict *Strict) *mqtt.Server {
	limits := mqtt.NewDefaultServerCapabilities()
	limits.MaximumPacketSize = maxPacket
	limits.MaximumQos = 1
	limits.RetainAvailable = 0
	limits.TopicAliasMaximum = 0               // an alias would be a topic that nobody checked
	limits.MaximumSessionExpiryInterval = 3600 // seconds
	limits.MaximumClientWritesPending = 16 << 10
	limits.MaximumInflight = 1<<16 - 1
	limits.ReceiveMaximum = 1<<16 - 1
	if strict != nil {
		limits.ReceiveMaximum = awsUnacked
		limits.MaximumMessageExpiryInterval = awsExpiry
	}
	return mqtt.New(&mqtt.Options{
		Capabilities:           limits,
		Logger:                 slog.New(withoutPackets{log.Handler()}),
		SysTopicResendInterval: 1 << 30, // seconds: nobody may read $SYS, so spare the work
		// mochi would keep a packet back while another waits behind it; with
		// our window, that other may be waiting for this one's acknowledgement.
		ClientNetWriteBufferSize: 1,
	})
}

func (m *MQTT) serve(h *hook) error {
	if err := m.server.AddHook(h, nil); err != nil {
		return err
	}
	if err := m.server.AddListener(m.listener); err != nil {
		return err
	}
	return m.server.Serve()
}

// goodbye tells all clients at once; MQTT 3.1.1 has no word for it.
func (m *MQTT) goodbye() {
	var all sync.WaitGroup
	for _, cl := range m.server.Clients.GetAll() {
		if cl.Properties.ProtocolVersion == 5 && !cl.Closed() {
			all.Go(func() { _ = m.server.DisconnectClient(cl, packets.ErrServerShuttingDown) })
		}
	}
	all.Wait()
}

// Addr is where the server listens.
func (m *MQTT) Addr() net.Addr { return m.listener.net.Addr() }

// WebAddr is where it listens for WebSockets, nil if it does not.
func (m *MQTT) WebAddr() net.Addr {
	if m.listener.web == nil {
		return nil
	}
	return m.listener.web.net.Addr()
}

// Close ends the server within a few seconds. Clients of MQTT 5 are told.
func (m *MQTT) Close() error {
	var err error
	m.closed.Do(func() {
		done := make(chan error, 1)
		go func() { done <- m.server.Close() }()
		select {
		case err = <-done:
		case <-time.After(stopTimeout):
			err = errors.New("close MQTT: clients are still busy; given up")
		}
	})
	return err
}
