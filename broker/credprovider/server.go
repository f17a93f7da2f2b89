// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package credprovider

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	headerTimeout = 10 * time.Second // handshake and head of a request
	answerTimeout = 30 * time.Second
	keepAlive     = 30 * time.Second
	stopTimeout   = 5 * time.Second
	maxHeader     = 4 << 10 // bytes; a request has some 200
)

// ServerConfig says how a Handler is served. Only Log may be nil.
type ServerConfig struct {
	Listen      string // host:port, for Listen
	Certificate tls.Certificate
	ClientCAs   *x509.CertPool // who vouches for things
	Handler     *Handler
	Log         *slog.Logger
}

// Server is a provider that listens.
type Server struct {
	listener net.Listener
	http     *http.Server
	served   chan error // what it ended with
	closed   sync.Once
}

// Listen serves c until Close; ctx bounds the start only. Whoever has no valid
// certificate of ClientCAs for client authentication does not get past the TLS
// handshake.
func Listen(ctx context.Context, c ServerConfig) (*Server, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", c.Listen, err)
	}
	s, err := Serve(listener, c)
	if err != nil {
		listener.Close()
	}
	return s, err
}

// Serve is Listen with a listener of the caller's, which is closed with it.
func Serve(listener net.Listener, c ServerConfig) (*Server, error) {
	if len(c.Certificate.Certificate) == 0 || c.ClientCAs == nil || c.Handler == nil {
		return nil, errors.New("a credential provider needs a certificate, a CA of things and a handler")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true) // one request a connection is what things do
	s := &Server{listener: listener, served: make(chan error, 1), http: &http.Server{
		Handler:           c.Handler,
		Protocols:         &protocols,
		TLSConfig:         c.tls(),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       headerTimeout,
		WriteTimeout:      answerTimeout,
		IdleTimeout:       keepAlive,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(c.Log.Handler(), slog.LevelInfo),
	}}
	go func() { s.served <- s.http.ServeTLS(listener, "", "") }()
	return s, nil
}

// tls is mutual TLS without session tickets, as on AWS IoT: each connection
// shows its certificate anew.
func (c *ServerConfig) tls() *tls.Config {
	return &tls.Config{
		Certificates:           []tls.Certificate{c.Certificate},
		ClientAuth:             tls.RequireAndVerifyClientCert,
		ClientCAs:              c.ClientCAs,
		MinVersion:             tls.VersionTLS12, // what ESP32s speak
		SessionTicketsDisabled: true,
	}
}

// Addr is where the server listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Close waits a little for the requests in progress, then ends them. The error
// tells, too, if the server had ended by itself.
func (s *Server) Close() (err error) {
	s.closed.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		if err = s.http.Shutdown(ctx); err != nil {
			err = s.http.Close()
		}
		if served := <-s.served; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, fmt.Errorf("credential provider: %w", served))
		}
	})
	return err
}
