// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"context"
	"crypto/tls"
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
	bodyTimeout   = 30 * time.Second
	answerTimeout = time.Minute // streams are bounded by themselves
	keepAlive     = 2 * time.Minute
	stopTimeout   = 5 * time.Second
	maxHeader     = 32 << 10 // bytes
	maxOpen       = 1024     // connections: each may cost some 50 KiB
)

// ServerConfig says how the console is served. Only Log may be nil.
type ServerConfig struct {
	Listen    string // host:port; port 0 takes a free one
	Cert, Key string // PEM files, read again when they change; both empty for plain HTTP on loopback
	Guard     *Guard
	Handler   http.Handler // what Guard stands before
	Log       *slog.Logger
}

// Server is a console that listens.
type Server struct {
	listener net.Listener
	http     *http.Server
	tls      bool
	end      context.CancelFunc // ends the streams
	served   chan error
	closed   sync.Once
	err      error
}

// Listen serves c until Close; ctx bounds the start only.
func Listen(ctx context.Context, c ServerConfig) (*Server, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return nil, fmt.Errorf("console: listen on %s: %w", c.Listen, err)
	}
	s, err := Serve(listener, c)
	if err != nil {
		listener.Close()
	}
	return s, err
}

// Serve is Listen with a listener of the caller's, which is closed with it.
func Serve(listener net.Listener, c ServerConfig) (*Server, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if err := c.check(listener.Addr()); err != nil {
		return nil, err
	}
	base, end := context.WithCancel(context.Background())
	s := &Server{listener: listener, tls: c.Cert != "", end: end, served: make(chan error, 1), http: &http.Server{
		Handler:           c.Guard.Wrap(c.Handler),
		BaseContext:       func(net.Listener) context.Context { return base },
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       bodyTimeout,
		WriteTimeout:      answerTimeout,
		IdleTimeout:       keepAlive,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug),
	}}
	listener = bounding(listener, maxOpen)
	if !s.tls {
		go func() { s.served <- s.http.Serve(listener) }()
		return s, nil
	}
	var err error
	if s.http.TLSConfig, err = c.Guard.TLS(c.Cert, c.Key); err != nil {
		end()
		return nil, err
	}
	go func() { s.served <- s.http.ServeTLS(listener, "", "") }()
	return s, nil
}

// check refuses what would let in the wrong ones, or show passwords on the way.
func (c *ServerConfig) check(at net.Addr) error {
	here := isLoopback(at.String())
	switch {
	case c.Guard == nil || c.Handler == nil:
		return errors.New("console: a guard and a handler are needed")
	case (c.Cert == "") != (c.Key == ""):
		return errors.New("console: a certificate needs its key, and a key its certificate")
	case c.Cert != "" && !c.Guard.https:
		return errors.New("console: there is a certificate, but access is not set up for HTTPS")
	case c.Guard.loopback && !here:
		return fmt.Errorf("console: access loopback listens on 127.0.0.1 or ::1 only, not on %s", at)
	case c.Guard.certificates != nil && c.Cert == "":
		return errors.New("console: access by certificate needs a certificate and key of the console's own")
	case c.Cert == "" && !here:
		return fmt.Errorf("console: without a certificate and key it listens on 127.0.0.1 or ::1 only, not on %s", at)
	}
	return nil
}

// TLS is for a listener of the console: TLS 1.2 or newer, the files read again when
// they change, and clients' certificates asked for if they are a way in. Sessions of
// TLS are not resumed then: each connection shows its certificate anew.
func (g *Guard) TLS(cert, key string) (*tls.Config, error) {
	pair, err := watch(g.log, time.Now, func() (*tls.Certificate, error) {
		c, err := tls.LoadX509KeyPair(cert, key)
		return &c, err
	}, cert, key)
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	c := &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return pair.get(), nil },
	}
	if g.certificates != nil {
		c.ClientCAs, c.ClientAuth = g.certificates.CAs, tls.VerifyClientCertIfGiven
		c.SessionTicketsDisabled = true
		if g.users == nil && g.oidc == nil {
			c.ClientAuth = tls.RequireAndVerifyClientCert
		}
	}
	return c, nil
}

// Addr is where the server listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// URL is the console's address as this machine sees it.
func (s *Server) URL() string {
	if s.tls {
		return "https://" + s.Addr().String() + "/"
	}
	return "http://" + s.Addr().String() + "/"
}

// Close ends the streams, waits a little for the other requests in progress, then
// ends them. The error tells, too, if the server had ended by itself.
func (s *Server) Close() error {
	s.closed.Do(func() {
		s.end()
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		if s.err = s.http.Shutdown(ctx); s.err != nil {
			s.err = s.http.Close()
		}
		if served := <-s.served; !errors.Is(served, http.ErrServerClosed) {
			s.err = errors.Join(s.err, fmt.Errorf("console: %w", served))
		}
	})
	return s.err
}
