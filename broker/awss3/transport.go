// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"time"
)

const (
	// A thing waits for the answer to its report: two tries fit into what it is
	// likely to wait, a third does not.
	headTries   = 2
	headTimeout = 3 * time.Second // for each try
	headBackoff = 500 * time.Millisecond

	// S3 joins parts while the thing's request waits; the rest of what a broker has
	// for one request goes to listing before and HEAD after.
	completeTimeout = 6 * time.Second

	// One kept connection for each worker that may ask at the same time. S3
	// closes idle connections after some 20 s; closing first avoids the race.
	maxIdle     = 64
	idleTimeout = 15 * time.Second
)

// newHTTPClient returns a client that gives up soon and follows no redirect: a
// redirect from S3 means a wrong region or endpoint, which somebody has to
// correct because the things are sent there as well.
func newHTTPClient(roots *x509.CertPool) *http.Client {
	dialer := &net.Dialer{Timeout: headTimeout, KeepAlive: idleTimeout}
	return &http.Client{
		Timeout: headTimeout,
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           dialer.DialContext,
			TLSClientConfig:       &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:   headTimeout,
			ResponseHeaderTimeout: headTimeout,
			MaxIdleConns:          maxIdle,
			MaxIdleConnsPerHost:   maxIdle,
			IdleConnTimeout:       idleTimeout,
			ForceAttemptHTTP2:     false, // S3 has none, and one connection would be shared by all
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// patient returns a client like c that waits longer.
func patient(c *http.Client) *http.Client {
	transport := c.Transport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = completeTimeout
	return &http.Client{Timeout: completeTimeout, Transport: transport, CheckRedirect: c.CheckRedirect}
}
