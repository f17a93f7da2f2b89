// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

// MQTT over WebSocket, where a signed URL says who connects: how a broker with
// an IAM role and without a certificate gets in on AWS.

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/coder/websocket"
	"github.com/mochi-mqtt/server/v2/listeners"

	"thingpass/certs"
)

// WebSocketOptions says how to serve MQTT over WebSocket, at wss://host/mqtt.
type WebSocketOptions struct {
	Listen string // address with port, default 127.0.0.1:0
	Key    AccessKey
	Token  string // session token of the key, if it has one
	Region string // default DefaultRegion
	// Service is who the holder of the key is, default DefaultBroker; the registry knows it by its common name.
	Service string
	// Lifetime of a connection, default 24 h as on AWS.
	Lifetime time.Duration
}

const webLifetime = 24 * time.Hour

// webDoor is the part of the listener that speaks HTTP.
type webDoor struct {
	net      net.Listener
	gate     *signedGate
	who      identity
	lifetime time.Duration
	server   *http.Server
}

func newWebDoor(l net.Listener, o *WebSocketOptions, certificate tls.Certificate, log *slog.Logger) *webDoor {
	return &webDoor{
		net: tls.NewListener(l, &tls.Config{
			Certificates: []tls.Certificate{certificate},
			MinVersion:   tls.VersionTLS12,
			NextProtos:   []string{"http/1.1"},
		}),
		gate:     &signedGate{key: o.Key, token: o.Token, region: orDefault(o.Region, DefaultRegion), now: time.Now},
		who:      identity{certs.Service, orDefault(o.Service, DefaultBroker)},
		lifetime: orDefault(o.Lifetime, webLifetime),
		server: &http.Server{
			ReadHeaderTimeout: introduction,
			ErrorLog:          quietLog(log),
			ConnContext: func(ctx context.Context, c net.Conn) context.Context {
				return context.WithValue(ctx, rawConn{}, c)
			},
		},
	}
}

// rawConn is how a request's handler finds the connection that it came on.
type rawConn struct{}

// serveWeb accepts WebSockets until Close.
func (l *mtlsListener) serveWeb(establish listeners.EstablishFn) {
	d := l.web
	d.server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { l.upgrade(w, r, establish) })
	go func() { _ = d.server.Serve(d.net) }() // its error is that we closed it
}

// upgrade runs one connection from its HTTP request to its end.
func (l *mtlsListener) upgrade(w http.ResponseWriter, r *http.Request, establish listeners.EstablishFn) {
	err := errors.New("not GET /mqtt")
	if r.URL.Path == "/mqtt" && r.Method == http.MethodGet {
		err = l.web.gate.check(r)
	}
	if err != nil {
		l.log.Warn("mqtt refused", "what", "WebSocket", "why", err, "remote", r.RemoteAddr)
		w.Header().Set("X-Amzn-Errortype", "ForbiddenException")
		http.Error(w, `{"message":"Forbidden"}`, http.StatusForbidden)
		return
	}
	secure, ok := r.Context().Value(rawConn{}).(*tls.Conn)
	if !ok || !l.add(secure.NetConn()) {
		http.Error(w, "the server ends", http.StatusServiceUnavailable)
		return
	}
	defer l.remove(secure.NetConn())
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"mqtt"}})
	if err != nil {
		return // Accept has answered
	}
	defer func() { _ = ws.CloseNow() }()
	if ws.Subprotocol() != "mqtt" {
		l.log.Warn("mqtt refused", "what", "WebSocket", "why", "the subprotocol is not mqtt", "remote", r.RemoteAddr)
		_ = ws.Close(websocket.StatusPolicyViolation, "the subprotocol is mqtt")
		return
	}
	ws.SetReadLimit(maxPacket + 16)
	end := time.AfterFunc(l.web.lifetime, func() { _ = ws.Close(websocket.StatusGoingAway, "WEBSOCKET_TTL_EXPIRATION") })
	defer end.Stop()
	conn := websocket.NetConn(context.Background(), ws, websocket.MessageBinary)
	l.run(&client{Conn: conn, tcp: secure.NetConn(), who: l.web.who}, establish)
}
