// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
)

// A browser trusts no CA of a dev stack, so the console's photos could not be
// shown by the front's HTTPS. The view is the front again, in plain HTTP for this
// machine alone, and for looking only: the same signatures are asked for.

// serveView begins to serve GET and HEAD at a listener, until the front closes.
func (f *front) serveView(listener net.Listener) {
	f.view = &http.Server{
		Handler:           http.HandlerFunc(f.look),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       keepAlive,
		MaxHeaderBytes:    maxHeader,
	}
	go func() {
		if err := f.view.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			f.log.Error("the console's view of s3 ended by itself: restart it", "error", err)
		}
	}()
}

func (f *front) look(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || r.ContentLength != 0 {
		f.refuse(&statusWriter{ResponseWriter: w, control: http.NewResponseController(w), silence: f.silence}, r, s3Error{http.StatusMethodNotAllowed,
			"MethodNotAllowed", "This address is for looking at objects. Everything else goes by HTTPS."})
		return
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	f.ServeHTTP(w, r)
}

// checkLoopback returns an error for an address that other machines may reach.
func checkLoopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("view %q: %w", address, err)
	}
	if ip, err := netip.ParseAddr(host); err != nil || !ip.IsLoopback() {
		return fmt.Errorf("view %q: plain HTTP is for the loopback interface only, such as 127.0.0.1:9001", address)
	}
	return nil
}
