// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	headerTimeout = 5 * time.Second
	answerTimeout = 15 * time.Second
	maxHeader     = 16 << 10
	maxScrapes    = 4 // at the same time
	closeTimeout  = time.Second
)

// Routes returns what is told over HTTP:
//
//	/metrics  everything that is counted, for Prometheus
//	/healthz  200 as long as the process lives
//	/readyz   200 if every check passes, otherwise 503; as JSON
func Routes(m *Metrics, checks []Check, log *slog.Logger) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		MaxRequestsInFlight: maxScrapes,
		Timeout:             answerTimeout / 2,
	}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.Handle("GET /readyz", &readiness{checks: checks})
	return mux
}

// A Server answers over HTTP until it is closed.
type Server struct {
	http *http.Server
	addr net.Addr
	done chan struct{}
}

// Listen starts a server at the address, host:port; port 0 takes a free one.
func Listen(address string, routes http.Handler, log *slog.Logger) (*Server, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	s := &Server{
		http: &http.Server{
			Handler:           routes,
			ReadHeaderTimeout: headerTimeout,
			ReadTimeout:       headerTimeout,
			WriteTimeout:      answerTimeout,
			IdleTimeout:       2 * time.Minute, // Prometheus comes back every minute or sooner
			MaxHeaderBytes:    maxHeader,
			ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		},
		addr: listener.Addr(),
		done: make(chan struct{}),
	}
	go func() {
		defer close(s.done)
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("metrics and health are no longer told", "err", err)
		}
	}()
	log.Info("telling metrics and health", "metrics", fmt.Sprintf("http://%s/metrics", s.addr))
	return s, nil
}

// Addr is where the server listens.
func (s *Server) Addr() net.Addr { return s.addr }

// Close ends the server, and gives answers that are under way a moment.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = s.http.Close()
	}
	<-s.done
	return err
}
